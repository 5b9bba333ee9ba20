//! What a provider declares about itself, for the host to enforce.

use std::collections::BTreeMap;

use url::Url;
use vestibule_abi::record;

use crate::{Error, Realm, Result};

/// Whether PKCE's challenge, or OpenID Connect's `nonce`, is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Sent, and the provider promises to check it.
    Required,
    /// Sent; whether the provider checks it is not known.
    Sent,
    /// Not sent: the provider breaks on it, or has no place for it.
    Off,
}

impl Policy {
    fn name(self) -> String {
        match self {
            Self::Required => record::policy::REQUIRED,
            Self::Sent => record::policy::SENT,
            Self::Off => record::policy::OFF,
        }
        .to_owned()
    }
}

/// What the host is to know of a configured provider: realm, origins, where secrets may go, how the browser's part goes.
///
/// The host enforces it: requests and redirects go to these origins and nowhere else.
///
/// Without a word to the contrary: PKCE is [sent](Policy::Sent), `nonce` is [off](Policy::Off), the answer comes as a
/// query, and `state` travels in the authorization request.
#[derive(Debug, Clone)]
pub struct Inspect {
    record: record::Inspect,
    fault: Option<Error>,
}

impl Inspect {
    /// A provider whose account ids depend on this realm.
    pub fn new(realm: &Realm) -> Self {
        Self {
            record: record::Inspect {
                realm: realm.as_str().to_owned(),
                client_id: None,
                issuer: None,
                metadata: None,
                origins: Vec::new(),
                secrets: BTreeMap::new(),
                pkce: Policy::Sent.name(),
                nonce: Policy::Off.name(),
                response_mode: record::response_mode::QUERY.to_owned(),
                state_in: record::state_in::AUTHORIZATION_REQUEST.to_owned(),
                protocol: record::protocol::OAUTH2.to_owned(),
            },
            fault: None,
        }
    }

    /// The client id: a login attempt that began with another one is not completed.
    #[must_use]
    pub fn client_id(mut self, id: impl Into<String>) -> Self {
        self.record.client_id = Some(id.into());
        self
    }

    /// The issuer that a callback's `iss` must equal, byte for byte, where there is one (RFC 9207). With OAuth 2.0 the host
    /// refuses a provider without it, since some send it without a word: where none is documented, the URL under which
    /// the provider is known will do. Only with [`own_protocol`](Self::own_protocol) it may be left out.
    #[must_use]
    pub fn issuer(self, issuer: impl Into<String>) -> Self {
        self.expected_issuer(record::Declared::Literal(issuer.into()), record::Promised::Literal(false))
    }

    /// The same, where the provider promises `iss` in each callback: one without it is refused.
    #[must_use]
    pub fn issuer_promised(self, issuer: impl Into<String>) -> Self {
        self.expected_issuer(record::Declared::Literal(issuer.into()), record::Promised::Literal(true))
    }

    /// The issuer is the metadata's, and promised where the metadata says so
    /// (`authorization_response_iss_parameter_supported`, RFC 9207 §3). Needs [`metadata`](Self::metadata).
    #[must_use]
    pub fn issuer_from_metadata(self) -> Self {
        let from_metadata = "authorization_response_iss_parameter_supported".to_owned();
        self.expected_issuer(from_metadata_of("issuer"), record::Promised::FromMetadata { from_metadata })
    }

    fn expected_issuer(mut self, value: record::Declared, promised: record::Promised) -> Self {
        self.record.issuer = Some(record::Issuer { value, promised });
        self
    }

    /// The issuer whose metadata document (OpenID Connect Discovery 1.0 §4) [`Host::discover`](crate::Host::discover) and
    /// all that ends in `_from_metadata` are about: spelled byte for byte as the document spells it, an `https` URL
    /// without query and fragment. The host fetches the document when an operation first needs it, so the provider is
    /// ready while its issuer is down. Needs `discover/1` in `REQUIRES`.
    #[must_use]
    pub fn metadata(mut self, issuer: impl Into<String>) -> Self {
        self.record.metadata = Some(record::Metadata { issuer: issuer.into() });
        self
    }

    /// What OpenID Connect takes from the metadata: the issuer, and the origins of authorization, token and user info
    /// endpoint and of the keys. Secrets are bound by [`secret_from_metadata`](Self::secret_from_metadata).
    #[must_use]
    pub fn openid(self, issuer: impl Into<String>) -> Self {
        self.metadata(issuer)
            .issuer_from_metadata()
            .origin_from_metadata("authorization_endpoint")
            .origin_from_metadata("token_endpoint")
            .origin_from_metadata("userinfo_endpoint")
            .origin_from_metadata("jwks_uri")
    }

    /// Requests and redirects may go to the origin of this URL.
    #[must_use]
    pub fn origin(mut self, url: impl AsRef<str>) -> Self {
        if let Some(origin) = self.checked_origin(url.as_ref()) {
            let origin = record::Declared::Literal(origin);
            if !self.record.origins.contains(&origin) {
                self.record.origins.push(origin);
            }
        }
        self
    }

    /// Requests and redirects may go to the origin of this member of the metadata, `token_endpoint` for instance; one that
    /// the document lacks adds nothing. Needs [`metadata`](Self::metadata).
    #[must_use]
    pub fn origin_from_metadata(mut self, member: &str) -> Self {
        self.record.origins.push(from_metadata_of(member));
        self
    }

    /// The secret setting of this key may be sent to this URL; one that ends in `/` takes all paths below, but for those
    /// with `%`, `;` or `//` in them. A URL without a path is refused: it would bind the secret to everything there.
    #[must_use]
    pub fn secret(mut self, key: &str, url: impl AsRef<str>) -> Self {
        let url = url.as_ref();
        if let (Some(origin), Ok(parsed)) = (self.checked_origin(url), Url::parse(url)) {
            if parsed.path() == "/" {
                self.fault.get_or_insert_with(|| {
                    Error::bad_settings(
                        "a secret is bound to the URL of an endpoint, and one of those has no path",
                    )
                });
            }
            let origin = record::Declared::Literal(origin);
            self.target(key, record::SecretTarget { origin, path_prefix: parsed.path().to_owned() });
        }
        self
    }

    /// The secret setting of this key may be sent to the URL in this member of the metadata, and to no other path there.
    /// Needs [`metadata`](Self::metadata).
    #[must_use]
    pub fn secret_from_metadata(mut self, key: &str, member: &str) -> Self {
        self.target(
            key,
            record::SecretTarget { origin: from_metadata_of(member), path_prefix: String::new() },
        );
        self
    }

    fn target(&mut self, key: &str, target: record::SecretTarget) {
        self.record.secrets.entry(key.to_owned()).or_default().push(target);
    }

    /// Whether the PKCE challenge is sent (RFC 7636, S256).
    #[must_use]
    pub fn pkce(mut self, policy: Policy) -> Self {
        self.record.pkce = policy.name();
        self
    }

    /// Whether `nonce` is sent (OpenID Connect Core 1.0 §3.1.2.1).
    #[must_use]
    pub fn nonce(mut self, policy: Policy) -> Self {
        self.record.nonce = policy.name();
        self
    }

    /// The answer comes as a cross-site POST with a form (OAuth 2.0 Form Post Response Mode).
    #[must_use]
    pub fn form_post(mut self) -> Self {
        self.record.response_mode = record::response_mode::FORM_POST.to_owned();
        self
    }

    /// `state` travels as a parameter of the return URL: the protocol has none of its own.
    #[must_use]
    pub fn state_in_return_url(mut self) -> Self {
        self.record.state_in = record::state_in::RETURN_URL.to_owned();
        self
    }

    /// The callback is not OAuth 2.0's: it need not have exactly one of `code` and `error`.
    #[must_use]
    pub fn own_protocol(mut self) -> Self {
        self.record.protocol = record::protocol::OTHER.to_owned();
        self
    }

    fn checked_origin(&mut self, url: &str) -> Option<String> {
        match Url::parse(url) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
                Some(url.origin().ascii_serialization())
            }
            _ => {
                self.fault.get_or_insert_with(|| {
                    Error::bad_settings(
                        "an origin is the `https` URL of a host, and one of those declared is not",
                    )
                });
                None
            }
        }
    }

    /// What crosses the boundary; the first fault, where one of the parts was none.
    pub(crate) fn into_record(self) -> Result<record::Inspect> {
        match self.fault {
            Some(fault) => Err(fault),
            None => Ok(self.record),
        }
    }
}

fn from_metadata_of(member: &str) -> record::Declared {
    record::Declared::FromMetadata { from_metadata: member.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inspect() -> Inspect {
        Inspect::new(&Realm::new(&Url::parse("https://git.example").unwrap()).unwrap())
    }

    #[test]
    fn an_origin_is_taken_from_a_url_and_named_once() {
        let record = inspect()
            .origin("https://API.git.example:443/v3/user?x=y")
            .origin("https://api.git.example")
            .origin("http://127.0.0.1:8080/a")
            .into_record()
            .unwrap();
        let origins: Vec<_> =
            ["https://api.git.example", "http://127.0.0.1:8080"].map(|o| o.to_owned().into()).into();
        assert_eq!(record.origins, origins);
    }

    #[test]
    fn a_secret_is_bound_to_origin_and_path() {
        let record = inspect()
            .secret("client_secret", "https://git.example/login/token?x=y")
            .secret_from_metadata("client_secret", "token_endpoint")
            .into_record()
            .unwrap();
        assert_eq!(
            serde_json::to_value(&record.secrets).unwrap(),
            serde_json::json!({ "client_secret": [
                { "origin": "https://git.example", "path_prefix": "/login/token" },
                { "origin": { "from_metadata": "token_endpoint" }, "path_prefix": "" },
            ] })
        );
    }

    #[test]
    fn openid_connect_takes_issuer_promise_and_endpoints_from_the_metadata() {
        let record = inspect().openid("https://git.example/a").into_record().unwrap();
        let record = serde_json::to_value(&record).unwrap();
        assert_eq!(record["metadata"], serde_json::json!({ "issuer": "https://git.example/a" }));
        assert_eq!(
            record["issuer"],
            serde_json::json!({
                "value": { "from_metadata": "issuer" },
                "promised": { "from_metadata": "authorization_response_iss_parameter_supported" },
            })
        );
        let members: Vec<_> =
            record["origins"].as_array().unwrap().iter().map(|o| &o["from_metadata"]).collect();
        assert_eq!(members, ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"]);
    }

    #[test]
    fn what_is_no_origin_is_a_fault() {
        for url in ["git.example", "file:///etc/passwd", "https://", "data:x"] {
            assert!(inspect().origin(url).into_record().is_err(), "{url}");
            assert!(inspect().secret("client_secret", url).into_record().is_err(), "{url}");
        }
    }

    #[test]
    fn a_secret_is_not_bound_to_a_whole_origin_unawares() {
        for url in ["https://git.example", "https://git.example/", "https://git.example?a=/b/"] {
            assert!(inspect().secret("client_secret", url).into_record().is_err(), "{url}");
        }
        assert!(inspect().secret("client_secret", "https://git.example/login/").into_record().is_ok());
    }

    #[test]
    fn silence_means_a_query_and_a_challenge() {
        let record = inspect().into_record().unwrap();
        assert_eq!((record.pkce.as_str(), record.nonce.as_str()), ("sent", "off"));
        assert_eq!((record.response_mode.as_str(), record.protocol.as_str()), ("query", "oauth2"));
        let record = inspect().form_post().state_in_return_url().own_protocol().nonce(Policy::Required);
        let record = record.pkce(Policy::Off).issuer_promised("https://git.example").into_record().unwrap();
        assert_eq!((record.pkce.as_str(), record.nonce.as_str()), ("off", "required"));
        assert_eq!((record.response_mode.as_str(), record.protocol.as_str()), ("form_post", "other"));
        assert_eq!(record.state_in, "return_url");
        assert_eq!(record.issuer.unwrap().promised, record::Promised::Literal(true));
    }
}
