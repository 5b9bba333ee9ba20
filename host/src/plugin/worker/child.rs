//! The worker itself: this program, run again with another purpose. One thread, no runtime, blocking reads.
//!
//! It closes itself in, links the library, says what it is, and then does what frames ask for, one after the other. It
//! knows nothing of settings, sign-ins or the network; it has no environment and no files.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::fd::{BorrowedFd, RawFd};
use std::path::Path;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use vestibule_abi as abi;

use super::sandbox::{self, Kernel};
use crate::plugin::error::Refusal;
use crate::plugin::frame::{Decoder, Frame, Kind, MAX_PAYLOAD};
use crate::plugin::loader;

/// The first word of its command line, for `ps`.
pub(super) const PROGRAM: &str = "vestibule-provider";
/// The second one. Whoever types it gets an explanation.
pub(super) const WORD: &str = "--worker";

/// The socketpair.
const SOCKET: RawFd = 3;
/// The library, until it is linked.
const LIBRARY: RawFd = 4;

/// How far a worker is closed in: the payload of [`Kind::Sandboxed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sandboxed {
    /// The version of Landlock's interface.
    pub(super) landlock: u32,
}

/// Why a library is not linked: the payload of [`Kind::NotLoaded`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum NotLoaded {
    /// The walls do not stand.
    Sandbox(String),
    /// By the linker.
    Linker(String),
    /// By the layout check.
    Layout(String),
}

/// Runs as a worker, if this process was started as one.
pub fn run_if_worker() -> Option<ExitCode> {
    let mut arguments = std::env::args_os();
    let program = arguments.next()?;
    if program != PROGRAM || arguments.next()? != WORD {
        return None;
    }
    // The third one is a name, for `ps`.
    let numbers: Vec<OsString> = arguments.skip(1).collect();
    let number =
        |at: usize| numbers.get(at)?.to_str()?.parse::<RawFd>().ok().filter(|number| *number > LIBRARY);
    match (number(0), number(1)) {
        (Some(socket), Some(library)) => work(socket, library),
        _ => Some(ExitCode::from(2)),
    }
}

/// Never returns: what the program does at its end, and what is dropped then, makes system calls that are not allowed.
fn work(socket: RawFd, library: RawFd) -> ! {
    let Some(socket) = settle(socket, library) else { end(2) };
    let mut link = Link { socket, decoder: Decoder::new() };
    let Some(module) = load(&mut link) else { end(0) };
    let described = loader::describe(module);
    link.send(Kind::Loaded, 0, &described);
    let Some(provider) = create(&mut link, module) else { end(0) };
    let mut operations = BTreeMap::new();
    while let Some(frame) = link.receive() {
        serve(&mut link, module, provider, &mut operations, frame);
    }
    // The host has closed its end. Nothing here is worth a clean-up, which might take for ever.
    end(0)
}

/// Puts the two descriptors where they belong, closes everything else, and gives signals their first meaning.
fn settle(socket: RawFd, library: RawFd) -> Option<BorrowedFd<'static>> {
    // SAFETY: nothing in this process uses descriptors yet but 0 to 2: it has just begun, with one thread. Numbers that
    // are none make the calls fail, and the dispositions are those every program starts with, or to ignore. Nobody
    // closes the socketpair, which ends with the process.
    unsafe {
        if libc::dup2(socket, SOCKET) < 0 || libc::dup2(library, LIBRARY) < 0 {
            return None;
        }
        if libc::syscall(libc::SYS_close_range, LIBRARY.unsigned_abs() + 1, u32::MAX, 0_u32) != 0 {
            return None;
        }
        // The standard library's handlers for these would end a crash in another way than it began.
        for signal in [libc::SIGSEGV, libc::SIGBUS] {
            libc::signal(signal, libc::SIG_DFL);
        }
        // The server decides when a worker ends: a signal to the whole service must not end sign-ins that it lets finish.
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT, libc::SIGPIPE] {
            libc::signal(signal, libc::SIG_IGN);
        }
        Some(BorrowedFd::borrow_raw(SOCKET))
    }
}

/// Everything up to a table. Whatever keeps it from that is said over the link.
fn load(link: &mut Link) -> Option<abi::table::ProviderModuleRef> {
    let kernel = Kernel::probe();
    if let Err(why) = sandbox::enter() {
        return refuse(link, &NotLoaded::Sandbox(why));
    }
    link.send(Kind::Sandboxed, 0, &json(&Sandboxed { landlock: kernel.landlock }));
    // From here on code of the plugin runs: nothing that is said afterwards is to be believed.
    let module = match loader::link(Path::new("/proc/self/fd/4")) {
        Ok(module) => module,
        Err(Refusal::Linker(why)) => return refuse(link, &NotLoaded::Linker(why)),
        Err(Refusal::Layout { cause }) => return refuse(link, &NotLoaded::Layout(cause)),
        Err(other) => return refuse(link, &NotLoaded::Layout(other.to_string())),
    };
    // SAFETY: the number is the library's, which is mapped now; nobody else has it. (An `OwnedFd` would make another system
    // call before, in a debug build.)
    unsafe { libc::close(LIBRARY) };
    if let Err(why) = sandbox::finish() {
        return refuse(link, &NotLoaded::Sandbox(why));
    }
    Some(module)
}

fn refuse<T>(link: &mut Link, why: &NotLoaded) -> Option<T> {
    link.send(Kind::NotLoaded, 0, &json(why));
    None
}

fn json(record: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(record).unwrap_or_default()
}

/// Waits for the settings, and makes a provider of them.
fn create(link: &mut Link, module: abi::table::ProviderModuleRef) -> Option<abi::table::ProviderPtr> {
    let frame = link.receive()?;
    if frame.kind != Kind::Create {
        return None;
    }
    // SAFETY: the layout check has shown that this is the function that the contract describes; it keeps nothing of the
    // slice.
    match unsafe { (module.create())(frame.payload.as_slice().into()) } {
        abi::root::ROk(provider) => {
            link.send(Kind::Created, 0, &[]);
            Some(provider)
        }
        abi::root::RErr(failure) => {
            link.send(Kind::Refused, 0, capped(&failure));
            None
        }
    }
}

/// Of more than a message can have, one byte more than that: enough to be refused for it.
fn capped(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(MAX_PAYLOAD)]
}

fn serve(
    link: &mut Link,
    module: abi::table::ProviderModuleRef,
    provider: abi::table::ProviderPtr,
    operations: &mut BTreeMap<u64, abi::table::OperationPtr>,
    frame: Frame,
) {
    let number = frame.operation;
    match frame.kind {
        Kind::Start => {
            // SAFETY: the provider is never ended. The operation is this map's alone from here on.
            let operation = unsafe { (module.start())(provider, frame.payload.as_slice().into()) };
            operations.insert(number, operation);
        }
        Kind::Step => {
            let Some(operation) = operations.get(&number) else { end(70) };
            // SAFETY: `start` made it, it is in the map and so not dropped, and this is the only thread.
            let answer = unsafe { (module.step())(*operation, frame.payload.as_slice().into()) };
            link.send(Kind::Answer, number, capped(&answer));
        }
        Kind::Cancel => {
            if let Some(operation) = operations.remove(&number) {
                // SAFETY: `start` made it, and it has just left the map: nothing else knows it.
                unsafe { (module.drop_operation())(operation) };
            }
            link.send(Kind::Ended, number, &[]);
        }
        _ => end(70),
    }
}

/// Ends the process at once.
fn end(status: i32) -> ! {
    // SAFETY: it ends everything, and nothing here is left half-written.
    unsafe { libc::_exit(status) }
}

/// The socketpair. Plain `read` and `write`: other calls are not allowed.
struct Link {
    socket: BorrowedFd<'static>,
    decoder: Decoder,
}

impl Link {
    /// The next frame; none when the host has closed its end, or says what is none.
    fn receive(&mut self) -> Option<Frame> {
        let mut piece = [0; 16 * 1024];
        loop {
            match self.decoder.next_frame() {
                Ok(Some(frame)) => return Some(frame),
                Ok(None) => {}
                Err(_) => return None,
            }
            match rustix::io::read(self.socket, &mut piece) {
                Ok(0) => return None,
                Ok(read) => self.decoder.feed(&piece[..read]),
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return None,
            }
        }
    }

    /// Sends a frame. Where the host is gone, there is nothing left to do.
    fn send(&mut self, kind: Kind, operation: u64, payload: &[u8]) {
        let payload = capped(payload).to_vec();
        let Ok(bytes) = (Frame { kind, operation, payload }).encode() else { end(70) };
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            match rustix::io::write(self.socket, rest) {
                Ok(written) => rest = &rest[written..],
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => end(0),
            }
        }
    }
}
