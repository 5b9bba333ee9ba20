//! What `store/` needs of a database, said once: everything above is generic over [`Backend`].
//!
//! The bounds that sqlx asks for (a connection is an executor, a text can be bound and read, …) stand on the blanket
//! impls of [`Carries`] and [`Runs`]. [`Backend`] has these as supertraits, which a bound `DB: Backend` implies, so that
//! no `impl` has to repeat them.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use rust_embed::RustEmbed;
use sqlx::error::DatabaseError;
use sqlx::query::Query;
use sqlx::{
    ColumnIndex, Database, Decode, Encode, Executor, IntoArguments, Row as _, SqlSafeStr, SqlStr, Type,
};

use super::error::{StoreError, StoreErrorKind};
use super::statement::Text;

/// A database that the store runs on.
pub(super) trait Backend: Database + Carries<i64> + Carries<String> + Carries<Vec<u8>> + Runs {
    /// Opens a transaction that will write.
    const BEGIN: &'static str;

    /// Opens a transaction that reads, if a statement needs one around it. Such a transaction is never committed.
    const BEGIN_READ: Option<&'static str>;

    /// Whether a [`Question`](super::statement::Question) goes out as one message with its values in the text, which needs no
    /// transaction around it.
    const IN_ONE_MESSAGE: bool;

    /// The statements that sign somebody in all at once, if there are such.
    const SIGN_IN: Option<SignInTexts>;

    /// Around statements that are prepared and not run: before, and after, whatever happened.
    const PREPARING: (&'static str, &'static str);

    /// Keeps other requests of the browser whose number is `$1` out until the transaction ends, if the database lets
    /// several write at once.
    const LOCK_BROWSER: Option<&'static Text>;

    /// Keeps other hosts from changing the schema until the transaction ends, several statements in one text; nothing
    /// where a lock beside the database does.
    const LOCK_SCHEMA: &'static str;

    /// How often a change of the schema is tried while others hold what it needs.
    const SCHEMA_ROUNDS: usize;

    /// Makes the table that core migrations are written down in, if there is none.
    const MIGRATIONS_TABLE: &'static str;

    /// Counts the tables named `$1`, as `found`.
    const TABLE_EXISTS: &'static Text;

    /// Binds a statement's text. Whether it is kept under a name on the connection is the database's business.
    fn query(sql: impl SqlSafeStr) -> Bound<Self>;

    /// After what time a statement without an answer is given up, and its connection with it.
    const PATIENCE: Option<Duration>;

    /// The statements that this database alone has.
    const STATEMENTS: &'static [&'static Text];

    /// The files of `migrations/` for this database.
    type Migrations: RustEmbed;

    /// How many rows a statement touched.
    fn affected(result: &Self::QueryResult) -> u64;

    /// Whether nothing good can come from the connection any more.
    fn is_dead(error: &sqlx::Error) -> bool;

    /// What kind of failure this is.
    fn kind(error: &dyn DatabaseError) -> StoreErrorKind;

    /// The database's own words, without what was bound.
    fn reason(error: &dyn DatabaseError) -> String {
        error.message().to_owned()
    }

    /// Which constraint refused, by the name that tells an operator most: `table.column` or the constraint's own.
    fn constraint(error: &dyn DatabaseError) -> Option<String>;
}

/// What signs somebody in with one statement instead of several: fewer ways to the database and back.
pub(super) struct SignInTexts {
    /// Somebody who is known: the account's details, the session that is replaced, the new one. The user's row, or none.
    pub(super) known: &'static Text,
    /// A user who has just been made: the account, the identity, and the sessions. A row, or none if the account is there.
    pub(super) new: &'static Text,
}

/// The error as the store gives it, stripped of values.
pub(super) fn store_error<DB: Backend>(statement: &'static str, error: sqlx::Error) -> StoreError {
    let (kind, reason) = match &error {
        sqlx::Error::Database(error) => {
            let error = error.as_ref();
            match DB::constraint(error) {
                Some(constraint) => (StoreErrorKind::Constraint, constraint),
                None => (DB::kind(error), DB::reason(error)),
            }
        }
        sqlx::Error::PoolTimedOut => (StoreErrorKind::Busy, "no connection became free in time".to_owned()),
        sqlx::Error::PoolClosed => (StoreErrorKind::Unavailable, "the server is shutting down".to_owned()),
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::WorkerCrashed | sqlx::Error::Protocol(_) => {
            (StoreErrorKind::Unavailable, error.to_string())
        }
        sqlx::Error::ColumnDecode { index, .. } => {
            (StoreErrorKind::Corrupt, format!("column {index} is not of the expected type"))
        }
        sqlx::Error::ColumnNotFound(column) => {
            (StoreErrorKind::Other, format!("there is no column `{column}`"))
        }
        // These texts may quote what was bound.
        sqlx::Error::Encode(_) | sqlx::Error::Decode(_) => {
            (StoreErrorKind::Other, "a value could not be converted".to_owned())
        }
        _ => (StoreErrorKind::Other, error.to_string()),
    };
    StoreError::new(kind, statement, reason)
}

type Arguments<DB> = <DB as Database>::Arguments;

/// A query with its bound values.
pub(super) type Bound<DB> = Query<'static, DB, Arguments<DB>>;

/// What a database answers.
pub(super) type Answer<'c, T> = Pin<Box<dyn Future<Output = Result<T, sqlx::Error>> + Send + 'c>>;

/// A database whose columns hold a `T`. Every value is bound and read as an `Option`: read as a plain `T`, SQLite's
/// NULL would come back as `""` or `0` without an error.
pub(super) trait Carries<T>: Database {
    /// Binds the next parameter.
    fn bind(query: Bound<Self>, value: Option<T>) -> Bound<Self>;

    /// Reads a column.
    fn read(row: &Self::Row, column: &'static str) -> Result<Option<T>, sqlx::Error>;
}

impl<DB, T> Carries<T> for DB
where
    DB: Database,
    Option<T>: for<'q> Encode<'q, DB> + for<'r> Decode<'r, DB> + Type<DB>,
    for<'n> &'n str: ColumnIndex<DB::Row>,
{
    fn bind(query: Bound<Self>, value: Option<T>) -> Bound<Self> {
        query.bind(value)
    }

    fn read(row: &Self::Row, column: &'static str) -> Result<Option<T>, sqlx::Error> {
        row.try_get(column)
    }
}

/// A database whose connection runs statements.
pub(super) trait Runs: Database {
    /// All rows of the answer.
    fn rows<'c>(connection: &'c mut Self::Connection, query: Bound<Self>) -> Answer<'c, Vec<Self::Row>>;

    /// Runs a statement that answers no rows.
    fn run<'c>(connection: &'c mut Self::Connection, query: Bound<Self>) -> Answer<'c, Self::QueryResult>;

    /// All rows of a text without parameters.
    fn ask<'c>(connection: &'c mut Self::Connection, sql: SqlStr) -> Answer<'c, Vec<Self::Row>>;

    /// Runs several statements in one text.
    fn script<'c>(connection: &'c mut Self::Connection, sql: SqlStr) -> Answer<'c, ()>;

    /// Prepares a statement and does not run it.
    fn prepare<'c>(connection: &'c mut Self::Connection, sql: SqlStr) -> Answer<'c, ()>;
}

impl<DB> Runs for DB
where
    DB: Database,
    DB::Arguments: IntoArguments<DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    fn rows<'c>(connection: &'c mut Self::Connection, query: Bound<Self>) -> Answer<'c, Vec<Self::Row>> {
        Box::pin(query.fetch_all(connection))
    }

    fn run<'c>(connection: &'c mut Self::Connection, query: Bound<Self>) -> Answer<'c, Self::QueryResult> {
        Box::pin(query.execute(connection))
    }

    fn ask<'c>(connection: &'c mut Self::Connection, sql: SqlStr) -> Answer<'c, Vec<Self::Row>> {
        Box::pin(sqlx::raw_sql(sql).fetch_all(connection))
    }

    fn script<'c>(connection: &'c mut Self::Connection, sql: SqlStr) -> Answer<'c, ()> {
        Box::pin(async move {
            sqlx::raw_sql(sql).execute(connection).await?;
            Ok(())
        })
    }

    fn prepare<'c>(connection: &'c mut Self::Connection, sql: SqlStr) -> Answer<'c, ()> {
        Box::pin(async move {
            connection.prepare(sql).await?;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use sqlx::{Postgres, Sqlite};

    use super::*;

    fn carries_everything<DB>() -> &'static str
    where
        DB: Database + Carries<i64> + Carries<String> + Carries<Vec<u8>> + Runs,
    {
        DB::NAME
    }

    #[test]
    fn both_databases_carry_what_the_store_needs() {
        assert_eq!(
            [carries_everything::<Sqlite>(), carries_everything::<Postgres>()],
            ["SQLite", "PostgreSQL"]
        );
    }
}
