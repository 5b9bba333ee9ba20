//! How bytes reach a provider and come back: the one seam below which a plugin may live in this process or elsewhere.
//!
//! Above it nobody knows where the plugin runs; below it nobody knows what the bytes mean. Each transport holds every call
//! into the plugin to the limit of a step, for it alone knows when the plugin could begin with it.

use std::future::Future;
use std::pin::Pin;

use tokio::sync::OwnedSemaphorePermit;

use super::error::OperationError;

/// A future without a name.
pub(super) type Answering<'a, T> = Pin<Box<dyn Future<Output = Result<T, OperationError>> + Send + 'a>>;

/// One place among the operations that may run at once. Whoever runs the plugin's code keeps it until that code has
/// really ended: an operation that was given up may loop on.
pub(super) type Place = OwnedSemaphorePermit;

/// A way to one provider.
pub(super) trait Transport: Send + Sync {
    /// Starts an operation with the bytes of a `StartRequest`. Its name is for messages.
    fn start(&self, operation: &str, request: Vec<u8>, place: Place) -> Answering<'_, Box<dyn Running>>;

    /// What is done once a minute.
    fn sweep(&self) {}
}

/// An operation that was started. Dropping it cancels it.
pub(super) trait Running: Send {
    /// Moves it on with the bytes of a `StepRequest`, to the bytes of a `StepAnswer`. When the future is dropped before it
    /// is done, the operation is given up; it takes no further step.
    fn step(&mut self, request: Vec<u8>) -> Answering<'_, Vec<u8>>;
}

/// Why `create` made no provider.
pub(super) enum NotCreated {
    /// It says so: the bytes of a `Failure`.
    Refused(Vec<u8>),
    /// It gave no answer.
    Gone(OperationError),
}
