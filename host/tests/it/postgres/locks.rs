//! A provider's table that somebody holds while the schema is to change: nobody queues up behind us for long, the change is
//! tried again, and given up with what to do.

use vestibule::reach::Reach;
use vestibule::store::{Options, ProviderChain, Store};

use super::*;
use crate::database::Look;
use crate::world::START;

async fn with_a_table() -> (PostgresDatabase, Look) {
    let database = PostgresDatabase::migrated().await;
    let store = Store::open(&location_of(&database.url()), &Options::default()).await.unwrap();
    let (provider, plugin) = ("github".parse().unwrap(), "github".parse().unwrap());
    store.adopt_provider(&provider, &plugin, "realm", &Reach::default(), START).await.unwrap();
    store.close().await;
    let look = Look::into_postgres(&database.url()).await;
    (database, look)
}

fn with_a_later_step() -> Options {
    let chain = ProviderChain::embedded().and_then("a column", "ALTER TABLE {table} ADD COLUMN tag TEXT");
    Options { chain, ..Options::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_held_is_changed_at_a_later_try() {
    let (database, look) = with_a_table().await;
    let Look::Postgres(pool) = &look else { panic!() };
    let mut held = pool.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE oauth_github IN ACCESS SHARE MODE").execute(&mut *held).await.unwrap();
    let location = location_of(&database.url());
    let opening = tokio::spawn(async move { Store::open(&location, &with_a_later_step()).await });
    // When the transactions began that wait for the table: the second one is the second try.
    let waiting = "SELECT CAST(a.xact_start AS TEXT) FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid
        WHERE a.datname = current_database() AND l.relation = CAST('oauth_github' AS REGCLASS) AND NOT l.granted";
    let mut tries: Vec<String> = Vec::new();
    while tries.len() < 2 {
        tries.extend(look.values::<String>(waiting).await);
        tries.dedup();
    }
    held.rollback().await.unwrap();
    let store = opening.await.unwrap().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(store.applied().tables, ["github".parse().unwrap()]);
    store.close().await;
    assert_eq!(look.value::<i64>("SELECT table_revision FROM providers").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_stays_held_is_left_as_it_is_after_some_tries() {
    let (database, look) = with_a_table().await;
    // What a lock time-out says, without its two seconds. A sequence remembers what is rolled back.
    look.run(
        "CREATE SEQUENCE tries;
         CREATE FUNCTION held() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
            PERFORM nextval('tries');
            RAISE EXCEPTION 'canceling statement due to lock timeout' USING ERRCODE = '55P03';
         END $$;
         CREATE EVENT TRIGGER held ON ddl_command_start WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION held()",
    )
    .await;
    let opened = Store::open(&location_of(&database.url()), &with_a_later_step()).await;
    let error = opened.err().unwrap().to_string();
    assert!(
        error.contains("the database is busy (`provider table`)") && error.ends_with("; start again"),
        "{error}"
    );
    assert_eq!(look.value::<i64>("SELECT last_value FROM tries").await, 5);
    assert_eq!(look.value::<i64>("SELECT table_revision FROM providers").await, 1);
}
