//! A program under measurement: started on its core, its time and memory read from `/proc`, its end certain. Knows nothing
//! of what the program is for.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use vestibule_bench::clock::Stopwatch;

use crate::cores::Cores;
use crate::error::{Error, Result, at, doing};
use crate::http_client::Connection;

/// How long a program may take to be ready, and to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running program.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

/// What a process takes up, in KiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    /// Resident, what it shares with others included.
    pub(crate) rss: u64,
    /// Shared pages divided among those who share them.
    pub(crate) pss: u64,
    /// What would be free if it ended.
    pub(crate) uss: u64,
}

impl Process {
    /// Starts it on the core of what is measured; what it says goes to a file of that name in `folder`.
    pub(crate) fn start(cores: Cores, name: &str, command: &mut Command, folder: &Path) -> Result<Self> {
        Self::start_by(name, command, folder, |command| cores.on_measured(|| command.spawn()))
    }

    /// Starts it on the core that this process is on.
    pub(crate) fn start_beside(name: &str, command: &mut Command, folder: &Path) -> Result<Self> {
        Self::start_by(name, command, folder, |command| Ok(command.spawn()))
    }

    fn start_by(
        name: &str,
        command: &mut Command,
        folder: &Path,
        spawn: impl FnOnce(&mut Command) -> Result<std::io::Result<Child>>,
    ) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log).map_err(at("write", &log))?;
        let copy = file.try_clone().map_err(at("write", &log))?;
        command.stdin(Stdio::null()).stdout(copy).stderr(file);
        let child = spawn(command)?.map_err(doing(&format!("start `{name}`")))?;
        Ok(Self { child, log })
    }

    /// Waits until `/readyz` answers 200; how long that took, looked at each millisecond.
    pub(crate) async fn ready(&mut self, address: SocketAddr) -> Result<Duration> {
        let watch = Stopwatch::start();
        while watch.read() < PATIENCE {
            if is_ready(address).await {
                return Ok(watch.read());
            }
            if let Some(status) = self.child.try_wait().map_err(doing("ask whether it runs"))? {
                return Err(self.failed(&format!("ended before it was ready: {status}")));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Err(self.failed("was not ready in time"))
    }

    /// An error with the end of what the program said.
    pub(crate) fn failed(&self, what: &str) -> Error {
        let said = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = said.lines().rev().take(5).collect();
        let lines = lines.into_iter().rev().collect::<Vec<_>>().join("\n");
        Error::new(format!("the program {what}; its last lines, in `{}`:\n{lines}", self.log.display()))
    }

    /// The processor time of all its threads so far, ended ones included. The kernel tells it in steps of 10 ms.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let stat = self.proc("stat")?;
        // The second field is the program's name in parentheses, and may hold anything.
        let fields = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace());
        let ticks: u64 = fields
            .into_iter()
            .flatten()
            .skip(11)
            .take(2)
            .map(|field| field.parse::<u64>().map_err(doing("read a process's time")))
            .sum::<Result<_>>()?;
        Ok(Duration::from_micros(ticks * 1_000_000 / rustix::param::clock_ticks_per_second()))
    }

    /// The processor time so far of those of its threads that still run, to the nanosecond.
    pub(crate) fn cpu_of_living_threads(&self) -> Result<Duration> {
        let folder = PathBuf::from(format!("/proc/{}/task", self.child.id()));
        let mut total = 0;
        for task in std::fs::read_dir(&folder).map_err(at("read", &folder))? {
            let path = task.map_err(at("read", &folder))?.path().join("schedstat");
            // A thread may end in between; the first number is its time.
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            total += text.split(' ').next().and_then(|time| time.parse::<u64>().ok()).unwrap_or(0);
        }
        Ok(Duration::from_nanos(total))
    }

    /// What it takes up now.
    pub(crate) fn memory(&self) -> Result<Memory> {
        let rollup = self.proc("smaps_rollup")?;
        let kib = |key: &str| -> Result<u64> {
            let line = rollup.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
            let number = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse().ok());
            number.ok_or_else(|| Error::new(format!("`{key}` is missing in `smaps_rollup`")))
        };
        Ok(Memory { rss: kib("Rss")?, pss: kib("Pss")?, uss: kib("Private_Clean")? + kib("Private_Dirty")? })
    }

    /// How many threads it has.
    pub(crate) fn threads(&self) -> Result<u64> {
        let status = self.proc("status")?;
        let threads = status.lines().find_map(|line| line.strip_prefix("Threads:")?.trim().parse().ok());
        threads.ok_or_else(|| Error::new("`Threads` is missing in `status`"))
    }

    /// Asks it to end, and waits until it has.
    pub(crate) async fn stop(mut self) -> Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).map_err(doing("end a program"))?;
        let watch = Stopwatch::start();
        while watch.read() < PATIENCE {
            if self.child.try_wait().map_err(doing("ask whether it runs"))?.is_some() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Err(self.failed("did not end when it was asked to"))
    }

    fn proc(&self, name: &str) -> Result<String> {
        let path = PathBuf::from(format!("/proc/{}/{name}", self.child.id()));
        std::fs::read_to_string(&path).map_err(at("read", &path))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn is_ready(address: SocketAddr) -> bool {
    let Ok(mut connection) = Connection::open(address).await else { return false };
    let request = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    connection.exchange(request).await.is_ok_and(|answer| answer.status == 200)
}
