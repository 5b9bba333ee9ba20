//! Connections that go silent, as when a firewall forgets them or their server loses its power: nobody says that they ended.

use tokio::task::JoinSet;
use vestibule::store::{Options, Store};

use super::gate::Gate;
use super::*;
use crate::database::Look;
use crate::world::START;

const TWO: u32 = 2;

async fn store() -> (PostgresDatabase, Gate, Store) {
    let database = PostgresDatabase::migrated().await;
    let gate = Gate::before(&database.url()).await;
    let options = Options { connections: TWO, ..Options::default() };
    let store = Store::open(&location_of(&gate.url(&database)), &options).await.unwrap();
    (database, gate, store)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_is_cancelled_on_a_silent_connection_gives_its_place_back() {
    let (database, gate, store) = store().await;
    let Look::Postgres(pool) = Look::into_postgres(&database.url()).await else { panic!() };
    let mut held = pool.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE").execute(&mut *held).await.unwrap();
    gate.take();
    let mut requests = JoinSet::new();
    for _ in 0..TWO {
        let store = store.clone();
        let idle = std::time::Duration::from_secs(60);
        requests.spawn(async move { store.find_session(&[1; 32], START, idle).await.map(drop) });
    }
    while gate.count("SELECT s.") < TWO as usize {
        tokio::task::yield_now().await;
    }
    gate.hush();
    requests.shutdown().await;
    store.ping().await.unwrap();
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_that_is_not_answered_gives_its_place_back() {
    let (_database, gate, store) = store().await;
    gate.swallow_rollbacks(true);
    for _ in 0..TWO {
        store.ping().await.unwrap();
    }
    gate.swallow_rollbacks(false);
    store.ping().await.unwrap();
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_closes_although_a_rollback_is_not_answered() {
    let (_database, gate, store) = store().await;
    gate.swallow_rollbacks(true);
    store.ping().await.unwrap();
    store.close().await;
    assert!(store.ping().await.unwrap_err().to_string().contains("shutting down"));
}
