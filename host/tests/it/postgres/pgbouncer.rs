//! Through PgBouncer in transaction mode, where each transaction may meet another connection of the server's.

use tokio::task::JoinSet;

use super::*;
use crate::database::Look;

#[tokio::test(flavor = "multi_thread")]
async fn migrations_sign_ins_and_sign_outs_work() {
    let postgres = Arc::new(PostgresDatabase::empty().await);
    let plan = Plan {
        database_url: Some(postgres.pooled_url()),
        postgres: Some(postgres),
        server: "begin_rate = \"1000/min\"".to_owned(),
        ..Plan::on(Database::Postgres)
    };
    let world = plan.start().await;
    let world = Arc::new(world);
    let mut people = JoinSet::new();
    for n in 0..30 {
        let world = world.clone();
        people.spawn(async move {
            let person = if n % 2 == 0 { "octavia" } else { "kai" };
            let (callback, cookies) = world.callback(&mut world.visitor(), person).await;
            let (status, session) = come_back(&callback, &cookies).await;
            assert_eq!(status, 303);
            let session = session.unwrap();
            assert_eq!(me(&world.url, &session).await, 200);
            let sign_out = plain_client()
                .delete(world.at("/api/v1/session"))
                .header("sec-fetch-site", "same-origin")
                .header("cookie", &session);
            assert_eq!(sign_out.send().await.unwrap().status(), 204);
            assert_eq!(me(&world.url, &session).await, 401);
        });
    }
    people.join_all().await;
    assert_eq!((world.count("users").await, world.count("sessions").await), (2, 0));
    vestibule::startup::sweep(&world.app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_start_at_once_run_the_migrations_once() {
    let database = PostgresDatabase::empty().await;
    assert_eq!(super::replicas::start_at_once(&database.pooled_url(), 6).await, 1);
    // Nothing of a session is left on the server's connections: no lock, no setting, no statement with a name.
    let look = Look::into_postgres(&database.url()).await;
    let locks = "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory'
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    assert_eq!(look.value::<i64>(locks).await, 0);
}
