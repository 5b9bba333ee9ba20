//! How often a worker may be started again: a plugin that always crashes must not keep the machine busy. Knows the time
//! that it is told, and nothing of processes.

use std::collections::VecDeque;
use std::time::Duration;

/// So many restarts may fall into one window.
const RESTARTS: usize = 3;
/// That window, and the time that a worker has to live after a pause to be trusted again.
const WINDOW: Duration = Duration::from_secs(60);
/// How long nothing is started when there were more.
const PAUSE: Duration = Duration::from_secs(60);

/// The restarts of one provider. Times are those of [`crate::clock::Clock::monotonic`].
#[derive(Debug, Default)]
pub(super) struct Budget {
    deaths: VecDeque<Duration>,
    paused_until: Option<Duration>,
    /// When the one trial after a pause began.
    trial: Option<Duration>,
}

impl Budget {
    /// Asks to start a worker; says how long to wait where none may be.
    pub(super) fn start(&mut self, now: Duration) -> Result<(), Duration> {
        match self.paused_until {
            Some(until) if now < until => Err(until.saturating_sub(now)),
            Some(_) => {
                self.paused_until = None;
                self.deaths.clear();
                self.trial = Some(now);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// A worker ended that nobody had asked to. Says whether the pause begins.
    pub(super) fn died(&mut self, now: Duration) -> bool {
        let on_trial = self.trial.take().is_some_and(|began| now.saturating_sub(began) < WINDOW);
        self.deaths.push_back(now);
        while self.deaths.front().is_some_and(|death| now.saturating_sub(*death) >= WINDOW) {
            self.deaths.pop_front();
        }
        if on_trial || self.deaths.len() > RESTARTS {
            self.paused_until = Some(now + PAUSE);
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn three_restarts_a_minute_pass_and_the_fourth_begins_a_pause() {
        let mut budget = Budget::default();
        for second in [0, 10, 20] {
            assert!(!budget.died(at(second)));
            assert_eq!(budget.start(at(second)), Ok(()));
        }
        assert!(budget.died(at(30)));
        assert_eq!(budget.start(at(30)), Err(at(60)));
        assert_eq!(budget.start(at(89)), Err(at(1)));
    }

    #[test]
    fn deaths_that_lie_apart_never_add_up() {
        let mut budget = Budget::default();
        for minute in 0..100 {
            assert!(!budget.died(at(minute * 20)), "{minute}");
            assert_eq!(budget.start(at(minute * 20)), Ok(()));
        }
    }

    #[test]
    fn after_the_pause_there_is_one_trial() {
        let mut budget = Budget::default();
        for _ in 0..4 {
            budget.died(at(0));
        }
        assert_eq!(budget.start(at(60)), Ok(()));
        assert!(budget.died(at(61)), "the trial failed");
        assert_eq!(budget.start(at(62)), Err(at(59)));
        assert_eq!(budget.start(at(121)), Ok(()));
        assert!(!budget.died(at(181)), "it had lived for a minute");
        assert_eq!(budget.start(at(181)), Ok(()));
    }
}
