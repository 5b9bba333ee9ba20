//! What `inspect` says of a provider, checked and typed: from here on the host enforces it.

use std::collections::{BTreeMap, BTreeSet};

use url::Url;
use vestibule_abi as abi;

use super::error::one_line;
use super::services::secrets::Target;

/// A provider, as its plugin sees it with its settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// What account ids depend on: printable ASCII, 1–255 bytes, compared by bytes.
    pub realm: String,
    /// The client id at the provider, where the protocol has one.
    pub client_id: Option<String>,
    /// The issuer expected in a callback's `iss` (RFC 9207).
    pub issuer: Option<Issuer>,
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
    /// Where requests and the browser may be sent, as ASCII: `https://api.github.com`.
    pub origins: BTreeSet<String>,
    /// For each secret setting: where it may be sent.
    pub secret_targets: BTreeMap<String, Vec<Target>>,
}

/// An expected issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// Compared byte for byte.
    pub value: String,
    /// Whether each callback has it.
    pub promised: bool,
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

/// The most origins, and the most targets of one secret.
const MAX_ORIGINS: usize = 32;
/// The longest realm, issuer, client id or origin, in bytes.
const MAX_TEXT: usize = 255;

/// Reads an answer to `inspect`. `secret_keys` are those that the schema marks.
pub(super) fn read(
    inspect: abi::record::Inspect,
    secret_keys: &[String],
    loopback_allowed: bool,
) -> Result<Inspected, String> {
    use abi::record::{policy, protocol, response_mode, state_in};
    let realm = text("realm", inspect.realm)?;
    if !realm.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("`realm` is not printable ASCII without spaces".to_owned());
    }
    let policy = |field: &str, value: &str| {
        let known =
            [(policy::REQUIRED, Policy::Required), (policy::SENT, Policy::Sent), (policy::OFF, Policy::Off)];
        one_of(field, value, &known)
    };
    let issuer = match inspect.issuer {
        None => None,
        Some(issuer) => Some(Issuer {
            value: text("issuer", literal("issuer", issuer.value)?)?,
            promised: issuer.promised == abi::record::Promised::Literal(true),
        }),
    };
    if issuer.is_none() && inspect.protocol == protocol::OAUTH2 {
        return Err(
            "`issuer` is missing: with `protocol` `oauth2` it must be stated, so that a callback's `iss` of \
                    another provider (RFC 9207) is refused even where this one sends none"
                .to_owned(),
        );
    }
    if inspect.origins.is_empty() || inspect.origins.len() > MAX_ORIGINS {
        return Err(format!(
            "`origins` has {} entries; 1 to {MAX_ORIGINS} are possible",
            inspect.origins.len()
        ));
    }
    let mut origins = BTreeSet::new();
    for declared in inspect.origins {
        origins.insert(origin(&literal("origins", declared)?, loopback_allowed)?);
    }
    let mut secret_targets = BTreeMap::new();
    for (key, targets) in inspect.secrets {
        if !secret_keys.contains(&key) {
            return Err(format!("`secrets` names `{}`, which is no secret of its schema", one_line(&key)));
        }
        if targets.len() > MAX_ORIGINS {
            return Err(format!(
                "`secrets` sends `{key}` to {} places, the limit is {MAX_ORIGINS}",
                targets.len()
            ));
        }
        let mut read = Vec::with_capacity(targets.len());
        for target in targets {
            read.push(self::target(&key, target, &origins, loopback_allowed)?);
        }
        secret_targets.insert(key, read);
    }
    Ok(Inspected {
        realm,
        client_id: inspect.client_id.map(|id| text("client_id", id)).transpose()?,
        issuer,
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
        origins,
        secret_targets,
    })
}

fn text(field: &str, value: String) -> Result<String, String> {
    if value.is_empty() || value.len() > MAX_TEXT || value.chars().any(char::is_control) {
        return Err(format!("`{field}` is not of 1 to {MAX_TEXT} bytes without control characters"));
    }
    Ok(value)
}

fn literal(field: &str, declared: abi::record::Declared) -> Result<String, String> {
    match declared {
        abi::record::Declared::Literal(text) => Ok(text),
        abi::record::Declared::FromMetadata { from_metadata } => Err(format!(
            "`{field}` is to be taken from the metadata member `{}`, and this version of vestibule does not offer \
             `{}`",
            one_line(&from_metadata),
            abi::record::requirement::DISCOVER
        )),
    }
}

fn one_of<T: Copy>(field: &str, value: &str, known: &[(&str, T)]) -> Result<T, String> {
    let found = known.iter().find(|(name, _)| *name == value).map(|(_, value)| *value);
    found.ok_or_else(|| {
        let names: Vec<String> = known.iter().map(|(name, _)| format!("`{name}`")).collect();
        format!("`{field}` is `{}`, not one of {}", one_line(value), names.join(", "))
    })
}

/// An origin in its one spelling, so that comparing texts is enough later on.
fn origin(declared: &str, loopback_allowed: bool) -> Result<String, String> {
    let shown = one_line(declared);
    let url = Url::parse(declared).map_err(|e| format!("the origin `{shown}` cannot be read: {e}"))?;
    let origin = url.origin().ascii_serialization();
    if !may_carry(&url, loopback_allowed) {
        return Err(format!(
            "the origin `{shown}` is not https; plain http is for loopback, while `public_url` is there as well"
        ));
    }
    if origin != declared {
        return Err(format!("the origin `{shown}` is to be spelled `{origin}`"));
    }
    Ok(origin)
}

/// Whether tokens may travel so: https, or http that does not leave this machine.
pub(super) fn may_carry(url: &Url, loopback_allowed: bool) -> bool {
    let loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => url.has_host(),
        "http" => loopback_allowed && loopback,
        _ => false,
    }
}

fn target(
    key: &str,
    target: abi::record::SecretTarget,
    origins: &BTreeSet<String>,
    loopback_allowed: bool,
) -> Result<Target, String> {
    let origin = origin(&literal("secrets", target.origin)?, loopback_allowed)?;
    if !origins.contains(&origin) {
        return Err(format!("`secrets` sends `{key}` to `{origin}`, which `origins` does not name"));
    }
    let path_prefix = target.path_prefix;
    if !path_prefix.is_empty() {
        // In the parser's own spelling: another one would never match.
        let spelled = Url::parse(&format!("{origin}{path_prefix}")).ok().map(|u| u.path().to_owned());
        if !path_prefix.starts_with('/') || spelled.as_deref() != Some(&path_prefix) {
            return Err(format!(
                "`secrets` sends `{key}` to the path `{}`, which is no path in normal form",
                one_line(&path_prefix)
            ));
        }
    }
    Ok(Target { origin, path_prefix })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn inspect(loopback: bool, change: impl FnOnce(&mut Value)) -> Result<Inspected, String> {
        let mut record = json!({
            "realm": "https://idp.example;id=sub", "client_id": "abc",
            "issuer": {"value": "https://idp.example", "promised": true},
            "origins": ["https://idp.example", "https://api.idp.example:8443"],
            "secrets": {"client_secret": [{"origin": "https://idp.example", "path_prefix": "/oauth/"}]},
            "pkce": "required", "nonce": "off", "response_mode": "query",
            "state_in": "authorization_request", "protocol": "oauth2",
        });
        change(&mut record);
        read(serde_json::from_value(record).unwrap(), &["client_secret".to_owned()], loopback)
    }

    fn refused(change: impl FnOnce(&mut Value)) -> String {
        inspect(false, change).unwrap_err()
    }

    #[test]
    fn a_whole_record_is_read() {
        let read = inspect(false, |_| {}).unwrap();
        assert_eq!(read.pkce, Policy::Required);
        assert_eq!(read.nonce, Policy::Off);
        assert!(read.origins.contains("https://api.idp.example:8443"));
        assert_eq!(read.secret_targets["client_secret"][0].path_prefix, "/oauth/");
    }

    #[test]
    fn an_origin_is_https_and_in_its_one_spelling() {
        for (origin, why) in [
            ("http://idp.example", "is not https"),
            ("http://127.0.0.1:9", "is not https"),
            ("ftp://idp.example", "is not https"),
            ("javascript:alert(1)", "is not https"),
            ("https://IDP.example", "is to be spelled `https://idp.example`"),
            ("https://idp.example/", "is to be spelled"),
            ("https://idp.example/path", "is to be spelled"),
            ("https://idp.example:443", "is to be spelled"),
            ("https://user@idp.example", "is to be spelled"),
            ("https://0x7f.1", "is to be spelled `https://127.0.0.1`"),
            ("idp.example", "cannot be read"),
        ] {
            let text = refused(|r| r["origins"] = json!(["https://idp.example", origin]));
            assert!(text.contains(why), "{origin}: {text}");
        }
    }

    #[test]
    fn plain_http_is_for_loopback_while_the_server_is_there() {
        let with =
            |origin: &str| inspect(true, |r| r["origins"] = json!(["https://idp.example", origin])).is_ok();
        assert!(with("http://127.0.0.1:9999") && with("http://localhost:9999") && with("http://[::1]:9999"));
        assert!(!with("http://localhost.:9999") && !with("http://0.0.0.0:9999") && !with("http://[::]:9999"));
        assert!(!with("http://idp.example") && !with("http://10.0.0.1") && !with("http://localhost.example"));
    }

    #[test]
    fn a_secret_goes_to_declared_origins_only_and_is_one_of_the_schema() {
        let text = refused(|r| r["secrets"]["client_secret"][0]["origin"] = json!("https://evil.example"));
        assert_eq!(
            text,
            "`secrets` sends `client_secret` to `https://evil.example`, which `origins` does not name"
        );
        let text = refused(|r| r["secrets"]["other"] = json!([]));
        assert!(text.contains("`other`, which is no secret of its schema"), "{text}");
        for path in ["oauth/", "/a/../b", "/a?b", "/é"] {
            let text = refused(|r| r["secrets"]["client_secret"][0]["path_prefix"] = json!(path));
            assert!(text.contains("no path in normal form"), "{path}: {text}");
        }
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
        let other = inspect(false, |r| {
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

    #[test]
    fn metadata_is_refused_by_name_as_long_as_there_is_no_discovery() {
        let text = refused(|r| r["issuer"]["value"] = json!({"from_metadata": "issuer"}));
        assert!(text.contains("does not offer `discover/1`"), "{text}");
    }
}
