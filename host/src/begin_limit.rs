//! How often one address may begin to sign in. Per process; never a global cap, which would let one client lock
//! everybody else out.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock as _, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::address::limit_key;
use crate::clock::Clock;

/// How many addresses are remembered. Beyond, the memory starts afresh: it stays bounded, and nobody is locked out.
const MANY: usize = 100_000;

type Limiter = RateLimiter<IpAddr, HashMapStateStore<IpAddr>, Injected, NoOpMiddleware<Moment>>;

/// The limit on begins, by client address.
pub struct BeginLimit {
    quota: Quota,
    clock: Injected,
    limiter: Mutex<Limiter>,
}

impl BeginLimit {
    /// So many begins a minute for each address, and as many at once.
    pub fn new(per_minute: NonZeroU32, clock: Arc<dyn Clock>) -> Self {
        let (quota, clock) = (Quota::per_minute(per_minute), Injected(clock));
        Self { quota, limiter: Mutex::new(RateLimiter::hashmap_with_clock(quota, clock.clone())), clock }
    }

    /// Counts one begin of this address, or says how long it has to wait.
    pub fn check(&self, address: IpAddr) -> Result<(), Duration> {
        let mut limiter = self.limiter.lock().unwrap_or_else(PoisonError::into_inner);
        if limiter.len() >= MANY {
            *limiter = RateLimiter::hashmap_with_clock(self.quota, self.clock.clone());
        }
        limiter.check_key(&limit_key(address)).map_err(|until| until.wait_time_from(self.clock.now()))
    }

    /// Forgets the addresses that have all their begins again; to be called once a minute.
    pub fn sweep(&self) {
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner).retain_recent();
    }
}

/// `governor` with the injected clock, and by the time that passes: a clock that is set back locks nobody out.
#[derive(Clone)]
struct Injected(Arc<dyn Clock>);

impl governor::clock::Clock for Injected {
    type Instant = Moment;

    fn now(&self) -> Moment {
        Moment(self.0.monotonic())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Moment(Duration);

impl std::ops::Add<Nanos> for Moment {
    type Output = Moment;

    fn add(self, nanos: Nanos) -> Moment {
        Moment(self.0.saturating_add(nanos.into()))
    }
}

impl Reference for Moment {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_sub(earlier.0).into()
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        Moment(self.0.saturating_sub(duration.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{ManualClock, Timestamp};

    fn limit(per_minute: u32) -> (BeginLimit, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new(Timestamp::from_micros(1_700_000_000_000_000)));
        (BeginLimit::new(NonZeroU32::new(per_minute).unwrap(), clock.clone()), clock)
    }

    #[test]
    fn an_address_that_begins_too_often_waits_and_others_do_not() {
        let (limit, clock) = limit(3);
        let (one, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        for _ in 0..3 {
            limit.check(one).unwrap();
        }
        let wait = limit.check(one).unwrap_err();
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(20), "{wait:?}");
        limit.check(other).unwrap();
        clock.set(Timestamp::from_micros(0));
        clock.advance(wait);
        limit.check(one).unwrap();
    }

    #[test]
    fn one_ipv6_network_is_one_client() {
        let (limit, _) = limit(1);
        limit.check("2001:db8::1".parse().unwrap()).unwrap();
        limit.check("2001:db8::2".parse().unwrap()).unwrap_err();
        limit.check("2001:db8:0:1::1".parse().unwrap()).unwrap();
    }

    #[test]
    fn memory_is_bounded_and_nobody_is_locked_out() {
        let (limit, clock) = limit(1);
        for n in 0..=u32::try_from(MANY).unwrap() {
            limit.check(IpAddr::V4(n.into())).unwrap();
        }
        assert!(limit.limiter.lock().unwrap().len() < MANY);
        clock.advance(Duration::from_secs(600));
        limit.sweep();
        assert!(limit.limiter.lock().unwrap().is_empty());
    }
}
