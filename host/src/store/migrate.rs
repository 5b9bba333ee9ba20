//! The schema: the core tables by sqlx's migrator, then every provider's table by its chain.
//!
//! A host starts on a newer schema (migrations that it does not know are ignored, and every query names its columns)
//! unless the database says that it needs a newer host.

use std::borrow::Cow;

use rust_embed::Embed;
use sqlx::SqlSafeStr as _;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use super::Sql;
use super::backend::Backend;
use super::error::{StoreError, StoreErrorKind};
use super::provider_table::Step;
use super::statement::{Statement, statements};

/// What a database's `min_host` is compared with.
pub(super) const OWN_VERSION: &str = env!("CARGO_PKG_VERSION");

#[derive(Embed)]
#[folder = "../migrations/sqlite"]
struct Files;

statements! {
    MIN_HOST = "SELECT min_host FROM schema_info WHERE id = 1";
}

/// Why the schema is not up to date.
pub(super) enum MigrateFailure {
    /// The database asks for a newer host.
    TooOld { needed: String },
    /// A core migration.
    Core(MigrateError),
    /// A provider's table, or reading `min_host`.
    Store(StoreError),
}

impl From<StoreError> for MigrateFailure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<MigrateError> for MigrateFailure {
    fn from(error: MigrateError) -> Self {
        Self::Core(error)
    }
}

/// Runs what is missing. The caller holds the lock that keeps other processes out.
pub(super) async fn run<DB: Backend>(sql: &Sql<DB>) -> Result<(), MigrateFailure> {
    // First: a schema that contracted is to be left alone.
    check_min_host(sql).await?;
    let mut migrator = Migrator::with_migrations(core());
    migrator.set_ignore_missing(true);
    migrator.run(&sql.writer).await?;
    sql.upgrade_provider_tables().await?;
    Ok(())
}

async fn check_min_host<DB: Backend>(sql: &Sql<DB>) -> Result<(), MigrateFailure> {
    let mut connection = sql.write_connection().await?;
    let exists = Statement::<DB>::new(DB::TABLE_EXISTS).bind("schema_info").one(&mut connection).await?;
    if exists.get::<i64>("found")? == 0 {
        return Ok(());
    }
    let needed: String = Statement::<DB>::new(MIN_HOST).one(&mut connection).await?.get("min_host")?;
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

/// The core migrations, `<number>_<description>.sql`.
fn core() -> Vec<Migration> {
    files("")
        .map(|file| {
            Migration::new(
                file.number,
                file.title.into(),
                MigrationType::Simple,
                file.sql.into_sql_str(),
                false,
            )
        })
        .collect()
}

/// The steps that make a provider's table, in order.
pub(super) fn provider_steps() -> Vec<Step> {
    let mut steps: Vec<_> =
        files("provider/").map(|file| (file.number, Step { title: file.title, sql: file.sql })).collect();
    steps.sort_by_key(|(number, _)| *number);
    steps.into_iter().map(|(_, step)| step).collect()
}

struct SqlFile {
    number: i64,
    title: String,
    sql: &'static str,
}

/// The embedded files right below `folder`. Their names and texts are checked by a test.
fn files(folder: &'static str) -> impl Iterator<Item = SqlFile> {
    Files::iter().filter_map(move |path| {
        let (number, title) = path.strip_prefix(folder)?.strip_suffix(".sql")?.split_once('_')?;
        let sql: &'static [u8] = match Files::get(&path)?.data {
            Cow::Borrowed(sql) => sql,
            Cow::Owned(sql) => sql.leak(),
        };
        Some(SqlFile {
            number: number.parse().ok()?,
            title: title.replace('_', " "),
            sql: str::from_utf8(sql).ok()?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_numbered_migration_without_gaps() {
        let mut total = 0;
        for folder in ["", "provider/"] {
            let mut numbers: Vec<_> = files(folder).map(|file| file.number).collect();
            numbers.sort_unstable();
            total += numbers.len();
            assert!(!numbers.is_empty());
            assert_eq!(numbers, (1..).take(numbers.len()).collect::<Vec<i64>>(), "`{folder}`");
        }
        assert_eq!(Files::iter().count(), total, "a file's name does not fit");
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
