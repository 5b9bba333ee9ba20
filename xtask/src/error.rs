//! Why a command stopped, in words for the person who typed it. Knows nothing of how the commands work.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

pub(crate) type Result<T> = std::result::Result<T, Error>;

/// One line each, with the place and the cure where there is one; a program's own last lines may follow.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot {action} `{}`: {source}", path.display())]
    File { action: &'static str, path: PathBuf, source: io::Error },
    #[error("cannot start `{program}`: {source}; {cure}")]
    Start { program: String, cure: String, source: io::Error },
    #[error("`{command}` failed: {status}")]
    Command { command: String, status: ExitStatus },
    #[error("`{command}` answered what xtask does not understand: {detail}")]
    Answer { command: String, detail: String },
    #[error("{place}: {problem}")]
    Configuration { place: String, problem: String },
    #[error(
        "nobody plays `provider.{provider}`: the demo has lookalikes for the plugins {}, not for `{plugin}`; set \
         `state = \"disabled\"` there",
        .known.join(", ")
    )]
    NoLookalike { provider: String, plugin: String, known: Vec<String> },
    #[error("port `{port}` is taken; give another with `--port`, or leave it out and a free one is found")]
    PortTaken { port: u16 },
    #[error(
        "port `{port}` of the kept database's {whose} is taken; end what listens there, or start afresh without `--keep`"
    )]
    KeptPortTaken { port: u16, whose: String },
    #[error("another `cargo xtask demo` is running in `{}`; end it first", folder.display())]
    AlreadyRunning { folder: PathBuf },
    #[error("`{program}` ended before it was ready: {status}; its last lines (all of them in `{}`):\n{last_lines}", log.display())]
    EndedEarly { program: String, status: ExitStatus, log: PathBuf, last_lines: String },
    #[error("`{program}` ended while the demo was running: {status}; its last lines (all of them in `{}`):\n{last_lines}", log.display())]
    Ended { program: String, status: ExitStatus, log: PathBuf, last_lines: String },
    #[error("`{program}` was not ready after {seconds} s; its last lines (all of them in `{}`):\n{last_lines}", log.display())]
    NotReady { program: String, seconds: u64, log: PathBuf, last_lines: String },
    #[error("interrupted")]
    Interrupted,
    #[error("{failed} of {all} providers failed the check; the server's log is `{}`", log.display())]
    Check { failed: usize, all: usize, log: PathBuf },
    #[error("{names} missing and `--require-all` was given: {cures}")]
    Requirements { names: String, cures: String },
}

impl Error {
    /// For `map_err`: which file could not be handled, and how.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }
}
