//! PostgreSQL under the server, which is killed while the database lives on and still has its connections.

use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Executor as _};
use tokio::sync::Mutex;

use super::{Base, COUNTS, Counts, HALVES, Place};
use crate::database::{Look, PostgresDatabase};
use crate::process::Installation;

pub(in super::super) struct Postgres {
    database: PostgresDatabase,
    look: Look,
    /// Has the lock for which the trigger waits.
    holder: Mutex<PgConnection>,
}

/// Waits for a lock that the test has, for less than the five seconds that the server's connections wait for one.
const HELD: &str = "CREATE FUNCTION held() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN COALESCE(NEW, OLD); END $$";

macro_rules! waiting {
    ($event:literal) => {
        concat!("CREATE TRIGGER held ", $event, " FOR EACH ROW EXECUTE FUNCTION held()")
    };
}

fn trigger(place: Place) -> &'static str {
    match place {
        Place::AttemptInserted => waiting!("AFTER INSERT ON login_attempts"),
        Place::AttemptDeleted => waiting!("AFTER DELETE ON login_attempts"),
        Place::BeforeUser => waiting!("BEFORE INSERT ON users"),
        Place::UserInserted => waiting!("AFTER INSERT ON users"),
        Place::AccountInserted => waiting!("AFTER INSERT ON oauth_github"),
        Place::IdentityInserted => waiting!("AFTER INSERT ON identities"),
        Place::BeforeRefresh => waiting!("BEFORE UPDATE ON oauth_github"),
        Place::AccountRefreshed => waiting!("AFTER UPDATE ON oauth_github"),
        Place::SessionInserted => waiting!("AFTER INSERT ON sessions"),
        Place::SessionDeleted => waiting!("AFTER DELETE ON sessions"),
        Place::Committing => {
            "CREATE CONSTRAINT TRIGGER held AFTER INSERT ON sessions DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION held()"
        }
    }
}

impl Postgres {
    async fn until_none(&self, sql: &'static str, of: i64) {
        while self.look.value::<i64>(sql).await != of {}
    }
}

impl Base for Postgres {
    const UNDOES_STATEMENTS: bool = false;

    async fn new(_: &Installation) -> Self {
        let database = PostgresDatabase::migrated().await;
        let look = Look::into_postgres(&database.url()).await;
        let holder = Mutex::new(PgConnection::connect(&database.url()).await.unwrap());
        Self { database, look, holder }
    }

    fn section(&self) -> String {
        format!("[database]\nurl = \"{}\"", self.database.url())
    }

    async fn counts(&self) -> Counts {
        self.look.row(COUNTS).await
    }

    async fn faults(&self) -> Vec<String> {
        self.look.values(HALVES).await
    }

    async fn run(&self, sql: &'static str) {
        self.look.run(sql).await;
    }

    async fn hold(&self, place: Place) {
        self.holder.lock().await.execute("SELECT pg_advisory_lock(4711)").await.unwrap();
        self.run(HELD).await;
        self.run(trigger(place)).await;
    }

    async fn until_held(&self) {
        let waiting =
            "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND NOT granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        self.until_none(waiting, 1).await;
    }

    /// The database finds out that the server is gone when it has something to tell it: what was held goes on until then.
    async fn after_the_kill(&self, held: bool) {
        if held {
            self.holder.lock().await.execute("SELECT pg_advisory_unlock(4711)").await.unwrap();
        }
        let left = "SELECT COUNT(*) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = 'vestibule'";
        self.until_none(left, 0).await;
        if held {
            self.run("DROP FUNCTION held() CASCADE").await;
        }
    }

    async fn after_the_start(&self, _: bool) {}
}
