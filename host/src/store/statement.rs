//! A statement: its text, the table it means, its bound values, and the rows it answers with.
//!
//! Texts are written with [`statements!`], which also lists them, so that one test can prepare them all. The only
//! dynamic part is a provider's table, and [`with_table`] is the only door for it.

use data_encoding::HEXLOWER;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

use super::backend::{Backend, Bound, Carries, store_error};
use super::error::{StoreError, StoreErrorKind};
use super::lease::Lease;
use crate::account::Verified;
use crate::clock::Timestamp;
use crate::name::{PluginName, ProviderName};
use crate::reach::Reach;
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
    safe(in_table(template, table))
}

fn in_table(template: &str, table: &TableName) -> String {
    let quoted = format!("\"{}\"", table.0);
    template.replace("{table}", &quoted).replace("{name}", &table.0)
}

/// The one door for dynamic SQL. What comes through it is text of the program in which a checked table name stands, or
/// numbers and hashes, which are digits alone.
fn safe(sql: String) -> SqlStr {
    #[expect(clippy::disallowed_methods, reason = "the one door, with two callers in this file")]
    AssertSqlSafe(sql).into_sql_str()
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

/// A statement whose values are numbers and hashes alone, and which is asked in one message where the database takes it so.
///
/// A value in the text is seen by whoever may see what a server is asked, so nothing that a person or a provider wrote, and
/// nothing secret, may be a value here; the types of [`Given`] see to that.
#[must_use]
pub(super) struct Question {
    text: &'static Text,
    table: Option<TableName>,
    values: Vec<Given>,
}

/// A value of a [`Question`].
#[derive(Debug, Clone, Copy)]
pub(super) enum Given {
    Number(i64),
    /// SHA-256.
    Hash([u8; 32]),
}

impl From<i64> for Given {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<Timestamp> for Given {
    fn from(time: Timestamp) -> Self {
        Self::Number(time.as_micros())
    }
}

impl From<[u8; 32]> for Given {
    fn from(hash: [u8; 32]) -> Self {
        Self::Hash(hash)
    }
}

impl Question {
    pub(super) fn new(text: &'static Text) -> Self {
        Self { text, table: None, values: Vec::new() }
    }

    /// On a provider's table.
    pub(super) fn on(text: &'static Text, table: TableName) -> Self {
        Self { text, table: Some(table), values: Vec::new() }
    }

    /// The next parameter.
    pub(super) fn with(mut self, value: impl Into<Given>) -> Self {
        self.values.push(value.into());
        self
    }

    /// The text with its values in it, as PostgreSQL writes them. From the last parameter to the first: `$1` is the front
    /// of `$10`.
    fn written(&self) -> String {
        let mut sql = match &self.table {
            Some(table) => in_table(self.text.sql, table),
            None => self.text.sql.to_owned(),
        };
        for (index, value) in self.values.iter().enumerate().rev() {
            let literal = match value {
                Given::Number(number) => format!("CAST('{number}' AS BIGINT)"),
                Given::Hash(hash) => format!("decode('{}', 'hex')", HEXLOWER.encode(hash)),
            };
            sql = sql.replace(&format!("${}", index + 1), &literal);
        }
        sql
    }

    /// Several, and before them a statement of the program's own, in one message.
    pub(super) fn after(first: &'static str, questions: &[Self]) -> SqlStr {
        let mut sql = first.to_owned();
        for question in questions {
            sql.push_str("; ");
            sql.push_str(&question.written());
        }
        safe(sql)
    }

    /// For messages.
    pub(super) fn name(&self) -> &'static str {
        self.text.name
    }

    fn bound<DB: Backend>(&self) -> Statement<DB> {
        let statement = match &self.table {
            Some(table) => Statement::on(self.text, table),
            None => Statement::new(self.text),
        };
        self.values.iter().fold(statement, |statement, value| match value {
            Given::Number(number) => statement.bind(number),
            Given::Hash(hash) => statement.bind(hash),
        })
    }

    /// The row, of a question with one answer at most.
    pub(super) async fn first<DB: Backend>(
        &self,
        lease: &mut Lease<DB>,
    ) -> Result<Option<Row<DB>>, StoreError> {
        if !DB::IN_ONE_MESSAGE {
            return self.bound::<DB>().first(lease).await;
        }
        let (name, sql) = (self.text.name, safe(self.written()));
        let rows = lease.answer(name, DB::PATIENCE, |connection| DB::ask(connection, sql)).await?;
        Ok(rows.into_iter().next().map(|row| Row { statement: name, row }))
    }

    /// Runs it, where the answer does not matter.
    pub(super) async fn run<DB: Backend>(&self, lease: &mut Lease<DB>) -> Result<(), StoreError> {
        self.first(lease).await.map(drop)
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
column!(Reach as String: |value| serde_json::to_string(value).unwrap_or_default(), |raw| serde_json::from_str(&raw).ok());
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
        TEN = "SELECT $1, $10, $2 FROM {table}";
        NUMBER = "SELECT $1 AS number";
    }

    async fn memory() -> Lease<Sqlite> {
        let pool = SqlitePool::connect("sqlite::memory:").await.unwrap();
        Lease::reading(&pool.into()).await.unwrap()
    }

    #[tokio::test]
    async fn reads_null_as_absent_or_as_an_error_and_never_as_zero() {
        assert_eq!(STATEMENTS.len(), 4);
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

    #[tokio::test]
    async fn a_question_finds_the_same_by_values_that_are_bound_and_by_values_in_its_text() {
        let table = TableName::from(&"select".parse::<ProviderName>().unwrap());
        let question = Question::on(TEN, table);
        let question = (1..=9).fold(question, |question, number| question.with(-number));
        let question = question.with([0xab; 32]);
        let number = |n: i64| format!("CAST('-{n}' AS BIGINT)");
        let hash = format!("decode('{}', 'hex')", "ab".repeat(32));
        assert_eq!(
            question.written(),
            format!("SELECT {}, {hash}, {} FROM \"oauth_select\"", number(1), number(2))
        );
        let mut lease = memory().await;
        let row = Question::new(NUMBER).with(i64::MIN).first(&mut lease).await.unwrap().unwrap();
        assert_eq!(row.get::<i64>("number").unwrap(), i64::MIN);
    }

    #[test]
    fn quotes_a_provider_table() {
        let table = TableName::from(&"select".parse::<ProviderName>().unwrap());
        let sql = with_table("CREATE INDEX \"ix_{name}_user\" ON {table} (user_id)", &table);
        assert_eq!(sql.as_str(), "CREATE INDEX \"ix_oauth_select_user\" ON \"oauth_select\" (user_id)");
    }
}
