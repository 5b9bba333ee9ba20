//! What a provider can do to time and memory: the sign-in ends at its limit, and nobody else notices.

use std::time::Duration;

use tokio::task::JoinSet;
use vestibule::plugin::Limits;
use vestibule::web::pages::ErrorKind;
use vestibule_demo_idp::{Endpoint, Fault};

use super::journey::Journey;
use super::{check_error_page, plan, rows};
use crate::database::{Place, everywhere};
use crate::world::{Plan, World};

/// The endpoints that a sign-in with `allowed_orgs` asks.
const ASKED: [Endpoint; 4] = [Endpoint::Token, Endpoint::User, Endpoint::Orgs, Endpoint::Emails];

async fn with_limits(place: Place, change: impl FnOnce(&mut Limits)) -> World {
    let mut plan = plan(place);
    change(&mut plan.operations);
    plan.start().await
}

/// Waits until the provider has got a request at this endpoint.
async fn until_asked(world: &World, endpoint: Endpoint) {
    while world.idp.requests_to(endpoint).is_empty() {
        tokio::task::yield_now().await;
    }
}

async fn ends_at_the_limit(world: World, fault: Fault, at: Endpoint, kind: ErrorKind) {
    world.idp.set_fault(at, fault);
    let end = Journey::walk(&world, "github", "octavia").await.end.unwrap();
    check_error_page(&end, kind).unwrap_or_else(|why| panic!("{at}={fault}: {why}"));
    assert_eq!(rows(&world.database().await).await, (0, 0, 0, 0, 0), "{at}={fault}");
    assert_eq!(world.idp.requests_to(at).len(), 1, "{at}={fault}: asked once and not again");
    world.idp.clear_faults();
    let end = Journey::walk(&world, "github", "octavia").await.end.unwrap();
    assert_eq!(end.status, 303, "{at}={fault}: the next sign-in works");
}

everywhere! {
    async fn a_provider_that_stalls_or_dribbles_is_given_up_at_the_limit_of_a_request(place) {
        let mut cases = JoinSet::new();
        for fault in [Fault::Slow, Fault::Stall] {
            for at in ASKED {
                // Long enough for a busy machine, and waited out by all of them at once.
                let world = with_limits(place, |limits| limits.request = Duration::from_secs(3)).await;
                cases.spawn(ends_at_the_limit(world, fault, at, ErrorKind::ProviderUnreachable));
            }
        }
        cases.join_all().await;
    }

    async fn a_sign_in_that_never_ends_is_given_up_at_the_limit_of_an_operation(place) {
        let mut cases = JoinSet::new();
        for at in ASKED {
            let world = with_limits(place, |limits| limits.operation = Duration::from_secs(8)).await;
            cases.spawn(ends_at_the_limit(world, Fault::Stall, at, ErrorKind::ProviderFailed));
        }
        cases.join_all().await;
    }

    async fn a_sign_in_that_stalls_holds_nobody_else_up(place) {
        let world = plan(place).start().await;
        let mut stalled = Journey::begin(&world, "github").await;
        stalled.choose(&world, "octavia").await;
        world.idp.set_fault_times(Endpoint::Token, Fault::Stall, 1);
        let waiting = tokio::spawn(async move { stalled.come_back().await });
        until_asked(&world, Endpoint::Token).await;
        let mut others = world.idp.people();
        others.retain(|person| person.organizations.iter().any(|organization| organization.login == "acme"));
        assert!(others.len() >= 2);
        for person in others {
            let end = Journey::walk(&world, "github", &person.login).await.end.unwrap();
            assert_eq!(end.status, 303, "{}", person.login);
        }
        assert!(!waiting.is_finished(), "the first one waits all the while");
        waiting.abort();
    }

    async fn a_body_without_end_takes_no_more_memory_than_one_at_the_limit(place) {
        memory_stays_flat(place).await;
    }

    async fn where_all_places_are_taken_the_next_one_is_told_to_come_back(place) {
        let world = with_limits(place, |limits| limits.operations = 1).await;
        let mut stalled = Journey::begin(&world, "github").await;
        stalled.choose(&world, "octavia").await;
        let mut late = Journey::begin(&world, "github").await;
        late.choose(&world, "kai").await;
        world.idp.set_fault_times(Endpoint::Token, Fault::Stall, 1);
        let waiting = tokio::spawn(async move { stalled.come_back().await });
        until_asked(&world, Endpoint::Token).await;
        late.come_back().await;
        let end = late.end.unwrap();
        check_error_page(&end, ErrorKind::ProviderUnavailable).unwrap();
        assert!(end.header("retry-after").parse::<u64>().unwrap() >= 5);
        assert_eq!(world.count("users").await, 0);
        waiting.abort();
    }
}

/// The most memory that this process has ever had, in KiB.
pub(crate) fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The runner gives each test a process of its own, so the figure is this test's alone.
async fn memory_stays_flat(place: Place) {
    const MIB: u64 = 1024;
    let world = Plan { server: "begin_rate = \"1000/min\"".to_owned(), ..plan(place) }.start().await;
    assert_eq!(Journey::walk(&world, "github", "octavia").await.end.unwrap().status, 303);
    let before = most_memory();
    for fault in [Fault::Huge, Fault::GzipBomb, Fault::DeepJson] {
        for at in ASKED {
            world.idp.set_fault(at, fault);
            let end = Journey::walk(&world, "github", "octavia").await.end.unwrap();
            check_error_page(&end, ErrorKind::ProviderBadAnswer)
                .unwrap_or_else(|why| panic!("{at}={fault}: {why}"));
            world.idp.clear_faults();
        }
    }
    let grown = most_memory() - before;
    assert!(grown <= 16 * MIB, "grown by {grown} KiB");
    // The measure does see what is taken.
    let taken = std::hint::black_box(vec![1_u8; 64 << 20]);
    assert!(most_memory() - before >= 48 * MIB, "{} bytes were not seen", taken.len());
}
