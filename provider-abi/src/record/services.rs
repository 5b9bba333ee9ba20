//! What an operation may ask of the host.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Declared;
use crate::Sensitive;

/// Names of services.
pub mod service {
    /// [`HttpRequest`](super::HttpRequest) → [`HttpResponse`](super::HttpResponse).
    pub const HTTP: &str = "http";
    /// [`DiscoverRequest`](super::DiscoverRequest) → [`HttpResponse`](super::HttpResponse) with the metadata as body.
    pub const DISCOVER: &str = "discover";
    /// [`VerifyJwtRequest`](super::VerifyJwtRequest) → [`VerifyJwtAnswer`](super::VerifyJwtAnswer).
    pub const VERIFY_JWT: &str = "verify_jwt";
}

/// One HTTP request. The host follows no redirect and repeats nothing; 10 s.
///
/// A secret's handle is swapped for the secret on the way out: in `Basic` credentials, other headers, the query, and
/// form and JSON values, at the origins and paths that `inspect` bound it to. Anywhere else it fails the operation.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRequest {
    /// `GET`, `POST`, `DELETE` …
    pub method: String,
    /// Absolute, at an origin that `inspect` names.
    pub url: String,
    /// Names and values, in order. `Host`, `Content-Length`, `Connection` and the like are the host's.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The attachment that holds the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<u32>,
}

/// Method and address without the query: the rest holds tokens.
impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url.split(['?', '#']).next().unwrap_or_default();
        write!(f, "HttpRequest {{ {} {url} }}", self.method)
    }
}

/// The answer, whatever its status.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpResponse {
    /// The status code.
    pub status: u16,
    /// Names in lower case and values, in order; at most 64 KiB in all. Bytes that are no UTF-8 are replaced.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The attachment that holds the body, decompressed, at most 1 MiB; none where it is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<u32>,
}

/// The status only: the rest holds tokens.
impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpResponse {{ {} }}", self.status)
    }
}

/// The metadata of an issuer (OpenID Connect Discovery 1.0 §4), from the host's cache or fetched. The host has checked
/// that its `issuer` equals the one asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscoverRequest {
    /// The issuer that `inspect` names in [`Metadata`](super::Metadata); any other one is `FORBIDDEN`.
    pub issuer: String,
}

/// A signed token to verify (RFC 7519; OpenID Connect Core 1.0 §3.1.3.7). The host fetches and keeps the keys, and checks
/// signature, algorithm, `iss`, `aud`, `azp`, `sub`, `exp`, `iat`, `nbf`, `nonce`, `at_hash` and the header's `typ`; its
/// clock may differ from the issuer's by 60 s. Whatever fails is `BAD_ANSWER`, with the check in the text; keys that
/// cannot be fetched are `PROVIDER_DOWN`.
///
/// What a later kind of token does without (a logout token has no `sub`, Apple's may have no `nonce`) can only be a
/// field that permits it: a host that does not know the field refuses the token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerifyJwtRequest {
    /// The compact serialization, at most 64 KiB.
    pub token: Sensitive,
    /// Where the keys are (RFC 7517 §5), at an origin that `inspect` names.
    pub jwks_uri: Declared,
    /// The expected `iss`: one of these, byte for byte. Exactly one of this and `issuer_template` is there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issuers: Vec<String>,
    /// The expected `iss` with one `{claim}`, filled from that claim of the same token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer_template: Option<String>,
    /// Values allowed for the template's claim; `any` must be spelled out by being the list's only member.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issuer_template_values: Vec<String>,
    /// The expected `aud`, the client id: one of the token's audiences, and its `azp` if it has one. A token of several
    /// audiences must have `azp`.
    pub audience: String,
    /// Audiences that may stand beside it; any other one is refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trusted_audiences: Vec<String>,
    /// Algorithms to accept (RFC 7518 §3.1, RFC 8037), `RS256` for instance. Of these, asymmetric ones that the host
    /// knows count: never `none`, never a MAC.
    pub algorithms: Vec<String>,
    /// The expected `nonce`; without one the token must have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Sensitive>,
    /// The access token that came along: `at_hash` must fit it, where the token has one (OpenID Connect Core 1.0
    /// §3.1.3.8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_token: Option<Sensitive>,
    /// How old `iat` may be, in seconds; an hour, unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_iat_age_s: Option<u64>,
    /// The header's `typ`, where the kind of token has one of its own, `logout+jwt` for instance (RFC 8725 §3.11).
    /// Without a word, a token that calls itself something else than a `JWT` by a type in `+jwt` is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typ: Option<String>,
}

/// A token that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyJwtAnswer {
    /// The attachment that holds its claims: a JSON object, as the issuer wrote it, so that no number loses a digit.
    pub claims: u32,
}
