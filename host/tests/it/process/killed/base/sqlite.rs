//! SQLite under the server: looked into between the kills, and made to stop the server inside of a transaction.

use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};

use super::{Base, COUNTS, Counts, HALVES, Place};
use crate::process::{Installation, until};

pub(in super::super) struct Sqlite {
    file: std::path::PathBuf,
}

/// The server's cache of pages is 2 MB: a transaction with more than that writes into the log before it commits.
const IN_THE_LOG: u64 = 4 * 1024 * 1024;

/// A trigger that never ends, and fills the log meanwhile.
macro_rules! endless {
    ($event:literal) => {
        concat!(
            "CREATE TRIGGER held ",
            $event,
            " BEGIN INSERT INTO ballast SELECT zeroblob(65536) FROM endless; END"
        )
    };
}

fn trigger(place: Place) -> &'static str {
    match place {
        Place::AttemptInserted => endless!("AFTER INSERT ON login_attempts"),
        Place::AttemptDeleted => endless!("AFTER DELETE ON login_attempts"),
        Place::BeforeUser => endless!("BEFORE INSERT ON users"),
        Place::UserInserted => endless!("AFTER INSERT ON users"),
        Place::AccountInserted => endless!("AFTER INSERT ON oauth_github"),
        Place::IdentityInserted => endless!("AFTER INSERT ON identities"),
        Place::BeforeRefresh => endless!("BEFORE UPDATE ON oauth_github"),
        Place::AccountRefreshed => endless!("AFTER UPDATE ON oauth_github"),
        Place::SessionInserted => endless!("AFTER INSERT ON sessions"),
        Place::SessionDeleted => endless!("AFTER DELETE ON sessions"),
        Place::Committing => panic!("SQLite's commit runs no trigger"),
    }
}

impl Sqlite {
    /// A connection that is gone afterwards: the first to open the file after a kill is the server that comes next.
    async fn with<T>(&self, look: impl AsyncFnOnce(&SqlitePool) -> T) -> T {
        let options = SqliteConnectOptions::new().filename(&self.file);
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
        let seen = look(&pool).await;
        pool.close().await;
        seen
    }

    fn log_length(&self) -> u64 {
        let mut log = self.file.clone().into_os_string();
        log.push("-wal");
        std::fs::metadata(log).map_or(0, |log| log.len())
    }
}

impl Base for Sqlite {
    const UNDOES_STATEMENTS: bool = true;

    async fn new(installation: &Installation) -> Self {
        Self { file: installation.path("vestibule.db") }
    }

    fn section(&self) -> String {
        String::new()
    }

    async fn counts(&self) -> Counts {
        self.with(async |pool| sqlx::query_as(COUNTS).fetch_one(pool).await.unwrap()).await
    }

    async fn faults(&self) -> Vec<String> {
        self.with(async |pool| {
            let checks: Vec<String> =
                sqlx::query_scalar("PRAGMA integrity_check").fetch_all(pool).await.unwrap();
            let foreign: Vec<String> = sqlx::query_scalar("SELECT \"table\" FROM pragma_foreign_key_check")
                .fetch_all(pool)
                .await
                .unwrap();
            let halves: Vec<String> = sqlx::query_scalar(HALVES).fetch_all(pool).await.unwrap();
            checks.into_iter().filter(|check| check != "ok").chain(foreign).chain(halves).collect()
        })
        .await
    }

    async fn run(&self, sql: &'static str) {
        self.with(async |pool| sqlx::raw_sql(sql).execute(pool).await.map(drop)).await.unwrap();
    }

    async fn hold(&self, place: Place) {
        self.run("CREATE TABLE ballast (content BLOB NOT NULL) STRICT").await;
        self.run(
            "CREATE VIEW endless (n) AS
             WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted) SELECT n FROM counted",
        )
        .await;
        self.run(trigger(place)).await;
        self.run("PRAGMA wal_checkpoint(TRUNCATE)").await;
        assert_eq!(self.log_length(), 0, "the log was not emptied");
    }

    /// The transaction's pages are in the log, and its end is not.
    async fn until_held(&self) {
        until(|| self.log_length() > IN_THE_LOG).await;
    }

    async fn after_the_kill(&self, _: bool) {}

    async fn after_the_start(&self, held: bool) {
        if held {
            self.run("DROP TRIGGER held; DROP VIEW endless; DROP TABLE ballast").await;
        }
    }
}
