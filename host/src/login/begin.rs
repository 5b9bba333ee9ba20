//! Step 1: a person chose a provider. An attempt is stored and the browser is sent there.

use secrecy::SecretString;
use vestibule_abi::record::{BeginRequest, Hints};

use super::return_path::ReturnPath;
use super::{ATTEMPT_LIFE, Login, pkce};
use crate::config::ProviderState;
use crate::name::ProviderName;
use crate::plugin::{OperationError, Policy, To};
use crate::random::{sha256, token};
use crate::registry::Unavailable;
use crate::store::{Attempt, Purpose, StoreError};

/// A person's choice.
pub struct Begin<'a> {
    /// The provider, as it stands in the path.
    pub provider: &'a str,
    /// The browser's cookie, if it has one.
    pub browser: Option<&'a str>,
    /// Where to go afterwards.
    pub return_path: ReturnPath,
    /// The language of the page (BCP 47).
    pub locale: Option<String>,
}

/// Where the browser goes.
pub struct Begun {
    /// The provider's address.
    pub to: To,
    /// A cookie for a browser that had none: the attempt is bound to it.
    pub browser: Option<String>,
}

/// Why no sign-in begins.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// There is no such provider, or it is hidden.
    #[error("no such provider")]
    NoSuchProvider,
    /// The operator turned it off.
    #[error("`{0}` is turned off")]
    TurnedOff(ProviderName),
    /// It could not be started.
    #[error("`{0}` is unavailable: {1}")]
    Unavailable(ProviderName, Unavailable),
    /// The plugin's operation failed.
    #[error("`{0}`: {1}")]
    Operation(ProviderName, OperationError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Begins. The plugin is asked first and the attempt stored last, so that a plugin that fails leaves nothing behind.
pub async fn begin(login: &Login, begin: Begin<'_>) -> Result<Begun, BeginError> {
    let registry = login.registry.load_full();
    let entry = registry.get(begin.provider).ok_or(BeginError::NoSuchProvider)?;
    match entry.state {
        ProviderState::Enabled => {}
        ProviderState::Hidden => return Err(BeginError::NoSuchProvider),
        ProviderState::Disabled => return Err(BeginError::TurnedOff(entry.name.clone())),
    }
    let running =
        entry.running.as_ref().map_err(|why| BeginError::Unavailable(entry.name.clone(), why.clone()))?;
    let inspect = running.provider.inspect();

    let random = &*login.random;
    let (state, nonce, verifier) = (token(random), token(random), token(random));
    let begun = running
        .provider
        .begin(BeginRequest {
            redirect_uri: running.redirect_uri.clone(),
            state: state.clone(),
            nonce: (inspect.nonce != Policy::Off).then(|| nonce.clone()),
            code_challenge: (inspect.pkce != Policy::Off).then(|| pkce::challenge(&verifier)),
            locale: begin.locale,
            hints: Hints::default(),
        })
        .await
        .map_err(|error| BeginError::Operation(entry.name.clone(), error))?;

    // Known by now, also where the metadata says it: the plugin's operation needed that first.
    let issuer = running.provider.issuer().await;
    let issuer = issuer.map_err(|error| BeginError::Operation(entry.name.clone(), error))?;

    let fresh = begin.browser.is_none().then(|| token(random));
    let browser = fresh.as_deref().or(begin.browser).unwrap_or_default();
    let now = login.clock.now();
    login
        .store
        .insert_attempt(&Attempt {
            state_hash: sha256(state.as_bytes()),
            browser_hash: sha256(browser.as_bytes()),
            provider: entry.name.clone(),
            purpose: Purpose::SignIn,
            user_id: None,
            redirect_uri: running.redirect_uri.clone(),
            expected_iss: issuer.map(|issuer| issuer.value),
            nonce: SecretString::from(nonce),
            code_verifier: SecretString::from(verifier),
            carry: begun.carry.unwrap_or_default(),
            return_path: begin.return_path.as_str().to_owned(),
            settings_digest: running.settings_digest,
            created_at: now,
            expires_at: now + ATTEMPT_LIFE,
        })
        .await?;
    Ok(Begun { to: begun.to, browser: fresh })
}
