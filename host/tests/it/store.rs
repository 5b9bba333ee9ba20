//! The store on real files: what each test file needs to make people, sign them in and look behind the store's back.
#![expect(clippy::unwrap_used, reason = "a set-up that fails is a test that fails")]

pub(crate) mod attempts;
mod opening;
mod providers;
mod sessions;
mod sign_in;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use vestibule::account::{Account, RawAccount};
use vestibule::clock::Timestamp;
use vestibule::name::ProviderName;
use vestibule::random::Random;
use vestibule::reach::Reach;
use vestibule::store::{
    Location, NewSession, Options, ProviderChain, SignIn, SignInError, SignedIn, SignupPolicy, Store,
};

use crate::database::{Database, Look, PostgresDatabase, location_of};

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MICROSECOND: Duration = Duration::from_micros(1);

/// Bytes that differ at each call and are the same in each run.
#[derive(Default)]
struct Counted(AtomicU64);

impl Random for Counted {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let count = self.0.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
            let mixed =
                count.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            chunk.copy_from_slice(&mixed.to_le_bytes()[..chunk.len()]);
        }
    }
}

/// A store on a database of its own.
struct Db {
    folder: tempfile::TempDir,
    postgres: Option<PostgresDatabase>,
    store: Store,
    random: Counted,
}

fn options() -> Options {
    Options { wait: Duration::from_secs(30), ..Options::default() }
}

impl Db {
    /// On a database that has been made just now; SQLite's file is made by the store itself.
    async fn new(database: Database) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let postgres = match database {
            Database::Sqlite => None,
            Database::Postgres => Some(PostgresDatabase::migrated().await),
        };
        let location = location(&folder, postgres.as_ref());
        let store = Store::open(&location, &options()).await.unwrap();
        Self { folder, postgres, store, random: Counted::default() }
    }

    /// With providers of these names.
    async fn with(database: Database, providers: &[&str]) -> Self {
        let db = Self::new(database).await;
        for provider in providers {
            db.adopt(provider).await;
        }
        db
    }

    fn location(&self) -> Location {
        location(&self.folder, self.postgres.as_ref())
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("vestibule.db")
    }

    async fn adopt(&self, provider: &str) {
        let plugin = "github".parse().unwrap();
        self.store
            .adopt_provider(&name(provider), &plugin, "https://github.com", &Reach::default(), NOW)
            .await
            .unwrap();
    }

    /// Closes the store and opens it again.
    async fn reopen(&mut self, chain: ProviderChain) {
        self.store.close().await;
        let options = Options { chain, ..options() };
        self.store = Store::open(&self.location(), &options).await.unwrap();
    }

    /// Another connection, which the store knows nothing of.
    async fn look(&self) -> Look {
        match &self.postgres {
            Some(postgres) => Look::into_postgres(&postgres.url()).await,
            None => Look::into_file(&self.path()).await,
        }
    }

    /// Another connection to the file, with nothing set but the patience.
    async fn raw(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.path()).busy_timeout(Duration::from_secs(30));
        SqliteConnection::connect_with(&options).await.unwrap()
    }

    async fn run(&self, sql: &'static str) {
        self.look().await.run(sql).await;
    }

    async fn count(&self, sql: &'static str) -> i64 {
        self.look().await.value(sql).await
    }

    async fn texts(&self, sql: &'static str) -> Vec<String> {
        self.look().await.values(sql).await
    }

    /// Lets the database refuse every new row of a table, until [`Db::take_rows`].
    async fn refuse_rows(&self, table: &str) {
        if self.postgres.is_some() {
            let function = "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql
                AS $$ BEGIN RAISE EXCEPTION 'injected'; END $$";
            self.run(function).await;
        }
        let trigger = match (self.postgres.is_some(), table) {
            (false, "users") => {
                "CREATE TRIGGER fail AFTER INSERT ON users BEGIN SELECT RAISE(ABORT, 'injected'); END"
            }
            (false, "oauth_github") => {
                "CREATE TRIGGER fail AFTER INSERT ON oauth_github BEGIN SELECT RAISE(ABORT, 'injected'); END"
            }
            (false, "identities") => {
                "CREATE TRIGGER fail AFTER INSERT ON identities BEGIN SELECT RAISE(ABORT, 'injected'); END"
            }
            (false, "sessions") => {
                "CREATE TRIGGER fail AFTER INSERT ON sessions BEGIN SELECT RAISE(ABORT, 'injected'); END"
            }
            (true, "users") => {
                "CREATE TRIGGER fail AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION fail()"
            }
            (true, "oauth_github") => {
                "CREATE TRIGGER fail AFTER INSERT ON oauth_github FOR EACH ROW EXECUTE FUNCTION fail()"
            }
            (true, "identities") => {
                "CREATE TRIGGER fail AFTER INSERT ON identities FOR EACH ROW EXECUTE FUNCTION fail()"
            }
            (true, "sessions") => {
                "CREATE TRIGGER fail AFTER INSERT ON sessions FOR EACH ROW EXECUTE FUNCTION fail()"
            }
            (_, other) => panic!("write the trigger for `{other}` here"),
        };
        self.run(trigger).await;
    }

    /// Takes back what [`Db::refuse_rows`] did.
    async fn take_rows(&self) {
        let drop = if self.postgres.is_some() { "DROP FUNCTION fail() CASCADE" } else { "DROP TRIGGER fail" };
        self.run(drop).await;
    }

    /// Everything that refers to something finds it. PostgreSQL lets nothing else in.
    async fn is_whole(&self) {
        if self.postgres.is_none() {
            assert_eq!(self.texts("PRAGMA integrity_check").await, ["ok"]);
            assert_eq!(self.count("SELECT COUNT(*) FROM pragma_foreign_key_check").await, 0);
        }
    }

    async fn sign_in(
        &self,
        provider: &str,
        account: &Account,
        session: NewSession,
    ) -> Result<SignedIn, SignInError> {
        let provider = name(provider);
        let sign_in = SignIn { provider: &provider, account, signup: SignupPolicy::Auto, session, now: NOW };
        self.store.sign_in(&sign_in, &self.random).await
    }
}

fn location(folder: &tempfile::TempDir, postgres: Option<&PostgresDatabase>) -> Location {
    match postgres {
        Some(postgres) => location_of(&postgres.url()),
        None => Location::Sqlite(folder.path().join("vestibule.db")),
    }
}

fn name(provider: &str) -> ProviderName {
    provider.parse().unwrap()
}

fn account(id: &str, login: &str) -> Account {
    let raw =
        RawAccount { account_id: id.to_owned(), login: Some(login.to_owned()), ..RawAccount::default() };
    Account::new(raw).unwrap()
}

fn hash(number: u64) -> [u8; 32] {
    vestibule::random::sha256(&number.to_le_bytes())
}

fn session(number: u64) -> NewSession {
    NewSession { token_hash: hash(number), expires_at: NOW + 30 * DAY, replaces: None }
}
