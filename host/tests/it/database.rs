//! The two databases, for tests that run on both. Each test has one of its own: a file in its folder, or a database in the
//! PostgreSQL server that `VESTIBULE_TEST_POSTGRES` names.
//!
//! A test that needs PostgreSQL is in a module `postgres`, by which `cargo xtask test` leaves it out where there is none.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::postgres::{PgConnection, PgPool, PgPoolOptions, PgRow};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqliteRow};
use sqlx::{Connection as _, FromRow};
use vestibule::config::{Config, Loaded};
use vestibule::plugin::TransportKind;
use vestibule::random::{Random as _, SystemRandom, sha256};
use vestibule::store::{Location, Options, Store};

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Database {
    Sqlite,
    Postgres,
}

/// Where a test runs: nothing above may notice which it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) database: Database,
    pub(crate) transport: TransportKind,
}

impl From<Database> for Place {
    fn from(database: Database) -> Self {
        Self { database, transport: TransportKind::InProcess }
    }
}

impl From<TransportKind> for Place {
    fn from(transport: TransportKind) -> Self {
        Self { database: Database::Sqlite, transport }
    }
}

/// Writes each test twice, once for each database: `async fn name(database) { … }`.
macro_rules! on_both_databases {
    ($($(#[$attribute:meta])* async fn $name:ident($database:ident) $body:block)*) => {
        mod sqlite {
            $(
                $(#[$attribute])*
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    super::$name($crate::database::Database::Sqlite).await;
                }
            )*
        }
        mod postgres {
            $(
                $(#[$attribute])*
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    super::$name($crate::database::Database::Postgres).await;
                }
            )*
        }
        $( async fn $name($database: $crate::database::Database) $body )*
    };
}
pub(crate) use on_both_databases;

/// Writes each test four times, once for each pair of database and transport: `async fn name(place) { … }`.
macro_rules! everywhere {
    ($($(#[$attribute:meta])* async fn $name:ident($place:ident) $body:block)*) => {
        mod sqlite {
            mod in_process {
                $crate::database::everywhere!(@tests Sqlite, vestibule::plugin::TransportKind::InProcess,
                    $($(#[$attribute])* $name)*);
            }
            mod worker {
                $crate::database::everywhere!(@tests Sqlite, vestibule::plugin::TransportKind::Worker,
                    $($(#[$attribute])* $name)*);
            }
        }
        mod postgres {
            mod in_process {
                $crate::database::everywhere!(@tests Postgres, vestibule::plugin::TransportKind::InProcess,
                    $($(#[$attribute])* $name)*);
            }
            mod worker {
                $crate::database::everywhere!(@tests Postgres, vestibule::plugin::TransportKind::Worker,
                    $($(#[$attribute])* $name)*);
            }
        }
        $( async fn $name($place: $crate::database::Place) $body )*
    };
    (@tests $database:ident, $transport:expr, $($(#[$attribute:meta])* $name:ident)*) => {
        $(
            $(#[$attribute])*
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let database = $crate::database::Database::$database;
                super::super::$name($crate::database::Place { database, transport: $transport }).await;
            }
        )*
    };
}
pub(crate) use everywhere;

/// A database in the test server, empty or with the core tables; dropped with this.
#[derive(Debug)]
pub(crate) struct PostgresDatabase {
    name: &'static str,
}

/// The server's URL, up to the name of the database.
pub(crate) fn server() -> String {
    let url = std::env::var("VESTIBULE_TEST_POSTGRES").unwrap_or_else(|_| {
        panic!(
            "this test needs a PostgreSQL server: run `cargo xtask test`, which starts one, or keep `cargo xtask \
             postgres` running and set the variable that it prints"
        )
    });
    url.rsplit_once('/').expect("VESTIBULE_TEST_POSTGRES is postgres://…/postgres").0.to_owned()
}

async fn maintenance() -> PgConnection {
    PgConnection::connect(&format!("{}/postgres", server())).await.unwrap()
}

/// The location that a URL means, as the configuration reads it.
pub(crate) fn location_of(url: &str) -> Location {
    let text = format!("[server]\npublic_url = \"http://localhost:1\"\n[database]\nurl = \"{url}\"\n");
    let environment = std::collections::BTreeMap::<String, String>::new();
    let Loaded { config, .. } = Config::parse(&text, Path::new("/config.toml"), &environment).unwrap();
    config.database
}

impl PostgresDatabase {
    /// With nothing in it.
    pub(crate) async fn empty() -> Self {
        let name = fresh();
        run(&mut maintenance().await, format!("CREATE DATABASE {name}")).await;
        Self { name }
    }

    /// With nothing in it, and without an encoding.
    pub(crate) async fn without_encoding() -> Self {
        let name = fresh();
        let sql = format!("CREATE DATABASE {name} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0");
        run(&mut maintenance().await, sql).await;
        Self { name }
    }

    /// With the core tables. They are made once for all tests, and copied.
    pub(crate) async fn migrated() -> Self {
        let (name, template) = (fresh(), template());
        let mut connection = maintenance().await;
        sqlx::query("SELECT pg_advisory_lock(1)").execute(&mut connection).await.unwrap();
        let exists: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
            .bind(&template)
            .fetch_one(&mut connection)
            .await
            .unwrap();
        if !exists {
            let first = Self::empty().await;
            Store::open(&location_of(&first.url()), &Options::default()).await.unwrap().close().await;
            run(&mut connection, format!("ALTER DATABASE {} RENAME TO {template}", first.name)).await;
        }
        sqlx::query("SELECT pg_advisory_unlock(1)").execute(&mut connection).await.unwrap();
        run(&mut connection, format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        Self { name }
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        format!("{}/{}", server(), self.name)
    }

    /// Its URL through PgBouncer in transaction mode.
    pub(crate) fn pooled_url(&self) -> String {
        let url = std::env::var("VESTIBULE_TEST_PGBOUNCER").unwrap_or_else(|_| {
            panic!(
                "this test needs PgBouncer: run `cargo xtask test`, which starts one, or keep `cargo xtask postgres` \
                 running and set the variables that it prints"
            )
        });
        format!("{}/{}", url.rsplit_once('/').unwrap().0, self.name)
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        let name = self.name;
        // The test's own runtime may be ending.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                run(&mut maintenance().await, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
            });
        });
        if dropped.join().is_err() && !std::thread::panicking() {
            panic!("the database `{name}` could not be dropped");
        }
    }
}

/// A name that no other test of this server has.
fn fresh() -> &'static str {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let mut salt = [0; 4];
    SystemRandom.fill(&mut salt);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("t{}_{number}_{:08x}", std::process::id(), u32::from_be_bytes(salt)).leak()
}

/// Named by what is in it, since a server may outlive a change of the migrations.
fn template() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations/postgres");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.is_file());
    files.sort();
    let texts: Vec<_> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
    format!("template_{}", &data_encoding::HEXLOWER.encode(&sha256(&texts.concat()))[..16])
}

/// A statement about a whole database: its name cannot be bound, and is one of ours.
async fn run(connection: &mut PgConnection, sql: String) {
    let sql: &'static str = sql.leak();
    sqlx::raw_sql(sql).execute(connection).await.unwrap();
}

/// A look into a database behind the host's back.
pub(crate) enum Look {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// A transaction that keeps writers out.
pub(crate) enum Held {
    #[expect(dead_code, reason = "dropping it is what ends it")]
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
    #[expect(dead_code, reason = "dropping it is what ends it")]
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
}

/// What a row of either database becomes.
pub(crate) trait AnyRow:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

impl<T> AnyRow for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

impl Look {
    /// Into an SQLite file.
    pub(crate) async fn into_file(path: &Path) -> Self {
        let options = SqliteConnectOptions::new().filename(path).foreign_keys(true);
        Self::Sqlite(SqlitePool::connect_with(options).await.unwrap())
    }

    /// Into a PostgreSQL database.
    pub(crate) async fn into_postgres(url: &str) -> Self {
        Self::Postgres(PgPoolOptions::new().max_connections(3).connect(url).await.unwrap())
    }

    /// The rows of a query.
    pub(crate) async fn rows<T: AnyRow>(&self, sql: &'static str) -> Vec<T> {
        match self {
            Self::Sqlite(pool) => sqlx::query_as(sql).fetch_all(pool).await,
            Self::Postgres(pool) => sqlx::query_as(sql).fetch_all(pool).await,
        }
        .unwrap()
    }

    /// The one row of a query.
    pub(crate) async fn row<T: AnyRow>(&self, sql: &'static str) -> T {
        self.rows(sql).await.into_iter().next().expect("no row")
    }

    /// The first column of a query's one row.
    pub(crate) async fn value<T>(&self, sql: &'static str) -> T
    where
        (T,): AnyRow,
    {
        self.row::<(T,)>(sql).await.0
    }

    /// The first column of a query's rows.
    pub(crate) async fn values<T>(&self, sql: &'static str) -> Vec<T>
    where
        (T,): AnyRow,
    {
        self.rows::<(T,)>(sql).await.into_iter().map(|(value,)| value).collect()
    }

    /// Runs statements.
    pub(crate) async fn run(&self, sql: &'static str) {
        match self {
            Self::Sqlite(pool) => sqlx::raw_sql(sql).execute(pool).await.map(drop),
            Self::Postgres(pool) => sqlx::raw_sql(sql).execute(pool).await.map(drop),
        }
        .unwrap();
    }

    /// Keeps everybody else from writing sessions, until the answer is dropped.
    pub(crate) async fn hold(&self) -> Held {
        match self {
            Self::Sqlite(pool) => Held::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await.unwrap()),
            Self::Postgres(pool) => {
                let mut held = pool.begin().await.unwrap();
                sqlx::raw_sql("LOCK TABLE sessions IN EXCLUSIVE MODE").execute(&mut *held).await.unwrap();
                Held::Postgres(held)
            }
        }
    }

    /// How many rows a table has. Their queries are written out, since SQL put together has one door, in the store.
    pub(crate) async fn count(&self, table: &str) -> i64 {
        self.value(match table {
            "users" => "SELECT COUNT(*) FROM users",
            "identities" => "SELECT COUNT(*) FROM identities",
            "sessions" => "SELECT COUNT(*) FROM sessions",
            "login_attempts" => "SELECT COUNT(*) FROM login_attempts",
            "oauth_github" => "SELECT COUNT(*) FROM oauth_github",
            "oauth_odd" => "SELECT COUNT(*) FROM oauth_odd",
            "oauth_oidc" => "SELECT COUNT(*) FROM oauth_oidc",
            other => panic!("write the query for `{other}` here"),
        })
        .await
    }

    /// The pool of an SQLite file, for what only that can do.
    pub(crate) fn sqlite(&self) -> &SqlitePool {
        match self {
            Self::Sqlite(pool) => pool,
            Self::Postgres(_) => panic!("this is not SQLite"),
        }
    }
}
