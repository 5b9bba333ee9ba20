//! A signed token to be verified by the host, which has the keys.

use vestibule_abi::Sensitive;
use vestibule_abi::record;

/// What a signed token (RFC 7519) must be. Signature, issuer, audience and times are the host's to check; `RS256` alone
/// is accepted without a word to the contrary.
#[derive(Debug, Clone)]
pub struct VerifyJwt(record::VerifyJwtRequest);

impl VerifyJwt {
    /// A token of this issuer for this audience, the client id, with the keys of the issuer's metadata.
    pub fn new(token: Sensitive, issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self(record::VerifyJwtRequest {
            token,
            jwks_uri: record::Declared::FromMetadata { from_metadata: "jwks_uri".to_owned() },
            issuer: Some(issuer.into()),
            issuer_template: None,
            issuer_template_values: Vec::new(),
            audience: audience.into(),
            algorithms: vec!["RS256".to_owned()],
            nonce: None,
        })
    }

    /// The keys are at this address.
    #[must_use]
    pub fn jwks_uri(mut self, url: impl Into<String>) -> Self {
        self.0.jwks_uri = record::Declared::Literal(url.into());
        self
    }

    /// The issuer holds a claim of the same token in braces, `https://login.example/{tid}/v2.0`, whose value is one of
    /// these. `["any"]` says that every value will do, and so that every tenant may sign in.
    #[must_use]
    pub fn issuer_template(mut self, template: impl Into<String>, values: Vec<String>) -> Self {
        self.0.issuer = None;
        self.0.issuer_template = Some(template.into());
        self.0.issuer_template_values = values;
        self
    }

    /// The algorithms that are accepted; asymmetric ones only.
    #[must_use]
    pub fn algorithms(mut self, names: &[&str]) -> Self {
        self.0.algorithms = names.iter().map(|&n| n.to_owned()).collect();
        self
    }

    /// The `nonce` that the token must hold.
    #[must_use]
    pub fn nonce(mut self, nonce: Option<Sensitive>) -> Self {
        self.0.nonce = nonce;
        self
    }

    pub(super) fn into_record(self) -> record::VerifyJwtRequest {
        self.0
    }
}
