//! A program that runs beside us: its output is kept, its readiness awaited, its end certain. Knows nothing of what the
//! program is for.
//!
//! Nothing is left behind: Ctrl-C reaches the whole foreground group, [`Program::stop`] asks and then kills, dropping
//! kills, and where util-linux's `setpriv` exists the kernel ends the child even if we are killed outright.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::error::{Error, Result};

/// How often a wait looks at what it waits for.
const TICK: Duration = Duration::from_millis(50);
const READY_SECONDS: u64 = 60;
const LAST_LINES: usize = 20;

/// Ctrl-C, and the other polite ways of being ended.
pub(crate) struct Interrupt {
    arrived: Receiver<()>,
}

impl Interrupt {
    /// From now on those signals no longer end this process by themselves.
    pub(crate) fn watch() -> Result<Self> {
        let (send, arrived) = mpsc::channel();
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(|source| Error::Start {
            program: "the signal handler".to_owned(),
            cure: "this needs a Unix".to_owned(),
            source,
        })?;
        std::thread::spawn(move || {
            for _ in signals.forever() {
                if send.send(()).is_err() {
                    return;
                }
            }
        });
        Ok(Self { arrived })
    }

    /// Nothing is watched for: those signals end this process.
    pub(crate) fn unwatched() -> (mpsc::Sender<()>, Self) {
        let (open, arrived) = mpsc::channel();
        (open, Self { arrived })
    }

    /// Waits for one at most that long.
    fn within(&self, time: Duration) -> bool {
        match self.arrived.recv_timeout(time) {
            Ok(()) => true,
            // Without its sender nothing can arrive, and a wait must not become a loop that burns a core.
            Err(RecvTimeoutError::Disconnected) => true,
            Err(RecvTimeoutError::Timeout) => false,
        }
    }
}

/// A running child and what it printed.
pub(crate) struct Program {
    name: String,
    child: Child,
    output: Arc<Output>,
    readers: Vec<JoinHandle<()>>,
    log: PathBuf,
}

/// Where both streams of a child go.
struct Output {
    last_lines: Mutex<VecDeque<String>>,
    file: Mutex<File>,
    /// The name to put before each line on the terminal; `None` keeps the terminal quiet.
    shown_as: Option<String>,
}

impl Program {
    /// Starts `program` with `arguments` in `folder`; what it prints goes to `NAME.log` there and, if `shown`, to our
    /// standard error.
    pub(crate) fn start(
        name: &str,
        program: &Path,
        arguments: &[&str],
        folder: &Path,
        shown: bool,
    ) -> Result<Self> {
        Self::start_command(name, ended_with_us(program), arguments, folder, shown)
    }

    /// Starts it quietly and, if one is given, as another user.
    pub(crate) fn start_as(
        user: Option<&User>,
        name: &str,
        program: &Path,
        arguments: &[&str],
        folder: &Path,
    ) -> Result<Self> {
        let command = match user {
            Some(_) => User::command(user, program),
            None => ended_with_us(program),
        };
        Self::start_command(name, command, arguments, folder, false)
    }

    fn start_command(
        name: &str,
        mut command: Command,
        arguments: &[&str],
        folder: &Path,
        shown: bool,
    ) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log).map_err(Error::file("write", &log))?;
        command.args(arguments).current_dir(folder);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|source| Error::Start {
            program: name.to_owned(),
            cure: "was it built, or installed?".to_owned(),
            source,
        })?;
        let output = Arc::new(Output {
            last_lines: Mutex::default(),
            file: Mutex::new(file),
            shown_as: shown.then(|| name.to_owned()),
        });
        let mut readers = Vec::new();
        if let Some(stream) = child.stdout.take() {
            readers.push(output.clone().follow(stream));
        }
        if let Some(stream) = child.stderr.take() {
            readers.push(output.clone().follow(stream));
        }
        Ok(Self { name: name.to_owned(), child, output, readers, log })
    }

    /// Asks `ready` again and again; whichever comes first ends the wait: its answer, the child's end, an interrupt.
    pub(crate) fn wait_until<T>(
        &mut self,
        interrupt: &Interrupt,
        mut ready: impl FnMut(&Self) -> Option<T>,
    ) -> Result<T> {
        for _ in 0..(READY_SECONDS * 1000 / TICK.as_millis() as u64) {
            // In this order, so that what answers is this program, and not a stranger that had its port.
            let answer = ready(self);
            if let Some(status) = self.exited()? {
                let (program, log, last_lines) = (self.name.clone(), self.log.clone(), self.last_lines());
                return Err(Error::EndedEarly { program, status, log, last_lines });
            }
            if let Some(answer) = answer {
                return Ok(answer);
            }
            if interrupt.within(TICK) {
                return Err(Error::Interrupted);
            }
        }
        let (program, log, last_lines) = (self.name.clone(), self.log.clone(), self.last_lines());
        Err(Error::NotReady { program, seconds: READY_SECONDS, log, last_lines })
    }

    /// The rest of the first kept line that starts with `prefix`.
    pub(crate) fn line_after(&self, prefix: &str) -> Option<String> {
        let lines = locked(&self.output.last_lines);
        lines.iter().find_map(|line| line.strip_prefix(prefix)).map(|rest| rest.trim().to_owned())
    }

    /// The file with everything that it printed.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// Asks it to end, and kills it if it has not after `grace`.
    pub(crate) fn stop(&mut self, grace: Duration) {
        self.stop_by(Signal::TERM, grace);
    }

    /// The same with another signal, for a program that hears something else in TERM.
    pub(crate) fn stop_by(&mut self, signal: Signal, grace: Duration) {
        let Ok(None) = self.child.try_wait() else { return };
        if kill_process(Pid::from_child(&self.child), signal).is_ok() {
            // A second Ctrl-C must not cut this short, so the channel here is one that nothing is sent on.
            let (_never, silence) = mpsc::channel::<()>();
            for _ in 0..(grace.as_millis() / TICK.as_millis()) {
                if !matches!(self.child.try_wait(), Ok(None)) {
                    return;
                }
                let _ = silence.recv_timeout(TICK);
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn exited(&mut self) -> Result<Option<ExitStatus>> {
        let status = self.child.try_wait().map_err(|source| Error::Start {
            program: self.name.clone(),
            cure: "its state cannot be read".to_owned(),
            source,
        })?;
        if status.is_some() {
            // Its last words are still on their way through the pipes.
            self.readers.drain(..).for_each(|reader| drop(reader.join()));
        }
        Ok(status)
    }

    fn last_lines(&self) -> String {
        let lines = locked(&self.output.last_lines);
        if lines.is_empty() { "(none)".to_owned() } else { Vec::from(lines.clone()).join("\n") }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Output {
    fn follow(self: Arc<Self>, stream: impl Read + Send + 'static) -> JoinHandle<()> {
        std::thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            let mut line = Vec::new();
            // Bytes, since a program may print anything; an unread pipe would block it.
            while stream.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                self.keep(String::from_utf8_lossy(&line).trim_end());
                line.clear();
            }
        })
    }

    fn keep(&self, line: &str) {
        if let Some(name) = &self.shown_as {
            eprintln!("{name} | {line}");
        }
        let _ = writeln!(locked(&self.file), "{line}");
        let mut lines = locked(&self.last_lines);
        if lines.len() == LAST_LINES {
            lines.pop_front();
        }
        lines.push_back(line.to_owned());
    }
}

/// Waits until an interrupt arrives; a program that ends before is an error.
pub(crate) fn run_until_interrupted(interrupt: &Interrupt, programs: &mut [Program]) -> Result<()> {
    while !interrupt.within(TICK) {
        for program in &mut *programs {
            let Some(status) = program.exited()? else { continue };
            // The signal that ended it may be the one that is about to reach us: Ctrl-C goes to the whole group.
            if interrupt.within(TICK * 4) {
                return Ok(());
            }
            let (name, log, last_lines) = (program.name.clone(), program.log.clone(), program.last_lines());
            return Err(Error::Ended { program: name, status, log, last_lines });
        }
    }
    Ok(())
}

/// Where a program of that name is in PATH.
pub(crate) fn in_path(name: &str) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|file| {
        file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
    })
}

/// Somebody to run a program as.
pub(crate) struct User {
    pub(crate) id: u32,
    pub(crate) group: u32,
}

impl User {
    /// Whom to be for a server that refuses to run as root: nobody else if we are not root anyway.
    pub(crate) fn that_may_nothing() -> Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let path = Path::new("/etc/passwd");
        let users = std::fs::read_to_string(path).map_err(Error::file("read", path))?;
        let user = ["postgres", "nobody"].iter().find_map(|name| Self::in_passwd(&users, name));
        user.map(Some).ok_or_else(|| Error::Configuration {
            place: path.display().to_string(),
            problem: "no user `postgres` or `nobody`, and PostgreSQL does not run as root".to_owned(),
        })
    }

    fn in_passwd(users: &str, name: &str) -> Option<Self> {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut numbers = line.split(':').skip(2).map(|number| number.parse().ok());
        Some(Self { id: numbers.next()??, group: numbers.next()?? })
    }

    /// The program as this user, ended with us.
    pub(crate) fn command(user: Option<&Self>, program: &Path) -> Command {
        let Some(Self { id, group }) = user else { return Command::new(program) };
        let mut command = Command::new("setpriv");
        command.args(["--reuid", &id.to_string(), "--regid", &group.to_string(), "--clear-groups"]);
        command.args(["--pdeathsig", "INT", "--"]).arg(program);
        command
    }
}

fn ended_with_us(program: &Path) -> Command {
    match in_path("setpriv") {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "TERM", "--"]).arg(program);
            command
        }
        None => Command::new(program),
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(folder: &Path, script: &str) -> Program {
        Program::start("child", Path::new("/bin/sh"), &["-c", script], folder, false).unwrap()
    }

    fn interrupt() -> (mpsc::Sender<()>, Interrupt) {
        let (send, arrived) = mpsc::channel();
        (send, Interrupt { arrived })
    }

    #[test]
    fn reads_the_address_from_the_line_that_announces_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut child =
            shell(folder.path(), "echo starting; echo listening on http://127.0.0.1:1; exec sleep 600");
        let (_open, interrupt) = interrupt();
        let address = child.wait_until(&interrupt, |child| child.line_after("listening on ")).unwrap();
        assert_eq!(address, "http://127.0.0.1:1");
        let log = std::fs::read_to_string(child.log()).unwrap();
        assert!(log.contains("starting\n"), "{log}");
    }

    #[test]
    fn a_child_that_ends_before_it_is_ready_is_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = shell(folder.path(), "echo 'config.toml:3: unknown key' >&2; exit 78");
        let (_open, interrupt) = interrupt();
        let error = child.wait_until(&interrupt, |_| None::<()>).unwrap_err().to_string();
        assert!(error.contains("`child` ended before it was ready: exit status: 78"), "{error}");
        assert!(error.ends_with("config.toml:3: unknown key"), "{error}");
    }

    #[test]
    fn an_interrupt_ends_the_wait_for_readiness() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = shell(folder.path(), "exec sleep 600");
        let (send, interrupt) = interrupt();
        send.send(()).unwrap();
        let error = child.wait_until(&interrupt, |_| None::<()>).unwrap_err();
        assert!(matches!(error, Error::Interrupted), "{error}");
    }

    #[test]
    fn stopping_asks_first_and_lets_the_child_finish() {
        let folder = tempfile::tempdir().unwrap();
        let mut child =
            shell(folder.path(), "trap 'echo drained; exit 0' TERM; echo up; while :; do sleep 0.05; done");
        let (_open, interrupt) = interrupt();
        child.wait_until(&interrupt, |child| child.line_after("up")).unwrap();
        child.stop(Duration::from_secs(20));
        assert!(child.exited().unwrap().unwrap().success());
        assert!(child.last_lines().ends_with("drained"), "{}", child.last_lines());
    }

    #[test]
    fn stopping_kills_a_child_that_does_not_listen() {
        use std::os::unix::process::ExitStatusExt as _;
        let folder = tempfile::tempdir().unwrap();
        let mut child = shell(folder.path(), "trap '' TERM; echo up; while :; do sleep 0.05; done");
        let (_open, interrupt) = interrupt();
        child.wait_until(&interrupt, |child| child.line_after("up")).unwrap();
        child.stop(TICK * 2);
        assert_eq!(child.exited().unwrap().unwrap().signal(), Some(9));
    }

    #[test]
    fn a_dropped_child_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let child = shell(folder.path(), "exec sleep 600");
        let pid = Pid::from_child(&child.child);
        rustix::process::test_kill_process(pid).unwrap();
        drop(child);
        assert_eq!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH));
    }

    #[test]
    fn a_child_that_ends_during_the_demo_ends_it_with_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let child = shell(folder.path(), "echo out of memory; exit 9");
        let (_open, interrupt) = interrupt();
        let error = run_until_interrupted(&interrupt, &mut [child]).unwrap_err().to_string();
        assert!(error.starts_with("`child` ended while the demo was running: exit status: 9"), "{error}");
        assert!(error.ends_with("out of memory"), "{error}");
    }
}
