//! What should not be in a database and can be all the same, after a restored backup or a hand in it: counted, for
//! `vestibule doctor`. Repairs nothing.

use super::Sql;
use super::backend::Backend;
use super::error::StoreError;
use super::statement::{Statement, TableName, statements};
use crate::name::ProviderName;

statements! {
    COUNT_WITHOUT_IDENTITY = "SELECT CAST(COUNT(*) AS BIGINT) AS found FROM users u
        WHERE NOT EXISTS (SELECT 1 FROM identities i WHERE i.user_id = u.id)";
    COUNT_PRIMARIES = "SELECT primary_provider, CAST(COUNT(*) AS BIGINT) AS users FROM users
        GROUP BY primary_provider ORDER BY primary_provider";
    COUNT_PRIMARY_UNLINKED = "SELECT CAST(COUNT(*) AS BIGINT) AS found FROM users u
        WHERE EXISTS (SELECT 1 FROM identities i WHERE i.user_id = u.id)
        AND NOT EXISTS (SELECT 1 FROM identities i WHERE i.user_id = u.id AND i.provider = u.primary_provider)";
    COUNT_WITHOUT_ACCOUNT = "SELECT CAST(COUNT(*) AS BIGINT) AS found FROM identities i
        WHERE i.provider = $1 AND NOT EXISTS (
            SELECT 1 FROM {table} t WHERE t.account_id = i.account_id AND t.user_id = i.user_id)";
    COUNT_WITHOUT_LINK = "SELECT CAST(COUNT(*) AS BIGINT) AS found FROM {table} t
        WHERE NOT EXISTS (
            SELECT 1 FROM identities i WHERE i.provider = $1 AND i.account_id = t.account_id AND i.user_id = t.user_id)";
}

/// Counts of what should not be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Irregular {
    /// Users whom no identity leads to.
    pub without_identity: i64,
    /// Users with identities, of which none is at their primary provider.
    pub primary_unlinked: i64,
    /// How many users have which primary provider.
    pub primaries: Vec<(ProviderName, i64)>,
    /// Of each provider: identities without a row in its table, and rows in its table without an identity.
    pub tables: Vec<(ProviderName, i64, i64)>,
}

impl<DB: Backend> Sql<DB> {
    pub(super) async fn irregular(&self) -> Result<Irregular, StoreError> {
        let mut lease = self.read().await?;
        let mut found = Irregular {
            without_identity: Statement::<DB>::new(COUNT_WITHOUT_IDENTITY)
                .one(&mut lease)
                .await?
                .get("found")?,
            primary_unlinked: Statement::<DB>::new(COUNT_PRIMARY_UNLINKED)
                .one(&mut lease)
                .await?
                .get("found")?,
            ..Irregular::default()
        };
        for row in Statement::<DB>::new(COUNT_PRIMARIES).all(&mut lease).await? {
            found.primaries.push((row.get("primary_provider")?, row.get("users")?));
        }
        for kept in self.kept_with(&mut lease).await? {
            let table = TableName::from(&kept.name);
            let mut counts = [0, 0];
            for (count, text) in counts.iter_mut().zip([COUNT_WITHOUT_ACCOUNT, COUNT_WITHOUT_LINK]) {
                let row = Statement::<DB>::on(text, &table).bind(&kept.name).one(&mut lease).await?;
                *count = row.get("found")?;
            }
            found.tables.push((kept.name, counts[0], counts[1]));
        }
        Ok(found)
    }
}
