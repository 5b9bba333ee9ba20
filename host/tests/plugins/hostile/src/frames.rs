//! Frames forged by hand, and what else can be said over the host's socket.

use std::sync::atomic::Ordering;

use crate::STARTED;

/// The socket to the host.
const SOCKET: i32 = 3;

/// The kind of an answer to a step.
pub(crate) const ANSWER: u8 = 6;

/// The number of the operation that runs.
pub(crate) fn number() -> u64 {
    STARTED.load(Ordering::SeqCst)
}

/// A frame's front, which may announce anything.
pub(crate) fn front(length: u32, operation: u64, kind: u8) -> Vec<u8> {
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.extend(operation.to_le_bytes());
    bytes.extend([kind, 0, 0, 0]);
    bytes
}

/// A whole frame.
pub(crate) fn frame(kind: u8, operation: u64, payload: &[u8]) -> Vec<u8> {
    let mut bytes = front(u32::try_from(payload.len()).unwrap_or(u32::MAX), operation, kind);
    bytes.extend_from_slice(payload);
    bytes
}

/// Writes to a descriptor, as far as that goes.
pub(crate) fn write(descriptor: i32, bytes: &[u8]) {
    let mut rest = bytes;
    while !rest.is_empty() {
        // SAFETY: the kernel reads that many bytes of a slice that is there.
        let written = unsafe { libc::write(descriptor, rest.as_ptr().cast(), rest.len()) };
        match usize::try_from(written) {
            Ok(written) if written > 0 => rest = &rest[written..],
            _ => return,
        }
    }
}

/// Says it to the host.
pub(crate) fn say(bytes: &[u8]) {
    write(SOCKET, bytes);
}
