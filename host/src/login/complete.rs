//! Step 3: the account is proven. User, identity and session are written together, or not at all.
//!
//! The same for every way in: the redirecting browser now, a JSON client and linking later.

use std::time::Duration;

use super::Login;
use super::return_path::ReturnPath;
use crate::account::{Account, NotAnAccount, RawAccount};
use crate::name::ProviderName;
use crate::random::{sha256, token};
use crate::store::{NewSession, SignIn, SignInError, StoreError, User};

/// An account that its provider vouched for.
pub struct Proven<'a> {
    /// Who vouched: from the attempt, never from the callback.
    pub provider: ProviderName,
    /// The account, as the plugin gave it.
    pub account: vestibule_abi::record::Account,
    /// The browser's session until now; it ends in the same transaction.
    pub replaces: Option<&'a str>,
    /// Where to go.
    pub return_path: ReturnPath,
}

/// A browser that is signed in.
pub struct SignedIn {
    /// For the cookie. The database has its hash only.
    pub token: String,
    /// How long the cookie is kept.
    pub life: Duration,
    /// Who it is.
    pub user: User,
    /// Whether the user was made just now.
    pub created: bool,
    /// Where to go.
    pub return_path: ReturnPath,
}

/// Why a proven account is not signed in.
#[derive(Debug, thiserror::Error)]
pub enum CompleteError {
    /// The account is not usable: an empty id, a NUL in a name.
    #[error("the account cannot be used: {0}")]
    Account(#[from] NotAnAccount),
    /// The account is new, and new ones are not taken.
    #[error("sign-up is closed, and the account has no user")]
    SignupClosed,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Signs in.
pub async fn complete(login: &Login, proven: Proven<'_>) -> Result<SignedIn, CompleteError> {
    let account = Account::new(RawAccount {
        account_id: proven.account.account_id,
        login: proven.account.login,
        name: proven.account.name,
        email: proven.account.email,
        email_verified: Some(proven.account.email_verified.into()),
        avatar_url: proven.account.avatar_url,
    })?;
    let token = token(&*login.random);
    let now = login.clock.now();
    let signed_in = login
        .store
        .sign_in(
            &SignIn {
                provider: &proven.provider,
                account: &account,
                signup: login.signup,
                session: NewSession {
                    token_hash: sha256(token.as_bytes()),
                    expires_at: now + login.session_absolute,
                    replaces: proven.replaces.map(|token| sha256(token.as_bytes())),
                },
                now,
            },
            &*login.random,
        )
        .await
        .map_err(|error| match error {
            SignInError::SignupClosed => CompleteError::SignupClosed,
            SignInError::Store(error) => CompleteError::Store(error),
        })?;
    Ok(SignedIn {
        token,
        life: login.session_absolute,
        user: signed_in.user,
        created: signed_in.created,
        return_path: proven.return_path,
    })
}
