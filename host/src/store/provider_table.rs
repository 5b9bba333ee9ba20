//! One table per provider, `oauth_<provider>`: made and changed by a chain of steps, each table at its own revision.
//!
//! `providers.table_revision` counts the steps that a table has had, and moves in the same transaction as the step. A
//! table outlives its provider's section of the configuration and is brought along all the same, so that it fits when
//! the section comes back.

use super::backend::Backend;
use super::error::{AdoptError, StoreError};
use super::lease::{Failure, Lease, in_statement, in_transaction};
use super::migrate::{self, Held, MigrateFailure};
use super::statement::{Statement, TableName, statements, with_table};
use super::{Migrate, Sql};
use crate::clock::Timestamp;
use crate::name::{PluginName, ProviderName};
use crate::reach::Reach;

statements! {
    FIND_PROVIDER = "SELECT plugin, realm, table_revision, accepted FROM providers WHERE name = $1";
    KEPT = "SELECT name, plugin, realm, table_revision, created_at FROM providers ORDER BY name";
    INSERT_PROVIDER = "INSERT INTO providers (name, plugin, realm, table_revision, created_at) VALUES ($1, $2, $3, 0, $4)";
    UPDATE_PROVIDER = "UPDATE providers SET plugin = $2, table_revision = $3 WHERE name = $1";
    UPDATE_ACCEPTED = "UPDATE providers SET accepted = $2 WHERE name = $1";
    LIST_PROVIDERS = "SELECT name, plugin, table_revision FROM providers ORDER BY name";
}

/// The migration that brought `providers.accepted`.
const ACCEPTED_SINCE: i64 = 2;

/// One step of the chain.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) title: String,
    pub(super) sql: &'static str,
}

/// The steps that make a provider's table what this host expects: those of `migrations/`, and what a test adds.
#[derive(Debug, Clone, Default)]
pub struct ProviderChain(Vec<Step>);

impl ProviderChain {
    /// The steps in `migrations/`.
    pub fn embedded() -> Self {
        Self::default()
    }

    /// The same with one more step at the end, in which `{table}` stands for the quoted name of the table and `{name}`
    /// for the bare one. A test sees by it that a later step reaches every table.
    #[must_use]
    pub fn and_then(mut self, title: &str, sql: &'static str) -> Self {
        self.0.push(Step { title: title.to_owned(), sql });
        self
    }

    /// The steps on one database.
    pub(super) fn on<DB: Backend>(&self) -> Chain {
        let mut steps = migrate::provider_steps::<DB>();
        steps.extend(self.0.iter().cloned());
        Chain(steps)
    }
}

/// The steps on one database, oldest first.
#[derive(Debug)]
pub(super) struct Chain(Vec<Step>);

impl Chain {
    /// How many steps there are.
    fn revision(&self) -> i64 {
        self.0.len().try_into().unwrap_or(i64::MAX)
    }

    fn after(&self, revision: i64) -> &[Step] {
        usize::try_from(revision).ok().and_then(|done| self.0.get(done..)).unwrap_or(&[])
    }
}

/// A row of `providers`, for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptProvider {
    /// The provider.
    pub name: ProviderName,
    /// The plugin that it was last made of.
    pub plugin: PluginName,
    /// The realm that its table was filled from.
    pub realm: String,
    /// How many steps of the chain its table has had.
    pub revision: i64,
    /// When it first started.
    pub created_at: Timestamp,
    /// What it may reach, as it was accepted; `None` in a row from before consent was kept.
    pub accepted: Option<Reach>,
}

/// How a provider's table was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adopted {
    /// Whether the table was made just now.
    pub created: bool,
    /// How many steps of the chain it has had. More than this host knows, if a newer one has been here.
    pub revision: i64,
    /// Whether what it may reach was written down just now: at its first start, or because it reaches less by now.
    pub accepted: bool,
}

impl Failure for AdoptError {
    fn store_error(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            Self::RealmChanged { .. } | Self::Beyond { .. } | Self::Manual { .. } | Self::TooOld { .. } => {
                None
            }
        }
    }
}

/// A row of `providers`.
struct Found {
    plugin: PluginName,
    revision: i64,
    accepted: Option<Reach>,
}

impl<DB: Backend> Sql<DB> {
    pub(super) async fn provider_fits(
        &self,
        provider: &ProviderName,
        realm: &str,
        reach: &Reach,
    ) -> Result<(), AdoptError> {
        self.look(provider, realm, reach).await.map(drop)
    }

    /// The provider's row, if there is one and nothing speaks against what this host would do to its table.
    async fn look(
        &self,
        provider: &ProviderName,
        realm: &str,
        reach: &Reach,
    ) -> Result<Option<Found>, AdoptError> {
        let found = find::<DB>(&mut self.read().await?, provider, realm, reach).await?;
        let is_up_to_date = found.as_ref().is_some_and(|found| found.revision >= self.chain.revision());
        if self.mode == Migrate::Manual && !is_up_to_date {
            let what = if found.is_none() { "missing" } else { "behind" };
            return Err(AdoptError::Manual { provider: provider.clone(), what });
        }
        Ok(found)
    }

    pub(super) async fn adopt_provider(
        &self,
        provider: &ProviderName,
        plugin: &PluginName,
        realm: &str,
        reach: &Reach,
        now: Timestamp,
    ) -> Result<Adopted, AdoptError> {
        // A look first: a start on a schema that is up to date waits for nobody and needs no right to change it.
        if let Some(Found { plugin: known, revision, accepted }) = self.look(provider, realm, reach).await?
            && known == *plugin
            && revision >= self.chain.revision()
            && accepted.as_ref() == Some(reach)
        {
            return Ok(Adopted { created: false, revision, accepted: false });
        }
        let mut held = Held::default();
        loop {
            match self.adopt_once(provider, plugin, realm, reach, now).await {
                Err(error) if held.again::<DB>(&error) => {}
                done => return done,
            }
        }
    }

    async fn adopt_once(
        &self,
        provider: &ProviderName,
        plugin: &PluginName,
        realm: &str,
        reach: &Reach,
        now: Timestamp,
    ) -> Result<Adopted, AdoptError> {
        in_transaction!(self, |lease| {
            migrate::lock_schema(&mut lease).await.map_err(|failure| failure.of(provider))?;
            let found = find::<DB>(&mut lease, provider, realm, reach).await?;
            if found.is_none() {
                let insert = Statement::<DB>::new(INSERT_PROVIDER).bind(provider).bind(plugin);
                insert.bind(realm).bind(&now).run(&mut lease).await?;
            }
            let before = found.as_ref().map_or(0, |found| found.revision);
            let revision = self.upgrade(&mut lease, provider, plugin, before).await?;
            // Narrower, too: what a provider once gave up it has to ask for again.
            let accepted = found.as_ref().and_then(|found| found.accepted.as_ref()) != Some(reach);
            if accepted {
                Statement::<DB>::new(UPDATE_ACCEPTED).bind(provider).bind(reach).run(&mut lease).await?;
            }
            Ok(Adopted { created: found.is_none(), revision, accepted })
        })
    }

    pub(super) async fn kept_providers(&self) -> Result<Vec<KeptProvider>, StoreError> {
        self.kept_with(&mut self.read().await?).await
    }

    /// The same, inside of a transaction.
    pub(super) async fn kept_with(&self, lease: &mut Lease<DB>) -> Result<Vec<KeptProvider>, StoreError> {
        if !migrate::exists(lease, "providers").await? {
            return Ok(Vec::new());
        }
        let mut kept = Vec::new();
        for row in Statement::<DB>::new(KEPT).all(lease).await? {
            kept.push(KeptProvider {
                name: row.get("name")?,
                plugin: row.get("plugin")?,
                realm: row.get("realm")?,
                revision: row.get("table_revision")?,
                created_at: row.get("created_at")?,
                accepted: None,
            });
        }
        if migrate::has(lease, ACCEPTED_SINCE).await? {
            for provider in &mut kept {
                let row = Statement::<DB>::new(FIND_PROVIDER).bind(&provider.name).first(lease).await?;
                provider.accepted = row.map(|row| row.get("accepted")).transpose()?.flatten();
            }
        }
        Ok(kept)
    }

    pub(super) async fn accept(&self, provider: &ProviderName, reach: &Reach) -> Result<bool, StoreError> {
        in_statement!(self, |lease| {
            let update = Statement::<DB>::new(UPDATE_ACCEPTED).bind(provider).bind(reach);
            Ok(update.run(&mut lease).await? > 0)
        })
    }

    /// Brings every provider's table to this host's revision, configured or not, one transaction a table; which ones.
    pub(super) async fn upgrade_provider_tables(&self) -> Result<Vec<ProviderName>, MigrateFailure> {
        let behind = self.tables_behind(&mut Lease::reading(&self.writer).await?).await?;
        let mut changed = Vec::new();
        for provider in behind {
            let mut held = Held::default();
            let was_behind = loop {
                match self.upgrade_one(&provider).await {
                    Err(error) if held.again::<DB>(&error) => {}
                    done => break done?,
                }
            };
            if was_behind {
                changed.push(provider);
            }
        }
        Ok(changed)
    }

    /// The providers whose table is not at this host's revision.
    pub(super) async fn tables_behind(&self, lease: &mut Lease<DB>) -> Result<Vec<ProviderName>, StoreError> {
        let mut behind = Vec::new();
        for row in Statement::<DB>::new(LIST_PROVIDERS).all(lease).await? {
            if row.get::<i64>("table_revision")? < self.chain.revision() {
                behind.push(row.get("name")?);
            }
        }
        Ok(behind)
    }

    /// Whether there was anything to do once the lock was there.
    async fn upgrade_one(&self, provider: &ProviderName) -> Result<bool, MigrateFailure> {
        in_transaction!(self, |lease| {
            migrate::lock_schema(&mut lease).await?;
            let row = Statement::<DB>::new(FIND_PROVIDER).bind(provider).one(&mut lease).await?;
            let revision: i64 = row.get("table_revision")?;
            let is_behind = revision < self.chain.revision();
            if is_behind {
                self.upgrade(&mut lease, provider, &row.get("plugin")?, revision).await?;
            }
            Ok(is_behind)
        })
    }

    async fn upgrade(
        &self,
        lease: &mut Lease<DB>,
        provider: &ProviderName,
        plugin: &PluginName,
        before: i64,
    ) -> Result<i64, StoreError> {
        let table = TableName::from(provider);
        for step in self.chain.after(before) {
            tracing::info!(%provider, step = step.title, "changing the provider's table");
            migrate::script(lease, "provider table", with_table(step.sql, &table)).await?;
        }
        let revision = before.max(self.chain.revision());
        let update = Statement::<DB>::new(UPDATE_PROVIDER).bind(provider).bind(plugin).bind(&revision);
        update.run(lease).await?;
        Ok(revision)
    }

    /// Every table that exists.
    pub(super) async fn provider_tables(&self) -> Result<Vec<TableName>, StoreError> {
        let rows = Statement::<DB>::new(LIST_PROVIDERS).all(&mut self.read().await?).await?;
        rows.iter().map(|row| Ok(TableName::from(&row.get::<ProviderName>("name")?))).collect()
    }
}

/// The provider's row, if its realm is the one that the settings lead to and it reaches no more than was accepted.
async fn find<DB: Backend>(
    lease: &mut Lease<DB>,
    provider: &ProviderName,
    realm: &str,
    reach: &Reach,
) -> Result<Option<Found>, AdoptError> {
    let row = Statement::<DB>::new(FIND_PROVIDER).bind(provider).first(lease).await?;
    let Some(row) = row else { return Ok(None) };
    let stored: String = row.get("realm")?;
    if stored != realm {
        let configured = realm.to_owned();
        return Err(AdoptError::RealmChanged { provider: provider.clone(), stored, configured });
    }
    let accepted: Option<Reach> = row.get("accepted")?;
    let more = accepted.as_ref().map(|accepted| reach.beyond(accepted)).unwrap_or_default();
    if !more.is_empty() {
        return Err(AdoptError::Beyond { provider: provider.clone(), more });
    }
    Ok(Some(Found { plugin: row.get("plugin")?, revision: row.get("table_revision")?, accepted }))
}
