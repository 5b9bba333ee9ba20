//! The shell around the table: the exported symbol, on both sides.
//!
//! The only place, with [`crate::table`], that knows of `abi_stable`; another shell replaces these two files.

use std::fmt;

use abi_stable::library::{
    AbiHeaderRef, CheckTypeLayout, LibHeader, ROOT_MODULE_LOADER_NAME_WITH_NUL, RootModuleResult,
};

use crate::table::ProviderModuleRef;

pub use abi_stable::prefix_type::PrefixTypeTrait;
pub use abi_stable::std_types::{RErr, ROk, RResult, RSlice, RVec};

/// The exported symbol's type, as the loader reads it.
pub type Header = AbiHeaderRef;
/// The exported symbol's type, as a plugin writes it.
pub type Library = LibHeader;
/// What the constructor behind the symbol gives.
pub type ModuleResult = RootModuleResult;

/// The exported symbol, with its final NUL.
pub const SYMBOL: &[u8] = ROOT_MODULE_LOADER_NAME_WITH_NUL.as_bytes();

/// The value of the exported symbol.
///
/// # Safety
/// `constructor` gives a [`ProviderModuleRef`], by way of [`construct`].
pub const unsafe fn library(constructor: extern "C" fn() -> ModuleResult) -> Library {
    // SAFETY: the caller's promise is what `from_constructor` asks for.
    unsafe { LibHeader::from_constructor::<ProviderModuleRef>(constructor, CheckTypeLayout::Yes) }
}

/// Runs a function that makes the module; a panic in it becomes an error.
pub fn construct(make: fn() -> ProviderModuleRef) -> ModuleResult {
    abi_stable::library::__call_root_module_loader(make)
}

/// Why a library's root module does not fit.
#[derive(Debug)]
pub struct RootError {
    /// The cause, in one line.
    pub cause: String,
    /// All that the layout check has to say: hundreds of lines, for a log at debug level.
    pub detail: String,
}

impl fmt::Display for RootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cause)
    }
}

impl std::error::Error for RootError {}

/// Checks version and layout of what the symbol points to, and runs the plugin's constructor.
///
/// # Safety
/// `header` was read from the symbol [`SYMBOL`] of a library that stays loaded for good.
pub unsafe fn open(header: Header) -> Result<ProviderModuleRef, RootError> {
    let error = |cause: &str, detail: String| RootError { cause: cause.to_owned(), detail };
    let library =
        header.upgrade().map_err(|e| error("made with another version of the boundary", e.to_string()))?;
    if library.layout().is_none() {
        return Err(error("exports its table without a layout to check", String::new()));
    }
    library
        .init_root_module::<ProviderModuleRef>()
        .map_err(|e| error("its function table differs from this host's", e.to_string()))
}
