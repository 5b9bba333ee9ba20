//! What went wrong, on either side.

use serde::{Deserialize, Serialize};

/// An error: from a plugin about an operation, or from the host about a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// One of [`code`], or one that the reader is too old to know.
    pub code: u32,
    /// For the log: one line, without secrets. At most 1 KiB of it is kept.
    pub message: String,
    /// For [`code::RATE_LIMITED`]: how many seconds to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
}

impl Failure {
    /// A failure of this code.
    pub fn new(code: u32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after_s: None }
    }
}

/// Error codes: an open set of numbers, never an enumeration, which could not gain a variant.
pub mod code {
    /// The person said no at the provider.
    pub const DENIED: u32 = 1;
    /// The authorization code is expired, used, or was never issued.
    pub const CODE_EXPIRED: u32 = 2;
    /// The provider refuses this client: wrong id, secret, redirect URI or scope.
    pub const CLIENT_MISCONFIGURED: u32 = 3;
    /// The operator's settings do not let this account in.
    pub const REFUSED_BY_POLICY: u32 = 4;
    /// The provider asks to wait.
    pub const RATE_LIMITED: u32 = 5;
    /// The provider cannot be reached, or says that it is out of order.
    pub const PROVIDER_DOWN: u32 = 6;
    /// The provider's answer is not what it should be.
    pub const BAD_ANSWER: u32 = 7;
    /// The plugin panicked.
    pub const PANIC: u32 = 8;
    /// The plugin waits for something that is no request to the host.
    pub const STUCK: u32 = 9;
    /// The other side does not know this operation or service.
    pub const UNSUPPORTED: u32 = 10;
    /// A message was not what the protocol says.
    pub const PROTOCOL: u32 = 11;
    /// The host does not do that for this provider: an undeclared origin, a private address, too many requests.
    pub const FORBIDDEN: u32 = 12;
    /// The settings cannot be used. `message` says which, and is shown to the operator.
    pub const BAD_SETTINGS: u32 = 13;
}
