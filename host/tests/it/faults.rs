//! What an identity provider can do wrong, through the whole server: every fault that `demo-idp` knows, at every endpoint
//! that it applies to (rows 20–27, 36, 45, 47, 82, 83b and 89 of docs/security.md).

mod claims;
mod expected;
pub(crate) mod issuer;
pub(crate) mod journey;
mod organizations;
pub(crate) mod plugins;
pub(crate) mod resources;

use vestibule::plugin::TransportKind;
use vestibule::web::pages::ErrorKind;
use vestibule_demo_idp::{Endpoint, Fault, Person, Personality};

use self::expected::{Outcome, expected};
use self::journey::{Journey, Seen};
use crate::database::{Look, Place, everywhere};
use crate::world::{Plan, World};

/// The heading of an error page, in the language that a client without one gets.
pub(crate) fn heading(kind: ErrorKind) -> &'static str {
    let messages = include_str!("../../locales/en/errors.ftl");
    let key = format!("error-{}-title = ", kind.key());
    messages.lines().find_map(|line| line.strip_prefix(&*key)).unwrap()
}

/// An error page as every failure gets it: the right status and heading, an id, nothing stored in the browser.
pub(crate) fn check_error_page(page: &Seen, kind: ErrorKind) -> Result<(), String> {
    if page.status != kind.status() || page.heading() != heading(kind) {
        return Err(format!("{kind:?} was due, and it was {} \"{}\"", page.status, page.heading()));
    }
    let id = page.header("x-request-id");
    if id.len() != 16 || !page.text().contains(id) {
        return Err(format!("the page does not show its id `{id}`"));
    }
    if page.headers.contains_key("set-cookie") || page.headers.contains_key("location") {
        return Err(format!("{:?}", page.headers));
    }
    if page.header("cache-control") != "no-store" {
        return Err("the page may be stored".to_owned());
    }
    Ok(())
}

/// How many rows a sign-in would have added to: users, identities, accounts, sessions, and attempts that are open.
pub(crate) async fn rows(database: &Look) -> (i64, i64, i64, i64, i64) {
    let rows = "SELECT (SELECT COUNT(*) FROM users), (SELECT COUNT(*) FROM identities), (SELECT COUNT(*) FROM oauth_github),
            (SELECT COUNT(*) FROM sessions), (SELECT COUNT(*) FROM login_attempts)";
    database.row(rows).await
}

/// A world with `allowed_orgs`, so that a sign-in asks every endpoint that it ever asks.
fn plan(place: impl Into<Place>) -> Plan {
    Plan {
        server: "begin_rate = \"100000/min\"".to_owned(),
        settings: "allowed_orgs = [\"acme\"]".to_owned(),
        ..Plan::on(place)
    }
}

/// Somebody new, and a member.
fn newcomer(world: &World, id: i64) -> Person {
    let mut person = Person::new(id, &format!("person-{id}"), "Somebody");
    person.organizations = vec![vestibule_demo_idp::people::Organization::new(9_919, "acme")];
    world.idp.add_person(person.clone());
    person
}

/// How many requests each endpoint got for one sign-in.
fn requests(world: &World, endpoint: Endpoint) -> usize {
    world.idp.requests_to(endpoint).len()
}

/// One sign-in of somebody new under a fault; then, without it, the same person's next try.
async fn meet(world: &World, fault: Fault, at: Endpoint, id: i64) -> Result<(), String> {
    let person = newcomer(world, id);
    let database = world.database().await;
    let before = rows(&database).await;
    world.idp.clear_requests();
    world.idp.set_fault(at, fault);
    let journey = Journey::walk(world, "github", &person.login).await;
    world.idp.clear_faults();

    let outcome = expected(fault, at);
    let after = rows(&database).await;
    match (outcome, &journey.end) {
        (Outcome::NeverBack, None) => {
            let open = (before.0, before.1, before.2, before.3, before.4 + 1);
            if after != open {
                return Err(format!("rows {before:?} became {after:?}"));
            }
            if requests(world, Endpoint::Token) > 0 {
                return Err("a token was asked for without a callback".to_owned());
            }
        }
        (Outcome::SignedIn, Some(end)) => {
            if end.status != 303 || end.cookie("__Host-vestibule_session").is_none() {
                return Err(format!("it does no harm, and yet: {} \"{}\"", end.status, end.heading()));
            }
            if after.3 != before.3 + 1 {
                return Err(format!("rows {before:?} became {after:?}"));
            }
        }
        (Outcome::Refused(kind), Some(end)) => {
            check_error_page(end, kind)?;
            // An attempt whose state was never named stays open until its time is up.
            let unnamed = matches!(fault, Fault::WrongState | Fault::MissingState | Fault::DuplicateParam);
            let left = (before.0, before.1, before.2, before.3, before.4 + i64::from(unnamed));
            if after != left {
                return Err(format!("rows {before:?} became {after:?}"));
            }
            if at == Endpoint::Authorize && requests(world, Endpoint::Token) > 0 {
                return Err("a token was asked for all the same".to_owned());
            }
        }
        (outcome, end) => {
            let end = end.as_ref().map(|end| (end.status, end.heading()));
            return Err(format!("{outcome:?} was due, and it was {end:?}"));
        }
    }
    for endpoint in [Endpoint::Token, Endpoint::User, Endpoint::Emails] {
        if requests(world, endpoint) > 1 {
            return Err(format!("`{endpoint}` was asked {} times", requests(world, endpoint)));
        }
    }

    let again = Journey::walk(world, "github", &person.login).await;
    match again.end {
        Some(end) if end.status == 303 => {}
        end => {
            let end = end.map(|end| (end.status, end.heading()));
            return Err(format!("the next sign-in, without the fault, failed: {end:?}"));
        }
    }
    Ok(())
}

/// Those that only a time limit ends, and those that need a process of their own, are in [`resources`].
fn is_quick(fault: Fault, at: Endpoint) -> bool {
    at == Endpoint::Authorize || !matches!(fault, Fault::Slow | Fault::Stall)
}

async fn meet_all(place: Place, at: Endpoint) {
    let world = plan(place).start().await;
    let faults = Fault::of(Personality::GitHub);
    let faults = faults.filter(|fault| fault.applies_to(at) && is_quick(*fault, at));
    let mut wrong = Vec::new();
    let mut met = 0;
    for (fault, id) in faults.zip(1_000_000..) {
        met += 1;
        if let Err(why) = meet(&world, fault, at, id).await {
            wrong.push(format!("{at}={fault}: {why}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(met >= 15, "only {met} faults apply to `{at}`");
}

everywhere! {
    async fn no_fault_of_the_authorization_endpoint_signs_the_wrong_person_in(place) {
        meet_all(place, Endpoint::Authorize).await;
    }

    async fn every_fault_of_the_token_endpoint_ends_the_sign_in_and_leaves_nothing(place) {
        meet_all(place, Endpoint::Token).await;
    }

    async fn every_fault_of_the_account_ends_the_sign_in_or_does_no_harm(place) {
        meet_all(place, Endpoint::User).await;
    }

    async fn every_fault_of_the_address_list_ends_the_sign_in_and_leaves_nothing(place) {
        meet_all(place, Endpoint::Emails).await;
    }

    async fn every_fault_of_the_organization_list_ends_the_sign_in_and_leaves_nothing(place) {
        meet_all(place, Endpoint::Orgs).await;
    }

    async fn faults_where_a_sign_in_does_not_ask_are_never_met(place) {
        meet_all(place, Endpoint::Teams).await;
        meet_all(place, Endpoint::Revoke).await;
    }
}

/// With every endpoint covered above, every pair of the table is.
#[test]
fn every_endpoint_has_its_test() {
    let covered = [
        Endpoint::Authorize,
        Endpoint::Token,
        Endpoint::User,
        Endpoint::Emails,
        Endpoint::Orgs,
        Endpoint::Teams,
        Endpoint::Revoke,
    ];
    for fault in Fault::of(Personality::GitHub) {
        for endpoint in fault.endpoints_of(Personality::GitHub) {
            assert!(covered.contains(&endpoint), "`{fault}` applies to `{endpoint}`, which no test visits");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_the_providers_tells_when_to_come_back() {
    let world = plan(TransportKind::InProcess).start().await;
    for (fault, at, wait) in [
        (Fault::RateLimited, Endpoint::Token, 60),
        (Fault::RateLimited, Endpoint::User, 60),
        (Fault::RateLimited, Endpoint::Emails, 60),
        (Fault::RateLimited, Endpoint::Orgs, 60),
    ] {
        world.idp.set_fault(at, fault);
        let end = Journey::walk(&world, "github", "octavia").await.end.unwrap();
        let told: u64 = end.header("retry-after").parse().unwrap();
        assert!((wait..=wait + 1).contains(&told), "{at}={fault}: {told}");
        world.idp.clear_faults();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_is_gone_between_callback_and_token_request_ends_the_sign_in() {
    let world = plan(TransportKind::InProcess).start().await;
    let database = world.database().await;
    let mut journey = Journey::begin(&world, "github").await;
    journey.choose(&world, "octavia").await;
    world.idp.set_fault(Endpoint::All, Fault::Refused);
    journey.come_back().await;
    check_error_page(journey.end.as_ref().unwrap(), ErrorKind::ProviderUnreachable).unwrap();
    assert_eq!(rows(&database).await, (0, 0, 0, 0, 0));
    world.idp.clear_faults();
    let replay = {
        journey.come_back().await;
        journey.end.unwrap()
    };
    check_error_page(&replay, ErrorKind::AttemptGone).unwrap();
    assert!(world.idp.requests_to(Endpoint::Token).is_empty(), "the code was not tried once more");
    let end = Journey::walk(&world, "github", "octavia").await.end.unwrap();
    assert_eq!(end.status, 303);
}
