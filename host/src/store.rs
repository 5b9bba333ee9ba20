//! Everything that outlives a request: users, their identities, sessions and login attempts, in one database.
//!
//! All SQL lives below this module, and a transaction never leaves it: each method of [`Store`] is one step that
//! happens whole or not at all. Knows no HTTP, no plugin and no clock; times and random bytes are arguments, tokens
//! arrive as hashes.

mod attempts;
mod backend;
mod census;
mod error;
mod irregular;
mod lease;
mod location;
mod migrate;
mod people;
mod postgres;
mod provider_table;
mod sessions;
mod sign_in;
mod sqlite;
mod statement;
mod upkeep;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use sqlx::SqlSafeStr as _;
use sqlx::postgres::Postgres;
use sqlx::sqlite::Sqlite;

pub use self::attempts::{Attempt, Purpose};
pub use self::census::Residents;
pub use self::error::{AdoptError, OpenError, StoreError, StoreErrorKind};
pub use self::irregular::Irregular;
pub use self::location::{Location, PostgresHost, PostgresLocation, PostgresTls, PostgresTlsMode};
pub use self::migrate::Applied;
pub use self::people::{Identity, Profile, User};
pub use self::provider_table::{Adopted, KeptProvider, ProviderChain};
pub use self::sessions::{CurrentSession, Swept};
pub use self::sign_in::{NewSession, SignIn, SignInError, SignedIn, SignupPolicy};
pub use self::upkeep::{Exported, PurgeError, Purged, Resident};

use self::backend::Backend;
use self::lease::{Connections, Failure, Lease};
use self::provider_table::Chain;
use self::statement::{Question, TableName, Text, statements, with_table};
use crate::clock::Timestamp;
use crate::count::Counts;
use crate::name::{PluginName, ProviderName};
use crate::random::Random;
use crate::reach::Reach;

statements! {
    PING = "SELECT CAST(1 AS BIGINT) AS one";
}

/// How long the end of connections to a server is waited for.
const CLOSING: Duration = Duration::from_secs(5);

/// Every statement there is.
const ALL: &[&[&Text]] = &[
    STATEMENTS,
    attempts::STATEMENTS,
    census::STATEMENTS,
    irregular::STATEMENTS,
    migrate::STATEMENTS,
    people::STATEMENTS,
    provider_table::STATEMENTS,
    sessions::STATEMENTS,
    sign_in::STATEMENTS,
    upkeep::STATEMENTS,
];

/// How the database is used.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long to wait for a lock or a free connection before giving up.
    pub wait: Duration,
    /// How many connections read an SQLite file.
    pub readers: u32,
    /// How many connections there are to PostgreSQL, at most.
    pub connections: u32,
    /// Who changes the schema.
    pub migrate: Migrate,
    /// What makes a provider's table.
    pub chain: ProviderChain,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            wait: Duration::from_secs(10),
            readers: 8,
            connections: 10,
            migrate: Migrate::Auto,
            chain: ProviderChain::embedded(),
        }
    }
}

/// Who changes the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Migrate {
    /// Each start, as far as it is behind.
    Auto,
    /// Nobody but `vestibule migrate`.
    Manual,
}

/// The database. A clone is another handle to the same.
#[derive(Clone)]
pub struct Store(Inner, Arc<Counts<StoreErrorKind>>);

#[derive(Clone)]
enum Inner {
    Sqlite(Sql<Sqlite>),
    Postgres(Sql<Postgres>),
}

/// Passes a call on to whichever database it is.
macro_rules! sql {
    ($store:expr, $method:ident($($argument:expr),*)) => {
        match &$store.0 {
            Inner::Sqlite(sql) => sql.$method($($argument),*).await,
            Inner::Postgres(sql) => sql.$method($($argument),*).await,
        }
    };
}

/// The same, and counts the error that is left when the step has been given up.
macro_rules! counted {
    ($store:expr, $method:ident($($argument:expr),*)) => {{
        let done = sql!($store, $method($($argument),*));
        if let Some(error) = done.as_ref().err().and_then(Failure::store_error) {
            $store.1.add(error.kind());
        }
        done
    }};
}

impl Store {
    /// Opens the database, creates an SQLite file if there is none, and brings the schema up to date or, with
    /// [`Migrate::Manual`], refuses one that is behind.
    ///
    /// # Errors
    /// With the place and the cure in the text: missing folder, no right to write, no answer, locked, too new.
    pub async fn open(location: &Location, options: &Options) -> Result<Self, OpenError> {
        match location {
            Location::Sqlite(path) => {
                Ok(Self(Inner::Sqlite(sqlite::open(path, options).await?), Arc::default()))
            }
            Location::Postgres(location) => {
                Ok(Self(Inner::Postgres(postgres::open(location, options).await?), Arc::default()))
            }
        }
    }

    /// Opens a database that is there, to look at it: nothing is made, changed or locked, whatever runs beside. What the
    /// schema lacks is told and not made. `None` where there is no SQLite file yet.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn look(location: &Location, options: &Options) -> Result<Option<(Self, Applied)>, OpenError> {
        match location {
            Location::Sqlite(path) => {
                let looked = sqlite::look(path, options).await?;
                Ok(looked.map(|(sql, lacks)| (Self(Inner::Sqlite(sql), Arc::default()), lacks)))
            }
            Location::Postgres(location) => {
                let (sql, lacks) = postgres::look(location, options).await?;
                Ok(Some((Self(Inner::Postgres(sql), Arc::default()), lacks)))
            }
        }
    }

    /// Every provider that has a row, configured or not, by name, on a schema that may be behind.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn kept_providers(&self) -> Result<Vec<KeptProvider>, StoreError> {
        sql!(self, kept_providers())
    }

    /// Everybody who is known at a provider, by user id.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn residents(&self, provider: &ProviderName) -> Result<Vec<Resident>, StoreError> {
        sql!(self, residents(provider))
    }

    /// Counts what should not be in the database. Reads every table whole.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn irregular(&self) -> Result<Irregular, StoreError> {
        sql!(self, irregular())
    }

    /// Has the provider's table belong to another realm from now on; whether it belonged to `from`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn rebase(&self, provider: &ProviderName, from: &str, to: &str) -> Result<bool, StoreError> {
        counted!(self, rebase(provider, from, to))
    }

    /// Removes a provider's links, accounts, table and row in one transaction, after `export` was given what is lost. Users
    /// stay; those whose name and picture came from there have them from their oldest other provider. `ways` are the
    /// providers that can be signed in with; without `strand` a user who has none of them stops it.
    ///
    /// # Errors
    /// With the reason; nothing was changed then.
    pub async fn purge(
        &self,
        provider: &ProviderName,
        ways: &BTreeSet<ProviderName>,
        strand: bool,
        export: &(dyn Fn(&[Exported]) -> std::io::Result<()> + Sync),
    ) -> Result<Purged, PurgeError> {
        counted!(self, purge(provider, ways, strand, export))
    }

    /// How many steps failed for good, by kind.
    pub fn errors(&self) -> &Counts<StoreErrorKind> {
        &self.1
    }

    /// What opening it changed.
    pub fn applied(&self) -> &Applied {
        match &self.0 {
            Inner::Sqlite(sql) => &sql.applied,
            Inner::Postgres(sql) => &sql.applied,
        }
    }

    /// Makes the provider's table at its first start, brings it up to date later. Until then the provider is not ready.
    /// What it may reach is accepted at its first start, and narrowed when it reaches less.
    ///
    /// # Errors
    /// [`AdoptError::RealmChanged`] if the table was filled from another realm, [`AdoptError::Beyond`] if it wants to reach
    /// more than was accepted, [`AdoptError::Manual`] if it would have to
    /// be made or changed and that is not for us.
    pub async fn adopt_provider(
        &self,
        provider: &ProviderName,
        plugin: &PluginName,
        realm: &str,
        reach: &Reach,
        now: Timestamp,
    ) -> Result<Adopted, AdoptError> {
        counted!(self, adopt_provider(provider, plugin, realm, reach, now))
    }

    /// Whether [`adopt_provider`](Self::adopt_provider) would let the provider have its table, as far as a look can tell.
    /// Changes nothing.
    ///
    /// # Errors
    /// As there.
    pub async fn provider_fits(
        &self,
        provider: &ProviderName,
        realm: &str,
        reach: &Reach,
    ) -> Result<(), AdoptError> {
        sql!(self, provider_fits(provider, realm, reach))
    }

    /// Writes down that a provider may reach this from now on; whether it has a row.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn accept(&self, provider: &ProviderName, reach: &Reach) -> Result<bool, StoreError> {
        counted!(self, accept(provider, reach))
    }

    /// Every provider that has a table, configured or not, by name: who it is known to, and when somebody last came.
    /// Reads each table whole, so it is for people who ask now and then.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn census(&self) -> Result<Vec<Residents>, StoreError> {
        sql!(self, census())
    }

    /// Signs in the user of a proven account; makes user and identity if there are none and the policy allows it. All
    /// rows are written in one transaction, with the session. The provider must have been adopted.
    ///
    /// # Errors
    /// [`SignInError::SignupClosed`] for an account without a user; nothing is written then.
    pub async fn sign_in(&self, sign_in: &SignIn<'_>, random: &dyn Random) -> Result<SignedIn, SignInError> {
        counted!(self, sign_in(sign_in, random))
    }

    /// Remembers a login attempt. A browser's 21st drops its oldest.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn insert_attempt(&self, attempt: &Attempt) -> Result<(), StoreError> {
        counted!(self, insert_attempt(attempt))
    }

    /// Takes a login attempt: it is deleted as it is read, so that of any number of callers one gets it. An expired
    /// one is deleted, too, and is nobody's. Another browser's stays where it is: who knows a state cannot spoil it.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn take_attempt(
        &self,
        state_hash: &[u8; 32],
        browser_hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<Attempt>, StoreError> {
        counted!(self, take_attempt(state_hash, browser_hash, now))
    }

    /// The session of a token at the server's own origin, if it has neither expired nor been idle for too long.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_session(
        &self,
        token_hash: &[u8; 32],
        now: Timestamp,
        idle: Duration,
    ) -> Result<Option<CurrentSession>, StoreError> {
        counted!(self, find_session(token_hash, now, idle))
    }

    /// The same, with the user's name and picture: one way to the database where two calls would be two.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_session_and_profile(
        &self,
        token_hash: &[u8; 32],
        now: Timestamp,
        idle: Duration,
    ) -> Result<Option<(CurrentSession, Profile)>, StoreError> {
        counted!(self, find_session_and_profile(token_hash, now, idle))
    }

    /// Writes down that a session was used, if that was last done more than a minute ago; whether it was. Ask
    /// [`CurrentSession::wants_touch`] first, which costs no write lock.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn touch_session(&self, token_hash: &[u8; 32], now: Timestamp) -> Result<bool, StoreError> {
        counted!(self, touch_session(token_hash, now))
    }

    /// Ends a session and its children; whether there was one.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn end_session(&self, token_hash: &[u8; 32]) -> Result<bool, StoreError> {
        counted!(self, end_session(token_hash))
    }

    /// Removes login attempts and sessions that are over.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn sweep(&self, now: Timestamp, idle: Duration) -> Result<Swept, StoreError> {
        counted!(self, sweep(now, idle))
    }

    /// Name and picture, from the user's primary provider.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn profile(&self, user: &User) -> Result<Profile, StoreError> {
        counted!(self, profile(user))
    }

    /// The user's identities, oldest first, those of providers that are not configured any more included.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn identities(&self, user_id: i64) -> Result<Vec<Identity>, StoreError> {
        counted!(self, identities(user_id))
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// If it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        counted!(self, ping())
    }

    /// Prepares every statement of this host, those on providers' tables once per table, and runs none; how many. A
    /// schema that does not fit shows here and not first in somebody's sign-in.
    ///
    /// # Errors
    /// The first statement that does not fit.
    pub async fn check_statements(&self) -> Result<usize, StoreError> {
        counted!(self, check_statements())
    }

    /// Waits for what is under way and closes all connections. A server that has gone silent is not waited for.
    pub async fn close(&self) {
        sql!(self, close());
    }
}

/// The store on one database. The methods are in the files of this folder.
struct Sql<DB: Backend> {
    writer: Connections<DB>,
    readers: Connections<DB>,
    chain: Arc<Chain>,
    mode: Migrate,
    applied: Arc<Applied>,
}

impl<DB: Backend> Clone for Sql<DB> {
    fn clone(&self) -> Self {
        Self {
            writer: self.writer.clone(),
            readers: self.readers.clone(),
            chain: self.chain.clone(),
            mode: self.mode,
            applied: self.applied.clone(),
        }
    }
}

impl<DB: Backend> Sql<DB> {
    /// A connection for reading.
    async fn read(&self) -> Result<Lease<DB>, StoreError> {
        Lease::reading(&self.readers).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let (_, row) = Lease::<DB>::asked(&self.readers, &Question::new(PING)).await?;
        let row =
            row.ok_or_else(|| StoreError::new(StoreErrorKind::Corrupt, PING.name, "the row is missing"))?;
        row.get::<i64>("one").map(drop)
    }

    async fn check_statements(&self) -> Result<usize, StoreError> {
        let tables = self.provider_tables().await?;
        let (before, after) = DB::PREPARING;
        let mut lease = self.read().await?;
        migrate::script(&mut lease, "prepare", before.into_sql_str()).await?;
        let prepared = Self::prepare_all(&mut lease, &tables).await;
        migrate::script(&mut lease, "prepare", after.into_sql_str()).await?;
        prepared
    }

    async fn prepare_all(lease: &mut Lease<DB>, tables: &[TableName]) -> Result<usize, StoreError> {
        let mut texts: Vec<&'static Text> = DB::STATEMENTS.to_vec();
        ALL.iter().for_each(|of_a_file| texts.extend_from_slice(of_a_file));
        let mut count = 0;
        for text in texts {
            let each: Vec<_> = if text.sql.contains("{table}") {
                tables.iter().map(|table| with_table(text.sql, table)).collect()
            } else {
                vec![text.sql.into_sql_str()]
            };
            for sql in each {
                lease.answer(text.name, None, |connection| DB::prepare(connection, sql)).await?;
                count += 1;
            }
        }
        Ok(count)
    }

    async fn close(&self) {
        let closed = async {
            self.readers.pool.close().await;
            self.writer.pool.close().await;
        };
        if DB::PATIENCE.is_none() {
            closed.await;
        } else if tokio::time::timeout(CLOSING, closed).await.is_err() {
            tracing::warn!("the database does not answer: not waiting for the end of its connections");
        }
    }
}
