//! What a plugin can do wrong, through the whole server: its own sign-in fails with a page of its own, GitHub's beside it
//! goes on, and nothing is half-written (rows 79, 82 and 83b of docs/security.md).

use std::time::Duration;

use vestibule::plugin::TransportKind;
use vestibule::web::pages::ErrorKind;
use vestibule_demo_idp::Endpoint;

use super::check_error_page;
use super::journey::Journey;
use crate::database::{Place, everywhere};
use crate::world::{Plan, World};

/// A provider of the plugin `misbehaving`, which behaves until it is told otherwise.
pub(crate) const NEIGHBOUR: &str = "odd";

/// What it does wrong when it is asked whose account it is, and what comes of that.
pub(crate) const BEHAVIOURS: [(&str, ErrorKind); 17] = [
    ("panic", ErrorKind::ProviderFailed),
    ("panic_bomb", ErrorKind::ProviderFailed),
    ("panic_in_drop", ErrorKind::ProviderFailed),
    ("stuck", ErrorKind::ProviderFailed),
    ("error", ErrorKind::RefusedByPolicy),
    ("handle_in_error", ErrorKind::ProviderFailed),
    ("handle_in_error_percent", ErrorKind::ProviderFailed),
    ("handle_in_log", ErrorKind::ProviderFailed),
    ("handle_in_account", ErrorKind::ProviderFailed),
    ("handle_in_login", ErrorKind::ProviderFailed),
    ("handle_in_login_base64", ErrorKind::ProviderFailed),
    ("handle_in_login_percent", ErrorKind::ProviderFailed),
    ("handle_in_login_json", ErrorKind::ProviderFailed),
    ("handle_in_tokens", ErrorKind::ProviderFailed),
    ("nul_in_id", ErrorKind::ProviderBadAnswer),
    ("long_id", ErrorKind::ProviderBadAnswer),
    // A name of 1 MiB is more than a whole message's head may be.
    ("long_name", ErrorKind::ProviderFailed),
];

async fn world(place: impl Into<Place>, neighbours: &[(&'static str, &'static str)]) -> World {
    Plan {
        server: "begin_rate = \"100000/min\"".to_owned(),
        neighbours: neighbours.to_vec(),
        ..Plan::on(place)
    }
    .start()
    .await
}

/// A sign-in at the neighbour, which is told by the callback how to behave.
pub(crate) async fn sign_in(world: &World, behaviour: &str) -> Journey {
    let mut journey = Journey::begin(world, NEIGHBOUR).await;
    let mut callback = world.at(&format!("/auth/{NEIGHBOUR}/callback"));
    callback
        .query_pairs_mut()
        .append_pair("code", "a-code")
        .append_pair("state", &journey.asked("state"))
        .append_pair("behaviour", behaviour);
    journey.callback = Some(callback);
    journey.come_back().await;
    journey
}

async fn all_rows(world: &World) -> Vec<i64> {
    let mut counts = Vec::new();
    for table in ["users", "identities", "oauth_github", "oauth_odd", "sessions", "login_attempts"] {
        counts.push(world.count(table).await);
    }
    counts
}

async fn github_goes_on(world: &World) {
    let end = Journey::walk(world, "github", "octavia").await.end.unwrap();
    assert_eq!(end.status, 303);
}

everywhere! {
    async fn an_issuer_that_was_promised_must_be_there_and_be_the_one(place) {
        let world = world(place, &[("strict", "promises_issuer")]).await;
        for (issuer, status) in
            [(None, 400), (Some("https://other.example"), 400), (Some("https://issuer.example"), 303)]
        {
            let mut journey = Journey::begin(&world, "strict").await;
            let mut callback = world.at("/auth/strict/callback");
            callback.query_pairs_mut().append_pair("code", "a-code").append_pair("state", &journey.asked("state"));
            if let Some(issuer) = issuer {
                callback.query_pairs_mut().append_pair("iss", issuer);
            }
            journey.callback = Some(callback);
            journey.come_back().await;
            assert_eq!(journey.end.unwrap().status, status, "{issuer:?}");
        }
        assert_eq!(world.count("sessions").await, 1);
    }

    async fn the_state_of_one_provider_signs_nobody_in_at_another(place) {
        let world = world(place, &[(NEIGHBOUR, "")]).await;
        let mut journey = Journey::begin(&world, NEIGHBOUR).await;
        let state = journey.asked("state");
        let mut callback = world.at("/auth/github/callback");
        callback.query_pairs_mut().append_pair("code", "a-code").append_pair("state", &state);
        journey.callback = Some(callback);
        journey.come_back().await;
        check_error_page(journey.end.as_ref().unwrap(), ErrorKind::StateInvalid).unwrap();
        assert!(world.idp.requests_to(Endpoint::Token).is_empty(), "the provider was not asked");
        // The attempt is over, at its own provider too.
        let mut callback = world.at(&format!("/auth/{NEIGHBOUR}/callback"));
        callback.query_pairs_mut().append_pair("code", "a-code").append_pair("state", &state);
        journey.callback = Some(callback);
        journey.come_back().await;
        check_error_page(journey.end.as_ref().unwrap(), ErrorKind::AttemptGone).unwrap();
        assert_eq!(all_rows(&world).await, [0; 6]);
    }

    async fn what_goes_wrong_in_complete_ends_that_sign_in_and_no_other(place) {
        let world = world(place, &[(NEIGHBOUR, "")]).await;
        for (behaviour, kind) in BEHAVIOURS {
            let before = all_rows(&world).await;
            let end = sign_in(&world, behaviour).await.end.unwrap();
            check_error_page(&end, kind).unwrap_or_else(|why| panic!("{behaviour}: {why}"));
            assert!(!end.text().contains("canary") && !end.text().contains("vsec_"), "{behaviour}: its words are shown");
            assert_eq!(all_rows(&world).await, before, "{behaviour}");
            github_goes_on(&world).await;
        }
        assert_eq!(world.count("users").await, 1, "GitHub's one");
        // The provider itself goes on as well.
        for behaviour in ["", "log", "log_flood"] {
            assert_eq!(sign_in(&world, behaviour).await.end.unwrap().status, 303, "{behaviour}");
        }
        assert_eq!(world.count("oauth_odd").await, 1);
        assert_eq!(world.count("users").await, 2);
    }

    async fn what_goes_wrong_in_begin_stores_no_attempt(place) {
        let neighbours = [
            ("panics", "begin:panic"),
            ("bombs", "begin:panic_bomb"),
            ("drops", "begin:panic_in_drop"),
            ("sticks", "begin:stuck"),
            ("strays", "begin:elsewhere"),
            ("forgets", "begin:without_state"),
            ("leaks", "begin:handle_in_url"),
            ("leaks_64", "begin:handle_in_url_base64"),
            ("leaks_percent", "begin:handle_in_url_percent"),
            ("leaks_fragment", "begin:handle_in_fragment"),
            ("leaks_post", "begin:handle_in_post"),
            ("leaks_carry", "begin:handle_in_carry"),
            ("leaks_log", "begin:handle_in_log"),
            ("carries", "begin:carry_too_long"),
        ];
        let world = world(place, &neighbours).await;
        for (name, behaviour) in neighbours {
            let begin = Journey::begin(&world, name).await.begin;
            check_error_page(&begin, ErrorKind::ProviderFailed).unwrap_or_else(|why| panic!("{behaviour}: {why}"));
            assert!(!begin.text().contains("vsec_"), "{behaviour}");
            assert_eq!(world.count("login_attempts").await, 0, "{behaviour}");
        }
        github_goes_on(&world).await;
    }

    async fn a_plugin_that_panics_while_it_is_made_leaves_the_server_standing(place) {
        let neighbours = [
            ("panics_early", "configure:panic"),
            ("bombs_early", "configure:panic_bomb"),
            ("panics_later", "inspect:panic"),
            ("leaks", "inspect_handle"),
        ];
        let world = world(place, &neighbours).await;
        for (name, behaviour) in neighbours {
            let begin = Journey::begin(&world, name).await.begin;
            check_error_page(&begin, ErrorKind::ProviderUnavailable).unwrap_or_else(|why| panic!("{behaviour}: {why}"));
        }
        github_goes_on(&world).await;
    }
}

/// Not by the usual macro: the lost thread spins on, and the runtime must not wait for it.
fn a_loop_is_abandoned(transport: TransportKind) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut plan = Plan { neighbours: vec![(NEIGHBOUR, "")], ..Plan::on(transport) };
        plan.operations.step = Duration::from_secs(3);
        let world = plan.start().await;
        let end = sign_in(&world, "loop").await.end.unwrap();
        check_error_page(&end, ErrorKind::ProviderFailed).unwrap();
        assert_eq!(all_rows(&world).await, [0; 6]);
        github_goes_on(&world).await;
        assert_eq!(sign_in(&world, "").await.end.unwrap().status, 303);
    });
    runtime.shutdown_background();
}

#[test]
fn a_plugin_that_loops_in_process_is_abandoned_and_the_rest_goes_on() {
    a_loop_is_abandoned(TransportKind::InProcess);
}

#[test]
fn a_plugin_that_loops_in_a_worker_is_killed_and_the_rest_goes_on() {
    a_loop_is_abandoned(TransportKind::Worker);
}
