//! From a checked file to a function table: sealed copy, dynamic linker, layout check. Never unloads.
//!
//! abi_stable's own loader keeps one library for each type and would give the first plugin to whoever asks for a second.

use std::mem::ManuallyDrop;
use std::sync::mpsc;
use std::time::Duration;

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use vestibule_abi as abi;

use super::error::{Refusal, chain, one_line};
use super::file::CheckedFile;
use super::sealed;

/// How long a plugin may take to say what it is.
const DESCRIBE_DEADLINE: Duration = Duration::from_secs(5);

/// The function table of a loaded library, and what it says about itself, unchecked.
pub(super) struct Loaded {
    /// The table; it lives as long as the process.
    pub(super) module: abi::table::ProviderModuleRef,
    /// The bytes that `describe` gave.
    pub(super) described: Vec<u8>,
}

/// Links a file that [`super::file::check`] let pass.
pub(super) fn load(file: &CheckedFile) -> Result<Loaded, Refusal> {
    let path = sealed::seal(&file.descriptor.name, &file.bytes).map_err(Refusal::Sealed)?;
    // SAFETY: this runs the file's initialisers, which may do anything that this process may. Whoever pinned the file's
    // SHA-256 trusts it with that; the check before has seen to it that the linker meets a whole file for this machine.
    let library = unsafe { Library::open(Some(&path), RTLD_NOW | RTLD_LOCAL) };
    // Never closed: the table, the providers made by it and threads of its own point into it.
    let library = ManuallyDrop::new(library.map_err(|e| Refusal::Linker(one_line(&chain(&e))))?);
    let missing = |e| Refusal::Layout { cause: format!("no root symbol: {}", one_line(&chain(&e))) };
    // SAFETY: only the address is looked at. It may be 0, and what is read next may not.
    let address = unsafe { library.get::<*const ()>(abi::root::SYMBOL) };
    if address.map_err(missing)?.is_null() {
        return Err(Refusal::Layout { cause: "its root symbol has the address 0".to_owned() });
    }
    // SAFETY: the section says that the file is a plugin of this epoch, whose symbol is a static of this type. abi_stable
    // reads no more than its magic string before it has recognised it.
    let header = unsafe { library.get::<abi::root::Header>(abi::root::SYMBOL) };
    let header = *header.map_err(missing)?;
    // SAFETY: read from that symbol, of a library that is never closed.
    let module = unsafe { abi::root::open(header) }.map_err(|error| {
        tracing::debug!(plugin = %file.descriptor.name, detail = %error.detail, "layout check failed");
        Refusal::Layout { cause: error.cause }
    })?;
    Ok(Loaded { module, described: describe(module)? })
}

/// Asks on a thread of its own: a plugin that does not come back keeps that thread, and not the start of the server.
fn describe(module: abi::table::ProviderModuleRef) -> Result<Vec<u8>, Refusal> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let ask = move || {
        // SAFETY: the layout check has shown that this is the function that the contract describes; it takes nothing.
        let described = unsafe { (module.describe())() };
        // One byte over the limit is enough to be refused for it.
        let most = described.len().min(abi::message::MAX_MESSAGE + 1);
        let _ = sender.send(described.as_slice()[..most].to_vec());
    };
    let unanswered = |why: &str| Refusal::Description(format!("`describe` {why}"));
    std::thread::Builder::new()
        .name("plugin-describe".to_owned())
        .spawn(ask)
        .map_err(|e| unanswered(&format!("cannot be asked: {e}")))?;
    receiver.recv_timeout(DESCRIBE_DEADLINE).map_err(|_| unanswered("gave no answer in time"))
}
