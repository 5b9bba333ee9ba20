//! Doors for fuzzing: what reads a stranger's bytes, called with any bytes. Each panics where a promise is broken.

use super::file;
use super::frame::{Decoder, FRONT, Frame, FrameError, MAX_PAYLOAD};

/// Frames, from pieces of a length that the first byte says. The decoder keeps no more than it was given, gives the same
/// frames whatever the pieces, and nothing after a fault.
pub fn frames(bytes: &[u8]) {
    let Some((size, bytes)) = bytes.split_first() else { return };
    let whole = decoded(bytes, bytes.len().max(1));
    assert_eq!(whole, decoded(bytes, usize::from(*size).max(1)), "the pieces make a difference");
    let (frames, _) = whole;
    let mut taken = 0;
    for frame in &frames {
        assert!(frame.payload.len() <= MAX_PAYLOAD);
        let encoded = frame.encode().unwrap_or_default();
        assert_eq!(
            bytes.get(taken..taken + encoded.len()),
            Some(&encoded[..]),
            "a frame is not what was sent"
        );
        taken += FRONT + frame.payload.len();
    }
}

fn decoded(bytes: &[u8], size: usize) -> (Vec<Frame>, Option<FrameError>) {
    let (mut decoder, mut frames) = (Decoder::new(), Vec::new());
    for piece in bytes.chunks(size) {
        decoder.feed(piece);
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.next_frame(), Err(error), "something is believed after a fault");
                    return (frames, Some(error));
                }
            }
        }
    }
    (frames, None)
}

/// A plugin's file: refused, or one whose section says what it is. Says whether it would be linked.
pub fn file(bytes: &[u8]) -> bool {
    match file::examine(bytes.to_vec()) {
        Ok(examined) => {
            assert_eq!(examined.descriptor.epoch, vestibule_abi::EPOCH);
            true
        }
        Err(why) => {
            assert!(!why.to_string().is_empty());
            false
        }
    }
}

/// The answer to `describe`, of a plugin whose section says this name and version, and the schema of settings in it.
pub fn description(bytes: &[u8]) {
    let section = vestibule_abi::section::Descriptor {
        epoch: vestibule_abi::EPOCH,
        unwinds: true,
        name: "fuzzed".to_owned(),
        version: "1.0.0".to_owned(),
    };
    if let Ok(description) = super::description::read(bytes, &section) {
        assert_eq!((&*description.name, &*description.version), ("fuzzed", "1.0.0"));
    }
}
