//! A proven account becomes a signed-in user: everything in one transaction, or nothing.
//!
//! People are matched by provider and account id, byte for byte. Handles, names and e-mail addresses are kept for
//! display and match nobody: they change, and they are given to others.

use super::Sql;
use super::backend::Backend;
use super::error::{StoreError, StoreErrorKind};
use super::lease::{Failure, Lease, in_transaction};
use super::people::User;
use super::statement::{Statement, TableName, statements};
use crate::account::{Account, Verified};
use crate::clock::Timestamp;
use crate::name::ProviderName;
use crate::random::Random;
use crate::username::{self, Username};

statements! {
    REFRESH_ACCOUNT = "UPDATE {table}
        SET login = $2, name = $3, email = $4, email_verified = $5, avatar_url = $6, last_sync = $7
        WHERE account_id = $1 RETURNING user_id,
        (SELECT username FROM users WHERE id = user_id) AS username,
        (SELECT primary_provider FROM users WHERE id = user_id) AS primary_provider,
        (SELECT created_at FROM users WHERE id = user_id) AS user_created_at";
    INSERT_ACCOUNT = "INSERT INTO {table}
        (account_id, login, name, email, email_verified, avatar_url, last_sync, user_id, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $7)
        ON CONFLICT (account_id) DO NOTHING RETURNING user_id";
    INSERT_USER = "INSERT INTO users (username, canon_username, primary_provider, created_at)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (canon_username) DO NOTHING RETURNING id";
    INSERT_IDENTITY = "INSERT INTO identities (user_id, provider, account_id, linked_at, public)
        VALUES ($1, $2, $3, $4, 0)";
    INSERT_SESSION = "INSERT INTO sessions (token_hash, user_id, created_at, last_seen, expires_at)
        VALUES ($1, $2, $3, $3, $4)";
    REPLACE_SESSION = "DELETE FROM sessions WHERE token_hash = $1";
}

/// Whether an account without a user gets one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignupPolicy {
    /// At once, with the first free username of the candidates.
    Auto,
    /// Never.
    Closed,
}

/// The session to write.
#[derive(Debug, Clone, Copy)]
pub struct NewSession {
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    /// The absolute end.
    pub expires_at: Timestamp,
    /// SHA-256 of the token that the browser came with; that session ends in the same transaction.
    pub replaces: Option<[u8; 32]>,
}

/// What a sign-in writes.
#[derive(Debug, Clone, Copy)]
pub struct SignIn<'a> {
    /// From the login attempt, never from the callback.
    pub provider: &'a ProviderName,
    /// What the provider proved.
    pub account: &'a Account,
    /// What happens to an account without a user.
    pub signup: SignupPolicy,
    /// The session.
    pub session: NewSession,
    /// The time.
    pub now: Timestamp,
}

/// Who is signed in now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// The user.
    pub user: User,
    /// Whether this sign-in made the user.
    pub created: bool,
}

/// Why nobody is signed in; nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// The account has no user, and new ones are not taken.
    #[error("the account has no user here, and sign-up is closed")]
    SignupClosed,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Failure for SignInError {
    fn store_error(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            Self::SignupClosed => None,
        }
    }
}

impl<DB: Backend> Sql<DB> {
    pub(super) async fn sign_in(
        &self,
        sign_in: &SignIn<'_>,
        random: &dyn Random,
    ) -> Result<SignedIn, SignInError> {
        in_transaction!(self, |lease| { self.sign_in_once(&mut lease, sign_in, random).await })
    }

    async fn sign_in_once(
        &self,
        lease: &mut Lease<DB>,
        sign_in: &SignIn<'_>,
        random: &dyn Random,
    ) -> Result<SignedIn, SignInError> {
        let table = TableName::from(sign_in.provider);
        if let Some(user) = sign_in_known(lease, &table, sign_in).await? {
            return Ok(SignedIn { user, created: false });
        }
        if sign_in.signup == SignupPolicy::Closed {
            return Err(SignInError::SignupClosed);
        }
        let user = insert_user::<DB>(lease, sign_in, random).await?;
        if !sign_in_new(lease, &table, sign_in, &user).await? {
            // The user that this round made goes; the next one finds the winner's.
            let reason = "another sign-in of the account came first, each time";
            return Err(StoreError::new(StoreErrorKind::Conflict, INSERT_ACCOUNT.name, reason).into());
        }
        Ok(SignedIn { user, created: true })
    }
}

/// Signs in the account's user, if it has one.
async fn sign_in_known<DB: Backend>(
    lease: &mut Lease<DB>,
    table: &TableName,
    sign_in: &SignIn<'_>,
) -> Result<Option<User>, StoreError> {
    if let Some(texts) = DB::SIGN_IN {
        let statement = session(account(Statement::on(texts.known, table), sign_in), sign_in);
        return statement.first(lease).await?.as_ref().map(User::read).transpose();
    }
    let refresh = account::<DB>(Statement::on(REFRESH_ACCOUNT, table), sign_in);
    let Some(row) = refresh.first(lease).await? else { return Ok(None) };
    let user = User::read(&row)?;
    write_session(lease, sign_in, user.id).await?;
    Ok(Some(user))
}

/// Writes account, identity and session of a user who has just been made; whether the account was new.
async fn sign_in_new<DB: Backend>(
    lease: &mut Lease<DB>,
    table: &TableName,
    sign_in: &SignIn<'_>,
    user: &User,
) -> Result<bool, StoreError> {
    if let Some(texts) = DB::SIGN_IN {
        let statement = session(account(Statement::on(texts.new, table), sign_in), sign_in);
        return Ok(statement.bind(&user.id).bind(sign_in.provider).first(lease).await?.is_some());
    }
    let insert = account::<DB>(Statement::on(INSERT_ACCOUNT, table), sign_in).bind(&user.id);
    if insert.first(lease).await?.is_none() {
        return Ok(false);
    }
    let identity = Statement::<DB>::new(INSERT_IDENTITY).bind(&user.id).bind(sign_in.provider);
    identity.bind(sign_in.account.account_id()).bind(&sign_in.now).run(lease).await?;
    write_session(lease, sign_in, user.id).await?;
    Ok(true)
}

async fn write_session<DB: Backend>(
    lease: &mut Lease<DB>,
    sign_in: &SignIn<'_>,
    user_id: i64,
) -> Result<(), StoreError> {
    let NewSession { token_hash, expires_at, replaces } = &sign_in.session;
    if let Some(old) = replaces {
        Statement::<DB>::new(REPLACE_SESSION).bind(old).run(lease).await?;
    }
    let session = Statement::<DB>::new(INSERT_SESSION).bind(token_hash).bind(&user_id);
    session.bind(&sign_in.now).bind(expires_at).run(lease).await?;
    Ok(())
}

/// Binds `$8` to `$10`.
fn session<DB: Backend>(statement: Statement<DB>, sign_in: &SignIn<'_>) -> Statement<DB> {
    let NewSession { token_hash, expires_at, replaces } = &sign_in.session;
    statement.bind(token_hash).bind(expires_at).bind(replaces)
}

/// Binds `$1` to `$7`.
fn account<DB: Backend>(statement: Statement<DB>, sign_in: &SignIn<'_>) -> Statement<DB> {
    let account = sign_in.account;
    let email = account.email();
    statement
        .bind(account.account_id())
        .bind(&account.login())
        .bind(&account.name())
        .bind(&email.map(|email| email.address.as_str()))
        .bind(&email.map_or(Verified::Unknown, |email| email.verified))
        .bind(&account.avatar_url())
        .bind(&sign_in.now)
}

async fn insert_user<DB: Backend>(
    lease: &mut Lease<DB>,
    sign_in: &SignIn<'_>,
    random: &dyn Random,
) -> Result<User, StoreError> {
    let candidates: Vec<Username> = username::candidates(sign_in.account.login(), random).collect();
    for username in candidates {
        let insert = Statement::<DB>::new(INSERT_USER)
            .bind(&username)
            .bind(&username.canonical())
            .bind(sign_in.provider)
            .bind(&sign_in.now);
        if let Some(row) = insert.first(lease).await? {
            return Ok(User {
                id: row.get("id")?,
                username,
                primary_provider: sign_in.provider.clone(),
                created_at: sign_in.now,
            });
        }
    }
    Err(StoreError::new(StoreErrorKind::Busy, INSERT_USER.name, "every username that was tried is taken"))
}
