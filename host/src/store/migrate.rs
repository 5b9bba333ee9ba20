//! The schema: the core tables, then every provider's table by its chain. Looks first and changes only what is behind, so
//! that a start on a schema that is up to date needs no right and no lock.
//!
//! A host starts on a newer schema (migrations that it does not know are ignored, and every query names its columns)
//! unless the database says that it needs a newer host. What ran is written down in `_sqlx_migrations`, in the shape that
//! sqlx's own tools read; its migrator is not used, since its lock belongs to a session, which a pooler shares out.

use std::borrow::Cow;

use rust_embed::RustEmbed;
use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType};

use super::backend::Backend;
use super::error::{AdoptError, OpenError, StoreError, StoreErrorKind};
use super::lease::{Failure, Lease, in_transaction};
use super::provider_table::Step;
use super::statement::{Statement, statements};
use super::{Migrate, Sql};
use crate::name::ProviderName;

/// What a database's `min_host` is compared with.
pub(super) const OWN_VERSION: &str = env!("CARGO_PKG_VERSION");

statements! {
    MIN_HOST = "SELECT min_host FROM schema_info WHERE id = 1";
    LIST_MIGRATIONS = "SELECT version, checksum FROM _sqlx_migrations ORDER BY version";
    INSERT_MIGRATION = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
        VALUES ($1, $2, TRUE, $3, 0)";
}

/// What was brought up to date.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// Core migrations: number and title.
    pub core: Vec<(i64, String)>,
    /// Providers whose table was changed.
    pub tables: Vec<ProviderName>,
}

/// Why the schema is not up to date.
pub(super) enum MigrateFailure {
    /// The database asks for a newer host.
    TooOld { needed: String },
    /// A migration is not what once ran under its number.
    Changed(i64),
    /// Something is missing, and changing the schema is left to the operator.
    Behind(Applied),
    /// A statement.
    Store(StoreError),
}

impl From<StoreError> for MigrateFailure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Failure for MigrateFailure {
    fn store_error(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

impl MigrateFailure {
    /// The same for the operator, with the database's name.
    pub(super) fn told(self, database: String) -> OpenError {
        match self {
            Self::TooOld { needed } => OpenError::TooOld { database, needed, own: OWN_VERSION },
            Self::Changed(version) => {
                let reason = format!("migration {version} is not the one that ran there");
                OpenError::Migration { database, reason }
            }
            Self::Behind(lacks) => OpenError::Behind { database, lacks: lacks.listed() },
            Self::Store(error) => store_failure(database, &error),
        }
    }
}

impl MigrateFailure {
    /// The same for one provider, whose table was to be made or changed.
    pub(super) fn of(self, provider: &ProviderName) -> AdoptError {
        let provider = provider.clone();
        match self {
            Self::TooOld { needed } => AdoptError::TooOld { provider, needed, own: OWN_VERSION },
            Self::Behind(_) => AdoptError::Manual { provider, what: "behind" },
            Self::Changed(version) => {
                let reason = format!("migration {version} is not the one that ran there");
                StoreError::new(StoreErrorKind::Other, "migration", reason).into()
            }
            Self::Store(error) => error.into(),
        }
    }
}

fn store_failure(database: String, error: &StoreError) -> OpenError {
    let cure = match error.kind() {
        StoreErrorKind::Busy | StoreErrorKind::Conflict | StoreErrorKind::Unavailable => "start again",
        StoreErrorKind::Denied => {
            "let the role make tables, or run `vestibule migrate` with the URL of their owner"
        }
        _ => return OpenError::Migration { database, reason: error.to_string() },
    };
    OpenError::Unreachable { database, reason: error.to_string(), cure }
}

impl Applied {
    /// Whether it is nothing.
    pub fn is_empty(&self) -> bool {
        self.core.is_empty() && self.tables.is_empty()
    }

    /// As a phrase.
    pub fn listed(&self) -> String {
        let core = self.core.iter().map(|(number, title)| format!("migration {number} ({title})"));
        let tables = self.tables.iter().map(|provider| format!("a change of `oauth_{provider}`"));
        core.chain(tables).collect::<Vec<_>>().join(", ")
    }
}

/// What is missing. Changes nothing.
pub(super) async fn lacks<DB: Backend>(sql: &Sql<DB>) -> Result<Applied, MigrateFailure> {
    let mut lacks = Applied::default();
    let mut lease = Lease::reading(&sql.writer).await?;
    // First: a schema that contracted is to be left alone.
    check_min_host(&mut lease).await?;
    lacks.core = missing(&mut lease).await?.into_iter().map(named).collect();
    if lacks.core.is_empty() {
        lacks.tables = sql.tables_behind(&mut lease).await?;
    }
    Ok(lacks)
}

/// Runs what is missing, or says what it is.
pub(super) async fn run<DB: Backend>(sql: &Sql<DB>) -> Result<Applied, MigrateFailure> {
    let lacks = lacks(sql).await?;
    if lacks.is_empty() {
        return Ok(lacks);
    }
    if sql.mode == Migrate::Manual {
        return Err(MigrateFailure::Behind(lacks));
    }
    let mut applied = Applied::default();
    if !lacks.core.is_empty() {
        let mut held = Held::default();
        applied.core = loop {
            match core_tables(sql).await {
                Err(failure) if held.again::<DB>(&failure) => {}
                done => break done?,
            }
        };
    }
    applied.tables = sql.upgrade_provider_tables().await?;
    Ok(applied)
}

/// How often a change of the schema found that others held what it needs.
#[derive(Default)]
pub(super) struct Held(usize);

impl Held {
    /// Whether the change is tried once more after this failure.
    pub(super) fn again<DB: Backend>(&mut self, error: &impl Failure) -> bool {
        self.0 += 1;
        let is_held = error.store_error().is_some_and(|error| error.kind() == StoreErrorKind::Busy);
        is_held && self.0 < DB::SCHEMA_ROUNDS
    }
}

/// All that is missing in one transaction; what another host did while this one waited for the lock is not repeated.
async fn core_tables<DB: Backend>(sql: &Sql<DB>) -> Result<Vec<(i64, String)>, MigrateFailure> {
    in_transaction!(sql, |lease| {
        lock_schema(&mut lease).await?;
        script(&mut lease, "migrations table", DB::MIGRATIONS_TABLE.into_sql_str()).await?;
        let missing = missing(&mut lease).await?;
        for migration in &missing {
            tracing::info!(number = migration.version, title = %migration.description, "changing the schema");
            script(&mut lease, "migration", migration.sql.clone()).await?;
            let insert = Statement::<DB>::new(INSERT_MIGRATION).bind(&migration.version);
            insert.bind(&*migration.description).bind(&*migration.checksum).run(&mut lease).await?;
        }
        Ok(missing.into_iter().map(named).collect())
    })
}

/// Before every change of the schema. A newer host may have had the lock before, and have said that it is not for us.
pub(super) async fn lock_schema<DB: Backend>(lease: &mut Lease<DB>) -> Result<(), MigrateFailure> {
    script(lease, "lock the schema", DB::LOCK_SCHEMA.into_sql_str()).await?;
    check_min_host(lease).await
}

/// Several statements in one text, or none, however long they take.
pub(super) async fn script<DB: Backend>(
    lease: &mut Lease<DB>,
    name: &'static str,
    sql: sqlx::SqlStr,
) -> Result<(), StoreError> {
    if sql.as_str().is_empty() {
        return Ok(());
    }
    lease.answer(name, None, |connection| DB::script(connection, sql)).await
}

pub(super) async fn exists<DB: Backend>(lease: &mut Lease<DB>, table: &str) -> Result<bool, StoreError> {
    let exists = Statement::<DB>::new(DB::TABLE_EXISTS).bind(table).one(lease).await?;
    Ok(exists.get::<i64>("found")? > 0)
}

/// Whether this host may work on the schema as it is.
async fn check_min_host<DB: Backend>(lease: &mut Lease<DB>) -> Result<(), MigrateFailure> {
    if !exists(lease, "schema_info").await? {
        return Ok(());
    }
    let needed: String = Statement::<DB>::new(MIN_HOST).one(lease).await?.get("min_host")?;
    let version = parse_version(&needed).ok_or_else(|| {
        StoreError::new(StoreErrorKind::Corrupt, MIN_HOST.name, "`min_host` is not a version")
    })?;
    match parse_version(OWN_VERSION) {
        Some(own) if own >= version => Ok(()),
        _ => Err(MigrateFailure::TooOld { needed }),
    }
}

fn parse_version(text: &str) -> Option<[u64; 3]> {
    let mut parts = text.split('.').map(|part| part.parse().ok());
    let version = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(version)
}

/// The core migrations that have not run here, in order.
async fn missing<DB: Backend>(lease: &mut Lease<DB>) -> Result<Vec<Migration>, MigrateFailure> {
    let mut missing = core::<DB>();
    if !exists(lease, "_sqlx_migrations").await? {
        return Ok(missing);
    }
    for row in Statement::<DB>::new(LIST_MIGRATIONS).all(lease).await? {
        let (version, checksum): (i64, Vec<u8>) = (row.get("version")?, row.get("checksum")?);
        // One that a newer host ran is none of ours.
        let Some(at) = missing.iter().position(|migration| migration.version == version) else { continue };
        if missing.remove(at).checksum != checksum {
            return Err(MigrateFailure::Changed(version));
        }
    }
    Ok(missing)
}

/// Whether that migration has run here.
pub(super) async fn has<DB: Backend>(lease: &mut Lease<DB>, version: i64) -> Result<bool, StoreError> {
    if !exists(lease, "_sqlx_migrations").await? {
        return Ok(false);
    }
    for row in Statement::<DB>::new(LIST_MIGRATIONS).all(lease).await? {
        if row.get::<i64>("version")? == version {
            return Ok(true);
        }
    }
    Ok(false)
}

fn named(migration: Migration) -> (i64, String) {
    (migration.version, migration.description.into_owned())
}

/// The core migrations, `<number>_<description>.sql`, in order.
fn core<DB: Backend>() -> Vec<Migration> {
    files::<DB::Migrations>("").into_iter().map(migration).collect()
}

fn migration(file: SqlFile) -> Migration {
    let sql = file.sql.into_sql_str();
    Migration::new(file.number, file.title.into(), MigrationType::Simple, sql, false)
}

/// The steps that make a provider's table, in order.
pub(super) fn provider_steps<DB: Backend>() -> Vec<Step> {
    let files = files::<DB::Migrations>("provider/").into_iter();
    files.map(|file| Step { title: file.title, sql: file.sql }).collect()
}

struct SqlFile {
    number: i64,
    title: String,
    sql: &'static str,
}

/// The embedded files right below `folder`, in order. Their names and texts are checked by a test.
fn files<F: RustEmbed>(folder: &'static str) -> Vec<SqlFile> {
    let mut files: Vec<_> = F::iter()
        .filter_map(|path| {
            let (number, title) = path.strip_prefix(folder)?.strip_suffix(".sql")?.split_once('_')?;
            let sql: &'static [u8] = match F::get(&path)?.data {
                Cow::Borrowed(sql) => sql,
                Cow::Owned(sql) => sql.leak(),
            };
            Some(SqlFile {
                number: number.parse().ok()?,
                title: title.replace('_', " "),
                sql: str::from_utf8(sql).ok()?,
            })
        })
        .collect();
    files.sort_by_key(|file| file.number);
    files
}

#[cfg(test)]
mod tests {
    use sqlx::{Postgres, Sqlite};

    use super::*;

    /// Numbers and titles.
    fn every_file<DB: Backend>() -> Vec<(&'static str, i64, String)> {
        let found: Vec<_> = ["", "provider/"]
            .into_iter()
            .flat_map(|folder| {
                let files = files::<DB::Migrations>(folder);
                let numbers: Vec<_> = files.iter().map(|file| file.number).collect();
                assert!(!numbers.is_empty());
                assert_eq!(numbers, (1..).take(numbers.len()).collect::<Vec<i64>>(), "`{folder}`");
                files.into_iter().map(move |file| (folder, file.number, file.title))
            })
            .collect();
        assert_eq!(DB::Migrations::iter().count(), found.len(), "a file's name does not fit");
        found
    }

    #[test]
    fn every_file_is_a_numbered_migration_without_gaps_and_of_both_databases() {
        assert_eq!(every_file::<Sqlite>(), every_file::<Postgres>());
    }

    #[test]
    fn compares_versions_as_numbers() {
        assert!(parse_version("0.10.0") > parse_version("0.9.9"));
        assert!(parse_version(OWN_VERSION).is_some());
        for text in ["", "1", "1.2", "1.2.3.4", "1.2.x"] {
            assert_eq!(parse_version(text), None, "{text}");
        }
    }
}
