//! What the host does for a plugin's operation: the services that a step may ask for, and their common way to fail.

pub(super) mod egress;
pub(super) mod http;
mod needle;
pub(super) mod secrets;
mod swap;

use vestibule_abi as abi;

use super::error::OperationError;

/// Why a request has no answer of its service.
pub(super) enum Unanswered {
    /// The plugin learns of it, and may go on.
    Failure(abi::record::Failure),
    /// The operation ends, and the plugin learns nothing: a secret was about to go where it must not.
    Fatal(OperationError),
}

impl Unanswered {
    fn failure(code: u32, message: impl Into<String>) -> Self {
        Self::Failure(abi::record::Failure::new(code, super::error::one_line(&message.into())))
    }

    fn forbidden(message: impl Into<String>) -> Self {
        Self::failure(abi::record::code::FORBIDDEN, message)
    }
}

impl From<OperationError> for Unanswered {
    fn from(error: OperationError) -> Self {
        Self::Fatal(error)
    }
}
