//! A statement: its text, the table it means, its bound values, and the rows it answers with.
//!
//! Texts are written with [`statements!`], which also lists them, so that one test can prepare them all. The only
//! dynamic part is a provider's table, and [`with_table`] is the only door for it.

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

use super::backend::{Backend, Bound, Carries, store_error};
use super::error::{StoreError, StoreErrorKind};
use super::lease::Lease;
use crate::account::Verified;
use crate::clock::Timestamp;
use crate::name::{PluginName, ProviderName};
use crate::username::Username;

/// The SQL of one statement. `$1` for both databases; literals and sums cast to BIGINT.
pub(super) struct Text {
    /// For messages.
    pub(super) name: &'static str,
    pub(super) sql: &'static str,
}

/// Declares statements as constants and lists them in `STATEMENTS`.
macro_rules! statements {
    ($($name:ident = $sql:literal;)+) => {
        $(const $name: &$crate::store::statement::Text =
            &$crate::store::statement::Text { name: stringify!($name), sql: $sql };)+
        pub(in crate::store) const STATEMENTS: &[&$crate::store::statement::Text] = &[$($name),+];
    };
}
pub(super) use statements;

/// The name of a provider's table, `oauth_<provider>`. Only a checked name makes one.
pub(super) struct TableName(String);

impl From<&ProviderName> for TableName {
    fn from(provider: &ProviderName) -> Self {
        Self(format!("oauth_{provider}"))
    }
}

/// The template with `{table}` as the quoted and `{name}` as the bare name.
///
/// Safe: the template is part of the program, and a [`ProviderName`] matches `^[a-z][a-z0-9_]{0,39}$`, which holds no
/// quote to escape. It is quoted all the same, for reserved words (`oauth_` in front of them would do, too).
pub(super) fn with_table(template: &'static str, table: &TableName) -> SqlStr {
    let quoted = format!("\"{}\"", table.0);
    #[expect(
        clippy::disallowed_methods,
        reason = "the one door for dynamic SQL, fed by a checked table name"
    )]
    AssertSqlSafe(template.replace("{table}", &quoted).replace("{name}", &table.0)).into_sql_str()
}

/// A statement with its values.
#[must_use]
pub(super) struct Statement<DB: Backend> {
    name: &'static str,
    query: Bound<DB>,
}

impl<DB: Backend> Statement<DB> {
    pub(super) fn new(text: &'static Text) -> Self {
        Self { name: text.name, query: DB::query(text.sql) }
    }

    /// A statement on a provider's table.
    pub(super) fn on(text: &'static Text, table: &TableName) -> Self {
        Self { name: text.name, query: DB::query(with_table(text.sql, table)) }
    }

    /// Binds the next parameter.
    pub(super) fn bind<V: Bind + ?Sized>(self, value: &V) -> Self
    where
        DB: Carries<V::Raw>,
    {
        Self { query: DB::bind(self.query, value.to_raw()), ..self }
    }

    /// All rows.
    pub(super) async fn all(self, lease: &mut Lease<DB>) -> Result<Vec<Row<DB>>, StoreError> {
        let Self { name, query } = self;
        let rows = lease.answer(name, DB::PATIENCE, |connection| DB::rows(connection, query)).await?;
        Ok(rows.into_iter().map(|row| Row { statement: name, row }).collect())
    }

    /// The row, of a statement that answers with at most one. Reads to the end, so that a writing statement is done.
    pub(super) async fn first(self, lease: &mut Lease<DB>) -> Result<Option<Row<DB>>, StoreError> {
        Ok(self.all(lease).await?.into_iter().next())
    }

    /// The row, of a statement that always answers with one.
    pub(super) async fn one(self, lease: &mut Lease<DB>) -> Result<Row<DB>, StoreError> {
        let name = self.name;
        let row = self.first(lease).await?;
        row.ok_or_else(|| StoreError::new(StoreErrorKind::Corrupt, name, "the row is missing"))
    }

    /// Runs it; how many rows it touched.
    pub(super) async fn run(self, lease: &mut Lease<DB>) -> Result<u64, StoreError> {
        let Self { name, query } = self;
        let result = lease.answer(name, DB::PATIENCE, |connection| DB::run(connection, query)).await?;
        Ok(DB::affected(&result))
    }
}

/// A row of an answer.
pub(super) struct Row<DB: Backend> {
    statement: &'static str,
    row: DB::Row,
}

impl<DB: Backend> Row<DB> {
    /// The value of a column; NULL where `V` means no absence is an error.
    pub(super) fn get<V: Read>(&self, column: &'static str) -> Result<V, StoreError>
    where
        DB: Carries<V::Raw>,
    {
        let raw = DB::read(&self.row, column).map_err(|error| store_error::<DB>(self.statement, error))?;
        V::from_raw(raw).ok_or_else(|| {
            StoreError::new(
                StoreErrorKind::Corrupt,
                self.statement,
                format!("column `{column}` holds no valid value"),
            )
        })
    }
}

/// A value that can be bound, as one of the three types that columns have.
pub(super) trait Bind {
    type Raw;
    fn to_raw(&self) -> Option<Self::Raw>;
}

/// A value that can be read.
pub(super) trait Read: Sized {
    type Raw;
    /// `None` where the column does not hold such a value.
    fn from_raw(raw: Option<Self::Raw>) -> Option<Self>;
}

impl<V: Bind + ?Sized> Bind for &V {
    type Raw = V::Raw;

    fn to_raw(&self) -> Option<V::Raw> {
        (**self).to_raw()
    }
}

impl<V: Bind> Bind for Option<V> {
    type Raw = V::Raw;

    fn to_raw(&self) -> Option<V::Raw> {
        self.as_ref().and_then(V::to_raw)
    }
}

impl<V: Read> Read for Option<V> {
    type Raw = V::Raw;

    fn from_raw(raw: Option<V::Raw>) -> Option<Self> {
        match raw {
            None => Some(None),
            raw => V::from_raw(raw).map(Some),
        }
    }
}

macro_rules! column {
    ($type:ty as $raw:ty: |$value:ident| $to:expr, |$stored:ident| $from:expr) => {
        impl Bind for $type {
            type Raw = $raw;

            fn to_raw(&self) -> Option<$raw> {
                let $value = self;
                Some($to)
            }
        }

        impl Read for $type {
            type Raw = $raw;

            fn from_raw(raw: Option<$raw>) -> Option<Self> {
                let $stored = raw?;
                $from
            }
        }
    };
}

column!(i64 as i64: |value| *value, |raw| Some(raw));
column!(bool as i64: |value| i64::from(*value), |raw| match raw {
    0 => Some(false),
    1 => Some(true),
    _ => None,
});
column!(Timestamp as i64: |value| value.as_micros(), |raw| Some(Timestamp::from_micros(raw)));
column!(Verified as i64: |value| value.code(), |raw| Some(Verified::from_code(raw)));
column!(String as String: |value| value.clone(), |raw| Some(raw));
column!(ProviderName as String: |value| value.as_str().to_owned(), |raw| raw.parse().ok());
column!(PluginName as String: |value| value.as_str().to_owned(), |raw| raw.parse().ok());
column!(Username as String: |value| value.as_str().to_owned(), |raw| Some(Username::taken(raw)));
column!(SecretString as String: |value| value.expose_secret().to_owned(), |raw| Some(SecretString::from(raw)));
column!(Vec<u8> as Vec<u8>: |value| value.clone(), |raw| Some(raw));
column!([u8; 32] as Vec<u8>: |value| value.to_vec(), |raw| raw.try_into().ok());

impl Bind for [u8] {
    type Raw = Vec<u8>;

    fn to_raw(&self) -> Option<Vec<u8>> {
        Some(self.to_vec())
    }
}

impl Bind for str {
    type Raw = String;

    fn to_raw(&self) -> Option<String> {
        Some(self.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use sqlx::sqlite::{Sqlite, SqlitePool};

    use super::*;

    statements! {
        NOTHING = "SELECT NULL AS absent";
        BYTES = "SELECT $1 AS bytes";
    }

    async fn memory() -> Lease<Sqlite> {
        let pool = SqlitePool::connect("sqlite::memory:").await.unwrap();
        Lease::reading(&pool.into()).await.unwrap()
    }

    #[tokio::test]
    async fn reads_null_as_absent_or_as_an_error_and_never_as_zero() {
        assert_eq!(STATEMENTS.len(), 2);
        let mut connection = memory().await;
        let row = Statement::<Sqlite>::new(NOTHING).one(&mut connection).await.unwrap();
        assert_eq!(row.get::<Option<i64>>("absent").unwrap(), None);
        assert_eq!(row.get::<Option<String>>("absent").unwrap(), None);
        assert_eq!(row.get::<i64>("absent").unwrap_err().kind(), StoreErrorKind::Corrupt);
        assert_eq!(row.get::<String>("absent").unwrap_err().kind(), StoreErrorKind::Corrupt);
        assert_eq!(row.get::<[u8; 32]>("absent").unwrap_err().kind(), StoreErrorKind::Corrupt);
    }

    #[tokio::test]
    async fn says_which_column_is_wrong_and_not_what_is_in_it() {
        let mut connection = memory().await;
        let row = Statement::<Sqlite>::new(BYTES).bind("canary").one(&mut connection).await.unwrap();
        let error = row.get::<ProviderName>("bytes").map(drop);
        assert_eq!(error, Ok(()));
        for text in ["Canary!", "canary\u{e9}"] {
            let row = Statement::<Sqlite>::new(BYTES).bind(text).one(&mut connection).await.unwrap();
            let error = row.get::<ProviderName>("bytes").unwrap_err().to_string();
            assert_eq!(
                error,
                "the database holds what cannot be read (`BYTES`): column `bytes` holds no valid value"
            );
            assert!(!row.get::<i64>("bytes").unwrap_err().to_string().to_lowercase().contains("canary"));
        }
    }

    #[test]
    fn quotes_a_provider_table() {
        let table = TableName::from(&"select".parse::<ProviderName>().unwrap());
        let sql = with_table("CREATE INDEX \"ix_{name}_user\" ON {table} (user_id)", &table);
        assert_eq!(sql.as_str(), "CREATE INDEX \"ix_oauth_select_user\" ON \"oauth_select\" (user_id)");
    }
}
