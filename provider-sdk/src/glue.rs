//! The plugin's side of the function table: all unsafe code of the SDK, and nothing that an author calls.
//!
//! Each function is made once for each exported provider. None lets a panic out, and none keeps a slice that it was
//! given.

mod contain;
pub(crate) mod driver;
mod operation;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::Serialize;
use vestibule_abi::message::Message;
use vestibule_abi::record::{
    CreateRequest, Description, Failure, HostInfo, Reply, code, operation as operations,
};
use vestibule_abi::root::{PrefixTypeTrait, RErr, ROk, RResult, RSlice, RVec};
use vestibule_abi::table::{OperationPtr, ProviderModule, ProviderModuleRef, ProviderPtr};

use crate::{Error, Provider, Result, settings};
use contain::contain;
use operation::Operation;

/// What `export_provider!` exports: a provider, and the version of the crate that it stands in.
pub trait Export: 'static {
    /// The provider.
    type Provider: Provider;
    /// The plugin's version.
    const VERSION: &'static str;
}

/// A configured provider, and what its host said of itself.
pub(crate) struct Instance<P> {
    pub(crate) provider: P,
    pub(crate) host: HostInfo,
}

/// The function table of an export. It lives as long as the library does.
pub fn module<E: Export>() -> ProviderModuleRef {
    ProviderModule {
        describe: describe::<E>,
        create: create::<E>,
        destroy: destroy::<E>,
        start: start::<E>,
        step,
        drop_operation,
    }
    .leak_into_prefix()
}

unsafe extern "C" fn describe<E: Export>() -> RVec<u8> {
    let reply = contain(|| Description {
        name: E::Provider::NAME.to_owned(),
        version: E::VERSION.to_owned(),
        settings_schema: settings::schema::<<E::Provider as Provider>::Config>(),
        operations: [operations::INSPECT, operations::BEGIN, operations::COMPLETE].map(str::to_owned).into(),
        requires: E::Provider::REQUIRES.iter().map(|&r| r.to_owned()).collect(),
    });
    encode(&Reply::from(reply.map_err(Error::into_failure)), |failure| {
        Reply::<Description>::from(Err(failure))
    })
}

unsafe extern "C" fn create<E: Export>(request: RSlice<'_, u8>) -> RResult<ProviderPtr, RVec<u8>> {
    let made = contain(|| -> Result<_> {
        let request: CreateRequest = Message::decode(request.as_slice())
            .and_then(|m| m.record())
            .map_err(|e| Error::new(code::PROTOCOL, e))?;
        let provider = E::Provider::configure(settings::read(request.settings)?)?;
        Ok(Arc::new(Instance { provider, host: request.host }))
    });
    match made.and_then(|made| made) {
        Ok(instance) => ROk(ProviderPtr(Arc::into_raw(instance).cast())),
        Err(error) => RErr(encode(&error.into_failure(), |failure| failure)),
    }
}

unsafe extern "C" fn destroy<E: Export>(provider: ProviderPtr) {
    // SAFETY: the table's contract: the pointer came from `create::<E>`, which made it by `Arc::into_raw` of an
    // `Instance<E::Provider>`, and is not used after this call; so the one count that `create` gave away is taken back.
    let instance = unsafe { Arc::from_raw(provider.0.cast::<Instance<E::Provider>>()) };
    // A panic of the provider's destructor has nobody left to be told.
    let _ = contain(move || drop(instance));
}

unsafe extern "C" fn start<E: Export>(provider: ProviderPtr, request: RSlice<'_, u8>) -> OperationPtr {
    let instance = provider.0.cast::<Instance<E::Provider>>();
    // SAFETY: the pointer came from `create::<E>` by `Arc::into_raw` and has not been destroyed, so its count is at
    // least one while this runs.
    unsafe { Arc::increment_strong_count(instance) };
    // SAFETY: takes over the count that the line above added; the operation holds it.
    let instance = unsafe { Arc::from_raw(instance) };
    let operation = contain(|| Operation::start(instance, request.as_slice()));
    let operation = operation.unwrap_or_else(Operation::failed);
    OperationPtr(Box::into_raw(Box::new(operation)).cast())
}

unsafe extern "C" fn step(operation: OperationPtr, request: RSlice<'_, u8>) -> RVec<u8> {
    // SAFETY: the table's contract: the pointer came from `start`, which made it by `Box::into_raw` of an `Operation`,
    // it has not been dropped, and no other call uses it at the same time.
    let operation = unsafe { &mut *operation.0.cast::<Operation>() };
    RVec::from(operation.step(request.as_slice()))
}

unsafe extern "C" fn drop_operation(operation: OperationPtr) {
    // SAFETY: the table's contract: the pointer came from `start` by `Box::into_raw` of an `Operation`, and is not used
    // after this call.
    let operation = unsafe { Box::from_raw(operation.0.cast::<Operation>()) };
    // `Operation` catches what its future's destructor does; this is for the rest.
    let _ = contain(move || drop(operation));
}

/// The bytes of a record; where it is over a limit, those of a failure that says so.
fn encode<T: Serialize>(record: &T, failed: impl FnOnce(Failure) -> T) -> RVec<u8> {
    let bytes = |record: &T| Message::new(record).and_then(|m| m.encode());
    let bytes = bytes(record).or_else(|e| bytes(&failed(Failure::new(code::PROTOCOL, e.to_string()))));
    // A failure of one line is within every limit.
    RVec::from(bytes.unwrap_or_default())
}
