//! Frames: messages of several operations on one stream of bytes.
//!
//! ```text
//! u32 LE   length of the payload
//! u64 LE   number of the operation; 0 for what concerns the provider
//! u8       kind
//! 3        zero
//! the payload
//! ```
//!
//! The decoder trusts nothing: the other side may be hostile. It learns of a payload's length before it keeps a byte of it,
//! and after one fault it gives nothing more, since there is no way back into step.

use vestibule_abi as abi;

/// The length of a frame's front.
pub(super) const FRONT: usize = 16;
/// The longest payload: a message, and one byte more, so that what is too long can be refused by whoever reads messages.
pub(super) const MAX_PAYLOAD: usize = abi::message::MAX_MESSAGE + 1;

/// What a frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// To the plugin: make the provider.
    Create = 1,
    /// From the plugin: it is made.
    Created = 2,
    /// From the plugin: it is not made; the bytes of a `Failure`, or none.
    Refused = 3,
    /// To the plugin: begin an operation.
    Start = 4,
    /// To the plugin: move it on.
    Step = 5,
    /// From the plugin: the answer to a step.
    Answer = 6,
    /// To the plugin: the operation is not wanted any more.
    Cancel = 7,
    /// From the plugin: nothing of the operation runs any more.
    Ended = 8,
    /// From a worker, before any code of a plugin runs: how far it is closed in.
    Sandboxed = 9,
    /// From a worker: the library is linked; the bytes that `describe` gave.
    Loaded = 10,
    /// From a worker: it is not, and why.
    NotLoaded = 11,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        use Kind::{
            Answer, Cancel, Create, Created, Ended, Loaded, NotLoaded, Refused, Sandboxed, Start, Step,
        };
        [Create, Created, Refused, Start, Step, Answer, Cancel, Ended, Sandboxed, Loaded, NotLoaded]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

/// One frame.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Frame {
    /// What it is for.
    pub(super) kind: Kind,
    /// Whose it is.
    pub(super) operation: u64,
    /// The bytes of a message.
    pub(super) payload: Vec<u8>,
}

/// Sizes only: payloads carry tokens.
impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Frame {{ {:?} {}, {} bytes }}", self.kind, self.operation, self.payload.len())
    }
}

/// Why bytes are no frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum FrameError {
    /// The payload would be longer than any message.
    #[error("a frame announces {0} bytes, the limit is {MAX_PAYLOAD}")]
    TooLong(u64),
    /// No such kind.
    #[error("a frame is of the unknown kind {0}")]
    Kind(u8),
    /// The last bytes of the front are not zero.
    #[error("a frame's reserved bytes are not zero")]
    Reserved,
}

impl Frame {
    /// What stands before the payload.
    pub(super) fn front(&self) -> Result<[u8; FRONT], FrameError> {
        let long = || FrameError::TooLong(self.payload.len() as u64);
        if self.payload.len() > MAX_PAYLOAD {
            return Err(long());
        }
        let length = u32::try_from(self.payload.len()).map_err(|_| long())?;
        let mut front = [0; FRONT];
        front[..4].copy_from_slice(&length.to_le_bytes());
        front[4..12].copy_from_slice(&self.operation.to_le_bytes());
        front[12] = self.kind as u8;
        Ok(front)
    }

    /// The frame's bytes.
    pub(super) fn encode(&self) -> Result<Vec<u8>, FrameError> {
        let mut bytes = Vec::with_capacity(FRONT + self.payload.len());
        bytes.extend(self.front()?);
        bytes.extend_from_slice(&self.payload);
        Ok(bytes)
    }
}

/// Puts frames together from bytes in pieces of any size.
#[derive(Default)]
pub(super) struct Decoder {
    bytes: Vec<u8>,
    failed: Option<FrameError>,
}

impl Decoder {
    /// Without bytes so far.
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Takes what was read.
    pub(super) fn feed(&mut self, piece: &[u8]) {
        if self.failed.is_none() {
            self.bytes.extend_from_slice(piece);
        }
    }

    /// The next whole frame, `None` as long as there is none.
    pub(super) fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let read = self.read();
        if let Err(error) = read {
            self.failed = Some(error);
            self.bytes = Vec::new();
        }
        read
    }

    /// Whether there are bytes of a frame that is not whole.
    pub(super) fn is_amid(&self) -> bool {
        !self.bytes.is_empty()
    }

    fn read(&mut self) -> Result<Option<Frame>, FrameError> {
        let Some((front, rest)) = self.bytes.split_first_chunk::<FRONT>() else { return Ok(None) };
        let [l0, l1, l2, l3, o0, o1, o2, o3, o4, o5, o6, o7, kind, reserved @ ..] = *front;
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        if length > MAX_PAYLOAD {
            return Err(FrameError::TooLong(length as u64));
        }
        let kind = Kind::from_byte(kind).ok_or(FrameError::Kind(kind))?;
        if reserved != [0; 3] {
            return Err(FrameError::Reserved);
        }
        let operation = u64::from_le_bytes([o0, o1, o2, o3, o4, o5, o6, o7]);
        let Some(payload) = rest.get(..length) else { return Ok(None) };
        let frame = Frame { kind, operation, payload: payload.to_vec() };
        self.bytes.drain(..FRONT + length);
        Ok(Some(frame))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frames(decoder: &mut Decoder) -> Vec<Frame> {
        std::iter::from_fn(|| decoder.next_frame().unwrap()).collect()
    }

    fn frame() -> impl Strategy<Value = Frame> {
        (1_u8..=11, any::<u64>(), prop::collection::vec(any::<u8>(), 0..200)).prop_map(
            |(kind, operation, payload)| Frame { kind: Kind::from_byte(kind).unwrap(), operation, payload },
        )
    }

    proptest! {
        #[test]
        fn frames_come_back_whatever_the_pieces(
            sent in prop::collection::vec(frame(), 1..6),
            pieces in prop::collection::vec(1_usize..40, 1..30),
        ) {
            let bytes: Vec<u8> = sent.iter().flat_map(|f| f.encode().unwrap()).collect();
            let (mut decoder, mut got, mut rest) = (Decoder::new(), Vec::new(), &bytes[..]);
            for size in pieces.iter().cycle() {
                let (piece, after) = rest.split_at((*size).min(rest.len()));
                decoder.feed(piece);
                got.extend(frames(&mut decoder));
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(got, sent);
            prop_assert!(!decoder.is_amid());
        }

        #[test]
        fn no_bytes_make_the_decoder_panic_or_keep_more_than_it_was_given(
            bytes in prop::collection::vec(any::<u8>(), 0..300)
        ) {
            let mut decoder = Decoder::new();
            decoder.feed(&bytes);
            while let Ok(Some(frame)) = decoder.next_frame() {
                prop_assert!(frame.payload.len() <= bytes.len());
            }
        }
    }

    fn forged(length: u32, kind: u8, reserved: u8) -> Result<Option<Frame>, FrameError> {
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend(1_u64.to_le_bytes());
        bytes.extend([kind, 0, reserved, 0]);
        let mut decoder = Decoder::new();
        decoder.feed(&bytes);
        let first = decoder.next_frame();
        if first.is_err() {
            let good = Frame { kind: Kind::Answer, operation: 1, payload: Vec::new() };
            decoder.feed(&good.encode().unwrap());
            assert_eq!(decoder.next_frame(), first, "nothing is believed after a fault");
        }
        first
    }

    #[test]
    fn a_frame_of_4_gib_is_refused_by_its_front() {
        assert_eq!(forged(u32::MAX, 6, 0), Err(FrameError::TooLong(u64::from(u32::MAX))));
    }

    #[test]
    fn unknown_kinds_and_used_reserved_bytes_are_refused() {
        assert_eq!(forged(0, 0, 0), Err(FrameError::Kind(0)));
        assert_eq!(forged(0, 12, 0), Err(FrameError::Kind(12)));
        assert_eq!(forged(0, 6, 1), Err(FrameError::Reserved));
    }

    #[test]
    fn a_frame_that_is_not_whole_is_waited_for() {
        let bytes = Frame { kind: Kind::Step, operation: 7, payload: vec![1, 2, 3] }.encode().unwrap();
        for end in 1..bytes.len() {
            let mut decoder = Decoder::new();
            decoder.feed(&bytes[..end]);
            assert_eq!(decoder.next_frame(), Ok(None));
            assert!(decoder.is_amid(), "{end}");
        }
    }
}
