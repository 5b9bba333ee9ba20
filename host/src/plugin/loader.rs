//! From a checked file to a function table: dynamic linker, layout check, `describe`. Never unloads.
//!
//! The same steps run in this process and in a worker; which of them it is, nothing in here knows.
//!
//! abi_stable's own loader keeps one library for each type and would give the first plugin to whoever asks for a second.

use std::mem::ManuallyDrop;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use vestibule_abi as abi;

use super::error::{Refusal, chain, one_line};
use super::file::CheckedFile;
use super::sealed;

/// The function table of a loaded library, and what it says about itself, unchecked.
pub(super) struct Loaded {
    /// The table; it lives as long as the process.
    pub(super) module: abi::table::ProviderModuleRef,
    /// The bytes that `describe` gave.
    pub(super) described: Vec<u8>,
}

/// Links a file that [`super::file::check`] let pass into this process, and asks what it is for as long as `deadline`.
pub(super) fn load(file: &CheckedFile, deadline: Duration) -> Result<Loaded, Refusal> {
    let sealed = sealed::seal(&file.descriptor.name, &file.bytes).map_err(Refusal::Sealed)?;
    let module = link(&sealed::path_for_good(sealed))?;
    Ok(Loaded { module, described: describe_aside(module, deadline)? })
}

/// Links a sealed copy of a file that [`super::file::check`] let pass.
pub(super) fn link(path: &Path) -> Result<abi::table::ProviderModuleRef, Refusal> {
    // SAFETY: this runs the file's initialisers, which may do anything that this process may. In the server's process they
    // are trusted by whoever pinned the file's SHA-256; a worker may do nothing that matters. The check before has seen to
    // it that the linker meets a whole file for this machine.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) };
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
    unsafe { abi::root::open(header) }.map_err(|error| {
        tracing::debug!(detail = %error.detail, "layout check failed");
        Refusal::Layout { cause: error.cause }
    })
}

/// Asks what the plugin is. Of more than a message can have, one byte more than that: enough to be refused for it.
pub(super) fn describe(module: abi::table::ProviderModuleRef) -> Vec<u8> {
    // SAFETY: the layout check has shown that this is the function that the contract describes; it takes nothing.
    let described = unsafe { (module.describe())() };
    let most = described.len().min(abi::message::MAX_MESSAGE + 1);
    described.as_slice()[..most].to_vec()
}

/// Asks on a thread of its own: a plugin that does not come back keeps that thread, and not the start of the server.
fn describe_aside(module: abi::table::ProviderModuleRef, deadline: Duration) -> Result<Vec<u8>, Refusal> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let unanswered = |why: &str| Refusal::Description(format!("`describe` {why}"));
    std::thread::Builder::new()
        .name("plugin-describe".to_owned())
        .spawn(move || drop(sender.send(describe(module))))
        .map_err(|e| unanswered(&format!("cannot be asked: {e}")))?;
    receiver.recv_timeout(deadline).map_err(|_| unanswered("gave no answer in time"))
}
