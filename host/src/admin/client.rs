//! The asking side: one line to the socket, one back. Blocks; it is for a program that does nothing else.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Answer, MAX_ANSWER, Refused, Request};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody listens.
    #[error("no server answers at `{0}`: {1}; is it running, and with this configuration?")]
    NoServer(String, String),
    /// The socket is not for this user.
    #[error("`{0}` is not open to this user; run this as the server's user, or as root")]
    Forbidden(String),
    /// The server hung up.
    #[error("the server at `{0}` closed the connection without an answer; its log says why")]
    Closed(String),
    /// The answer did not come.
    #[error("the server at `{0}` gave no answer in {1} s")]
    TooLate(String, u64),
    /// What came is none.
    #[error(
        "the server at `{0}` answered something that this program does not understand; it is vestibule {1}, this is {2}"
    )]
    NotUnderstood(String, String, &'static str),
    /// The server says no.
    #[error("{}", .0.message)]
    Refused(Refused),
}

/// Asks, and waits so long for the answer.
pub fn ask<T: DeserializeOwned>(socket: &Path, verb: &str, patience: Duration) -> Result<T, AskError> {
    let shown = || socket.display().to_string();
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::PermissionDenied => AskError::Forbidden(shown()),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => AskError::TooLate(shown(), patience.as_secs()),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => AskError::Closed(shown()),
        _ => AskError::NoServer(shown(), crate::config::reason(&error)),
    };
    let mut stream = UnixStream::connect(socket).map_err(failed)?;
    stream.set_read_timeout(Some(patience)).map_err(failed)?;
    stream.set_write_timeout(Some(patience)).map_err(failed)?;
    let request = Request { verb: verb.to_owned(), arguments: Value::Null };
    let mut line = serde_json::to_vec(&request).map_err(|error| failed(error.into()))?;
    line.push(b'\n');
    stream.write_all(&line).map_err(failed)?;
    let mut answer = Vec::new();
    BufReader::new(stream).take(MAX_ANSWER as u64).read_until(b'\n', &mut answer).map_err(failed)?;
    if answer.is_empty() {
        return Err(AskError::Closed(shown()));
    }
    let unclear =
        |version: &str| AskError::NotUnderstood(shown(), version.to_owned(), env!("CARGO_PKG_VERSION"));
    let answer: Answer = serde_json::from_slice(&answer).map_err(|_| unclear("of an unknown version"))?;
    if let Some(refused) = answer.error {
        return Err(AskError::Refused(refused));
    }
    answer.ok.and_then(|ok| serde_json::from_value(ok).ok()).ok_or_else(|| unclear(&answer.version))
}
