//! The table from the host's side, for tests: safe, and through the same bytes.

use vestibule_abi::message::Message;
use vestibule_abi::record::{CreateRequest, Description, Failure, Reply, StartRequest, StepAnswer, code};
use vestibule_abi::root::RResult;
use vestibule_abi::table::{OperationPtr, ProviderModuleRef, ProviderPtr};

use super::{Export, module};
use crate::{Error, Provider, Result};

struct Tested<P>(std::marker::PhantomData<P>);

impl<P: Provider> Export for Tested<P> {
    type Provider = P;
    const VERSION: &'static str = "0.0.0";
}

/// A provider behind its table.
pub(crate) struct Driven {
    module: ProviderModuleRef,
    provider: ProviderPtr,
}

/// An operation behind the table. It may outlive its provider, as the table permits.
pub(crate) struct DrivenOperation {
    module: ProviderModuleRef,
    operation: OperationPtr,
}

pub(crate) fn describe<P: Provider>() -> Result<Description> {
    let module = module::<Tested<P>>();
    // SAFETY: the function takes nothing.
    let bytes = unsafe { module.describe()() };
    let reply: Reply<Description> = Message::decode(&bytes).and_then(|m| m.record()).map_err(protocol)?;
    Ok(reply.into_result()?)
}

impl Driven {
    pub(crate) fn create<P: Provider>(request: &CreateRequest) -> Result<Self> {
        let bytes = Message::new(request).and_then(|m| m.encode()).map_err(protocol)?;
        Self::create_from::<P>(&bytes)
    }

    pub(crate) fn create_from<P: Provider>(bytes: &[u8]) -> Result<Self> {
        let module = module::<Tested<P>>();
        // SAFETY: the slice lives for the call, which is all that the table asks.
        match unsafe { module.create()(bytes.into()) } {
            RResult::ROk(provider) => Ok(Self { module, provider }),
            RResult::RErr(bytes) => {
                let failure: Failure = Message::decode(&bytes).and_then(|m| m.record()).map_err(protocol)?;
                Err(failure.into())
            }
        }
    }

    pub(crate) fn start(&self, request: &StartRequest) -> Result<DrivenOperation> {
        Ok(self.start_from(&Message::new(request).and_then(|m| m.encode()).map_err(protocol)?))
    }

    pub(crate) fn start_from(&self, bytes: &[u8]) -> DrivenOperation {
        // SAFETY: the provider came from this table's `create`, and is destroyed by `drop` alone.
        let operation = unsafe { self.module.start()(self.provider, bytes.into()) };
        DrivenOperation { module: self.module, operation }
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        // SAFETY: from this table's `create`, and not used after this.
        unsafe { self.module.destroy()(self.provider) };
    }
}

impl DrivenOperation {
    /// One step; the message is the answer's, for its attachments.
    pub(crate) fn step(&mut self, request: &Message) -> Result<(StepAnswer, Message)> {
        self.step_from(&request.encode().map_err(protocol)?)
    }

    pub(crate) fn step_from(&mut self, bytes: &[u8]) -> Result<(StepAnswer, Message)> {
        // SAFETY: the operation came from this table's `start`, and `&mut` keeps other calls away.
        let bytes = unsafe { self.module.step()(self.operation, bytes.into()) };
        let message = Message::decode(&bytes).map_err(protocol)?;
        let answer = message.record().map_err(protocol)?;
        Ok((answer, message))
    }
}

impl Drop for DrivenOperation {
    fn drop(&mut self) {
        // SAFETY: from this table's `start`, and not used after this.
        unsafe { self.module.drop_operation()(self.operation) };
    }
}

fn protocol(error: impl std::fmt::Display) -> Error {
    Error::new(code::PROTOCOL, error)
}
