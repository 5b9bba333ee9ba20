//! The store on real files: what each test file needs to make people, sign them in and look behind the store's back.
#![expect(clippy::unwrap_used, reason = "a set-up that fails is a test that fails")]

mod attempts;
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
use vestibule::store::{
    Location, NewSession, Options, ProviderChain, SignIn, SignInError, SignedIn, SignupPolicy, Store,
};

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

/// A store in a folder of its own.
struct Db {
    folder: tempfile::TempDir,
    store: Store,
    random: Counted,
}

fn options() -> Options {
    Options { wait: Duration::from_secs(30), ..Options::default() }
}

impl Db {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::Sqlite(folder.path().join("vestibule.db"));
        let store = Store::open(&location, &options()).await.unwrap();
        Self { folder, store, random: Counted::default() }
    }

    /// With providers of these names.
    async fn with(providers: &[&str]) -> Self {
        let db = Self::new().await;
        for provider in providers {
            db.adopt(provider).await;
        }
        db
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("vestibule.db")
    }

    async fn adopt(&self, provider: &str) {
        let plugin = "github".parse().unwrap();
        self.store.adopt_provider(&name(provider), &plugin, "https://github.com", NOW).await.unwrap();
    }

    /// Closes the store and opens it again.
    async fn reopen(&mut self, chain: ProviderChain) {
        self.store.close().await;
        let options = Options { chain, ..options() };
        self.store = Store::open(&Location::Sqlite(self.path()), &options).await.unwrap();
    }

    /// Another connection, which the store knows nothing of.
    async fn raw(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.path()).busy_timeout(Duration::from_secs(30));
        SqliteConnection::connect_with(&options).await.unwrap()
    }

    async fn run(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&mut self.raw().await).await.unwrap();
    }

    async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut self.raw().await).await.unwrap()
    }

    async fn texts(&self, sql: &'static str) -> Vec<String> {
        sqlx::query_scalar(sql).fetch_all(&mut self.raw().await).await.unwrap()
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
