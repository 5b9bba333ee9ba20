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
async fn a_check_is_one_transaction() {
    let (world, gate) = world().await;
    let (_, _, session) = sign_in(&world, &gate, "").await;
    let check = plain_client().get(world.at("/.vestibule/check")).header("cookie", session);
    assert_eq!(check.send().await.unwrap().status(), 200);
    let seen = gate.take();
    assert_eq!(transactions(&seen), 1, "{seen:#?}");
    // Its end is not waited for.
    assert!(seen.len() <= 3 && seen[1].sql.starts_with("SELECT s.user_id"), "{seen:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_signed_in_is_one_transaction_of_two_questions() {
    let (world, gate) = world().await;
    let (_, _, session) = sign_in(&world, &gate, "").await;
    let me = plain_client().get(world.at("/api/v1/me")).header("cookie", session);
    assert_eq!(me.send().await.unwrap().status(), 200);
    let seen = gate.take();
    assert_eq!(transactions(&seen), 1, "{seen:#?}");
    // Its end is not waited for.
    assert!(seen.len() <= 4 && seen[2].sql.starts_with("SELECT name, avatar_url FROM"), "{seen:#?}");
}
