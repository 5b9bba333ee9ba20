//! Makes processes and learns how they end. Knows descriptors and signals; what is said over them is not its business.
//!
//! The kernel sends a worker's death signal when the *thread* that made it ends, so one thread makes them all, and it lives
//! as long as this process.

use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock, mpsc};

use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, getpid, getppid, pidfd_open, pidfd_send_signal,
    set_parent_process_death_signal, setsid, waitid,
};
use rustix::thread::set_no_new_privs;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::oneshot;

use super::child;

/// What a worker is made of.
#[derive(Clone)]
pub(super) struct Launch {
    /// The program: this one.
    pub(super) program: PathBuf,
    /// What `ps` shows: the provider's or the plugin's name.
    pub(super) name: String,
    /// The sealed copy of the library.
    pub(super) library: Arc<OwnedFd>,
}

/// A running worker. Dropped, it is killed.
#[derive(Debug)]
pub(super) struct Child {
    pid: Pid,
    descriptor: AsyncFd<OwnedFd>,
}

/// How a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// With a status, by itself.
    Status(i32),
    /// By a signal.
    Signal(i32),
    /// Somebody else has asked the kernel before.
    Unknown,
}

impl Exit {
    /// Whether somebody from outside killed it, as an operator does or the kernel where memory runs out: no plugin can do
    /// that to itself.
    pub(super) fn is_from_outside(self) -> bool {
        self == Self::Signal(libc::SIGKILL)
    }
}

/// Goes on from "its worker".
impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::Status(status) => write!(f, "ended by itself with status {status}"),
            Self::Signal(libc::SIGSYS) => {
                f.write_str("made a system call that plugins may not make (SIGSYS)")
            }
            Self::Signal(signal) => match name(signal) {
                Some(name) => write!(f, "was killed by {name}"),
                None => write!(f, "was killed by signal {signal}"),
            },
            Self::Unknown => f.write_str("ended"),
        }
    }
}

fn name(signal: i32) -> Option<&'static str> {
    const NAMES: [(i32, &str); 12] = [
        (libc::SIGHUP, "SIGHUP"),
        (libc::SIGINT, "SIGINT"),
        (libc::SIGQUIT, "SIGQUIT"),
        (libc::SIGILL, "SIGILL"),
        (libc::SIGTRAP, "SIGTRAP"),
        (libc::SIGABRT, "SIGABRT"),
        (libc::SIGBUS, "SIGBUS"),
        (libc::SIGFPE, "SIGFPE"),
        (libc::SIGKILL, "SIGKILL"),
        (libc::SIGSEGV, "SIGSEGV"),
        (libc::SIGTERM, "SIGTERM"),
        (libc::SIGXFSZ, "SIGXFSZ"),
    ];
    NAMES.iter().find(|(number, _)| *number == signal).map(|(_, name)| *name)
}

/// Makes a worker, with this side's end of its socketpair. Needs a tokio runtime.
pub(super) async fn spawn(launch: Launch) -> std::io::Result<(Child, tokio::net::UnixStream)> {
    type Job = (Launch, oneshot::Sender<std::io::Result<Made>>);
    static SPAWNER: OnceLock<mpsc::Sender<Job>> = OnceLock::new();
    let gone = || std::io::Error::other("the thread that makes workers is gone");
    let spawner = SPAWNER.get_or_init(|| {
        let (jobs, taken) = mpsc::channel::<Job>();
        // Where no thread can be made, the channel is closed, and whoever asks is told.
        let _ = std::thread::Builder::new().name("plugin-spawner".to_owned()).spawn(move || {
            for (launch, answer) in taken {
                // Whoever has given up meanwhile lets the child go, and it is killed.
                let _ = answer.send(make(&launch));
            }
        });
        jobs
    });
    let (answer, made) = oneshot::channel();
    spawner.send((launch, answer)).map_err(|_| gone())?;
    let Made { child, socket } = made.await.map_err(|_| gone())??;
    let Unwatched { pid, descriptor } = child;
    // SAFETY: an `OwnedFd` gives the same open descriptor for as long as it lives, and it lives in there.
    let descriptor = unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) }?;
    Ok((Child { pid, descriptor }, tokio::net::UnixStream::from_std(socket)?))
}

struct Made {
    child: Unwatched,
    socket: UnixStream,
}

struct Unwatched {
    pid: Pid,
    descriptor: OwnedFd,
}

fn make(launch: &Launch) -> std::io::Result<Made> {
    let (near, far) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    // Away from the low numbers, where the child is going to put them; it learns these.
    let far = fcntl_dupfd_cloexec(&far, 10)?;
    let library = fcntl_dupfd_cloexec(&launch.library, 10)?;
    let mut command = Command::new(&launch.program);
    command
        .arg0(child::PROGRAM)
        .arg(child::WORD)
        .arg(&launch.name)
        .args([&far, &library].map(|fd| fd.as_raw_fd().to_string()))
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let parent = getpid();
    let prepare = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        if getppid() != Some(parent) {
            // It has ended meanwhile, and its signal will not come.
            return Err(std::io::ErrorKind::BrokenPipe.into());
        }
        setsid()?;
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
        // Before the program begins, which may have capabilities on its file.
        set_no_new_privs(true)?;
        close_at_exec()?;
        fcntl_setfd(&far, FdFlags::empty())?;
        fcntl_setfd(&library, FdFlags::empty())?;
        Ok(())
    };
    // SAFETY: this runs in the child between fork and exec, where other threads' locks stay locked for ever. It makes
    // system calls, each by itself; it allocates nothing and takes no lock.
    unsafe { command.pre_exec(prepare) };
    let mut child = command.spawn()?;
    let pid = Pid::from_child(&child);
    // Nobody has waited for it yet, so the number is still its own.
    let descriptor = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(descriptor) => descriptor,
        // No descriptor is free: nobody could watch it, so it is not left to itself.
        Err(error) => {
            let _ = child.kill();
            let _ = child.wait();
            return Err(error.into());
        }
    };
    let socket = UnixStream::from(near);
    socket.set_nonblocking(true)?;
    Ok(Made { child: Unwatched { pid, descriptor }, socket })
}

/// Everything but 0, 1 and 2 closes at exec, whoever has opened it and without saying so. (The descriptor over which the
/// standard library says that exec failed has to stay until then.)
fn close_at_exec() -> std::io::Result<()> {
    // SAFETY: the call takes three numbers and changes flags of descriptors only.
    let answer = unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if answer == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

impl Child {
    /// Its number, for the log.
    pub(super) fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Ends it. Nothing happens if it has ended.
    pub(super) fn kill(&self) {
        let _ = pidfd_send_signal(self.descriptor.get_ref(), Signal::KILL);
    }

    /// Waits for its end.
    pub(super) async fn exited(&self) -> Exit {
        use std::os::fd::AsFd as _;
        loop {
            let Ok(mut ready) = self.descriptor.readable().await else { return Exit::Unknown };
            let id = WaitId::PidFd(self.descriptor.get_ref().as_fd());
            match waitid(id, WaitIdOptions::EXITED | WaitIdOptions::NOHANG) {
                Ok(Some(status)) => {
                    return match (status.exit_status(), status.terminating_signal()) {
                        (Some(status), _) => Exit::Status(status),
                        (_, Some(signal)) => Exit::Signal(signal),
                        _ => Exit::Unknown,
                    };
                }
                Ok(None) | Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => ready.clear_ready(),
                Err(_) => return Exit::Unknown,
            }
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        use std::os::fd::AsFd as _;
        self.kill();
        // Where nobody has waited for it: it ends at once, and must not stay behind as a zombie.
        let id = WaitId::PidFd(self.descriptor.get_ref().as_fd());
        let _ = waitid(id, WaitIdOptions::EXITED);
    }
}
