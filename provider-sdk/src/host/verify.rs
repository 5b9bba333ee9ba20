//! A signed token to be verified by the host, which has the keys.

use vestibule_abi::Sensitive;
use vestibule_abi::record;

/// What a signed token (RFC 7519) must be: an ID token, unless said otherwise. The host checks signature, algorithm,
/// issuer, audience, times, `sub`, `nonce` and `at_hash` (OpenID Connect Core 1.0 §3.1.3.7); `RS256` alone is accepted
/// without a word to the contrary.
///
/// Hand over the `nonce` of the sign-in, whatever it is: a token with another one is refused, and so is one with a
/// `nonce` where none was sent.
#[derive(Debug, Clone)]
pub struct VerifyJwt(record::VerifyJwtRequest);

impl VerifyJwt {
    /// A token of this issuer for this audience, the client id, with the keys of the issuer's metadata.
    pub fn new(token: Sensitive, issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self(record::VerifyJwtRequest {
            token,
            jwks_uri: record::Declared::FromMetadata { from_metadata: "jwks_uri".to_owned() },
            issuers: vec![issuer.into()],
            issuer_template: None,
            issuer_template_values: Vec::new(),
            audience: audience.into(),
            trusted_audiences: Vec::new(),
            algorithms: vec!["RS256".to_owned()],
            nonce: None,
            access_token: None,
            max_iat_age_s: None,
            typ: None,
        })
    }

    /// The keys are at this address, at an origin that `inspect` names.
    #[must_use]
    pub fn jwks_uri(mut self, url: impl Into<String>) -> Self {
        self.0.jwks_uri = record::Declared::Literal(url.into());
        self
    }

    /// This issuer will do as well: for a provider that spells itself in two ways.
    #[must_use]
    pub fn or_issuer(mut self, issuer: impl Into<String>) -> Self {
        self.0.issuers.push(issuer.into());
        self
    }

    /// The issuer holds a claim of the same token in braces, `https://login.example/{tid}/v2.0`, whose value is one of
    /// these. `["any"]` says that every value will do, and so that every tenant may sign in.
    #[must_use]
    pub fn issuer_template(mut self, template: impl Into<String>, values: Vec<String>) -> Self {
        self.0.issuers.clear();
        self.0.issuer_template = Some(template.into());
        self.0.issuer_template_values = values;
        self
    }

    /// The algorithms that are accepted (RFC 7518 §3.1): of these, the asymmetric ones.
    #[must_use]
    pub fn algorithms<I: IntoIterator<Item: Into<String>>>(mut self, names: I) -> Self {
        self.0.algorithms = names.into_iter().map(Into::into).collect();
        self
    }

    /// Audiences that may stand beside the client id; a token for any other one is refused.
    #[must_use]
    pub fn trusted_audiences<I: IntoIterator<Item: Into<String>>>(mut self, audiences: I) -> Self {
        self.0.trusted_audiences = audiences.into_iter().map(Into::into).collect();
        self
    }

    /// The `nonce` that the token must hold; with `None` it must hold none.
    #[must_use]
    pub fn nonce(mut self, nonce: Option<Sensitive>) -> Self {
        self.0.nonce = nonce;
        self
    }

    /// The access token that came along: `at_hash` must fit it, where the token has one.
    #[must_use]
    pub fn access_token(mut self, token: &Sensitive) -> Self {
        self.0.access_token = Some(token.clone());
        self
    }

    /// How many seconds ago the token may have been issued (`iat`); an hour, unless said.
    #[must_use]
    pub fn max_iat_age_s(mut self, seconds: u64) -> Self {
        self.0.max_iat_age_s = Some(seconds);
        self
    }

    /// The header's `typ`, for a kind of token that has one of its own: `logout+jwt` for instance (RFC 8725 §3.11).
    #[must_use]
    pub fn typ(mut self, typ: impl Into<String>) -> Self {
        self.0.typ = Some(typ.into());
        self
    }

    pub(super) fn into_record(self) -> record::VerifyJwtRequest {
        self.0
    }
}
