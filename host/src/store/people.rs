//! Reading about users: who they are and which identities they have.

use super::Sql;
use super::backend::Backend;
use super::error::StoreError;
use super::lease::Lease;
use super::statement::{Question, Row, Statement, TableName, statements};
use crate::account::{Email, Verified};
use crate::clock::Timestamp;
use crate::name::ProviderName;
use crate::username::Username;

statements! {
    PROFILE = "SELECT name, avatar_url FROM {table} WHERE user_id = $1";
    LIST_IDENTITIES = "SELECT provider, account_id, linked_at, public FROM identities
        WHERE user_id = $1 ORDER BY linked_at, provider";
    FIND_ACCOUNT = "SELECT login, name, email, email_verified, avatar_url, last_sync FROM {table}
        WHERE account_id = $1 AND user_id = $2";
}

/// A local account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Public, stable, never given to another.
    pub id: i64,
    /// For display; can change.
    pub username: Username,
    /// Which identity gives name and picture; no right follows from it.
    pub primary_provider: ProviderName,
    /// When the user was made.
    pub created_at: Timestamp,
}

impl User {
    /// From a row with `user_id`, `username`, `primary_provider` and `user_created_at`.
    pub(super) fn read<DB: Backend>(row: &Row<DB>) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("user_id")?,
            username: row.get("username")?,
            primary_provider: row.get("primary_provider")?,
            created_at: row.get("user_created_at")?,
        })
    }
}

/// How a user is shown, by the primary provider.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// The displayed name.
    pub name: Option<String>,
    /// Where the picture is.
    pub avatar_url: Option<String>,
}

impl Profile {
    fn question(user: &User) -> Question {
        Question::on(PROFILE, TableName::from(&user.primary_provider)).with(user.id)
    }

    fn read<DB: Backend>(row: &Row<DB>) -> Result<Self, StoreError> {
        Ok(Self { name: row.get("name")?, avatar_url: row.get("avatar_url")? })
    }

    /// On the connection that has just found the user.
    pub(super) async fn find<DB: Backend>(lease: &mut Lease<DB>, user: &User) -> Result<Self, StoreError> {
        let row = Self::question(user).first(lease).await?;
        row.as_ref().map_or_else(|| Ok(Self::default()), Self::read)
    }
}

/// One account at one provider, linked to a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider, which need not be configured any more.
    pub provider: ProviderName,
    /// The account's id there.
    pub account_id: String,
    /// The handle there.
    pub login: Option<String>,
    /// The displayed name.
    pub name: Option<String>,
    /// The e-mail address, and whether the provider vouches for it.
    pub email: Option<Email>,
    /// Where the picture is.
    pub avatar_url: Option<String>,
    /// When it was linked.
    pub linked_at: Timestamp,
    /// When the provider last said all this; absent if its table has lost the account, which `linked_at` outlives.
    pub last_sync: Option<Timestamp>,
    /// Whether others may see it.
    pub public: bool,
}

impl<DB: Backend> Sql<DB> {
    pub(super) async fn profile(&self, user: &User) -> Result<Profile, StoreError> {
        let question = Profile::question(user);
        let (_, row) = Lease::<DB>::asked(&self.readers, &question).await?;
        row.as_ref().map_or_else(|| Ok(Profile::default()), Profile::read)
    }

    pub(super) async fn identities(&self, user_id: i64) -> Result<Vec<Identity>, StoreError> {
        let mut lease = self.read().await?;
        let mut identities = Vec::new();
        for row in Statement::<DB>::new(LIST_IDENTITIES).bind(&user_id).all(&mut lease).await? {
            let mut identity = Identity {
                provider: row.get("provider")?,
                account_id: row.get("account_id")?,
                login: None,
                name: None,
                email: None,
                avatar_url: None,
                linked_at: row.get("linked_at")?,
                last_sync: None,
                public: row.get("public")?,
            };
            let account = Statement::<DB>::on(FIND_ACCOUNT, &TableName::from(&identity.provider))
                .bind(&identity.account_id)
                .bind(&user_id);
            if let Some(row) = account.first(&mut lease).await? {
                let verified: Verified = row.get("email_verified")?;
                let address: Option<String> = row.get("email")?;
                identity.login = row.get("login")?;
                identity.name = row.get("name")?;
                identity.email = address.map(|address| Email { address, verified });
                identity.avatar_url = row.get("avatar_url")?;
                identity.last_sync = row.get("last_sync")?;
            }
            identities.push(identity);
        }
        Ok(identities)
    }
}
