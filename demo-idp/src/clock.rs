//! Time for the demo providers: the operating system's, moved forward by tests. The one file here that asks for it.

use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::lock::lock;

/// A clock that a test can put forward, so that a code expires without waiting, or stop at a time of its own.
#[derive(Default)]
pub(crate) struct Clock {
    hands: Mutex<Hands>,
}

#[derive(Default)]
struct Hands {
    ahead: Duration,
    stopped: Option<Duration>,
}

impl Clock {
    /// Time since 1970-01-01 UTC, as this provider sees it.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the operating system")]
    pub(crate) fn now(&self) -> Duration {
        let hands = lock(&self.hands);
        let system = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        hands.stopped.unwrap_or_else(system).saturating_add(hands.ahead)
    }

    /// Stands still at this time since 1970 from now on, until it is put forward.
    pub(crate) fn stop_at(&self, time: Duration) {
        *lock(&self.hands) = Hands { ahead: Duration::ZERO, stopped: Some(time) };
    }

    /// Puts the clock forward.
    pub(crate) fn advance(&self, by: Duration) {
        let mut hands = lock(&self.hands);
        hands.ahead = hands.ahead.saturating_add(by);
    }
}
