//! From a sealed copy to a worker that has it linked: spawned, closed in, loaded, described.

use std::time::Duration;

use tokio::net::UnixStream;

use super::child::{NotLoaded, Sandboxed};
use super::options::Workers;
use super::sandbox::Kernel;
use super::spawn::{Child, Exit, Launch, spawn};
use crate::plugin::error::{Refusal, one_line};
use crate::plugin::frame::{Decoder, Frame, Kind};

/// A worker that has linked its library.
pub(super) struct Loaded {
    pub(super) child: Child,
    pub(super) stream: UnixStream,
    /// The bytes that `describe` gave, unchecked.
    pub(super) described: Vec<u8>,
}

/// Makes a worker and waits, for as long as `deadline`, until the library is linked and described.
pub(super) async fn boot(workers: &Workers, launch: Launch, deadline: Duration) -> Result<Loaded, Refusal> {
    if let Some(missing) = workers.kernel().below_floor() {
        return Err(Refusal::NoSandbox(missing));
    }
    let (child, stream) = spawn(launch).await.map_err(|e| {
        Refusal::Worker(format!("no process can be made of {}: {e}", workers.program().display()))
    })?;
    let mut early = Early { stream: &stream, decoder: Decoder::new() };
    let spoken = tokio::time::timeout(deadline, early.loaded(workers)).await;
    let failed = match spoken {
        Ok(Ok(described)) => {
            return if early.decoder.is_amid() {
                Err(Refusal::Worker("it sent bytes that nobody asked for".to_owned()))
            } else {
                Ok(Loaded { child, stream, described })
            };
        }
        Ok(Err(failed)) => failed,
        Err(_) => {
            return Err(Refusal::Worker(format!(
                "it was not linked and described in {} ms, and was killed",
                deadline.as_millis()
            )));
        }
    };
    match failed {
        Failed::Refused(refusal) => Err(refusal),
        Failed::Broken(why) => Err(Refusal::Worker(format!("it was killed: {why}"))),
        Failed::Closed => {
            let exit = tokio::time::timeout(deadline, child.exited()).await.unwrap_or(Exit::Unknown);
            Err(Refusal::Worker(format!("it {exit}")))
        }
    }
}

enum Failed {
    Refused(Refusal),
    Broken(String),
    Closed,
}

/// The first frames of a worker.
struct Early<'a> {
    stream: &'a UnixStream,
    decoder: Decoder,
}

impl Early<'_> {
    async fn loaded(&mut self, workers: &Workers) -> Result<Vec<u8>, Failed> {
        // Said before any code of the plugin runs.
        let walls: Sandboxed = match self.frame().await? {
            Frame { kind: Kind::Sandboxed, payload, .. } => read(&payload)?,
            Frame { kind: Kind::NotLoaded, payload, .. } => return Err(refused(read(&payload)?)),
            other => return Err(Failed::Broken(format!("it began with a frame `{:?}`", other.kind))),
        };
        workers.report(Kernel { landlock: walls.landlock, seccomp: true });
        match self.frame().await? {
            Frame { kind: Kind::Loaded, payload, .. } => Ok(payload),
            Frame { kind: Kind::NotLoaded, payload, .. } => Err(refused(read(&payload)?)),
            other => Err(Failed::Broken(format!("it sent a frame `{:?}` that was not due", other.kind))),
        }
    }

    async fn frame(&mut self) -> Result<Frame, Failed> {
        let mut piece = vec![0; 16 * 1024];
        loop {
            match self.decoder.next_frame() {
                Ok(Some(frame)) => return Ok(frame),
                Ok(None) => {}
                Err(error) => return Err(Failed::Broken(error.to_string())),
            }
            self.stream.readable().await.map_err(|_| Failed::Closed)?;
            match self.stream.try_read(&mut piece) {
                Ok(0) => return Err(Failed::Closed),
                Ok(read) => self.decoder.feed(&piece[..read]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return Err(Failed::Closed),
            }
        }
    }
}

/// A record of a worker's, which may have been written by the plugin.
fn read<T: serde::de::DeserializeOwned>(payload: &[u8]) -> Result<T, Failed> {
    serde_json::from_slice(payload).map_err(|_| Failed::Broken("it sent what is no record".to_owned()))
}

fn refused(why: NotLoaded) -> Failed {
    Failed::Refused(match why {
        NotLoaded::Sandbox(why) => Refusal::NoSandbox(one_line(&why)),
        NotLoaded::Linker(why) => Refusal::Linker(one_line(&why)),
        NotLoaded::Layout(why) => Refusal::Layout { cause: one_line(&why) },
    })
}
