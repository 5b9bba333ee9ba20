//! One table per provider, `oauth_<provider>`: made and changed by a chain of steps, each table at its own revision.
//!
//! `providers.table_revision` counts the steps that a table has had, and moves in the same transaction as the step. A
//! table outlives its provider's section of the configuration and is brought along all the same, so that it fits when
//! the section comes back.

use super::Sql;
use super::backend::{Backend, store_error};
use super::error::{AdoptError, StoreError};
use super::migrate;
use super::statement::{Statement, TableName, statements, with_table};
use crate::clock::Timestamp;
use crate::name::{PluginName, ProviderName};

statements! {
    FIND_PROVIDER = "SELECT plugin, realm, table_revision FROM providers WHERE name = $1";
    INSERT_PROVIDER = "INSERT INTO providers (name, plugin, realm, table_revision, created_at) VALUES ($1, $2, $3, 0, $4)";
    UPDATE_PROVIDER = "UPDATE providers SET plugin = $2, table_revision = $3 WHERE name = $1";
    LIST_PROVIDERS = "SELECT name, plugin, table_revision FROM providers ORDER BY name";
}

/// One step of the chain.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) title: String,
    pub(super) sql: &'static str,
}

/// The steps that make a provider's table what this host expects, oldest first.
#[derive(Debug, Clone)]
pub struct ProviderChain(Vec<Step>);

impl ProviderChain {
    /// The steps in `migrations/`.
    pub fn embedded() -> Self {
        Self(migrate::provider_steps())
    }

    /// The same with one more step at the end, in which `{table}` stands for the quoted name of the table and `{name}`
    /// for the bare one. A test sees by it that a later step reaches every table.
    #[must_use]
    pub fn and_then(mut self, title: &str, sql: &'static str) -> Self {
        self.0.push(Step { title: title.to_owned(), sql });
        self
    }

    /// How many steps there are.
    pub fn revision(&self) -> i64 {
        self.0.len().try_into().unwrap_or(i64::MAX)
    }

    fn after(&self, revision: i64) -> &[Step] {
        usize::try_from(revision).ok().and_then(|done| self.0.get(done..)).unwrap_or(&[])
    }
}

/// How a provider's table was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adopted {
    /// Whether the table was made just now.
    pub created: bool,
    /// How many steps of the chain it has had. More than this host knows, if a newer one has been here.
    pub revision: i64,
}

impl<DB: Backend> Sql<DB> {
    pub(super) async fn adopt_provider(
        &self,
        provider: &ProviderName,
        plugin: &PluginName,
        realm: &str,
        now: Timestamp,
    ) -> Result<Adopted, AdoptError> {
        let mut tx = self.write().await?;
        let found = Statement::<DB>::new(FIND_PROVIDER).bind(provider).first(&mut tx).await?;
        let before = match &found {
            Some(row) => {
                let stored: String = row.get("realm")?;
                if stored != realm {
                    let configured = realm.to_owned();
                    return Err(AdoptError::RealmChanged { provider: provider.clone(), stored, configured });
                }
                row.get("table_revision")?
            }
            None => {
                let insert =
                    Statement::<DB>::new(INSERT_PROVIDER).bind(provider).bind(plugin).bind(realm).bind(&now);
                insert.run(&mut tx).await?;
                0
            }
        };
        let revision = self.upgrade(&mut tx, provider, plugin, before).await?;
        self.commit(tx).await?;
        Ok(Adopted { created: found.is_none(), revision })
    }

    /// Brings every provider's table to this host's revision, configured or not, one transaction a table.
    pub(super) async fn upgrade_provider_tables(&self) -> Result<(), StoreError> {
        let rows = Statement::<DB>::new(LIST_PROVIDERS).all(&mut *self.write_connection().await?).await?;
        for row in rows {
            let revision: i64 = row.get("table_revision")?;
            if revision < self.chain.revision() {
                let mut tx = self.write().await?;
                self.upgrade(&mut tx, &row.get("name")?, &row.get("plugin")?, revision).await?;
                self.commit(tx).await?;
            }
        }
        Ok(())
    }

    async fn upgrade(
        &self,
        connection: &mut DB::Connection,
        provider: &ProviderName,
        plugin: &PluginName,
        before: i64,
    ) -> Result<i64, StoreError> {
        let table = TableName::from(provider);
        for step in self.chain.after(before) {
            tracing::info!(%provider, step = step.title, "changing the provider's table");
            DB::script(connection, with_table(step.sql, &table))
                .await
                .map_err(|error| store_error::<DB>("provider table", error))?;
        }
        let revision = before.max(self.chain.revision());
        let update = Statement::<DB>::new(UPDATE_PROVIDER).bind(provider).bind(plugin).bind(&revision);
        update.run(connection).await?;
        Ok(revision)
    }

    /// Every table that exists.
    pub(super) async fn provider_tables(&self) -> Result<Vec<TableName>, StoreError> {
        let rows = Statement::<DB>::new(LIST_PROVIDERS).all(&mut *self.read().await?).await?;
        rows.iter().map(|row| Ok(TableName::from(&row.get::<ProviderName>("name")?))).collect()
    }
}
