//! One operation: its start, and each step of it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Failure;

/// Starts an operation.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct StartRequest {
    /// Its name: one of [`operation`](crate::record::operation), or a later one.
    pub operation: String,
    /// The time: microseconds since 1970-01-01 UTC. It does not move during the operation.
    pub now_us: i64,
    /// 32 bytes of randomness, as 64 hexadecimal digits; with `now_us` it makes an operation replay exactly.
    pub entropy: String,
    /// The operation's own record.
    #[serde(default)]
    pub request: Value,
}

/// The request holds codes and verifiers: only the name is shown.
impl std::fmt::Debug for StartRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StartRequest").field("operation", &self.operation).finish_non_exhaustive()
    }
}

/// Moves an operation on: what the host found out since the last step. The first step has no answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StepRequest {
    /// In any order; none is repeated.
    #[serde(default)]
    pub answers: Vec<Answer>,
}

/// The answer to one [`HostRequest`]: exactly one of `response` and `error` is there.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The request's id.
    pub id: u32,
    /// The service's record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Value>,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

/// Responses hold tokens: only the id is shown.
impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").field("id", &self.id).field("error", &self.error).finish_non_exhaustive()
    }
}

/// Where an operation stands.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct StepAnswer {
    /// One of [`state`].
    pub state: String,
    /// With `pending`: what it newly asks for. At most 8 are open at once, and 32 in all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<HostRequest>,
    /// With `done`: the operation's record, unless `error` is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// With `done`: why there is no result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// What the plugin had to say meanwhile. At most 32 lines of 1 KiB are kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<LogLine>,
}

/// Results hold accounts and tokens: only the outline is shown.
impl std::fmt::Debug for StepAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StepAnswer")
            .field("state", &self.state)
            .field("requests", &self.requests)
            .field("error", &self.error)
            .field("log", &self.log)
            .finish_non_exhaustive()
    }
}

/// What an operation asks of the host.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct HostRequest {
    /// Any number that the operation has not used before.
    pub id: u32,
    /// One of [`service`](crate::record::service), or a later one.
    pub service: String,
    /// The service's own record.
    pub arguments: Value,
}

/// Arguments hold tokens: only id and service are shown.
impl std::fmt::Debug for HostRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostRequest")
            .field("id", &self.id)
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

/// One line for the host's log, which adds the provider and the operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// One of [`level`].
    pub level: String,
    /// Without secrets; a handle in it fails the operation.
    pub message: String,
}

/// States of an operation.
pub mod state {
    /// It waits for the answers to its requests.
    pub const PENDING: &str = "pending";
    /// It is over: a result or an error.
    pub const DONE: &str = "done";
    /// It waits for something that is no request to the host, and so would wait for ever.
    pub const STUCK: &str = "stuck";
}

/// Levels of a log line. One that the host does not know counts as `info`.
pub mod level {
    /// Something failed.
    pub const ERROR: &str = "error";
    /// Something is odd.
    pub const WARN: &str = "warn";
    /// Worth knowing.
    pub const INFO: &str = "info";
    /// For whoever looks for a fault.
    pub const DEBUG: &str = "debug";
}
