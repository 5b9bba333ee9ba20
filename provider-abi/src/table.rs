//! The function table: six functions over byte buffers.
//!
//! The bytes are [messages](crate::message); which record each carries stands at the function. Layout-checked when a
//! library is loaded, and **never changed within an epoch**: not a field more, not a type else.
//!
//! A plugin does no I/O. An operation is a state machine that the host drives:
//! `start`, then `step` until it is done, then `drop_operation`. The plugin never calls the host: no callbacks, no
//! wakers and no futures cross.

use abi_stable::StableAbi;
use abi_stable::library::RootModule;
use abi_stable::sabi_types::VersionStrings;
use abi_stable::std_types::{RResult, RSlice, RVec};

/// A provider made by [`ProviderModule::create`]; what it points to is the plugin's own business.
#[repr(transparent)]
#[derive(StableAbi, Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProviderPtr(pub *const ());

/// A running operation; what it points to is the plugin's own business.
#[repr(transparent)]
#[derive(StableAbi, Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationPtr(pub *mut ());

// SAFETY: the contract of the table: a provider is used by any number of threads at once, so whoever makes one makes
// it `Send + Sync` (the SDK demands both of its trait).
unsafe impl Send for ProviderPtr {}
// SAFETY: as above.
unsafe impl Sync for ProviderPtr {}
// SAFETY: the contract of the table: an operation moves between threads, but is never used by two at once (the SDK
// demands `Send` of the future).
unsafe impl Send for OperationPtr {}

/// The root module of a plugin.
///
/// No function panics across the boundary, and none keeps a slice that it was given.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = ProviderModuleRef)))]
#[sabi(missing_field(panic))]
pub struct ProviderModule {
    /// → [`Reply`](crate::record::Reply)`<`[`Description`](crate::record::Description)`>`. Before any settings.
    pub describe: unsafe extern "C" fn() -> RVec<u8>,
    /// [`CreateRequest`](crate::record::CreateRequest) → a provider, or a [`Failure`](crate::record::Failure).
    pub create: unsafe extern "C" fn(RSlice<'_, u8>) -> RResult<ProviderPtr, RVec<u8>>,
    /// Ends a provider. Operations that still run keep what they need of it.
    pub destroy: unsafe extern "C" fn(ProviderPtr),
    /// [`StartRequest`](crate::record::StartRequest) → an operation. What is wrong with the request, an unknown
    /// operation for instance, comes out of the first step.
    pub start: unsafe extern "C" fn(ProviderPtr, RSlice<'_, u8>) -> OperationPtr,
    /// [`StepRequest`](crate::record::StepRequest) → [`StepAnswer`](crate::record::StepAnswer). Not again after it has
    /// answered `done` or `stuck`.
    pub step: unsafe extern "C" fn(OperationPtr, RSlice<'_, u8>) -> RVec<u8>,
    /// Ends an operation, wherever it stands.
    #[sabi(last_prefix_field)]
    pub drop_operation: unsafe extern "C" fn(OperationPtr),
}

impl RootModule for ProviderModuleRef {
    abi_stable::declare_root_module_statics! {ProviderModuleRef}
    const BASE_NAME: &'static str = "vestibule_plugin";
    const NAME: &'static str = "vestibule_plugin";
    const VERSION_STRINGS: VersionStrings = abi_stable::package_version_strings!();
}
