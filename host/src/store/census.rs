//! Counting, for the operator: how many people each provider has, and when the last of them signed in.

use std::collections::BTreeMap;

use super::Sql;
use super::backend::Backend;
use super::error::StoreError;
use super::statement::{Statement, TableName, statements};
use crate::clock::Timestamp;
use crate::name::{PluginName, ProviderName};

statements! {
    LIST_TABLES = "SELECT name, plugin FROM providers ORDER BY name";
    COUNT_IDENTITIES = "SELECT provider, CAST(COUNT(*) AS BIGINT) AS users FROM identities GROUP BY provider";
    LAST_SYNC = "SELECT MAX(last_sync) AS last_sync FROM {table}";
}

/// A provider's people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Residents {
    /// The provider, which need not be configured any more.
    pub provider: ProviderName,
    /// The plugin that it was last made of.
    pub plugin: PluginName,
    /// How many users have an identity there.
    pub users: u64,
    /// When somebody last signed in with it.
    pub last_sign_in: Option<Timestamp>,
}

impl<DB: Backend> Sql<DB> {
    pub(super) async fn census(&self) -> Result<Vec<Residents>, StoreError> {
        let mut lease = self.read().await?;
        let mut users = BTreeMap::<ProviderName, i64>::new();
        for row in Statement::<DB>::new(COUNT_IDENTITIES).all(&mut lease).await? {
            users.insert(row.get("provider")?, row.get("users")?);
        }
        let mut census = Vec::new();
        for row in Statement::<DB>::new(LIST_TABLES).all(&mut lease).await? {
            let (provider, plugin): (ProviderName, PluginName) = (row.get("name")?, row.get("plugin")?);
            let table = TableName::from(&provider);
            let last = Statement::<DB>::on(LAST_SYNC, &table).one(&mut lease).await?;
            let users = users.get(&provider).copied().unwrap_or(0).try_into().unwrap_or(0);
            census.push(Residents { provider, plugin, users, last_sign_in: last.get("last_sync")? });
        }
        Ok(census)
    }
}
