//! What `inspect` says of a provider, checked and typed: from here on the host enforces it.

use vestibule_abi as abi;

use super::error::one_line;
use super::places::{Declaration, text};
use crate::reach::Reach;

/// A provider, as its plugin sees it with its settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// What account ids depend on: printable ASCII, 1–255 bytes, compared by bytes.
    pub realm: String,
    /// The client id at the provider, where the protocol has one.
    pub client_id: Option<String>,
    /// Whether PKCE is used.
    pub pkce: Policy,
    /// Whether OpenID Connect's `nonce` is used.
    pub nonce: Policy,
    /// How the answer comes back to the callback.
    pub response_mode: ResponseMode,
    /// Where `state` travels on the way out.
    pub state_in: StateIn,
    /// What a callback looks like.
    pub protocol: Protocol,
    /// Where requests, the browser and secrets may go, and the issuer of callbacks: some of it may be the metadata's to
    /// say.
    pub(super) declaration: Declaration,
}

impl Inspected {
    /// Where its requests and secrets may go, for the operator to accept.
    pub fn reach(&self) -> Reach {
        self.declaration.reach()
    }

    /// The issuer whose metadata says the rest, if there is one.
    pub fn metadata_issuer(&self) -> Option<&str> {
        self.declaration.metadata.as_deref()
    }
}

/// Whether something is sent along to the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Sent, and the provider promises to check it.
    Required,
    /// Sent; whether the provider checks it is not known.
    Sent,
    /// Not sent.
    Off,
}

/// How the answer comes back to the callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseMode {
    /// A GET with a query.
    Query,
    /// A cross-site POST with a form.
    FormPost,
}

/// Where `state` travels on the way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateIn {
    /// As a parameter of the authorization request.
    AuthorizationRequest,
    /// As a parameter of the return URL.
    ReturnUrl,
}

/// What a callback looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Exactly one of `code` and `error`.
    OAuth2,
    /// The plugin's own.
    Other,
}

/// Reads an answer to `inspect`. `secret_keys` are those that the schema marks.
pub(super) fn read(
    inspect: abi::record::Inspect,
    secret_keys: &[String],
    loopback_allowed: bool,
) -> Result<Inspected, String> {
    use abi::record::{policy, protocol, response_mode, state_in};
    let declaration = Declaration::read(&inspect, secret_keys, loopback_allowed)?;
    let realm = text("realm", &inspect.realm)?.to_owned();
    if !realm.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("`realm` is not printable ASCII without spaces".to_owned());
    }
    let policy = |field: &str, value: &str| {
        let known =
            [(policy::REQUIRED, Policy::Required), (policy::SENT, Policy::Sent), (policy::OFF, Policy::Off)];
        one_of(field, value, &known)
    };
    if inspect.issuer.is_none() && inspect.protocol == protocol::OAUTH2 {
        return Err(
            "`issuer` is missing: with `protocol` `oauth2` it must be stated, so that a callback's `iss` of \
                    another provider (RFC 9207) is refused even where this one sends none"
                .to_owned(),
        );
    }
    Ok(Inspected {
        realm,
        client_id: inspect
            .client_id
            .as_deref()
            .map(|id| text("client_id", id))
            .transpose()?
            .map(str::to_owned),
        pkce: policy("pkce", &inspect.pkce)?,
        nonce: policy("nonce", &inspect.nonce)?,
        response_mode: one_of(
            "response_mode",
            &inspect.response_mode,
            &[
                (response_mode::QUERY, ResponseMode::Query),
                (response_mode::FORM_POST, ResponseMode::FormPost),
            ],
        )?,
        state_in: one_of(
            "state_in",
            &inspect.state_in,
            &[
                (state_in::AUTHORIZATION_REQUEST, StateIn::AuthorizationRequest),
                (state_in::RETURN_URL, StateIn::ReturnUrl),
            ],
        )?,
        protocol: one_of(
            "protocol",
            &inspect.protocol,
            &[(protocol::OAUTH2, Protocol::OAuth2), (protocol::OTHER, Protocol::Other)],
        )?,
        declaration,
    })
}

fn one_of<T: Copy>(field: &str, value: &str, known: &[(&str, T)]) -> Result<T, String> {
    let found = known.iter().find(|(name, _)| *name == value).map(|(_, value)| *value);
    found.ok_or_else(|| {
        let names: Vec<String> = known.iter().map(|(name, _)| format!("`{name}`")).collect();
        format!("`{field}` is `{}`, not one of {}", one_line(value), names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn inspect(change: impl FnOnce(&mut Value)) -> Result<Inspected, String> {
        let mut record = json!({
            "realm": "https://idp.example;id=sub", "client_id": "abc",
            "issuer": {"value": "https://idp.example", "promised": true},
            "origins": ["https://idp.example"],
            "pkce": "required", "nonce": "off", "response_mode": "query",
            "state_in": "authorization_request", "protocol": "oauth2",
        });
        change(&mut record);
        read(serde_json::from_value(record).unwrap(), &[], false)
    }

    fn refused(change: impl FnOnce(&mut Value)) -> String {
        inspect(change).unwrap_err()
    }

    #[test]
    fn a_whole_record_is_read() {
        let read = inspect(|_| {}).unwrap();
        assert_eq!((read.pkce, read.nonce), (Policy::Required, Policy::Off));
        assert_eq!((read.client_id.as_deref(), &*read.realm), (Some("abc"), "https://idp.example;id=sub"));
    }

    #[test]
    fn words_that_this_host_does_not_know_are_refused_with_those_it_does() {
        let text = refused(|r| r["pkce"] = json!("plain"));
        assert_eq!(text, "`pkce` is `plain`, not one of `required`, `sent`, `off`");
        for field in ["nonce", "response_mode", "state_in", "protocol"] {
            let text = refused(|r| r[field] = json!("other\n\u{1b}"));
            assert!(text.contains(&format!("`{field}` is `other\\n\\u{{1b}}`")), "{text}");
        }
    }

    /// Without one, a callback with the `iss` of another provider would pass (RFC 9700 §4.4).
    #[test]
    fn oauth2_needs_an_issuer_and_another_protocol_does_not() {
        let text = refused(|r| r["issuer"] = Value::Null);
        assert!(text.starts_with("`issuer` is missing"), "{text}");
        let other = inspect(|r| {
            r["issuer"] = Value::Null;
            r["protocol"] = json!("other");
        });
        assert!(other.is_ok());
    }

    #[test]
    fn a_realm_is_printable_ascii_of_at_most_255_bytes() {
        for realm in ["", "é", "a b", "a\u{0}", &"a".repeat(256)] {
            assert!(refused(|r| r["realm"] = json!(realm)).contains("`realm`"), "{realm}");
        }
    }
}
