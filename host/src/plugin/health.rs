//! What a provider's last operations saw: whether it works, how operations ended, and the last error, for the operator.
//!
//! It only watches. Nothing is refused because of it: one person's account can make a provider answer with errors or with
//! a wait, and must not close it to everybody else. So it is said on the sign-in page and people may try all the same.
//!
//! A provider is set aside after [`IN_A_ROW`] operations that failed one after another in a way that is not the person's
//! doing; after a single one where `begin` already cannot reach it, since no account has a part in that. It is back as
//! soon as an operation shows that it works, and by itself when its time is up: a `begin` of OAuth 2.0 asks the provider
//! nothing, so if nobody came through, nobody would ever find out.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::error::{OperationError, OperationErrorKind as Kind};
use crate::clock::{Clock, Timestamp};
use crate::count::{Closed as _, Counts, Durations, closed};
use crate::name::ProviderName;
use crate::request_id;

/// So many failures one after another set a provider aside.
const IN_A_ROW: u32 = 3;
/// Failures that lie further apart do not belong together.
const MEMORY: Duration = Duration::from_secs(10 * 60);
/// How long a provider is set aside after the last failure.
const ASIDE: Duration = Duration::from_secs(60);
/// The longest that a provider's own wish to wait is shown.
const MAX_WAIT: Duration = Duration::from_secs(15 * 60);

closed! {
    /// What is asked of a provider.
    pub enum Operation {
        /// Where to send the browser.
        Begin = "begin",
        /// Whose account a callback proves.
        Complete = "complete",
        /// The issuer's metadata, where a callback has to wait for it.
        Discover = "discover",
    }
}

closed! {
    /// How an operation ended.
    pub enum Ended {
        /// As it should.
        Ok = "ok",
        /// The person said no.
        Denied = "denied",
        /// The code was expired or used.
        CodeExpired = "code_expired",
        /// The provider refuses this client.
        ClientMisconfigured = "client_misconfigured",
        /// The settings contradict what the provider says.
        BadSettings = "bad_settings",
        /// The settings do not let this account in.
        RefusedByPolicy = "refused_by_policy",
        /// The provider asks to wait.
        RateLimited = "rate_limited",
        /// The process in which the plugin runs ended.
        WorkerLost = "worker_lost",
        /// That process ended so often that no other one was started for a while.
        Paused = "paused",
        /// The provider cannot be reached, or says that it is out of order.
        ProviderDown = "provider_down",
        /// The provider's answer is not what it should be.
        BadAnswer = "bad_answer",
        /// The plugin panicked.
        Panic = "panic",
        /// The plugin waits for what will never come.
        Stuck = "stuck",
        /// It took too long.
        TimedOut = "timed_out",
        /// Too many were running: it was not begun.
        Busy = "busy",
        /// The plugin asked for what it may not have.
        Forbidden = "forbidden",
        /// A secret was about to go where it must not.
        SecretLeak = "secret_leak",
        /// The plugin broke the protocol of the boundary.
        Protocol = "protocol",
        /// In a way that this host is too old to know.
        Unknown = "unknown",
        /// Whoever asked went away.
        Cancelled = "cancelled",
    }
}

closed! {
    /// How a request of the host to the provider ended.
    pub enum Request {
        /// With a status of this class.
        Status2xx = "2xx",
        /// With a status of this class.
        Status3xx = "3xx",
        /// With a status of this class.
        Status4xx = "4xx",
        /// With a status of this class.
        Status5xx = "5xx",
        /// Without a whole answer.
        Unreachable = "unreachable",
        /// It was not sent, since it may not go there.
        Refused = "refused",
        /// With an answer that cannot be used: too large, in an encoding that nobody asked for.
        BadAnswer = "bad_answer",
        /// With an answer that nobody gets, since a secret came back in it.
        SecretLeak = "secret_leak",
    }
}

closed! {
    /// Why a provider is set aside.
    pub enum Why {
        /// It cannot be reached.
        Unreachable = "unreachable",
        /// It asks to wait.
        RateLimited = "rate_limited",
        /// It does not accept our settings.
        Misconfigured = "misconfigured",
        /// Its plugin fails, or its answers make no sense.
        Failing = "failing",
    }
}

/// Whether sign-ins with a provider work, as far as its last operations saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// They work, or nobody has tried.
    Usable,
    /// They do not.
    Aside {
        /// Why not.
        why: Why,
        /// After what time it is taken to work again, if no operation shows it before.
        left: Duration,
    },
}

/// The last error, for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastError {
    /// When.
    pub at: Timestamp,
    /// In which operation.
    pub operation: Operation,
    /// Of which kind.
    pub ended: Ended,
    /// One line without secrets, as in the log.
    pub text: String,
    /// The id of the request that met it, which is in the log and on the person's page.
    pub request_id: Option<String>,
}

/// One line: when, in what, why, and the request's id.
impl fmt::Display for LastError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.at, self.operation.name(), self.text)?;
        self.request_id.iter().try_for_each(|id| write!(f, " (id={id})"))
    }
}

/// What is known of a provider's health.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthReport {
    /// Whether it works.
    pub standing: Standing,
    /// The last error that was not a person's doing; it stays when the provider is well again.
    pub last_error: Option<LastError>,
    /// When a sign-in last went through the provider, since it was started.
    pub last_success: Option<Timestamp>,
    /// How many operations run now.
    pub running: usize,
}

/// How an operation ends, for the rule above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// The provider did its part.
    Works,
    /// It says nothing about the provider.
    Nothing,
    /// The provider, its plugin or its settings are at fault.
    Fault(Why, Duration),
}

impl Sight {
    fn of(kind: Kind) -> (Ended, Self) {
        use Sight::{Fault, Nothing, Works};
        match kind {
            Kind::Denied => (Ended::Denied, Nothing),
            Kind::CodeExpired => (Ended::CodeExpired, Works),
            Kind::RefusedByPolicy => (Ended::RefusedByPolicy, Works),
            Kind::Busy { .. } => (Ended::Busy, Nothing),
            Kind::ProviderDown => (Ended::ProviderDown, Fault(Why::Unreachable, ASIDE)),
            Kind::RateLimited { retry_after } => {
                let wait = retry_after.unwrap_or(ASIDE).min(MAX_WAIT);
                (Ended::RateLimited, Fault(Why::RateLimited, wait))
            }
            Kind::ClientMisconfigured => (Ended::ClientMisconfigured, Fault(Why::Misconfigured, ASIDE)),
            Kind::BadSettings => (Ended::BadSettings, Fault(Why::Misconfigured, ASIDE)),
            Kind::BadAnswer => (Ended::BadAnswer, Fault(Why::Failing, ASIDE)),
            Kind::Panic => (Ended::Panic, Fault(Why::Failing, ASIDE)),
            Kind::Stuck => (Ended::Stuck, Fault(Why::Failing, ASIDE)),
            Kind::TimedOut => (Ended::TimedOut, Fault(Why::Failing, ASIDE)),
            Kind::WorkerLost => (Ended::WorkerLost, Fault(Why::Failing, ASIDE)),
            Kind::Paused { retry_after } => (Ended::Paused, Fault(Why::Failing, retry_after)),
            Kind::Forbidden => (Ended::Forbidden, Fault(Why::Failing, ASIDE)),
            Kind::SecretLeak => (Ended::SecretLeak, Fault(Why::Failing, ASIDE)),
            Kind::Protocol => (Ended::Protocol, Fault(Why::Failing, ASIDE)),
            Kind::Unknown(_) => (Ended::Unknown, Fault(Why::Failing, ASIDE)),
        }
    }
}

/// The failures of one operation since it last went well.
#[derive(Default)]
struct Streak {
    failures: u32,
    last: Duration,
    aside: Option<(Why, Duration)>,
}

impl Streak {
    /// Why and until when, if it is not over.
    fn aside(&self, now: Duration) -> Option<(Why, Duration)> {
        self.aside.filter(|(_, until)| *until > now)
    }

    fn fault(&mut self, operation: Operation, why: Why, wait: Duration, now: Duration) {
        if now.saturating_sub(self.last) > MEMORY {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        self.last = now;
        let enough = match (operation, why) {
            // What fails here is the host's own way to the provider.
            (Operation::Begin | Operation::Discover, Why::Unreachable | Why::RateLimited) => 1,
            _ => IN_A_ROW,
        };
        if self.failures >= enough {
            self.aside = Some((why, now.saturating_add(wait)));
        }
    }
}

/// A `begin` that goes well may have asked the provider nothing, so it says nothing about `complete`.
#[derive(Default)]
struct Seen {
    begin: Streak,
    complete: Streak,
    last_error: Option<LastError>,
    last_success: Option<Timestamp>,
}

impl Seen {
    fn standing(&self, now: Duration) -> Standing {
        let aside = [self.begin.aside(now), self.complete.aside(now)];
        match aside.into_iter().flatten().max_by_key(|(_, until)| *until) {
            Some((why, until)) => Standing::Aside { why, left: until.saturating_sub(now) },
            None => Standing::Usable,
        }
    }
}

/// The counters of one operation.
#[derive(Default)]
pub struct Tally {
    /// How it ended.
    pub ended: Counts<Ended>,
    /// How long it took, where it was begun.
    pub took: Durations,
}

/// Watches one provider.
pub struct Health {
    provider: ProviderName,
    clock: Arc<dyn Clock>,
    seen: Mutex<Seen>,
    tallies: [Tally; Operation::ALL.len()],
    requests: Arc<Counts<Request>>,
}

impl Health {
    pub(super) fn new(provider: ProviderName, clock: Arc<dyn Clock>) -> Self {
        Self {
            provider,
            clock,
            seen: Mutex::default(),
            tallies: Default::default(),
            requests: Arc::default(),
        }
    }

    /// Runs an operation and notes how it ended; that it was given up, too.
    pub(super) async fn watch<T>(
        &self,
        operation: Operation,
        running: impl Future<Output = Result<T, OperationError>>,
    ) -> Result<T, OperationError> {
        let mut watch = Watch { health: self, operation, began: self.clock.monotonic(), over: false };
        let result = running.await;
        watch.over = true;
        let (ended, sight) = match &result {
            Ok(_) => (Ended::Ok, Sight::Works),
            Err(error) => Sight::of(error.kind),
        };
        if let Err(error) = &result
            && (matches!(sight, Sight::Fault(..)) || ended == Ended::Busy)
        {
            self.keep(operation, ended, error);
        }
        watch.ended(ended);
        self.see(operation, sight);
        result
    }

    /// Whether the provider works.
    pub fn standing(&self) -> Standing {
        self.seen().standing(self.clock.monotonic())
    }

    /// Counts and durations, by operation.
    pub fn tallies(&self) -> impl Iterator<Item = (Operation, &Tally)> {
        Operation::ALL.iter().copied().zip(&self.tallies)
    }

    /// The host's requests to the provider.
    pub fn requests(&self) -> &Arc<Counts<Request>> {
        &self.requests
    }

    /// All but the counters.
    pub(super) fn report(&self, running: usize) -> HealthReport {
        let seen = self.seen();
        HealthReport {
            standing: seen.standing(self.clock.monotonic()),
            last_error: seen.last_error.clone(),
            last_success: seen.last_success,
            running,
        }
    }

    fn keep(&self, operation: Operation, ended: Ended, error: &OperationError) {
        let last = LastError {
            at: self.clock.now(),
            operation,
            ended,
            text: error.to_string(),
            request_id: request_id::current(),
        };
        self.seen().last_error = Some(last);
    }

    fn see(&self, operation: Operation, sight: Sight) {
        let now = self.clock.monotonic();
        let mut seen = self.seen();
        let before = seen.standing(now);
        let streak = match operation {
            Operation::Begin | Operation::Discover => &mut seen.begin,
            Operation::Complete => &mut seen.complete,
        };
        match sight {
            Sight::Nothing => {}
            Sight::Fault(why, wait) => streak.fault(operation, why, wait, now),
            Sight::Works => {
                *streak = Streak::default();
                if operation == Operation::Complete {
                    seen.begin = Streak::default();
                    seen.last_success = Some(self.clock.now());
                }
            }
        }
        let after = seen.standing(now);
        drop(seen);
        self.tell(before, after);
    }

    fn tell(&self, before: Standing, after: Standing) {
        let provider = &self.provider;
        match (before, after) {
            (Standing::Usable, Standing::Aside { why, left }) => {
                let (why, seconds) = (why.name(), left.as_secs());
                tracing::warn!(%provider, why, seconds, "sign-ins fail: the sign-in page says so");
            }
            (Standing::Aside { .. }, Standing::Usable) => tracing::info!(%provider, "sign-ins work again"),
            _ => {}
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An operation under way. Dropped before its end, it was cancelled.
struct Watch<'a> {
    health: &'a Health,
    operation: Operation,
    began: Duration,
    over: bool,
}

impl Watch<'_> {
    fn ended(&self, ended: Ended) {
        let tallies = self.health.tallies();
        for (_, tally) in tallies.filter(|(operation, _)| *operation == self.operation) {
            tally.ended.add(ended);
            if ended != Ended::Busy {
                tally.took.add(self.health.clock.monotonic().saturating_sub(self.began));
            }
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.ended(Ended::Cancelled);
        }
    }
}

#[cfg(test)]
mod tests;
