//! What a provider is with its settings: realm, origins, where secrets may go, how the browser's part goes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The answer to `inspect`: what the host enforces from then on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspect {
    /// What account ids depend on: ASCII, 1–255 bytes, compared by bytes. Base URL with the host in lower case, no
    /// default port and no final slash, then `;tenant=`, `;client=`, `;id=` as far as ids depend on them.
    pub realm: String,
    /// The client id at the provider, where the protocol has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The issuer expected in a callback's `iss` (RFC 9207).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Issuer>,
    /// Whose metadata [`Declared::FromMetadata`] and `discover` are about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// Every origin (`https://api.github.com`, no path) that the host may send requests to, or the browser to, for this
    /// provider. A member of the metadata stands for the origin of its URL, and adds nothing where the document lacks it.
    pub origins: Vec<Declared>,
    /// For each secret setting, by its key: where it may be sent. A secret without a target goes nowhere.
    #[serde(default)]
    pub secrets: BTreeMap<String, Vec<SecretTarget>>,
    /// PKCE (RFC 7636, S256 only): one of [`policy`].
    pub pkce: String,
    /// The `nonce` of OpenID Connect: one of [`policy`].
    pub nonce: String,
    /// How the answer comes back to the callback: one of [`response_mode`].
    pub response_mode: String,
    /// Where `state` travels on the way out: one of [`state_in`].
    pub state_in: String,
    /// What a callback looks like: one of [`protocol`].
    pub protocol: String,
}

/// The issuer whose metadata document the host fetches (OpenID Connect Discovery 1.0 §4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// The issuer, byte for byte as its document spells it: another spelling, and the document is not used (§4.3 there).
    /// An `https` URL without query and fragment; the document is at `/.well-known/openid-configuration` below it.
    pub issuer: String,
}

/// A text that the settings give, or that the issuer's metadata will.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Declared {
    /// Known now.
    Literal(String),
    /// A member of the document of [`Metadata`], `token_endpoint` for instance: resolved when an operation begins, so
    /// that a provider is ready while its issuer is not. Needs `discover/1`.
    FromMetadata {
        /// The member's name.
        from_metadata: String,
    },
}

impl From<String> for Declared {
    fn from(text: String) -> Self {
        Self::Literal(text)
    }
}

/// The issuer of callbacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issuer {
    /// Compared byte for byte with a callback's `iss`, whenever there is one: providers send it unannounced.
    pub value: Declared,
    /// Whether the provider promises `iss` in each callback: then one without it is refused.
    #[serde(default)]
    pub promised: Promised,
}

/// Whether something is promised: known now, or said by the metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Promised {
    /// Known now.
    Literal(bool),
    /// A boolean member of the metadata, `authorization_response_iss_parameter_supported` (RFC 9207 §3) for instance;
    /// one that is not there promises nothing. Needs `discover/1`.
    FromMetadata {
        /// The member's name.
        from_metadata: String,
    },
}

impl Default for Promised {
    fn default() -> Self {
        Self::Literal(false)
    }
}

/// Where a secret may be sent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SecretTarget {
    /// An origin, `https://github.com`; or a member of the metadata, whose URL then gives origin and path, and takes no
    /// other path even where it ends in a slash. One that the document lacks is no target.
    pub origin: Declared,
    /// The path, or a folder of it: `/login/oauth/` takes all below, `/login/oauth/access_token` only itself. Empty with
    /// a member of the metadata.
    #[serde(default)]
    pub path_prefix: String,
}

/// Policies for PKCE and `nonce`.
pub mod policy {
    /// Sent, and the provider promises to check it.
    pub const REQUIRED: &str = "required";
    /// Sent; whether the provider checks it is not known.
    pub const SENT: &str = "sent";
    /// Not sent: the provider breaks on it, or has no place for it.
    pub const OFF: &str = "off";
}

/// Response modes.
pub mod response_mode {
    /// A GET with a query.
    pub const QUERY: &str = "query";
    /// A cross-site POST with a form (OAuth 2.0 Form Post Response Mode).
    pub const FORM_POST: &str = "form_post";
}

/// Where `state` travels.
pub mod state_in {
    /// As the parameter `state` of the authorization request.
    pub const AUTHORIZATION_REQUEST: &str = "authorization_request";
    /// As a parameter of the return URL: the protocol has no state of its own.
    pub const RETURN_URL: &str = "return_url";
}

/// What a callback looks like.
pub mod protocol {
    /// OAuth 2.0, OpenID Connect: exactly one of `code` and `error`.
    pub const OAUTH2: &str = "oauth2";
    /// The plugin's own: the host checks only what holds for every callback.
    pub const OTHER: &str = "other";
}
