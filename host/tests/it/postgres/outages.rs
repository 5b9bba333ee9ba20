//! A server that goes away, restarts, or only reads: who asks meanwhile is told to come back, and nothing is left half done.

use vestibule_demo_idp::{Endpoint, Fault};

use super::gate::Gate;
use super::*;
use crate::faults::rows;

async fn world() -> (World, Gate) {
    let postgres = Arc::new(PostgresDatabase::migrated().await);
    let gate = Gate::before(&postgres.url()).await;
    let plan = Plan {
        database_url: Some(gate.url(&postgres)),
        postgres: Some(postgres),
        slow_pause: std::time::Duration::from_millis(20),
        ..Plan::on(Database::Postgres)
    };
    (plan.start().await, gate)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_gone_in_mid_login_is_503_and_the_sign_in_goes_on_afterwards() {
    let (world, gate) = world().await;
    let (callback, cookies) = world.callback(&mut world.visitor(), "octavia").await;
    gate.shut();
    let answer = plain_client().get(callback.clone()).header("cookie", &cookies).send().await.unwrap();
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"));
    assert!(world.idp.requests_to(Endpoint::Token).is_empty());
    let begin = plain_client().post(world.at("/auth/github/begin")).header("sec-fetch-site", "same-origin");
    assert_eq!(begin.send().await.unwrap().status(), 503);
    assert_eq!(me(&world.url, &format!("{SESSION}={}", "a".repeat(43))).await, 503);
    let ready = || plain_client().get(world.at("/readyz")).send();
    assert_eq!(ready().await.unwrap().status(), 503);
    assert_eq!(rows(&world.database().await).await, (0, 0, 0, 0, 1));
    gate.open();
    assert_eq!(ready().await.unwrap().status(), 200);
    assert_eq!(come_back(&callback, &cookies).await.0, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_while_the_provider_answers_leaves_nothing_half_written() {
    let (world, gate) = world().await;
    let (callback, cookies) = world.callback(&mut world.visitor(), "octavia").await;
    world.idp.set_fault(Endpoint::Token, Fault::Slow);
    let back = tokio::spawn(async move { come_back(&callback, &cookies).await });
    while world.idp.requests_to(Endpoint::Token).is_empty() {
        tokio::task::yield_now().await;
    }
    gate.shut();
    assert_eq!(back.await.unwrap(), (503, None));
    world.idp.clear_faults();
    // The attempt is used up: its code was.
    assert_eq!(rows(&world.database().await).await, (0, 0, 0, 0, 0));
    gate.open();
    world.visitor().sign_in("github", Some("octavia")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_the_server_ends_in_mid_use_are_replaced() {
    let world = Plan::on(Database::Postgres).start().await;
    let look = world.database().await;
    let (callback, cookies) = world.callback(&mut world.visitor(), "octavia").await;
    let session = come_back(&callback, &cookies).await.1.unwrap();
    for _ in 0..3 {
        let ended: i64 = look
            .value(
                "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity
                 WHERE datname = current_database() AND application_name = 'vestibule'",
            )
            .await;
        assert!(ended > 0);
        // Nobody notices: a BEGIN on one that is dead is repeated on another.
        assert_eq!(me(&world.url, &session).await, 200);
        world.visitor().sign_in("github", Some("kai")).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_only_reads_since_a_failover_is_not_kept() {
    let world = Plan::on(Database::Postgres).start().await;
    let look = world.database().await;
    let (callback, cookies) = world.callback(&mut world.visitor(), "octavia").await;
    // Read with several at once, so that there are several of them.
    let session = format!("{SESSION}={}", "a".repeat(43));
    tokio::join!(me(&world.url, &session), me(&world.url, &session), me(&world.url, &session));
    // What the old primary's connections are like; those made later can write.
    look.run(
        "CREATE TABLE old AS SELECT pid FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'vestibule';
         CREATE FUNCTION only_reads() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF EXISTS (SELECT FROM old WHERE pid = pg_backend_pid()) THEN
                RAISE EXCEPTION 'cannot execute DELETE in a read-only transaction' USING ERRCODE = '25006';
            END IF;
            RETURN NULL;
         END $$;
         CREATE TRIGGER only_reads BEFORE DELETE ON login_attempts
         FOR EACH STATEMENT EXECUTE FUNCTION only_reads()",
    )
    .await;
    // Each read-only one that is still there fails once; none is given out again.
    let mut failures = 0;
    let session = loop {
        match come_back(&callback, &cookies).await {
            (303, session) => break session.unwrap(),
            (status, _) => assert_eq!(status, 503),
        }
        failures += 1;
        assert!(failures <= 10);
    };
    assert!(failures > 0);
    assert_eq!(me(&world.url, &session).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_can_only_be_read_is_not_ready_and_its_sessions_are_not_read() {
    let (world, gate) = world().await;
    let (callback, cookies) = world.callback(&mut world.visitor(), "octavia").await;
    let session = come_back(&callback, &cookies).await.1.unwrap();
    let look = world.database().await;
    look.run(
        "DO $$ BEGIN
            EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database());
         END $$",
    )
    .await;
    gate.shut();
    assert_eq!(me(&world.url, &session).await, 503);
    gate.open();
    let ready = || plain_client().get(world.at("/readyz")).send();
    assert_eq!((ready().await.unwrap().status().as_u16(), me(&world.url, &session).await), (503, 503));
    // On the connection from before.
    look.run(
        "DO $$ BEGIN
            EXECUTE format('ALTER DATABASE %I RESET default_transaction_read_only', current_database());
         END $$",
    )
    .await;
    assert_eq!((ready().await.unwrap().status().as_u16(), me(&world.url, &session).await), (200, 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_the_server_ended_for_its_time_is_503() {
    let world = Plan::on(Database::Postgres).start().await;
    world
        .database()
        .await
        .run(
            "CREATE FUNCTION ended() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                RAISE EXCEPTION 'terminating connection' USING ERRCODE = '25P03';
             END $$;
             CREATE TRIGGER ended BEFORE INSERT ON login_attempts FOR EACH ROW EXECUTE FUNCTION ended()",
        )
        .await;
    let begin = plain_client().post(world.at("/auth/github/begin")).header("sec-fetch-site", "same-origin");
    assert_eq!(begin.send().await.unwrap().status(), 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_named_with_the_cure_and_without_the_password() {
    let options = vestibule::store::Options::default();
    let open = async |url: &str| {
        vestibule::store::Store::open(&location_of(url), &options).await.err().unwrap().to_string()
    };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    assert_eq!(
        open(&format!("postgres://vestibule:hunter2@127.0.0.1:{port}/ids")).await,
        format!(
            "the database `postgres://vestibule@127.0.0.1:{port}/ids` cannot be used: Connection refused (os error 111); \
             is it running, and is `[database] url` right?"
        )
    );
    let database = PostgresDatabase::empty().await;
    let url = database.url();
    let missing = format!("{}/no_such_database", url.rsplit_once('/').unwrap().0);
    let said = open(&missing).await;
    assert!(said.contains("database \"no_such_database\" does not exist; create it (`createdb`)"), "{said}");
    let said = open(&url.replace("postgres@", "nobody_here:hunter2@")).await;
    assert!(said.contains("role \"nobody_here\" does not exist; give `[database] url`"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_the_database_could_not_order_is_run_again_from_the_start() {
    let world = Plan::on(Database::Postgres).start().await;
    // The first two users are refused as a serialization failure, or a deadlock, would be.
    world
        .database()
        .await
        .run(
            "CREATE SEQUENCE tries;
             CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$
             DECLARE try bigint := nextval('tries');
             BEGIN
                IF try = 1 THEN RAISE EXCEPTION 'lost' USING ERRCODE = '40001'; END IF;
                IF try = 2 THEN RAISE EXCEPTION 'lost' USING ERRCODE = '40P01'; END IF;
                RETURN NULL;
             END $$;
             CREATE TRIGGER lose AFTER INSERT ON identities FOR EACH ROW EXECUTE FUNCTION lose()",
        )
        .await;
    world.visitor().sign_in("github", Some("octavia")).await.unwrap();
    assert_eq!(world.database().await.value::<i64>("SELECT last_value FROM tries").await, 3);
    assert_eq!(rows(&world.database().await).await, (1, 1, 1, 1, 0));
}
