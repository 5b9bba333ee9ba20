//! What is fetched when, on a clock that the test moves.

use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::Semaphore;

use super::*;
use crate::clock::{ManualClock, Timestamp};

/// A thing that counts its fetches, fails while it is told to, and waits for a permit before each.
struct Source {
    clock: Arc<ManualClock>,
    fetched: Arc<AtomicU32>,
    down: Arc<Mutex<bool>>,
    permits: Arc<Semaphore>,
    kept: Kept<u32>,
}

fn source() -> Source {
    let clock = Arc::new(ManualClock::new(Timestamp::from_micros(0)));
    let (fetched, down) = (Arc::new(AtomicU32::new(0)), Arc::new(Mutex::new(false)));
    let permits = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
    let fetch = {
        let (fetched, down, permits) = (Arc::clone(&fetched), Arc::clone(&down), Arc::clone(&permits));
        move || {
            let (fetched, down, permits) = (Arc::clone(&fetched), Arc::clone(&down), Arc::clone(&permits));
            async move {
                let n = fetched.fetch_add(1, Ordering::SeqCst) + 1;
                let _permit = permits.acquire().await.unwrap();
                if *down.lock().unwrap() { Err(Failure::new(code::PROVIDER_DOWN, "down")) } else { Ok(n) }
            }
        }
    };
    let kept = Kept::new(Arc::clone(&clock) as Arc<dyn Clock>, fetch);
    Source { clock, fetched, down, permits, kept }
}

impl Source {
    async fn get(&self) -> Result<u32, u32> {
        self.kept.get().await.map(|got| *got.value).map_err(|failure| failure.code)
    }

    fn fetched(&self) -> u32 {
        self.fetched.load(Ordering::SeqCst)
    }

    fn down(&self, down: bool) {
        *self.down.lock().unwrap() = down;
    }
}

#[tokio::test]
async fn it_is_fetched_when_first_asked_for_and_again_when_it_is_old() {
    let source = source();
    assert_eq!(source.fetched(), 0);
    assert_eq!(source.get().await, Ok(1));
    source.clock.advance(MAX_AGE);
    assert_eq!(source.get().await, Ok(1));
    source.clock.advance(Duration::from_micros(1));
    assert_eq!(source.get().await, Ok(2));
}

#[tokio::test]
async fn many_who_wait_share_one_fetch() {
    let source = Arc::new(source());
    source.permits.forget_permits(Semaphore::MAX_PERMITS);
    let waiting: Vec<_> = (0..100)
        .map(|_| {
            let source = Arc::clone(&source);
            tokio::spawn(async move { source.get().await })
        })
        .collect();
    // All are at the fetch before it goes on: this test's runtime has one thread.
    tokio::task::yield_now().await;
    source.permits.add_permits(1);
    for waiter in waiting {
        assert_eq!(waiter.await.unwrap(), Ok(1));
    }
    assert_eq!(source.fetched(), 1);
}

#[tokio::test]
async fn a_fetch_goes_on_when_whoever_waits_for_it_goes_away() {
    let source = Arc::new(source());
    source.permits.forget_permits(Semaphore::MAX_PERMITS);
    let waiter = {
        let source = Arc::clone(&source);
        tokio::spawn(async move { source.get().await })
    };
    tokio::task::yield_now().await;
    waiter.abort();
    assert!(waiter.await.unwrap_err().is_cancelled());
    source.permits.add_permits(1);
    assert_eq!(source.get().await, Ok(1));
    assert_eq!(source.fetched(), 1);
}

#[tokio::test]
async fn after_a_failure_it_is_fetched_once_in_a_cool_down_and_comes_back_by_itself() {
    let source = source();
    source.down(true);
    for _ in 0..100 {
        assert_eq!(source.get().await, Err(code::PROVIDER_DOWN));
    }
    assert_eq!(source.fetched(), 1);
    source.down(false);
    assert_eq!(source.get().await, Err(code::PROVIDER_DOWN));
    source.clock.advance(COOL_DOWN);
    assert_eq!(source.get().await, Ok(2));
}

#[tokio::test]
async fn an_old_one_is_used_while_it_cannot_be_fetched_but_not_for_ever() {
    let source = source();
    source.get().await.unwrap();
    source.down(true);
    source.clock.advance(MAX_AGE * 2);
    assert_eq!((source.get().await, source.get().await), (Ok(1), Ok(1)));
    assert_eq!(source.fetched(), 2);
    source.clock.advance(MAX_STALE - MAX_AGE * 2);
    assert_eq!(source.get().await, Ok(1));
    source.clock.advance(Duration::from_micros(1));
    assert_eq!(source.get().await, Err(code::PROVIDER_DOWN));
    source.down(false);
    source.clock.advance(COOL_DOWN);
    assert_eq!(source.get().await, Ok(4));
}

#[tokio::test]
async fn what_is_missed_in_it_is_looked_for_once_in_a_cool_down() {
    let source = source();
    let first = source.kept.get().await.unwrap();
    assert!(first.just_now);
    let second = source.kept.newer(&first.value).await.unwrap().unwrap();
    assert_eq!(*second, 2);
    // Whoever still holds the first one is given the second without a fetch.
    assert_eq!(source.kept.newer(&first.value).await.unwrap().as_deref(), Some(&2));
    for _ in 0..10_000 {
        assert_eq!(source.kept.newer(&second).await.unwrap(), None);
    }
    assert_eq!(source.fetched(), 2);
    source.clock.advance(COOL_DOWN);
    assert_eq!(source.kept.newer(&second).await.unwrap().as_deref(), Some(&3));
}

#[tokio::test]
async fn what_is_missed_while_it_cannot_be_fetched_is_a_failure_of_the_fetch() {
    let source = source();
    let first = source.kept.get().await.unwrap().value;
    source.down(true);
    for _ in 0..100 {
        assert!(source.kept.newer(&first).await.is_err());
    }
    assert_eq!(source.fetched(), 2);
    assert_eq!(source.get().await, Ok(1));
    source.down(false);
    source.clock.advance(COOL_DOWN);
    assert_eq!(source.kept.newer(&first).await.unwrap().as_deref(), Some(&3));
}

#[tokio::test]
async fn a_fetch_that_panics_fails_and_the_next_one_is_made() {
    let clock = Arc::new(ManualClock::new(Timestamp::from_micros(0)));
    let fetched = Arc::new(AtomicU32::new(0));
    let kept = {
        let fetched = Arc::clone(&fetched);
        Kept::<u32>::new(clock, move || {
            let n = fetched.fetch_add(1, Ordering::SeqCst);
            async move { if n == 0 { panic!("on purpose") } else { Ok(n) } }
        })
    };
    assert!(kept.get().await.is_err());
    assert_eq!(*kept.get().await.unwrap().value, 1);
}

/// A runtime that is closing drops what is spawned on it within the call: that must not wait for a lock of this thread.
#[test]
fn a_fetch_on_a_runtime_that_is_gone_is_lost_and_the_next_one_is_made() {
    let source = source();
    let closed = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let handle = closed.handle().clone();
    let first = closed.block_on(source.kept.get()).unwrap().value;
    drop(closed);
    {
        let _entered = handle.enter();
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let newer = std::pin::pin!(source.kept.newer(&first)).poll(&mut context);
        assert!(matches!(newer, std::task::Poll::Ready(Ok(None))));
        source.clock.advance(MAX_STALE + COOL_DOWN);
        let got = std::pin::pin!(source.get()).poll(&mut context);
        assert_eq!(got, std::task::Poll::Ready(Err(code::PROVIDER_DOWN)));
    }
    let open = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(open.block_on(source.get()), Ok(2));
}
