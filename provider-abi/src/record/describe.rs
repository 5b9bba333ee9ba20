//! Before a provider exists: what the plugin is, and what it is given to begin with.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Failure;

/// A record or a failure: exactly one of the two is there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply<T> {
    /// The record.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub ok: Option<T>,
    /// The failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

fn none<T>() -> Option<T> {
    None
}

impl<T> From<Result<T, Failure>> for Reply<T> {
    fn from(result: Result<T, Failure>) -> Self {
        match result {
            Ok(ok) => Self { ok: Some(ok), error: None },
            Err(error) => Self { ok: None, error: Some(error) },
        }
    }
}

impl<T> Reply<T> {
    /// The record, or the failure; a reply with neither or with both is a failure of the protocol.
    pub fn into_result(self) -> Result<T, Failure> {
        match (self.ok, self.error) {
            (Some(ok), None) => Ok(ok),
            (None, Some(error)) => Err(error),
            _ => Err(Failure::new(super::code::PROTOCOL, "a reply is either `ok` or `error`")),
        }
    }
}

/// What a plugin is: the answer to `describe`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// The plugin's name, the same as in its ELF section.
    pub name: String,
    /// The plugin's version, the same as in its ELF section.
    pub version: String,
    /// JSON Schema (2020-12) of the settings: an object. A property with `"x-secret": true` is a top-level string that
    /// the plugin receives as a handle, never as itself. At most 64 KiB.
    pub settings_schema: Value,
    /// The operations it knows, by their names in [`operation`].
    pub operations: Vec<String>,
    /// What the host must offer, by the names in [`requirement`]. A host that lacks one refuses the plugin.
    #[serde(default)]
    pub requires: Vec<String>,
}

/// The settings, checked against the schema, with handles in the place of secrets.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct CreateRequest {
    /// The object that the schema describes.
    pub settings: Value,
    /// Who asks.
    #[serde(default)]
    pub host: HostInfo,
}

/// Settings are the operator's own business: only the host is shown.
impl std::fmt::Debug for CreateRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreateRequest").field("host", &self.host).finish_non_exhaustive()
    }
}

/// The host, for a plugin that can do with more or less of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostInfo {
    /// The host's version, for logs; behaviour depends on `provides`.
    #[serde(default)]
    pub version: String,
    /// What the host offers, by the names in [`requirement`].
    #[serde(default)]
    pub provides: Vec<String>,
}

/// Names of operations.
pub mod operation {
    /// Realm, origins, policies: [`Inspect`](crate::record::Inspect). Takes no request and does no I/O.
    pub const INSPECT: &str = "inspect";
    /// [`BeginRequest`](crate::record::BeginRequest) → [`BeginAnswer`](crate::record::BeginAnswer).
    pub const BEGIN: &str = "begin";
    /// [`CompleteRequest`](crate::record::CompleteRequest) → [`CompleteAnswer`](crate::record::CompleteAnswer).
    pub const COMPLETE: &str = "complete";
}

/// Names of what a host offers: a service and the revision of its records.
pub mod requirement {
    /// [`HttpRequest`](crate::record::HttpRequest).
    pub const HTTP: &str = "http/1";
    /// [`DiscoverRequest`](crate::record::DiscoverRequest).
    pub const DISCOVER: &str = "discover/1";
    /// [`VerifyJwtRequest`](crate::record::VerifyJwtRequest).
    pub const VERIFY_JWT: &str = "verify_jwt/1";
}
