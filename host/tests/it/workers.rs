//! Workers as the system sees them, from outside.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};

/// A process that runs a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen(pub(crate) u32);

/// Those that a process has made for that provider, by their command lines.
pub(crate) fn of(parent: u32, provider: &str) -> Vec<Seen> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let entry = entry.ok()?;
        entry.file_name().to_str()?.parse().ok().map(Seen)
    });
    processes
        .filter(|worker| worker.status("PPid").is_some_and(|found| found == parent.to_string()))
        .filter(|worker| {
            let words = fs::read(format!("/proc/{}/cmdline", worker.0)).unwrap_or_default();
            words.starts_with(format!("vestibule-provider\0--worker\0{provider}\0").as_bytes())
        })
        .collect()
}

/// The one that this process has made for that provider.
pub(crate) fn mine(provider: &str) -> Seen {
    let found = of(std::process::id(), provider);
    let [worker] = found[..] else { panic!("not one worker: {found:?}") };
    worker
}

impl Seen {
    pub(crate) fn read(self, file: &str) -> Vec<u8> {
        fs::read(format!("/proc/{}/{file}", self.0)).unwrap()
    }

    /// One line of its status; none if it is gone.
    pub(crate) fn status(self, key: &str) -> Option<String> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(&format!("{key}:")))?;
        Some(line.trim().to_owned())
    }

    /// Whether it runs: what is only waited for does not.
    pub(crate) fn runs(self) -> bool {
        self.status("State").is_some_and(|state| !state.starts_with(['Z', 'X']))
    }

    pub(crate) fn kill(self) {
        let pid = Pid::from_raw(i32::try_from(self.0).unwrap()).unwrap();
        kill_process(pid, Signal::KILL).unwrap();
    }

    /// All of its memory that can be read. Needs the same user, or root: the file says no to anybody else, and then this
    /// fails.
    pub(crate) fn memory(self) -> Vec<u8> {
        use std::os::unix::fs::FileExt as _;
        let maps = String::from_utf8(self.read("maps")).unwrap();
        let memory = fs::File::open(format!("/proc/{}/mem", self.0)).unwrap();
        let mut all = Vec::new();
        for line in maps.lines() {
            let mut words = line.split(' ');
            let (range, rights) = (words.next().unwrap(), words.next().unwrap());
            // The kernel's own pages cannot be read so; there is nothing of the process in them.
            if !rights.starts_with('r')
                || line.ends_with("[vvar]")
                || line.contains("[vvar_")
                || line.ends_with("[vsyscall]")
            {
                continue;
            }
            let (from, to) = range.split_once('-').unwrap();
            let [from, to] = [from, to].map(|address| u64::from_str_radix(address, 16).unwrap());
            let mut piece = vec![0; usize::try_from(to - from).unwrap()];
            // A mapping of a file may reach behind the file's end.
            let mut read = 0;
            while read < piece.len() {
                match memory.read_at(&mut piece[read..], from + read as u64) {
                    Ok(0) => break,
                    Ok(more) => read += more,
                    Err(error) => {
                        assert!(line.contains('/'), "{line} cannot be read: {error}");
                        break;
                    }
                }
            }
            all.extend_from_slice(&piece[..read]);
        }
        all
    }
}
