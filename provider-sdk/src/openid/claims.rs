//! Claims: what an issuer says about a person, read without guessing. What kind of document they came in is not known
//! here.

use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::domain_of;
use crate::{Error, Result, Verified};

/// The claims of a verified ID token, or of the user info endpoint: a JSON object.
///
/// They are found by JSON pointers (RFC 6901): `/sub`, `/realm_access/roles`, `/https:~1~1example.com~1groups`.
#[derive(Clone)]
pub struct Claims(Value);

/// Groups, as far as a document tells them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Groups {
    /// All of them.
    Complete(Vec<String>),
    /// It does not tell, or says that there are more elsewhere: a rule about groups lets nobody in.
    Unknown,
}

impl Claims {
    /// Takes an object, and nothing else.
    pub fn new(value: Value) -> Result<Self> {
        if value.is_object() {
            Ok(Self(value))
        } else {
            Err(Error::bad_answer("claims that are no JSON object"))
        }
    }

    /// The claim there, if it is there and not `null`.
    pub fn get(&self, pointer: &str) -> Option<&Value> {
        self.0.pointer(pointer).filter(|value| !value.is_null())
    }

    /// The claim there, if it is a text and not empty.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.get(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// The same, for [`UserInfo`](crate::UserInfo)'s calls.
    pub fn owned_text(&self, pointer: &str) -> Option<String> {
        self.text(pointer).map(str::to_owned)
    }

    /// `sub` (OpenID Connect Core 1.0 §2): a text of 1 to 255 bytes, compared byte for byte.
    pub fn subject(&self) -> Result<&str> {
        match self.0.get("sub").and_then(Value::as_str) {
            Some(subject) if (1..=255).contains(&subject.len()) => Ok(subject),
            _ => Err(Error::bad_answer("`sub` is not there, or is no text of 1 to 255 bytes")),
        }
    }

    /// An account id: a text of 1 to 255 bytes, or a number of digits alone. A number that JSON readers round, by its
    /// size, a point or an exponent, is refused: it would be somebody else's.
    pub fn account_id(&self, pointer: &str) -> Result<String> {
        match self.get(pointer) {
            Some(Value::String(id)) if (1..=255).contains(&id.len()) => Ok(id.clone()),
            Some(Value::Number(id)) if id.is_u64() => Ok(id.to_string()),
            Some(_) => Err(Error::bad_answer(format_args!(
                "the id at `{pointer}` is neither a text of 1 to 255 bytes nor a number of digits alone"
            ))),
            None => Err(Error::bad_answer(format_args!("there is no id at `{pointer}`"))),
        }
    }

    /// What is said of an address: verified by JSON's `true`, and not by `"true"` or `1`; not verified by `false`.
    pub fn verified(&self, pointer: &str) -> Verified {
        match self.get(pointer) {
            Some(Value::Bool(true)) => Verified::Yes,
            Some(Value::Bool(false)) => Verified::No,
            _ => Verified::Unknown,
        }
    }

    /// An address, if it is a plain one (see [`domain_of`]), and what is said of it.
    pub fn email(&self, address: &str, verified: &str) -> Option<(String, Verified)> {
        let text = self.text(address).filter(|text| domain_of(text).is_some())?;
        Some((text.to_owned(), self.verified(verified)))
    }

    /// The groups there: a list of texts, or a text alone, which is one group. What is no text in the list, and a claim
    /// that is said to stand elsewhere (`_claim_names`, OpenID Connect Core 1.0 §5.6.2), make it incomplete.
    pub fn groups(&self, pointer: &str) -> Groups {
        let first = pointer.split('/').nth(1).unwrap_or_default().replace("~1", "/").replace("~0", "~");
        if self.0.get("_claim_names").and_then(|names| names.get(first)).is_some() {
            return Groups::Unknown;
        }
        let names: Option<Vec<String>> = match self.get(pointer) {
            Some(Value::String(one)) => Some(vec![one.clone()]),
            Some(Value::Array(list)) => list.iter().map(|name| name.as_str().map(str::to_owned)).collect(),
            _ => None,
        };
        names.map_or(Groups::Unknown, Groups::Complete)
    }
}

/// An object in which each member stands once: of two, nobody knows which one another reader would take.
impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Map<String, Value>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
                let mut members = Map::new();
                while let Some((name, value)) = access.next_entry::<String, Value>()? {
                    if members.insert(name, value).is_some() {
                        return Err(A::Error::custom("a member that stands twice"));
                    }
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(Members).map(|members| Self(Value::Object(members)))
    }
}

/// Claims are personal: nothing is shown.
impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claims")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn claims(value: Value) -> Claims {
        Claims::new(value).unwrap()
    }

    #[test]
    fn a_subject_is_a_text_of_1_to_255_bytes() {
        assert_eq!(claims(json!({ "sub": "24400320" })).subject().unwrap(), "24400320");
        assert!(claims(json!({ "sub": "a".repeat(255) })).subject().is_ok());
        for sub in
            [json!(null), json!(""), json!(5), json!(true), json!(["a"]), json!({}), json!("a".repeat(256))]
        {
            assert!(claims(json!({ "sub": sub })).subject().is_err(), "{sub}");
        }
        assert!(claims(json!({})).subject().is_err());
        assert!(Claims::new(json!(["sub"])).is_err());
    }

    #[test]
    fn digits_never_pass_through_a_float() {
        let id = |text: &str| {
            claims(serde_json::from_str(&format!(r#"{{"id":{text}}}"#)).unwrap()).account_id("/id")
        };
        for (text, expected) in [
            ("\"x\"", "x"),
            ("0", "0"),
            ("9007199254740993", "9007199254740993"),
            ("18446744073709551615", "18446744073709551615"),
        ] {
            assert_eq!(id(text).unwrap(), expected);
        }
        for bad in ["1.0", "1e3", "-1", "-0", "18446744073709551616", "null", "true", "\"\"", "[1]", "{}"] {
            assert!(id(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_jsons_true_verifies_an_address() {
        for (said, verified) in [
            (json!(true), Verified::Yes),
            (json!(false), Verified::No),
            (json!("true"), Verified::Unknown),
            (json!(1), Verified::Unknown),
            (json!(null), Verified::Unknown),
        ] {
            let claims = claims(json!({ "email": "a@corp.com", "email_verified": said }));
            assert_eq!(
                claims.email("/email", "/email_verified"),
                Some(("a@corp.com".to_owned(), verified)),
                "{said}"
            );
        }
        for address in ["a@evil@corp.com", "a\u{ff20}corp.com", "", "corp.com"] {
            let claims = claims(json!({ "email": address, "email_verified": true }));
            assert_eq!(claims.email("/email", "/email_verified"), None, "{address}");
        }
    }

    #[test]
    fn groups_are_complete_or_unknown() {
        let groups = |value: Value| claims(value).groups("/groups");
        assert_eq!(
            groups(json!({ "groups": ["a", "b/c"] })),
            Groups::Complete(vec!["a".to_owned(), "b/c".to_owned()])
        );
        assert_eq!(groups(json!({ "groups": "a" })), Groups::Complete(vec!["a".to_owned()]));
        assert_eq!(groups(json!({ "groups": [] })), Groups::Complete(vec![]));
        for unknown in [
            json!({}),
            json!({ "groups": null }),
            json!({ "groups": { "a": true } }),
            json!({ "groups": ["a", { "name": "b" }] }),
            json!({ "groups": ["a", 5] }),
            json!({ "groups": ["a"], "_claim_names": { "groups": "src1" } }),
        ] {
            assert_eq!(groups(unknown.clone()), Groups::Unknown, "{unknown}");
        }
        let nested = claims(json!({ "realm_access": { "roles": ["a"] }, "https://x.example/g": ["b"] }));
        assert_eq!(nested.groups("/realm_access/roles"), Groups::Complete(vec!["a".to_owned()]));
        assert_eq!(nested.groups("/https:~1~1x.example~1g"), Groups::Complete(vec!["b".to_owned()]));
    }

    #[test]
    fn a_member_that_stands_twice_is_refused() {
        let read = |text: &str| serde_json::from_str::<Claims>(text);
        assert_eq!(read(r#"{"sub":"a","b":{"sub":"c"}}"#).unwrap().subject().unwrap(), "a");
        for bad in [r#"{"sub":"eve","sub":"ada"}"#, r#"["sub"]"#, "null", r#""sub""#] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn debug_shows_nobody() {
        assert_eq!(format!("{:?}", claims(json!({ "sub": "ada" }))), "Claims");
    }
}
