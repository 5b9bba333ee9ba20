//! Time: the one file of this package that asks the operating system for it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// UTC microseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the one place of this package that asks for the time")]
pub fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Runs from [`Stopwatch::start`] on.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// From now on.
    #[expect(clippy::disallowed_methods, reason = "the one place of this package that asks for the time")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// How long it has run.
    pub fn read(&self) -> Duration {
        self.0.elapsed()
    }
}
