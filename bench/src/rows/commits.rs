//! What the disk can do: durable transactions of one row, one after the other on SQLite, side by side on PostgreSQL.

use std::path::PathBuf;
use std::time::Duration;

use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use vestibule_bench::clock::Stopwatch;

use crate::Bench;
use crate::error::{Result, doing};

/// Below the folder of the measurements.
const DATABASE: &str = "commits.db";
const SQLITE_TABLE: &str =
    "CREATE TABLE IF NOT EXISTS lines (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT";
const POSTGRES_TABLE: &str = "CREATE TABLE IF NOT EXISTS lines (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text TEXT NOT NULL)";
const INSERT: &str = "INSERT INTO lines (text) VALUES ($1)";
/// A row about as long as a session's.
const TEXT: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Keeps the database's write-ahead log: without any connection SQLite removes it, and one that has to grow again is
/// slower than one that is written over, as a server's is.
pub(super) struct KeptLog(#[expect(dead_code, reason = "held, not used")] SqliteConnection);

/// SQLite writes the log over from its beginning after a thousand pages.
const LOG_PAGES: usize = 1_000;

/// Makes the log as long as it ever will be. The guard is dropped after the last measurement.
pub(super) async fn keep_log(bench: &Bench) -> Result<KeptLog> {
    let mut connection = open(bench.folder.join(DATABASE)).await?;
    insert(&mut connection, LOG_PAGES + LOG_PAGES / 10).await?;
    Ok(KeptLog(connection))
}

/// Commits in a second of one connection with WAL and `synchronous=FULL`, on the core of what is measured.
pub(super) async fn sqlite(bench: &Bench, commits: usize) -> Result<f64> {
    let path = bench.folder.join(DATABASE);
    let took = bench.cores.run_on_measured(async move || sqlite_commits(path, commits).await).await?;
    Ok(commits as f64 / took.as_secs_f64())
}

async fn sqlite_commits(path: PathBuf, commits: usize) -> Result<Duration> {
    let mut connection = open(path).await?;
    let watch = Stopwatch::start();
    insert(&mut connection, commits).await?;
    let took = watch.read();
    connection.close().await.map_err(doing("close a database"))?;
    Ok(took)
}

async fn open(path: PathBuf) -> Result<SqliteConnection> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .busy_timeout(Duration::from_secs(10))
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let connection = SqliteConnection::connect_with(&options).await;
    let mut connection = connection.map_err(doing("open a database"))?;
    sqlx::query(SQLITE_TABLE).execute(&mut connection).await.map_err(doing("make a table"))?;
    Ok(connection)
}

async fn insert(connection: &mut SqliteConnection, times: usize) -> Result<()> {
    for _ in 0..times {
        sqlx::query(INSERT).bind(TEXT).execute(&mut *connection).await.map_err(doing("insert"))?;
    }
    Ok(())
}

/// Commits in a second of so many connections together, asked for from the core of what is measured.
pub(super) async fn postgres(
    bench: &Bench,
    options: PgConnectOptions,
    commits: usize,
    connections: usize,
) -> Result<f64> {
    let took = bench
        .cores
        .run_on_measured(async move || postgres_commits(options, commits, connections).await)
        .await?;
    Ok(commits as f64 / took.as_secs_f64())
}

async fn postgres_commits(options: PgConnectOptions, commits: usize, connections: usize) -> Result<Duration> {
    let mut open = Vec::new();
    for _ in 0..connections {
        let connection = PgConnection::connect_with(&options).await;
        let mut connection = connection.map_err(doing("connect to PostgreSQL"))?;
        sqlx::query(POSTGRES_TABLE).execute(&mut connection).await.map_err(doing("make a table"))?;
        open.push(connection);
    }
    let mut writers = tokio::task::JoinSet::new();
    let watch = Stopwatch::start();
    for mut connection in open {
        writers.spawn(async move {
            for _ in 0..commits / connections {
                sqlx::query(INSERT).bind(TEXT).execute(&mut connection).await.map_err(doing("insert"))?;
            }
            Ok::<_, crate::error::Error>(connection)
        });
    }
    let mut done = Vec::new();
    while let Some(writer) = writers.join_next().await {
        done.push(writer.map_err(doing("run a writer"))??);
    }
    let took = watch.read();
    for connection in done {
        connection.close().await.map_err(doing("close a connection"))?;
    }
    Ok(took)
}
