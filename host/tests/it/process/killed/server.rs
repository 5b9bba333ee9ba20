//! The server as this test needs it: killed at once, and held at its next line of the log if need be.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Child, Command, Stdio};

/// Nobody reads what it says once it is ready: the pipe holds it.
pub(super) struct Server {
    child: Child,
    log: std::io::PipeReader,
}

impl Server {
    /// Starts, and waits until it serves.
    pub(super) fn start(command: &mut Command) -> Self {
        Self::start_and_wait(command, &[" ready: github;"])
    }

    /// The same, with a line for each request, and after the line of the first sweep, which comes by itself.
    pub(super) fn start_verbose(command: &mut Command) -> Self {
        Self::start_and_wait(command.arg("--verbose"), &[" ready: github;", " swept "])
    }

    fn start_and_wait(command: &mut Command, lines: &[&str]) -> Self {
        let (log, its_end) = std::io::pipe().unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(its_end);
        let child = command.spawn().unwrap();
        // The command has this process's copy of the writing end: without it the log ends when the server does.
        command.stderr(Stdio::null());
        let mut server = Self { child, log };
        let (mut said, mut byte) = (String::new(), [0]);
        while !(said.ends_with('\n') && lines.iter().all(|line| said.contains(line))) {
            let read = server.log.read(&mut byte).unwrap();
            assert_eq!(read, 1, "it ended:\n{said}");
            said.push(char::from(byte[0]));
        }
        server
    }

    /// Fills the pipe: the server stops at the next line that it wants to log, until it is killed.
    pub(super) fn hold_at_its_next_line(&self) {
        let mut full = self.writing_end();
        for chunk in [&[b'.'; 4096][..], b"."] {
            loop {
                match full.write(chunk) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }

    /// A writing end of our own: one that is shared with the server would not block it, either.
    fn writing_end(&self) -> File {
        let path = format!("/proc/self/fd/{}", self.log.as_raw_fd());
        let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap();
        OpenOptions::new().write(true).custom_flags(nonblocking).open(path).unwrap()
    }

    /// `kill -9`; gives back when the process is gone.
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
