//! Time for the demo providers: the operating system's, moved forward by tests. The one file here that asks for it.

use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::lock::lock;

/// A clock that a test can put forward, so that a code expires without waiting.
#[derive(Default)]
pub(crate) struct Clock {
    ahead: Mutex<Duration>,
}

impl Clock {
    /// Time since 1970-01-01 UTC, as this provider sees it.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the operating system")]
    pub(crate) fn now(&self) -> Duration {
        let system = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        system.saturating_add(*lock(&self.ahead))
    }

    /// Puts the clock forward.
    pub(crate) fn advance(&self, by: Duration) {
        let mut ahead = lock(&self.ahead);
        *ahead = ahead.saturating_add(by);
    }
}
