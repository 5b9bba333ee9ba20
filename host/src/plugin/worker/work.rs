//! What a worker owes: it has one thread and does things in the order in which they were asked, so each answer must be the
//! one that is due. Knows no descriptors and no bytes.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::plugin::frame::Kind;

/// One thing that was asked of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owed {
    /// Make the provider.
    Create,
    /// Take a step, the first one with the start of its operation.
    Step,
    /// Clean up behind an operation.
    CleanUp,
}

impl Owed {
    /// Goes on with the operation's name.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Create => "in",
            Self::Step => "in a step of",
            Self::CleanUp => "in the clean-up after",
        }
    }

    fn answered_by(self, kind: Kind) -> bool {
        match self {
            Self::Create => matches!(kind, Kind::Created | Kind::Refused),
            Self::Step => kind == Kind::Answer,
            Self::CleanUp => kind == Kind::Ended,
        }
    }
}

/// Everything that a worker owes, in order.
#[derive(Debug, Default)]
pub(super) struct Work {
    queue: VecDeque<(u64, Owed)>,
    /// Since when the worker could be at the first of it.
    since: Option<Instant>,
}

impl Work {
    pub(super) fn push(&mut self, operation: u64, owed: Owed, now: Instant) {
        if self.queue.is_empty() {
            self.since = Some(now);
        }
        self.queue.push_back((operation, owed));
    }

    /// Takes an answer. It must be the one that is due.
    pub(super) fn answered(&mut self, operation: u64, kind: Kind, now: Instant) -> Result<(), String> {
        match self.queue.front() {
            Some((due, owed)) if *due == operation && owed.answered_by(kind) => {
                self.queue.pop_front();
                self.since = (!self.queue.is_empty()).then_some(now);
                Ok(())
            }
            Some(_) => Err(format!("it sent a frame `{kind:?}` that was not due")),
            None => Err(format!("it sent a frame `{kind:?}` that nobody asked for")),
        }
    }

    /// What it is at, or will be at when it reads on.
    pub(super) fn first(&self) -> Option<(u64, Owed)> {
        self.queue.front().copied()
    }

    /// When the first of it is late; none where nothing is owed.
    pub(super) fn late_at(&self, limit: Duration) -> Option<Instant> {
        self.since.map(|since| since + limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn a_worker_is_blamed_for_the_first_thing_alone_and_from_when_it_could_begin() {
        let (mut work, start) = (Work::default(), Instant::now());
        assert_eq!(work.late_at(LIMIT), None);
        work.push(1, Owed::Step, start);
        work.push(2, Owed::Step, start);
        assert_eq!(work.late_at(LIMIT), Some(start + LIMIT));
        let later = start + Duration::from_millis(900);
        work.answered(1, Kind::Answer, later).unwrap();
        assert_eq!(work.first(), Some((2, Owed::Step)));
        assert_eq!(work.late_at(LIMIT), Some(later + LIMIT), "it waited behind the other one");
        work.answered(2, Kind::Answer, later).unwrap();
        assert_eq!(work.late_at(LIMIT), None);
    }

    #[tokio::test]
    async fn an_answer_that_is_not_due_is_refused() {
        let (mut work, now) = (Work::default(), Instant::now());
        assert!(work.answered(1, Kind::Answer, now).unwrap_err().contains("nobody asked for"));
        work.push(1, Owed::Step, now);
        work.push(2, Owed::CleanUp, now);
        for (operation, kind) in [(2, Kind::Ended), (1, Kind::Ended), (2, Kind::Answer), (0, Kind::Created)] {
            assert!(work.answered(operation, kind, now).unwrap_err().contains("not due"), "{operation}");
        }
        work.answered(1, Kind::Answer, now).unwrap();
        assert!(work.answered(1, Kind::Answer, now).is_err(), "twice");
        work.answered(2, Kind::Ended, now).unwrap();
    }
}
