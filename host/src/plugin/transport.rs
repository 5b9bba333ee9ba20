//! How bytes reach a provider and come back: the one seam below which a plugin may live in this process or elsewhere.
//!
//! Above it nobody knows where the plugin runs; below it nobody knows what the bytes mean.

use std::future::Future;
use std::pin::Pin;

use tokio::sync::OwnedSemaphorePermit;

/// A future without a name.
pub(super) type Answering<'a, T> = Pin<Box<dyn Future<Output = Result<T, Gone>> + Send + 'a>>;

/// Why there is no answer: the plugin's side ended, or its bytes are no frames. In one line, for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Gone(pub String);

/// One place among the operations that may run at once. Whoever runs the plugin's code keeps it until that code has
/// really ended: an operation that was given up may loop on.
pub(super) type Place = OwnedSemaphorePermit;

/// A way to one provider.
pub(super) trait Transport: Send + Sync {
    /// Starts an operation with the bytes of a `StartRequest`.
    fn start(&self, request: Vec<u8>, place: Place) -> Answering<'_, Box<dyn Running>>;
}

/// An operation that was started. Dropping it cancels it.
pub(super) trait Running: Send {
    /// Moves it on with the bytes of a `StepRequest`, to the bytes of a `StepAnswer`. When the future is dropped before it
    /// is done, the operation is given up; it takes no further step.
    fn step(&mut self, request: Vec<u8>) -> Answering<'_, Vec<u8>>;
}
