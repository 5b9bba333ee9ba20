//! A hostile provider and a good one side by side, what is to come of a deed, and what this process holds afterwards.

use std::fs;
use std::time::Duration;

use vestibule::plugin::{Completed, OperationError, OperationErrorKind as Kind, Provider, TransportKind};

use super::report::Row;
use crate::plugin::rig::{Rig, complete, complete_with, log};
use crate::workers::{self, Seen};

/// What is to come of a deed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Expected {
    /// The worker ends, and the error says how.
    Ends(&'static str),
    /// It is killed at the deadline.
    IsLate,
    /// It is killed for what it says.
    IsCaught(&'static str),
    /// It answers, and is killed for what it says beside.
    AnswersAndIsCaught(&'static str),
    /// Nothing: the plugin goes on, and has found this out.
    Finds(&'static str),
    /// Its answer is refused, and it goes on.
    IsRefused(&'static str),
}

/// Both providers, each in its worker.
pub(super) struct Ground {
    rig: Rig,
    hostile: Provider,
    good: Provider,
}

/// Deeds that hang are found out soon; under load, steps of good providers are slow for other reasons.
pub(super) const SOON: Duration = Duration::from_secs(1);

impl Ground {
    /// Where a step of the hostile one may take so long.
    pub(super) async fn new(step: Duration) -> Self {
        let patient = Rig::new(TransportKind::Worker, "https://idp.example")
            .limits(|limits| limits.step = Duration::from_secs(60));
        let good = patient.clone().ready().await;
        let rig = Rig {
            plugin: "hostile",
            settings: serde_json::Map::new(),
            secrets: std::collections::BTreeMap::new(),
            ..patient.limits(|limits| limits.step = step)
        };
        let hostile = rig.clone().ready().await;
        Self { rig, hostile, good }
    }

    /// Where nobody waits for a deadline.
    pub(super) async fn patient() -> Self {
        Self::new(Duration::from_secs(60)).await
    }

    /// Tries it so often at this place, and says what must not have happened.
    pub(super) async fn tries(&self, runs: u32, place: &str, deed: &str, expected: Expected) {
        let mut row = Row { deed, place, runs, others_failed: 0, back: Some(0), outcome: "" };
        until(|| children_of(std::process::id()) == (2, 0)).await;
        let mut held = Held::with(2);
        let (mut said, mut others) = (String::new(), Vec::new());
        for run in 0..runs {
            let context = format!("{deed} in {place}, run {run}");
            let (workers, logged) = (self.workers(), log().len());
            let (outcome, good) = tokio::join!(self.commit(place, deed), complete(&self.good, ""));
            if let Err(error) = good {
                row.others_failed += 1;
                others.push(format!("{context}: {error}"));
            }
            said = judge(outcome, place, expected).unwrap_or_else(|why| panic!("{context}: {why}"));
            if let Some(words) = how_it_ends(place, expected) {
                // At least one of them, since an operation that is not to blame is done again by another. The log hears
                // of it a moment later.
                until(|| workers.iter().any(|worker| !worker.runs())).await;
                until(|| log()[logged..].contains(words)).await;
            } else {
                assert_eq!(self.workers(), workers, "{context}: it has lost its worker");
            }
            // Its budget of restarts is not what is tried here.
            self.rig.clock.advance(Duration::from_secs(60));
            let back = complete(&self.hostile, "")
                .await
                .unwrap_or_else(|error| panic!("{context}: not back: {error}"));
            assert_eq!(back.account.account_id, "42", "{context}");
            row.back = row.back.map(|back| back + 1);
            held.is_not_outgrown(&context).await;
        }
        row.outcome = &said;
        row.report();
        assert!(others.is_empty(), "another provider fails: {others:#?}");
    }

    async fn commit(&self, place: &str, deed: &str) -> Result<Completed, OperationError> {
        complete_with(&self.hostile, "", &[("place", place), ("deed", deed)]).await
    }

    fn workers(&self) -> Vec<Seen> {
        let mut workers = workers::of(std::process::id(), "tested");
        workers.sort_by_key(|worker| worker.0);
        workers
    }
}

/// Waits for what is certain to come. Where it does not, the runner ends the test.
async fn until(mut has_come: impl FnMut() -> bool) {
    while !has_come() {
        tokio::task::yield_now().await;
    }
}

/// What the log says of the worker's end, if it ends.
fn how_it_ends(place: &str, expected: Expected) -> Option<&'static str> {
    match expected {
        Expected::Ends(words) | Expected::IsCaught(words) | Expected::AnswersAndIsCaught(words) => {
            Some(words)
        }
        Expected::IsLate if place == "drop" => {
            Some("was killed, since the clean-up after `complete` was not done in")
        }
        Expected::IsLate => Some("was killed, since a step of `complete` was not done in"),
        Expected::Finds(_) | Expected::IsRefused(_) => None,
    }
}

/// What was said, if it is what was expected.
fn judge(
    outcome: Result<Completed, OperationError>,
    place: &str,
    expected: Expected,
) -> Result<String, String> {
    // Whatever it does in the clean-up, it has answered before.
    let answered = place == "drop" || matches!(expected, Expected::AnswersAndIsCaught(_));
    let (kind, words) = match (expected, &outcome) {
        (Expected::Finds(found), Ok(completed)) => {
            let id = &completed.account.account_id;
            return if id == found {
                Ok(id.clone())
            } else {
                Err(format!("it found `{id}` and not `{found}`"))
            };
        }
        (_, Ok(completed)) if answered => {
            let id = &completed.account.account_id;
            return if id == "42" {
                Ok("answers, and ends".to_owned())
            } else {
                Err(format!("it says {id}"))
            };
        }
        (_, Ok(completed)) => return Err(format!("it goes on and found `{}`", completed.account.account_id)),
        (Expected::Ends(words), Err(_)) => (Kind::WorkerLost, words),
        (Expected::IsLate, Err(_)) => (Kind::TimedOut, "was not done in"),
        (Expected::IsCaught(words) | Expected::IsRefused(words), Err(_)) => (Kind::Protocol, words),
        (Expected::Finds(_) | Expected::AnswersAndIsCaught(_), Err(error)) => {
            return Err(format!("it fails: {error}"));
        }
    };
    match outcome {
        Err(error) if error.kind == kind && error.message.contains(words) && !answered => {
            Ok(error.to_string())
        }
        Err(error) => Err(format!("it fails otherwise: {error:?}")),
        Ok(_) => Err("it goes on".to_owned()),
    }
}

/// What this process holds of the system's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    /// Children that run.
    children: usize,
    descriptors: usize,
    threads: usize,
    /// In bytes; from the first run on, since that fills buffers for good.
    resident: Option<usize>,
}

/// How much the memory of this process may grow over all runs of one deed: what the allocator keeps, and the log that the
/// tests record. A leak of one answer a run would be more than that.
const GROWTH: usize = 24 << 20;
/// How often to look whether a worker's last descriptor is closed, by a task that runs elsewhere.
const LOOKS: u32 = 100_000;

impl Held {
    /// Before anything is tried, with so many workers.
    pub(super) fn with(children: usize) -> Self {
        let count = |folder| fs::read_dir(folder).unwrap().count();
        Self {
            children,
            descriptors: count("/proc/self/fd"),
            threads: count("/proc/self/task"),
            resident: None,
        }
    }

    /// Once every worker that is over has been waited for, there is no more than at first.
    pub(super) async fn is_not_outgrown(&mut self, context: &str) {
        until(|| children_of(std::process::id()) == (self.children, 0)).await;
        let mut now = Self::with(self.children);
        for _ in 0..LOOKS {
            if now.descriptors <= self.descriptors {
                break;
            }
            tokio::task::yield_now().await;
            now = Self::with(self.children);
        }
        assert!(now.descriptors <= self.descriptors, "{context}: descriptors: {now:?} after {self:?}");
        // One that makes workers, and one that looks names up.
        assert!(now.threads <= self.threads + 2, "{context}: threads: {now:?} after {self:?}");
        let statm = fs::read_to_string("/proc/self/statm").unwrap();
        let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
        let (resident, before) = (pages * 4096, *self.resident.get_or_insert(pages * 4096));
        assert!(resident < before + GROWTH, "{context}: memory: {resident} after {before}");
    }
}

/// Children that run, and children that only wait to be waited for.
fn children_of(parent: u32) -> (usize, usize) {
    let parent = parent.to_string();
    let (mut running, mut over) = (0, 0);
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(Ok(number)) = entry.file_name().to_str().map(str::parse) else { continue };
        let child = Seen(number);
        if child.status("PPid").as_ref() == Some(&parent) {
            if child.runs() { running += 1 } else { over += 1 }
        }
    }
    (running, over)
}
