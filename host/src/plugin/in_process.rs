//! The transport for a plugin in this process: calls the function table, on threads that may be lost.
//!
//! A plugin's function may loop for ever, and nothing ends a thread from outside. So each call runs on tokio's threads for
//! blocking work, and takes with it all that it needs: whoever waited may give up at any moment, and what the call uses is
//! dropped when it returns and not before.

use std::sync::Arc;
use std::time::Duration;

use vestibule_abi as abi;

use super::transport::{Answering, Gone, Place, Running, Transport};

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

async fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Gone> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Gone("the host is shutting down".to_owned()))
}

/// A provider in this process.
#[derive(Clone)]
pub(super) struct InProcess {
    instance: Arc<Instance>,
}

/// Why `create` made no provider.
pub(super) enum NotCreated {
    /// It says so: the bytes of a `Failure`.
    Refused(Vec<u8>),
    /// It gave no answer.
    Gone(Gone),
}

impl InProcess {
    /// Makes a provider with the bytes of a `CreateRequest`.
    pub(super) async fn create(
        module: abi::table::ProviderModuleRef,
        request: Vec<u8>,
        deadline: Duration,
    ) -> Result<Self, NotCreated> {
        let call = on_a_thread(move || {
            // SAFETY: the layout check has shown that this is the function that the contract describes; it keeps nothing
            // of the slice, and what it gives is owned by the instance from here on.
            match unsafe { (module.create())(request.as_slice().into()) } {
                abi::root::ROk(provider) => Ok(Instance { module, provider }),
                abi::root::RErr(failure) => Err(copied(&failure)),
            }
        });
        let late = || Gone(format!("no answer in {} ms", deadline.as_millis()));
        let made = tokio::time::timeout(deadline, call).await.unwrap_or_else(|_| Err(late()));
        match made.map_err(NotCreated::Gone)? {
            Ok(instance) => Ok(Self { instance: Arc::new(instance) }),
            Err(failure) => Err(NotCreated::Refused(failure)),
        }
    }
}

impl Transport for InProcess {
    fn start(&self, request: Vec<u8>, place: Place) -> Answering<'_, Box<dyn Running>> {
        let instance = Arc::clone(&self.instance);
        Box::pin(async move {
            let operation = on_a_thread(move || {
                // SAFETY: the provider is alive, since the instance owns it; any number of threads may use it. What is
                // given is owned by the operation from here on.
                let pointer =
                    unsafe { (instance.module.start())(instance.provider, request.as_slice().into()) };
                Operation { pointer, instance, place: Some(place) }
            })
            .await?;
            Ok(Box::new(InProcessOperation(Some(operation))) as Box<dyn Running>)
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
struct InProcessOperation(Option<Operation>);

impl Running for InProcessOperation {
    fn step(&mut self, request: Vec<u8>) -> Answering<'_, Vec<u8>> {
        let operation = self.0.take();
        Box::pin(async move {
            let operation = operation.ok_or_else(|| Gone("the operation was given up".to_owned()))?;
            let (operation, answer) = on_a_thread(move || {
                // SAFETY: the operation is alive, and owned by this closure alone. The slice is not kept.
                let answer = unsafe {
                    (operation.instance.module.step())(operation.pointer, request.as_slice().into())
                };
                (operation, copied(&answer))
            })
            .await?;
            self.0 = Some(operation);
            Ok(answer)
        })
    }
}
