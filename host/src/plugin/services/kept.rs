//! One thing that is fetched, kept for a while, and used on while it cannot be fetched again. What the thing is, and how it
//! is fetched, is not known here.
//!
//! However many wait for it, there is one fetch at a time, and it goes on when they go away. All ages are counted on the
//! injected clock.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tracing::Instrument as _;
use vestibule_abi::record::{Failure, code};

use crate::clock::Clock;

/// How old it may be before it is fetched again.
pub(super) const MAX_AGE: Duration = Duration::from_secs(10 * 60);
/// How long nothing is fetched after a fetch that failed, and after one that was made because something was missed.
pub(super) const COOL_DOWN: Duration = Duration::from_secs(30);
/// How old it may be while it cannot be fetched again.
pub(super) const MAX_STALE: Duration = Duration::from_secs(24 * 60 * 60);

type Fetch<T> = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Result<T, Failure>> + Send>> + Send + Sync>;

/// The thing, fetched when it is first asked for.
pub(super) struct Kept<T>(Arc<Inner<T>>);

struct Inner<T> {
    clock: Arc<dyn Clock>,
    fetch: Fetch<T>,
    state: Mutex<State<T>>,
}

struct State<T> {
    /// The last good one, and when it was fetched.
    good: Option<(Arc<T>, Duration)>,
    /// Why and when the last fetch failed, if none was good since.
    failed: Option<(Failure, Duration)>,
    /// When it was last fetched because something was missed in it.
    missed: Option<Duration>,
    /// A fetch under way: it closes when it is over.
    flight: Option<watch::Receiver<()>>,
}

/// What was asked for.
pub(super) struct Got<T> {
    pub(super) value: Arc<T>,
    /// Whether it was fetched for whoever asked, and so cannot lack what came before.
    pub(super) just_now: bool,
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Send + Sync + 'static> Kept<T> {
    /// Nothing is fetched before it is asked for.
    pub(super) fn new<F>(clock: Arc<dyn Clock>, fetch: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let state = State { good: None, failed: None, missed: None, flight: None };
        let fetch: Fetch<T> = Box::new(move || Box::pin(fetch()));
        Self(Arc::new(Inner { clock, fetch, state: Mutex::new(state) }))
    }

    /// The thing, at most [`MAX_AGE`] old, or older where it cannot be fetched.
    pub(super) async fn get(&self) -> Result<Got<T>, Failure> {
        let (flight, start) = {
            let mut state = self.0.state();
            let now = self.0.clock.monotonic();
            match &state.good {
                Some((good, at)) if now.saturating_sub(*at) <= MAX_AGE => {
                    return Ok(Got { value: Arc::clone(good), just_now: false });
                }
                _ if state.cooling(now) => return state.stale(now),
                _ => {}
            }
            self.join(&mut state)
        };
        let mine = start.is_some();
        take_off(start);
        over(flight).await;
        let state = self.0.state();
        let now = self.0.clock.monotonic();
        match &state.good {
            Some((good, at)) if now.saturating_sub(*at) <= MAX_AGE => {
                Ok(Got { value: Arc::clone(good), just_now: mine })
            }
            _ => state.stale(now),
        }
    }

    /// A newer one than `seen`, in which something was missed; `None` where there is none and it is too early to fetch one.
    pub(super) async fn newer(&self, seen: &Arc<T>) -> Result<Option<Arc<T>>, Failure> {
        let (flight, start) = {
            let mut state = self.0.state();
            let now = self.0.clock.monotonic();
            if let Some(other) = state.other_than(seen) {
                return Ok(Some(other));
            }
            let early = state.missed.is_some_and(|at| now.saturating_sub(at) < COOL_DOWN);
            if state.flight.is_none() && (early || state.cooling(now)) {
                return match &state.failed {
                    Some((failure, at)) if now.saturating_sub(*at) < COOL_DOWN => Err(failure.clone()),
                    _ => Ok(None),
                };
            }
            state.missed = Some(now);
            self.join(&mut state)
        };
        take_off(start);
        over(flight).await;
        let state = self.0.state();
        match (state.other_than(seen), &state.failed) {
            (Some(other), _) => Ok(Some(other)),
            (None, Some((failure, _))) => Err(failure.clone()),
            (None, None) => Ok(None),
        }
    }

    /// The fetch under way, or a new one, which has to [`take_off`] once the state is unlocked.
    fn join(&self, state: &mut State<T>) -> (watch::Receiver<()>, Option<Landing<T>>) {
        if let Some(flight) = &state.flight {
            return (flight.clone(), None);
        }
        let (running, flight) = watch::channel(());
        state.flight = Some(flight.clone());
        (flight, Some(Landing { inner: Arc::clone(&self.0), _running: running }))
    }
}

/// Begins a new fetch. The state must not be locked: a runtime that is closing drops the future in here, and the landing
/// locks it.
fn take_off<T: Send + Sync + 'static>(start: Option<Landing<T>>) {
    let Some(landing) = start else { return };
    tokio::spawn(
        async move {
            let fetched = (landing.inner.fetch)().await;
            landing.inner.land(fetched);
            drop(landing);
        }
        .in_current_span(),
    );
}

/// Ends a flight, also one that panicked or whose runtime went away.
struct Landing<T> {
    inner: Arc<Inner<T>>,
    _running: watch::Sender<()>,
}

impl<T> Drop for Landing<T> {
    fn drop(&mut self) {
        self.inner.state().flight = None;
    }
}

/// Until its sender is gone.
async fn over(mut flight: watch::Receiver<()>) {
    while flight.changed().await.is_ok() {}
}

impl<T> Inner<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn land(&self, fetched: Result<T, Failure>) {
        let now = self.clock.monotonic();
        let mut state = self.state();
        match fetched {
            Ok(value) => {
                state.good = Some((Arc::new(value), now));
                state.failed = None;
            }
            Err(failure) => {
                let stale =
                    if state.stale(now).is_ok() { "; what was fetched before is used on" } else { "" };
                tracing::warn!("{}{stale}", failure.message);
                state.failed = Some((failure, now));
            }
        }
    }
}

impl<T> State<T> {
    /// Whether a fetch failed so lately that the next one has to wait.
    fn cooling(&self, now: Duration) -> bool {
        self.flight.is_none()
            && self.failed.as_ref().is_some_and(|(_, at)| now.saturating_sub(*at) < COOL_DOWN)
    }

    /// What there is while it cannot be fetched.
    fn stale(&self, now: Duration) -> Result<Got<T>, Failure> {
        match (&self.good, &self.failed) {
            (Some((good, at)), _) if now.saturating_sub(*at) <= MAX_STALE => {
                Ok(Got { value: Arc::clone(good), just_now: false })
            }
            (_, Some((failure, _))) => Err(failure.clone()),
            _ => Err(Failure::new(code::PROVIDER_DOWN, "a fetch of the host was lost")),
        }
    }

    fn other_than(&self, seen: &Arc<T>) -> Option<Arc<T>> {
        self.good.as_ref().map(|(good, _)| good).filter(|good| !Arc::ptr_eq(good, seen)).cloned()
    }
}

#[cfg(test)]
mod tests;
