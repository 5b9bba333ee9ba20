//! What reached a worker: all that a plugin is ever told. For tests, which search it for secrets.

use std::sync::{Mutex, PoisonError};

/// The payloads of all frames, one after the other.
#[doc(hidden)]
#[derive(Default)]
pub struct Tape(Mutex<Vec<u8>>);

impl Tape {
    /// With nothing on it.
    pub const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// Everything so far.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn keep(&self, payload: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(payload);
    }
}

/// Nothing of what is on it.
impl std::fmt::Debug for Tape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tape")
    }
}
