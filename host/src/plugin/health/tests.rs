//! The rule, on a clock that stands until it is moved.

use super::*;
use crate::clock::ManualClock;

struct Rig {
    health: Health,
    clock: Arc<ManualClock>,
}

const DOWN: Kind = Kind::ProviderDown;

impl Rig {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_micros(1_700_000_000_000_000)));
        Self { health: Health::new("tested".parse().unwrap(), clock.clone()), clock }
    }

    async fn ends(&self, operation: Operation, result: Result<(), Kind>) -> Standing {
        let result = result.map_err(|kind| OperationError::new(kind, "why"));
        let _ = self.health.watch(operation, async { result }).await;
        self.health.standing()
    }

    async fn fails(&self, kind: Kind) -> Standing {
        self.ends(Operation::Complete, Err(kind)).await
    }

    fn count(&self, operation: Operation, ended: Ended) -> u64 {
        let (_, tally) = self.health.tallies().find(|(each, _)| *each == operation).unwrap();
        tally.ended.read().find(|(each, _)| *each == ended).unwrap().1
    }
}

fn aside(why: Why, seconds: u64) -> Standing {
    Standing::Aside { why, left: Duration::from_secs(seconds) }
}

#[tokio::test]
async fn three_failures_in_a_row_set_a_provider_aside_and_its_time_brings_it_back() {
    let rig = Rig::new();
    assert_eq!(rig.fails(DOWN).await, Standing::Usable);
    assert_eq!(rig.fails(DOWN).await, Standing::Usable);
    assert_eq!(rig.fails(DOWN).await, aside(Why::Unreachable, 60));
    rig.clock.advance(Duration::from_secs(59));
    assert_eq!(rig.health.standing(), aside(Why::Unreachable, 1));
    rig.clock.advance(Duration::from_secs(1));
    assert_eq!(rig.health.standing(), Standing::Usable);
    // It had not recovered.
    assert_eq!(rig.fails(DOWN).await, aside(Why::Unreachable, 60));
}

#[tokio::test]
async fn a_clock_that_is_set_back_keeps_nobody_aside() {
    let rig = Rig::new();
    for _ in 0..3 {
        rig.fails(DOWN).await;
    }
    rig.clock.set(Timestamp::from_micros(0));
    rig.clock.advance(Duration::from_secs(60));
    assert_eq!(rig.health.standing(), Standing::Usable);
}

#[tokio::test]
async fn one_sign_in_that_works_brings_it_back_at_once() {
    for worked in [Ok(()), Err(Kind::RefusedByPolicy), Err(Kind::CodeExpired)] {
        let rig = Rig::new();
        for _ in 0..5 {
            rig.fails(DOWN).await;
        }
        assert_eq!(rig.ends(Operation::Complete, worked).await, Standing::Usable, "{worked:?}");
        rig.fails(DOWN).await;
        assert_eq!(rig.fails(DOWN).await, Standing::Usable, "it counts from the start again");
    }
}

#[tokio::test]
async fn failures_between_sign_ins_that_work_never_add_up() {
    let rig = Rig::new();
    for _ in 0..20 {
        rig.fails(DOWN).await;
        rig.fails(Kind::Panic).await;
        assert_eq!(rig.ends(Operation::Complete, Ok(())).await, Standing::Usable);
    }
}

#[tokio::test]
async fn failures_of_different_hours_do_not_add_up() {
    let rig = Rig::new();
    for _ in 0..10 {
        assert_eq!(rig.fails(DOWN).await, Standing::Usable);
        rig.clock.advance(MEMORY + Duration::from_secs(1));
    }
}

#[tokio::test]
async fn what_people_do_never_sets_a_provider_aside_and_is_no_error_of_its() {
    let rig = Rig::new();
    for _ in 0..20 {
        for kind in [Kind::Denied, Kind::CodeExpired, Kind::RefusedByPolicy] {
            assert_eq!(rig.fails(kind).await, Standing::Usable);
        }
    }
    assert_eq!(rig.health.report(0).last_error, None);
}

#[tokio::test]
async fn a_denial_and_a_full_house_do_not_hide_that_it_is_down() {
    let rig = Rig::new();
    let busy = Kind::Busy { retry_after: Duration::from_secs(5) };
    for kind in [DOWN, Kind::Denied, DOWN, busy] {
        assert_eq!(rig.fails(kind).await, Standing::Usable);
    }
    assert_eq!(rig.fails(DOWN).await, aside(Why::Unreachable, 60));
    assert_eq!(rig.fails(Kind::Denied).await, aside(Why::Unreachable, 60));
}

#[tokio::test]
async fn where_begin_cannot_reach_it_one_failure_is_enough() {
    let rig = Rig::new();
    assert_eq!(rig.ends(Operation::Begin, Err(DOWN)).await, aside(Why::Unreachable, 60));
    assert_eq!(rig.ends(Operation::Begin, Ok(())).await, Standing::Usable);
    // A plugin that panics once may have met a person's own hints.
    assert_eq!(rig.ends(Operation::Begin, Err(Kind::Panic)).await, Standing::Usable);
}

#[tokio::test]
async fn a_begin_that_asks_the_provider_nothing_does_not_say_that_it_is_back() {
    let rig = Rig::new();
    for _ in 0..3 {
        rig.fails(DOWN).await;
    }
    assert_eq!(rig.ends(Operation::Begin, Ok(())).await, aside(Why::Unreachable, 60));
}

#[tokio::test]
async fn a_wish_to_wait_has_its_own_time_within_reason() {
    for (asked, shown) in [(None, 60), (Some(7), 7), (Some(600), 600), (Some(86_400), 900)] {
        let rig = Rig::new();
        let kind = Kind::RateLimited { retry_after: asked.map(Duration::from_secs) };
        rig.fails(kind).await;
        rig.fails(kind).await;
        assert_eq!(rig.fails(kind).await, aside(Why::RateLimited, shown), "{asked:?}");
        rig.clock.advance(Duration::from_secs(shown));
        assert_eq!(rig.health.standing(), Standing::Usable);
    }
}

#[tokio::test]
async fn the_reason_is_that_of_the_last_failure() {
    let rig = Rig::new();
    for (kind, why) in [
        (DOWN, Why::Unreachable),
        (Kind::ClientMisconfigured, Why::Misconfigured),
        (Kind::BadSettings, Why::Misconfigured),
        (Kind::BadAnswer, Why::Failing),
        (Kind::Panic, Why::Failing),
        (Kind::Stuck, Why::Failing),
        (Kind::TimedOut, Why::Failing),
        (Kind::Forbidden, Why::Failing),
        (Kind::SecretLeak, Why::Failing),
        (Kind::Protocol, Why::Failing),
        (Kind::Unknown(4711), Why::Failing),
    ] {
        for _ in 0..3 {
            rig.fails(kind).await;
        }
        assert_eq!(rig.health.standing(), aside(why, 60), "{kind:?}");
    }
}

#[tokio::test]
async fn the_last_error_is_kept_with_the_request_that_met_it() {
    let rig = Rig::new();
    request_id::within(Some("k7q2m4xw9z3c5v6b".to_owned()), rig.fails(DOWN)).await;
    let met_at = rig.clock.now();
    rig.clock.advance(Duration::from_secs(5));
    rig.ends(Operation::Complete, Ok(())).await;
    let report = rig.health.report(2);
    let expected = LastError {
        at: met_at,
        operation: Operation::Complete,
        ended: Ended::ProviderDown,
        text: "the provider cannot be reached: why".to_owned(),
        request_id: Some("k7q2m4xw9z3c5v6b".to_owned()),
    };
    assert_eq!(report.last_error, Some(expected));
    assert_eq!(report.last_success, Some(rig.clock.now()));
    assert_eq!((report.standing, report.running), (Standing::Usable, 2));
}

#[tokio::test]
async fn every_end_is_counted_and_one_that_nobody_waited_for_as_well() {
    let rig = Rig::new();
    rig.ends(Operation::Begin, Ok(())).await;
    rig.fails(DOWN).await;
    rig.fails(Kind::Busy { retry_after: Duration::from_secs(5) }).await;
    drop(rig.health.watch(Operation::Complete, std::future::pending::<Result<(), _>>()));
    assert_eq!(rig.count(Operation::Complete, Ended::Cancelled), 0, "it was never begun");
    {
        let mut watched =
            std::pin::pin!(rig.health.watch(Operation::Complete, std::future::pending::<Result<(), _>>()));
        tokio::select! {
            biased;
            _ = &mut watched => {}
            () = std::future::ready(()) => {}
        }
    }
    assert_eq!(rig.count(Operation::Begin, Ended::Ok), 1);
    assert_eq!(rig.count(Operation::Complete, Ended::ProviderDown), 1);
    assert_eq!(rig.count(Operation::Complete, Ended::Cancelled), 1);
    let (_, complete) = rig.health.tallies().find(|(each, _)| *each == Operation::Complete).unwrap();
    let begun: u64 = complete.took.read().buckets.iter().map(|(_, count)| count).sum();
    assert_eq!(begun, 2, "what was refused at the door took no time");
}
