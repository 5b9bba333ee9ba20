//! SQLite: the file and its lock, one writing connection, a pool of readers, and what its errors mean.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rust_embed::RustEmbed;
use sqlx::error::DatabaseError;
use sqlx::sqlite::{
    Sqlite, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteQueryResult,
    SqliteSynchronous,
};
use sqlx::{Connection as _, SqlSafeStr};

use super::backend::{Backend, Bound, SignInTexts};
use super::error::{OpenError, StoreError, StoreErrorKind};
use super::lease::Connections;
use super::migrate::{self, Applied, MigrateFailure};
use super::statement::{Text, statements};
use super::{Options, Sql};

/// A waiting process looks at the lock this often; `flock` tells nobody when it is free.
const LOCK_POLL: Duration = Duration::from_millis(20);

/// The migrations of this database.
#[derive(RustEmbed)]
#[folder = "../migrations/sqlite"]
pub(super) struct Migrations;

statements! {
    TABLE_EXISTS = "SELECT COUNT(*) AS found FROM sqlite_master WHERE type = 'table' AND name = $1";
}

impl Backend for Sqlite {
    // A plain BEGIN takes the write lock at its first write, and then fails at once (SQLITE_BUSY_SNAPSHOT, which no
    // busy timeout covers) if another has written since its first read.
    const BEGIN: &'static str = "BEGIN IMMEDIATE";

    // One writes at a time.
    const LOCK_BROWSER: Option<&'static Text> = None;

    // The lock beside the file keeps other processes out.
    const LOCK_SCHEMA: &'static str = "";

    const SCHEMA_ROUNDS: usize = 1;

    const MIGRATIONS_TABLE: &'static str = "CREATE TABLE IF NOT EXISTS _sqlx_migrations (
        version BIGINT PRIMARY KEY,
        description TEXT NOT NULL,
        installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
        success BOOLEAN NOT NULL,
        checksum BLOB NOT NULL,
        execution_time BIGINT NOT NULL)";

    const BEGIN_READ: Option<&'static str> = None;

    const IN_ONE_MESSAGE: bool = false;

    const SIGN_IN: Option<SignInTexts> = None;

    const PREPARING: (&'static str, &'static str) = ("", "");

    const TABLE_EXISTS: &'static Text = TABLE_EXISTS;

    // The file's own time-out is what ends a wait.
    const PATIENCE: Option<Duration> = None;

    const STATEMENTS: &'static [&'static Text] = STATEMENTS;

    type Migrations = Migrations;

    fn query(sql: impl SqlSafeStr) -> Bound<Self> {
        sqlx::query(sql)
    }

    fn affected(result: &SqliteQueryResult) -> u64 {
        result.rows_affected()
    }

    fn is_dead(_: &sqlx::Error) -> bool {
        false
    }

    fn kind(error: &dyn DatabaseError) -> StoreErrorKind {
        // The low byte of the extended result code is the primary one (https://sqlite.org/rescode.html).
        match primary_code(error) {
            Some(5 | 6) => StoreErrorKind::Busy,
            Some(8) => StoreErrorKind::ReadOnly,
            Some(10 | 14) => StoreErrorKind::Unavailable,
            Some(11 | 26) => StoreErrorKind::Corrupt,
            Some(13) => StoreErrorKind::Full,
            Some(19) => StoreErrorKind::Constraint,
            _ => StoreErrorKind::Other,
        }
    }

    fn constraint(error: &dyn DatabaseError) -> Option<String> {
        // SQLite says which columns, not which constraint: `UNIQUE constraint failed: users.canon_username`.
        let (_, columns) = error.message().split_once(" constraint failed: ")?;
        Some(columns.to_owned())
    }
}

fn primary_code(error: &dyn DatabaseError) -> Option<i32> {
    error.code()?.parse::<i32>().ok().map(|code| code & 0xff)
}

/// Opens the file, creating it readable by its owner alone, and brings its schema up to date.
pub(super) async fn open(path: &Path, options: &Options) -> Result<Sql<Sqlite>, OpenError> {
    let at = |error| open_error(path, error);
    create(path)?;
    // The migrator's own lock does nothing on SQLite.
    let lock = lock(path, options.wait).await?;
    let connect = SqliteConnectOptions::new().filename(path).busy_timeout(options.wait).foreign_keys(true);
    let pool = || {
        SqlitePoolOptions::new()
            .acquire_timeout(options.wait)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
    };
    let writer = pool()
        .max_connections(1)
        .before_acquire(|connection, _| Box::pin(async move { Ok(is_usable(connection)) }))
        .connect_with(
            connect
                .clone()
                .journal_mode(SqliteJournalMode::Wal)
                // With NORMAL a power cut could undo a sign-out that was already answered.
                .synchronous(SqliteSynchronous::Full),
        )
        .await
        .map_err(at)?;
    let readers =
        pool().max_connections(options.readers).connect_with(connect.read_only(true)).await.map_err(at)?;
    let chain = Arc::new(options.chain.on::<Sqlite>());
    let (writer, readers) = (writer.into(), readers.into());
    let mut sql = Sql { writer, readers, chain, mode: options.migrate, applied: Arc::default() };
    let migrated = migrate::run(&sql).await;
    drop(lock);
    match migrated {
        Ok(applied) => {
            sql.applied = Arc::new(applied);
            Ok(sql)
        }
        Err(failure) => {
            sql.close().await;
            Err(migration_error(path, failure))
        }
    }
}

/// Opens a file that is there, to look: no file is made, no lock is taken, nothing can be written. `None` if there is none.
pub(super) async fn look(
    path: &Path,
    options: &Options,
) -> Result<Option<(Sql<Sqlite>, Applied)>, OpenError> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => return Err(OpenError::IsFolder(path.to_owned())),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound && folder(path).is_dir() => return Ok(None),
        Err(error) => return Err(file_error(path, path, &error)),
    }
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    // Without a log nobody has it open. Opened as one that nobody writes, no log and no index is made beside it, which a
    // connection that only reads could not remove.
    let is_idle = !Path::new(&wal).exists();
    let connect = SqliteConnectOptions::new().filename(path).busy_timeout(options.wait).read_only(true);
    let connect = connect.immutable(is_idle);
    let pool = SqlitePoolOptions::new().acquire_timeout(options.wait).max_connections(1);
    let readers: Connections<Sqlite> =
        pool.connect_with(connect).await.map_err(|error| open_error(path, error))?.into();
    let chain = Arc::new(options.chain.on::<Sqlite>());
    let sql = Sql { writer: readers.clone(), readers, chain, mode: options.migrate, applied: Arc::default() };
    match migrate::lacks(&sql).await {
        Ok(lacks) => Ok(Some((sql, lacks))),
        Err(failure) => {
            sql.close().await;
            Err(migration_error(path, failure))
        }
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether the writing connection can begin a transaction. When the disk is full SQLite rolls back by itself; the
/// driver's own rollback then fails, and the connection counts as inside a transaction for good. It is replaced.
///
/// A rollback that a dropped transaction left behind is done by now: a connection that is given back does what it was told
/// before it answers the pool's ping, and is not lent out before that.
fn is_usable(connection: &SqliteConnection) -> bool {
    !connection.is_in_transaction()
}

fn create(path: &Path) -> Result<(), OpenError> {
    // The modes of `-wal` and `-shm` follow this file's.
    open_private(path).map(drop).map_err(|error| file_error(path, path, &error))
}

fn open_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

async fn lock(path: &Path, wait: Duration) -> Result<File, OpenError> {
    let mut lock_path = path.as_os_str().to_owned();
    lock_path.push(".lock");
    let lock_path = PathBuf::from(lock_path);
    let file = open_private(&lock_path).map_err(|error| file_error(path, &lock_path, &error))?;
    let locked = tokio::time::timeout(wait, async {
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_POLL).await,
                Err(TryLockError::Error(error)) => return Err(file_error(path, &lock_path, &error)),
            }
        }
    });
    locked.await.map_err(|_| OpenError::Locked(path.to_owned()))??;
    Ok(file)
}

fn file_error(path: &Path, denied: &Path, error: &io::Error) -> OpenError {
    let path = path.to_owned();
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
            OpenError::NoFolder { path, folder }
        }
        ErrorKind::IsADirectory => OpenError::IsFolder(path),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            OpenError::NotWritable { path, denied: denied.to_owned(), reason: error.to_string() }
        }
        _ => OpenError::Other { path, reason: error.to_string() },
    }
}

fn open_error(path: &Path, error: sqlx::Error) -> OpenError {
    let path = path.to_owned();
    // The pool gives up at the same time as SQLite does, and nothing else makes opening a file wait.
    if matches!(error, sqlx::Error::PoolTimedOut) {
        return OpenError::Locked(path);
    }
    match error.as_database_error().and_then(primary_code) {
        Some(5 | 6) => OpenError::Locked(path),
        Some(26) => OpenError::NotADatabase(path),
        Some(8 | 14) => OpenError::NotWritable { denied: path.clone(), path, reason: error.to_string() },
        _ => OpenError::Other { path, reason: error.to_string() },
    }
}

fn migration_error(path: &Path, failure: MigrateFailure) -> OpenError {
    match failure {
        MigrateFailure::Store(error) => store_failure(path.to_owned(), &error),
        failure => failure.told(path.display().to_string()),
    }
}

fn store_failure(path: PathBuf, error: &StoreError) -> OpenError {
    match error.kind() {
        StoreErrorKind::Busy => OpenError::Locked(path),
        StoreErrorKind::ReadOnly => {
            OpenError::NotWritable { denied: path.clone(), path, reason: error.to_string() }
        }
        _ => OpenError::Migration { database: path.display().to_string(), reason: error.to_string() },
    }
}
