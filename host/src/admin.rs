//! What an operator asks of the running server: a Unix socket, one line of JSON in, one out. Who may ask is the kernel's word
//! (`SO_PEERCRED`, unix(7)): the server's own user, and root. Knows no configuration file and no page.
//!
//! `{"verb":"reload"}` → `{"version":"0.1.0","ok":{…}}` or `{"version":"0.1.0","error":{"code":"unknown_verb","message":"…"}}`.
//! Members only grow; unknown ones are ignored. So a program of one version can ask a server of another, and learns at least
//! which one it is.

pub mod client;
pub mod server;
pub mod status;
mod verbs;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use verbs::Operator;

/// The longest line of a request, in bytes.
const MAX_REQUEST: usize = 64 * 1024;
/// The longest line of an answer, in bytes: a row of `status` for each of thousands of providers.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// What a program asks.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Request {
    /// What is to be done: `reload`, `status`.
    pub verb: String,
    /// Whatever else the verb takes.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub arguments: Value,
}

/// What the server answers: `ok` or `error`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Answer {
    /// The server's version.
    pub version: String,
    /// What the verb gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ok: Option<Value>,
    /// Why nothing was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Refused>,
}

/// Why a request was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// For programs: `unknown_verb`, `malformed`, `internal`.
    pub code: String,
    /// For people: one line.
    pub message: String,
}

impl Answer {
    fn new(ok: Option<Value>, error: Option<Refused>) -> Self {
        Self { version: env!("CARGO_PKG_VERSION").to_owned(), ok, error }
    }

    fn ok(value: &impl Serialize) -> Self {
        match serde_json::to_value(value) {
            Ok(value) => Self::new(Some(value), None),
            Err(error) => Self::refused("internal", format!("the answer cannot be written: {error}")),
        }
    }

    fn refused(code: &str, message: impl Into<String>) -> Self {
        Self::new(None, Some(Refused { code: code.to_owned(), message: message.into() }))
    }
}
