//! How often a sign-in asks the database, counted on the wire: BEGIN and COMMIT are statements, too.

use super::gate::{Gate, Seen, transactions};
use super::*;

async fn world() -> (World, Gate) {
    let postgres = Arc::new(PostgresDatabase::migrated().await);
    let gate = Gate::before(&postgres.url()).await;
    let plan = Plan {
        database_url: Some(gate.url(&postgres)),
        postgres: Some(postgres),
        ..Plan::on(Database::Postgres)
    };
    (plan.start().await, gate)
}

/// The database's part of a begin, and of the callback that follows it.
async fn sign_in(world: &World, gate: &Gate, session: &str) -> (Vec<Seen>, Vec<Seen>, String) {
    // Pages ask, too.
    let mut visitor = world.visitor();
    gate.take();
    let (callback, cookies) = world.callback(&mut visitor, "octavia").await;
    let begin = gate.take();
    let (status, cookie) = come_back(&callback, &format!("{cookies}; {session}")).await;
    assert_eq!(status, 303);
    (begin, gate.take(), cookie.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_takes_two_transactions_and_few_statements() {
    let (world, gate) = world().await;
    let (begin, first, session) = sign_in(&world, &gate, "").await;
    assert_eq!((transactions(&begin), begin.len()), (1, 5), "{begin:#?}");
    assert_eq!((transactions(&first), first.len()), (2, 8), "{first:#?}");
    // With the session that the browser has, which ends, and without.
    for session in [&*session, ""] {
        let (begin, returning, _) = sign_in(&world, &gate, session).await;
        assert_eq!((transactions(&begin), begin.len()), (1, 5), "{begin:#?}");
        assert_eq!((transactions(&returning), returning.len()), (2, 6), "{returning:#?}");
    }
    assert_eq!(world.count("sessions").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_is_one_statement() {
    let (world, gate) = world().await;
    let (_, _, session) = sign_in(&world, &gate, "").await;
    let check = plain_client().get(world.at("/.vestibule/check")).header("cookie", session);
    assert_eq!(check.send().await.unwrap().status(), 200);
    let seen = gate.take();
    assert!(seen.len() == 1 && seen[0].sql.starts_with("SELECT s.user_id"), "{seen:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_signed_in_is_two_statements_on_one_connection() {
    let (world, gate) = world().await;
    let (_, _, session) = sign_in(&world, &gate, "").await;
    let me = plain_client().get(world.at("/api/v1/me")).header("cookie", session);
    assert_eq!(me.send().await.unwrap().status(), 200);
    let seen = gate.take();
    assert_eq!(seen.len(), 2, "{seen:#?}");
    assert_eq!(seen[0].connection, seen[1].connection);
    assert!(seen[1].sql.starts_with("SELECT name, avatar_url FROM"), "{seen:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_or_a_provider_wrote_is_in_no_text_of_a_statement() {
    let (world, gate) = world().await;
    let (begin, first, _) = sign_in(&world, &gate, "").await;
    for seen in begin.iter().chain(&first) {
        for written in ["octavia", "Octavia", "github", "example", "http", "/auth/"] {
            assert!(!seen.sql.replace("oauth_github", "").contains(written), "{seen:?}");
        }
    }
}
