//! Frames that the kernel has not taken yet. There are never more than the operations that may run at once have to say: each
//! has one step under way, and keeps its place until the worker has said that it is over.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use tokio::net::UnixStream;

use crate::plugin::frame::{FRONT, Frame};

/// So many pieces go to the kernel in one call.
const PIECES: usize = 16;

/// A queue of frames, each as its front and its payload, so that payloads are not copied.
#[derive(Default)]
pub(super) struct Outgoing {
    frames: VecDeque<([u8; FRONT], Vec<u8>)>,
    /// How much of the first one has gone.
    gone: usize,
}

impl Outgoing {
    /// Says no to a frame that is longer than any may be.
    pub(super) fn push(&mut self, frame: Frame) -> Result<(), String> {
        let front = frame.front().map_err(|e| e.to_string())?;
        self.frames.push_back((front, frame.payload));
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Hands over as much as the kernel takes. An error of the socket is the reader's to find.
    pub(super) fn flush(&mut self, stream: &UnixStream) {
        while !self.frames.is_empty() {
            match self.write(stream) {
                Ok(written) => self.advance(written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    fn write(&self, stream: &UnixStream) -> io::Result<usize> {
        let mut pieces = [IoSlice::new(&[]); PIECES];
        let mut skip = self.gone;
        let all = self.frames.iter().flat_map(|(front, payload)| [&front[..], &payload[..]]);
        let mut count = 0;
        for bytes in all {
            let rest = bytes.get(skip..).unwrap_or_default();
            skip = skip.saturating_sub(bytes.len());
            if rest.is_empty() {
                continue;
            }
            if count == PIECES {
                break;
            }
            pieces[count] = IoSlice::new(rest);
            count += 1;
        }
        stream.try_write_vectored(&pieces[..count])
    }

    fn advance(&mut self, written: usize) {
        self.gone += written;
        while let Some((front, payload)) = self.frames.front()
            && self.gone >= front.len() + payload.len()
        {
            self.gone -= front.len() + payload.len();
            self.frames.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;
    use crate::plugin::frame::{Decoder, Kind};

    /// The socket takes less than one frame at a time, so every way of cutting one is met.
    #[tokio::test]
    async fn frames_arrive_whole_however_little_the_kernel_takes() {
        let (near, mut far) = UnixStream::pair().unwrap();
        let frames: Vec<Frame> = [0, 1, 15, 300_000, 7, 0, 0, 900_000, 16, 3]
            .into_iter()
            .cycle()
            .take(60)
            .zip(1..)
            .map(|(length, operation)| Frame {
                kind: Kind::Step,
                operation,
                payload: vec![operation as u8; length],
            })
            .collect();
        let mut outgoing = Outgoing::default();
        for frame in frames.clone() {
            outgoing.push(frame).unwrap();
        }
        let (mut decoder, mut got, mut piece) = (Decoder::new(), Vec::new(), vec![0; 10_007]);
        while got.len() < frames.len() {
            let read = tokio::select! {
                _ = near.writable(), if !outgoing.is_empty() => {
                    outgoing.flush(&near);
                    continue;
                }
                read = far.read(&mut piece) => read.unwrap(),
            };
            decoder.feed(&piece[..read]);
            got.extend(std::iter::from_fn(|| decoder.next_frame().unwrap()));
        }
        assert!(outgoing.is_empty());
        assert!(got == frames);
    }
}
