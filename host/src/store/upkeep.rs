//! What an operator does about a whole provider: who is known there, another realm on purpose, and its end.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Sql;
use super::backend::Backend;
use super::error::{StoreError, StoreErrorKind};
use super::lease::{Failure, Lease, in_statement, in_transaction};
use super::migrate::{self, MigrateFailure};
use super::statement::{Statement, TableName, statements, with_table};
use crate::clock::Timestamp;
use crate::name::ProviderName;

statements! {
    LIST_RESIDENTS = "SELECT u.id AS user_id, u.username, u.primary_provider, i.account_id, i.linked_at
        FROM identities i JOIN users u ON u.id = i.user_id WHERE i.provider = $1 ORDER BY u.id";
    LIST_OTHER_WAYS = "SELECT i.user_id, o.provider FROM identities i
        JOIN identities o ON o.user_id = i.user_id AND o.provider <> i.provider
        WHERE i.provider = $1 ORDER BY i.user_id, o.provider";
    LIST_ACCOUNTS = "SELECT account_id, login, name, email, email_verified, avatar_url, created_at, last_sync FROM {table}";
    REBASE = "UPDATE providers SET realm = $3 WHERE name = $1 AND realm = $2";
    MOVE_PRIMARY = "UPDATE users SET primary_provider = (
            SELECT i.provider FROM identities i WHERE i.user_id = users.id AND i.provider <> $1
            ORDER BY i.linked_at, i.provider LIMIT 1)
        WHERE primary_provider = $1
        AND EXISTS (SELECT 1 FROM identities i WHERE i.user_id = users.id AND i.provider <> $1)";
    FORGET_IDENTITIES = "DELETE FROM identities WHERE provider = $1";
    FORGET_ATTEMPTS = "DELETE FROM login_attempts WHERE provider = $1";
    FORGET_ACCOUNTS = "DELETE FROM {table}";
    FORGET_PROVIDER = "DELETE FROM providers WHERE name = $1";
    COUNT_PRIMARY = "SELECT CAST(COUNT(*) AS BIGINT) AS users FROM users WHERE primary_provider = $1";
}

/// Somebody who is known at a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Resident {
    /// The user.
    pub user_id: i64,
    /// The user's name here.
    pub username: String,
    /// The account's id at the provider.
    pub account_id: String,
    /// Whether name and picture come from there.
    pub is_primary: bool,
    /// When it was linked, in microseconds since 1970.
    pub linked_at: i64,
    /// The user's other providers, configured or not, by name.
    pub others: Vec<ProviderName>,
}

/// A resident, and what the provider last said of the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// Who.
    #[serde(flatten)]
    pub resident: Resident,
    /// The account's handle.
    pub login: Option<String>,
    /// Its displayed name.
    pub name: Option<String>,
    /// Its address.
    pub email: Option<String>,
    /// 0 not verified, 1 verified, 2 not said.
    pub email_verified: Option<i64>,
    /// Where its picture is.
    pub avatar_url: Option<String>,
    /// When it was first seen, in microseconds since 1970.
    pub created_at: Option<i64>,
    /// When it was last seen.
    pub last_sync: Option<i64>,
}

/// What a purge took away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purged {
    /// How many links.
    pub links: usize,
    /// Users who have no way in any more, and whose row names this provider still: then its empty table stays.
    pub stranded: i64,
}

/// Why a purge changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum PurgeError {
    /// There is no such row.
    #[error("there is no provider `{0}` in the database")]
    Unknown(ProviderName),
    /// Users would be left without a way in.
    #[error("{stranded} of {users} users have no other way to sign in")]
    Strands {
        /// How many.
        stranded: usize,
        /// Of how many.
        users: usize,
    },
    /// The export could not be written.
    #[error("the export cannot be written: {0}")]
    Export(std::io::Error),
    /// A newer host has changed the schema.
    #[error("the database needs vestibule `{0}` or newer")]
    TooOld(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Failure for PurgeError {
    fn store_error(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

impl From<MigrateFailure> for PurgeError {
    fn from(failure: MigrateFailure) -> Self {
        match failure {
            MigrateFailure::TooOld { needed } => Self::TooOld(needed),
            MigrateFailure::Store(error) => Self::Store(error),
            MigrateFailure::Changed(_) | MigrateFailure::Behind(_) => {
                let why = "the schema is not this version's";
                Self::Store(StoreError::new(StoreErrorKind::Other, "lock the schema", why))
            }
        }
    }
}

impl<DB: Backend> Sql<DB> {
    pub(super) async fn residents(&self, provider: &ProviderName) -> Result<Vec<Resident>, StoreError> {
        residents(&mut self.read().await?, provider).await
    }

    pub(super) async fn rebase(
        &self,
        provider: &ProviderName,
        from: &str,
        to: &str,
    ) -> Result<bool, StoreError> {
        in_statement!(self, |lease| {
            let update = Statement::<DB>::new(REBASE).bind(provider).bind(from).bind(to);
            Ok(update.run(&mut lease).await? > 0)
        })
    }

    pub(super) async fn purge(
        &self,
        provider: &ProviderName,
        ways: &BTreeSet<ProviderName>,
        strand: bool,
        export: &(dyn Fn(&[Exported]) -> std::io::Result<()> + Sync),
    ) -> Result<Purged, PurgeError> {
        in_transaction!(self, |lease| {
            migrate::lock_schema(&mut lease).await?;
            let kept = self.kept_with(&mut lease).await?;
            if !kept.iter().any(|kept| kept.name == *provider) {
                return Err(PurgeError::Unknown(provider.clone()));
            }
            let exported = exported(&mut lease, provider).await?;
            let strands =
                |exported: &&Exported| !exported.resident.others.iter().any(|other| ways.contains(other));
            let stranded = exported.iter().filter(strands).count();
            if stranded > 0 && !strand {
                return Err(PurgeError::Strands { stranded, users: exported.len() });
            }
            export(&exported).map_err(PurgeError::Export)?;
            let table = TableName::from(provider);
            for text in [FORGET_ATTEMPTS, MOVE_PRIMARY, FORGET_IDENTITIES] {
                Statement::<DB>::new(text).bind(provider).run(&mut lease).await?;
            }
            let left = Statement::<DB>::new(COUNT_PRIMARY).bind(provider).one(&mut lease).await?;
            let left: i64 = left.get("users")?;
            if left == 0 {
                migrate::script(&mut lease, "drop the table", with_table("DROP TABLE {table}", &table))
                    .await?;
                Statement::<DB>::new(FORGET_PROVIDER).bind(provider).run(&mut lease).await?;
            } else {
                Statement::<DB>::on(FORGET_ACCOUNTS, &table).run(&mut lease).await?;
            }
            Ok(Purged { links: exported.len(), stranded: left })
        })
    }
}

async fn residents<DB: Backend>(
    lease: &mut Lease<DB>,
    provider: &ProviderName,
) -> Result<Vec<Resident>, StoreError> {
    let mut others = BTreeMap::<i64, Vec<ProviderName>>::new();
    for row in Statement::<DB>::new(LIST_OTHER_WAYS).bind(provider).all(lease).await? {
        others.entry(row.get("user_id")?).or_default().push(row.get("provider")?);
    }
    let mut residents = Vec::new();
    for row in Statement::<DB>::new(LIST_RESIDENTS).bind(provider).all(lease).await? {
        let user_id = row.get("user_id")?;
        residents.push(Resident {
            user_id,
            username: row.get("username")?,
            account_id: row.get("account_id")?,
            is_primary: row.get::<ProviderName>("primary_provider")? == *provider,
            linked_at: row.get::<Timestamp>("linked_at")?.as_micros(),
            others: others.remove(&user_id).unwrap_or_default(),
        });
    }
    Ok(residents)
}

/// Links without an account row are exported, too.
async fn exported<DB: Backend>(
    lease: &mut Lease<DB>,
    provider: &ProviderName,
) -> Result<Vec<Exported>, StoreError> {
    let mut accounts = BTreeMap::new();
    for row in Statement::<DB>::on(LIST_ACCOUNTS, &TableName::from(provider)).all(lease).await? {
        accounts.insert(row.get::<String>("account_id")?, row);
    }
    let mut exported = Vec::new();
    for resident in residents(lease, provider).await? {
        let row = accounts.get(&resident.account_id);
        let text = |column| row.map_or(Ok(None), |row| row.get::<Option<String>>(column));
        let number = |column| row.map_or(Ok(None), |row| row.get::<Option<i64>>(column));
        exported.push(Exported {
            login: text("login")?,
            name: text("name")?,
            email: text("email")?,
            email_verified: number("email_verified")?,
            avatar_url: text("avatar_url")?,
            created_at: number("created_at")?,
            last_sync: number("last_sync")?,
            resident,
        });
    }
    Ok(exported)
}
