//! A provider that is down, as people see it: greyed with a reason, never closed, and back by itself. The rule itself is
//! tested beside its code.

use std::sync::atomic::Ordering;
use std::time::Duration;

use vestibule::clock::Timestamp;
use vestibule::plugin::TransportKind;
use vestibule::plugin::health::{Ended, Standing, Why};
use vestibule_demo_idp::{Endpoint, Fault};

use crate::database::everywhere;
use crate::faults::issuer;
use crate::faults::journey::{Journey, Seen};
use crate::faults::plugins::NEIGHBOUR;
use crate::world::{Plan, World, plain_client};

/// What a provider's button says instead of leading on.
async fn reason(world: &World, provider: &str) -> Option<String> {
    let page = Seen::of(plain_client().get(world.at("/login")).send().await.unwrap()).await.text();
    let (_, rest) = page.split_once(&format!("id=\"why-{provider}\">"))?;
    Some(rest.split("</p>").next().unwrap().to_owned())
}

async fn fails(world: &World, at: Endpoint, fault: Fault) {
    world.idp.set_fault(at, fault);
    let end = Journey::walk(world, "github", "octavia").await.end.unwrap();
    assert_ne!(end.status, 303, "{at}={fault}");
    world.idp.clear_faults();
}

async fn signs_in(world: &World) {
    assert_eq!(Journey::walk(world, "github", "octavia").await.end.unwrap().status, 303);
}

fn standing(world: &World) -> Standing {
    let registry = world.app.registry.load();
    let running = registry.get("github").unwrap().running.as_ref();
    running.unwrap_or_else(|why| panic!("{why}")).provider.health().standing
}

const UNREACHABLE: &str = "Cannot be reached at the moment. Please try again in a little while.";

everywhere! {
    async fn a_provider_that_is_down_is_greyed_with_the_reason_and_a_sign_in_that_works_brings_it_back(place) {
        let plan = Plan { neighbours: vec![(NEIGHBOUR, "")], ..Plan::on(place) };
        let world = plan.start().await;
        signs_in(&world).await;
        for _ in 0..3 {
            assert_eq!(reason(&world, "github").await, None);
            fails(&world, Endpoint::Token, Fault::Reset).await;
        }
        assert_eq!(reason(&world, "github").await.as_deref(), Some(UNREACHABLE));
        assert_eq!(reason(&world, NEIGHBOUR).await, None, "only the one that is down");
        // It is said and not enforced.
        signs_in(&world).await;
        assert_eq!(reason(&world, "github").await, None);
    }

    async fn a_provider_that_is_down_comes_back_when_its_time_is_up_and_goes_with_the_next_failure(place) {
        let world = Plan::on(place).start().await;
        for _ in 0..3 {
            fails(&world, Endpoint::Token, Fault::ServerError).await;
        }
        assert!(reason(&world, "github").await.is_some());
        // The time of day is no measure.
        world.clock.set(Timestamp::from_micros(0));
        assert!(reason(&world, "github").await.is_some());
        world.clock.set(crate::world::START);
        world.clock.advance(Duration::from_secs(60));
        assert_eq!(reason(&world, "github").await, None);
        fails(&world, Endpoint::Token, Fault::ServerError).await;
        assert!(reason(&world, "github").await.is_some());
    }

    async fn a_limit_of_the_providers_is_shown_as_such_for_as_long_as_it_asks(place) {
        let world = Plan::on(place).start().await;
        for _ in 0..3 {
            fails(&world, Endpoint::Token, Fault::RateLimited).await;
        }
        let left = Duration::from_secs(60);
        assert_eq!(standing(&world), Standing::Aside { why: Why::RateLimited, left });
        let said = reason(&world, "github").await.unwrap();
        assert!(said.starts_with("Takes no more sign-ins at the moment."), "{said}");
        world.clock.advance(left);
        assert_eq!(reason(&world, "github").await, None);
    }

    async fn what_people_do_never_greys_a_provider(place) {
        let world = Plan { server: "begin_rate = \"1000/min\"".to_owned(), ..Plan::on(place) }.start().await;
        for _ in 0..5 {
            for (name, value) in [("error", "access_denied"), ("code", "forged")] {
                let mut journey = Journey::begin(&world, "github").await;
                let mut callback = world.at("/auth/github/callback");
                callback.query_pairs_mut().append_pair(name, value).append_pair("state", &journey.asked("state"));
                journey.callback = Some(callback);
                journey.come_back().await;
                assert!((400..500).contains(&journey.end.unwrap().status), "{value}");
            }
        }
        assert_eq!(reason(&world, "github").await, None);
    }

    async fn an_issuer_that_cannot_be_reached_greys_its_provider_at_the_first_begin(place) {
        let (idp, down) = issuer::issuer(false).await;
        down.store(true, Ordering::SeqCst);
        let world = issuer::world(place, &idp.url).await;
        assert_eq!(reason(&world, "asking").await, None, "nobody has tried");
        assert_eq!(Journey::begin(&world, "asking").await.begin.status, 503);
        assert_eq!(reason(&world, "asking").await.as_deref(), Some(UNREACHABLE));
        assert_eq!(reason(&world, "github").await, None);
        down.store(false, Ordering::SeqCst);
        world.clock.advance(Duration::from_secs(30));
        assert_eq!(Journey::begin(&world, "asking").await.begin.status, 303);
        assert_eq!(reason(&world, "asking").await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_error_names_the_request_whose_id_the_person_saw() {
    let world = Plan::on(TransportKind::InProcess).start().await;
    world.idp.set_fault(Endpoint::Token, Fault::Reset);
    let end = Journey::walk(&world, "github", "octavia").await.end.unwrap();
    let registry = world.app.registry.load();
    let running = registry.get("github").unwrap().running.as_ref();
    let last = running.unwrap_or_else(|why| panic!("{why}")).provider.health().last_error.unwrap();
    assert_eq!(last.request_id.as_deref(), Some(end.header("x-request-id")));
    assert_eq!((last.ended, last.at), (Ended::ProviderDown, crate::world::START));
}
