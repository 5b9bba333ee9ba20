//! A JSON object whose members are there once. Of two, this parser would take the last and somebody else's the first.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};
use vestibule_abi::message::{MAX_DEPTH, depth_within};

struct Unique(Map<String, Value>);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Map<String, Value>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
                let mut members = Map::new();
                while let Some((name, value)) = access.next_entry::<String, Value>()? {
                    if members.insert(name, value).is_some() {
                        return Err(A::Error::custom("a member is there twice"));
                    }
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Members).map(Self)
    }
}

/// Reads an object. The error says nothing of what was read.
pub(super) fn object(json: &[u8]) -> Result<Map<String, Value>, &'static str> {
    if !depth_within(json, MAX_DEPTH) {
        return Err("is nested too deeply");
    }
    match serde_json::from_slice::<Unique>(json) {
        Ok(Unique(members)) => Ok(members),
        Err(_) => Err("is no JSON object with each member once"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_has_each_member_once_and_is_not_deep() {
        assert_eq!(object(br#"{"a":1,"b":{"a":2}}"#).unwrap()["b"]["a"], 2);
        for json in
            [&br#"{"a":1,"a":1}"#[..], br#"{"a":1,"\u0061":2}"#, b"[]", b"1", b"{}{}", b"", b"\xef\xbb\xbf{}"]
        {
            assert!(object(json).is_err(), "{}", String::from_utf8_lossy(json));
        }
        let deep = |n: usize| format!("{}1{}", r#"{"a":"#.repeat(n), "}".repeat(n));
        assert!(object(deep(32).as_bytes()).is_ok());
        assert_eq!(object(deep(100_000).as_bytes()), Err("is nested too deeply"));
    }
}
