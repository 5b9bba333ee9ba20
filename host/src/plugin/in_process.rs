//! The transport for a plugin in this process: calls the function table, on threads that may be lost.
//!
//! A plugin's function may loop for ever, and nothing ends a thread from outside. So each call runs on tokio's threads for
//! blocking work, and takes with it all that it needs: whoever waited may give up at any moment, and what the call uses is
//! dropped when it returns and not before.

use std::sync::Arc;
use std::time::Duration;

use vestibule_abi as abi;

use super::error::{OperationError, OperationErrorKind as Kind};
use super::transport::{Answering, NotCreated, Place, Running, Transport};

/// A provider made by the plugin. Ended when the last operation that uses it has ended.
struct Instance {
    module: abi::table::ProviderModuleRef,
    provider: abi::table::ProviderPtr,
}

impl Drop for Instance {
    fn drop(&mut self) {
        let (module, provider) = (self.module, self.provider);
        // SAFETY: `create` of the same table made it, and this is its only owner, which ends here.
        let end = move || unsafe { (module.destroy())(provider) };
        aside(end);
    }
}

/// Runs a plugin's clean-up where it may hang: aside, while there is a runtime to do it.
fn aside(work: impl FnOnce() + Send + 'static) {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(work)),
        Err(_) => work(),
    }
}

/// A copy of the plugin's bytes. Of more than a message can have, one byte more than that: enough to be refused for it.
fn copied(bytes: &[u8]) -> Vec<u8> {
    bytes[..bytes.len().min(abi::message::MAX_MESSAGE + 1)].to_vec()
}

/// Waits for a call into the plugin, for as long as a step may take.
async fn on_a_thread<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, OperationError> {
    match tokio::time::timeout(limit, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(_)) => Err(OperationError::protocol("the host is shutting down")),
        Err(_) => {
            let message = format!("a step was not done in {} ms, and was abandoned", limit.as_millis());
            Err(OperationError::new(Kind::TimedOut, message))
        }
    }
}

/// A provider in this process.
#[derive(Clone)]
pub(super) struct InProcess {
    instance: Arc<Instance>,
    /// How long one call may take.
    limit: Duration,
}

impl InProcess {
    /// Makes a provider with the bytes of a `CreateRequest`. `limit` is that of each call.
    pub(super) async fn create(
        module: abi::table::ProviderModuleRef,
        request: Vec<u8>,
        limit: Duration,
    ) -> Result<Self, NotCreated> {
        let call = on_a_thread(limit, move || {
            // SAFETY: the layout check has shown that this is the function that the contract describes; it keeps nothing
            // of the slice, and what it gives is owned by the instance from here on.
            match unsafe { (module.create())(request.as_slice().into()) } {
                abi::root::ROk(provider) => Ok(Instance { module, provider }),
                abi::root::RErr(failure) => Err(copied(&failure)),
            }
        });
        let late = |error: OperationError| match error.kind {
            Kind::TimedOut => {
                OperationError::new(Kind::TimedOut, format!("no answer in {} ms", limit.as_millis()))
            }
            _ => error,
        };
        match call.await.map_err(|error| NotCreated::Gone(late(error)))? {
            Ok(instance) => Ok(Self { instance: Arc::new(instance), limit }),
            Err(failure) => Err(NotCreated::Refused(failure)),
        }
    }
}

impl Transport for InProcess {
    fn start(&self, _: &str, request: Vec<u8>, place: Place) -> Answering<'_, Box<dyn Running>> {
        let (instance, limit) = (Arc::clone(&self.instance), self.limit);
        Box::pin(async move {
            let operation = on_a_thread(limit, move || {
                // SAFETY: the provider is alive, since the instance owns it; any number of threads may use it. What is
                // given is owned by the operation from here on.
                let pointer =
                    unsafe { (instance.module.start())(instance.provider, request.as_slice().into()) };
                Operation { pointer, instance, place: Some(place) }
            })
            .await?;
            Ok(Box::new(InProcessOperation { operation: Some(operation), limit }) as Box<dyn Running>)
        })
    }
}

/// An operation of the plugin, and its only owner: used by one thread at a time, since a step takes it along.
struct Operation {
    pointer: abi::table::OperationPtr,
    instance: Arc<Instance>,
    /// Given back when the plugin's clean-up is done.
    place: Option<Place>,
}

impl Drop for Operation {
    fn drop(&mut self) {
        let (instance, pointer, place) = (Arc::clone(&self.instance), self.pointer, self.place.take());
        // Here and nowhere else, for there are many ways to this point: one is a step's task that has its result, which
        // nobody takes any more.
        aside(move || {
            // SAFETY: `start` of the same table made it, and this is its only owner, which ends here.
            unsafe { (instance.module.drop_operation())(pointer) }
            drop(place);
        });
    }
}

/// Empty while a step runs, and for good after one that was given up.
struct InProcessOperation {
    operation: Option<Operation>,
    limit: Duration,
}

impl Running for InProcessOperation {
    fn step(&mut self, request: Vec<u8>) -> Answering<'_, Vec<u8>> {
        let operation = self.operation.take();
        Box::pin(async move {
            let operation =
                operation.ok_or_else(|| OperationError::protocol("the operation was given up"))?;
            let (operation, answer) = on_a_thread(self.limit, move || {
                // SAFETY: the operation is alive, and owned by this closure alone. The slice is not kept.
                let answer = unsafe {
                    (operation.instance.module.step())(operation.pointer, request.as_slice().into())
                };
                (operation, copied(&answer))
            })
            .await?;
            self.operation = Some(operation);
            Ok(answer)
        })
    }
}
