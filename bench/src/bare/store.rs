//! Attempts, users and sessions, in SQLite or PostgreSQL: one text for each statement, one durable transaction for each
//! method that writes.

use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use super::provider::Account;

/// How many connections read, or with PostgreSQL do everything.
const CONNECTIONS: u32 = 8;

const SQLITE_SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS users (
        id INTEGER PRIMARY KEY AUTOINCREMENT, account_id TEXT NOT NULL UNIQUE, login TEXT NOT NULL,
        name TEXT, email TEXT, avatar_url TEXT, last_sync INTEGER NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS attempts (
        state_hash BLOB PRIMARY KEY, browser_hash BLOB NOT NULL, code_verifier TEXT NOT NULL,
        nonce TEXT, expires_at INTEGER NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS sessions (
        token_hash BLOB PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id), expires_at INTEGER NOT NULL)
        STRICT;";

const POSTGRES_SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS users (
        id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account_id TEXT NOT NULL UNIQUE, login TEXT NOT NULL,
        name TEXT, email TEXT, avatar_url TEXT, last_sync BIGINT NOT NULL);
    CREATE TABLE IF NOT EXISTS attempts (
        state_hash BYTEA PRIMARY KEY, browser_hash BYTEA NOT NULL, code_verifier TEXT NOT NULL,
        nonce TEXT, expires_at BIGINT NOT NULL);
    CREATE TABLE IF NOT EXISTS sessions (
        token_hash BYTEA PRIMARY KEY, user_id BIGINT NOT NULL REFERENCES users (id), expires_at BIGINT NOT NULL);";

const INSERT_ATTEMPT: &str = "INSERT INTO attempts (state_hash, browser_hash, code_verifier, nonce, expires_at) VALUES ($1, $2, $3, $4, $5)";
const TAKE_ATTEMPT: &str = "DELETE FROM attempts WHERE state_hash = $1 AND browser_hash = $2 RETURNING code_verifier, nonce, expires_at";
const UPSERT_USER: &str = "INSERT INTO users (account_id, login, name, email, avatar_url, last_sync)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (account_id) DO UPDATE SET login = excluded.login, name = excluded.name, email = excluded.email,
    avatar_url = excluded.avatar_url, last_sync = excluded.last_sync
    RETURNING id";
const INSERT_SESSION: &str = "INSERT INTO sessions (token_hash, user_id, expires_at) VALUES ($1, $2, $3)";
const FIND_USER: &str = "SELECT users.id, users.login, users.name, users.avatar_url
    FROM sessions JOIN users ON users.id = sessions.user_id
    WHERE sessions.token_hash = $1 AND sessions.expires_at > $2";

/// A sign-in that has begun.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Of the state.
    pub state_hash: [u8; 32],
    /// Of the browser's cookie.
    pub browser_hash: [u8; 32],
    /// For the token request.
    pub code_verifier: String,
    /// For the ID token, where there is one.
    pub nonce: Option<String>,
    /// UTC microseconds.
    pub expires_at: i64,
}

/// Who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct User {
    pub(super) id: i64,
    pub(super) login: String,
    pub(super) name: Option<String>,
    pub(super) avatar_url: Option<String>,
}

type Row = (i64, String, Option<String>, Option<String>);

/// The database.
#[derive(Clone)]
pub enum Store {
    /// One connection writes, since SQLite has one writer at a time.
    Sqlite {
        /// With `synchronous=FULL`.
        writer: SqlitePool,
        /// Read-only.
        readers: SqlitePool,
    },
    /// All connections do everything.
    Postgres(PgPool),
}

/// Runs the same code on whichever writing pool it is; `BEGIN` is what a writing transaction begins with there.
macro_rules! write {
    ($store:expr, |$pool:ident, $begin:ident| $body:expr) => {
        match $store {
            Store::Sqlite { writer: $pool, .. } => {
                let $begin = "BEGIN IMMEDIATE";
                $body
            }
            Store::Postgres($pool) => {
                let $begin = "BEGIN";
                $body
            }
        }
    };
}

impl Store {
    /// Opens the file, making it if there is none.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub async fn sqlite(path: &Path) -> Result<Self, sqlx::Error> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10))
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let pool =
            || SqlitePoolOptions::new().test_before_acquire(false).idle_timeout(None).max_lifetime(None);
        let writer = pool().max_connections(1).connect_with(options.clone()).await?;
        sqlx::raw_sql(SQLITE_SCHEMA).execute(&writer).await?;
        let readers = pool().max_connections(CONNECTIONS).connect_with(options.read_only(true)).await?;
        Ok(Self::Sqlite { writer, readers })
    }

    /// Connects to `postgres://…`.
    ///
    /// # Errors
    /// If it cannot be reached.
    pub async fn postgres(url: &str) -> Result<Self, sqlx::Error> {
        let options = PgConnectOptions::from_str(url)?;
        let pool = PgPoolOptions::new().max_connections(CONNECTIONS).test_before_acquire(false);
        let pool = pool.connect_with(options).await?;
        sqlx::raw_sql(POSTGRES_SCHEMA).execute(&pool).await?;
        Ok(Self::Postgres(pool))
    }

    /// Remembers an attempt.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn insert_attempt(&self, attempt: &Attempt) -> Result<(), sqlx::Error> {
        write!(self, |pool, _begin| {
            let insert = sqlx::query(INSERT_ATTEMPT)
                .bind(attempt.state_hash.as_slice())
                .bind(attempt.browser_hash.as_slice())
                .bind(&attempt.code_verifier)
                .bind(&attempt.nonce)
                .bind(attempt.expires_at);
            insert.execute(pool).await?;
        });
        Ok(())
    }

    /// Takes code verifier and nonce of an attempt: deleted as it is read. An expired one is nobody's.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn take_attempt(
        &self,
        state_hash: &[u8; 32],
        browser_hash: &[u8; 32],
        now: i64,
    ) -> Result<Option<(String, Option<String>)>, sqlx::Error> {
        let rows: Vec<(String, Option<String>, i64)> = write!(self, |pool, _begin| {
            let take = sqlx::query_as(TAKE_ATTEMPT).bind(state_hash.as_slice()).bind(browser_hash.as_slice());
            take.fetch_all(pool).await?
        });
        let held = rows.into_iter().find(|(_, _, expires_at)| *expires_at > now);
        Ok(held.map(|(verifier, nonce, _)| (verifier, nonce)))
    }

    /// Writes user and session in one transaction.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn sign_in(
        &self,
        account: &Account,
        token_hash: &[u8; 32],
        now: i64,
        expires_at: i64,
    ) -> Result<(), sqlx::Error> {
        write!(self, |pool, begin| {
            let mut transaction = pool.begin_with(begin).await?;
            let user: (i64,) = sqlx::query_as(UPSERT_USER)
                .bind(&account.id)
                .bind(&account.login)
                .bind(&account.name)
                .bind(&account.email)
                .bind(&account.avatar_url)
                .bind(now)
                .fetch_one(&mut *transaction)
                .await?;
            let session =
                sqlx::query(INSERT_SESSION).bind(token_hash.as_slice()).bind(user.0).bind(expires_at);
            session.execute(&mut *transaction).await?;
            transaction.commit().await
        })
    }

    /// Whose session that is, if it lives: one query by the primary key.
    pub(super) async fn user(&self, token_hash: &[u8; 32], now: i64) -> Result<Option<User>, sqlx::Error> {
        let row: Option<Row> = match self {
            Self::Sqlite { readers, .. } => {
                sqlx::query_as(FIND_USER)
                    .bind(token_hash.as_slice())
                    .bind(now)
                    .fetch_optional(readers)
                    .await?
            }
            Self::Postgres(pool) => {
                sqlx::query_as(FIND_USER).bind(token_hash.as_slice()).bind(now).fetch_optional(pool).await?
            }
        };
        Ok(row.map(|(id, login, name, avatar_url)| User { id, login, name, avatar_url }))
    }
}
