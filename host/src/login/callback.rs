//! Step 2: the browser is back. Everything is compared with the attempt before the plugin, and so the provider, hears
//! of it.
//!
//! The order matters, and each check answers an attack: the browser first (a planted callback, RFC 9700 §4.7), then the
//! attempt, taken in one statement (a replay), then the provider (a mix-up, RFC 9700 §4.4), the settings, the issuer
//! (RFC 9207 §2.4), and the shape of the answer (RFC 6749 §4.1.2).

use std::sync::Arc;

use secrecy::ExposeSecret as _;
use vestibule_abi::Sensitive;
use vestibule_abi::record::CompleteRequest;

use super::complete::{self, CompleteError, Proven, SignedIn};
use super::params::{Params, ParamsError};
use super::return_path::ReturnPath;
use super::{Login, params};
use crate::config::ProviderState;
use crate::name::ProviderName;
use crate::plugin::{OperationError, Policy, Protocol, Provider};
use crate::random::sha256;
use crate::registry::{Entry, Unavailable};
use crate::store::{Attempt, StoreError};

/// What came back.
pub struct Callback {
    /// The provider whose callback path it came to.
    pub entry: Arc<Entry>,
    /// The query of a GET or the form of a POST, still encoded.
    pub encoded: Vec<u8>,
    /// Whether it was a POST: only then a field `again` means that the page of step one-and-a-half was there.
    pub posted: bool,
    /// The browser's cookie, if it has one.
    pub browser: Option<String>,
    /// The session that the browser has now; it ends with this sign-in.
    pub session: Option<String>,
}

/// What to do with the browser.
pub enum Outcome {
    /// It is signed in.
    SignedIn(SignedIn),
    /// It came without its cookie, as after a cross-site POST: let it post the same fields once more, from our origin.
    PostAgain(Vec<(String, String)>),
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum CallbackError {
    /// The parameters are no callback's.
    #[error("malformed callback: {0}")]
    Malformed(#[from] ParamsError),
    /// Not exactly one of `code` and `error` (OAuth 2.0).
    #[error("a callback has either `code` or `error`")]
    NeitherCodeNorError,
    /// No cookie, even when asked from our own page.
    #[error("the sign-in was not begun in this browser")]
    OtherBrowser,
    /// Nothing waits for this state in this browser. A used attempt is deleted, so that nobody can tell a pressed "back"
    /// from a state of somebody else's making: the page speaks to both.
    #[error("invalid state parameter: unknown, expired, used, or another browser's")]
    AttemptGone,
    /// State is missing, or another provider's.
    #[error("invalid state parameter: {0}")]
    InvalidState(&'static str),
    /// The operator turned the provider off meanwhile.
    #[error("`{0}` was turned off during the sign-in")]
    TurnedOff(ProviderName),
    /// The provider is not running.
    #[error("`{0}` is unavailable: {1}")]
    Unavailable(ProviderName, Unavailable),
    /// Realm, redirect URI or client id are not those that the sign-in began under.
    #[error("the settings of `{0}` changed during the sign-in")]
    SettingsChanged(ProviderName),
    /// `iss` is another one's, or absent though promised (RFC 9207 §2.4).
    #[error("`{0}`: the callback's issuer is {1}")]
    WrongIssuer(ProviderName, &'static str),
    /// The plugin's operation failed.
    #[error("`{0}`: {1}")]
    Operation(ProviderName, OperationError),
    /// The account is not let in, or could not be written.
    #[error("`{0}`: {1}")]
    Complete(ProviderName, CompleteError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A callback that signed nobody in.
#[derive(Debug)]
pub struct Failed {
    /// Why.
    pub error: CallbackError,
    /// Where the person wanted to go, as far as an attempt said so: for when they try again.
    pub return_path: ReturnPath,
}

impl<E: Into<CallbackError>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self { error: error.into(), return_path: ReturnPath::root() }
    }
}

/// Takes a callback to its end.
pub async fn callback(login: &Login, callback: Callback) -> Result<Outcome, Failed> {
    let entry = &*callback.entry;
    if entry.state == ProviderState::Disabled {
        return Err(CallbackError::TurnedOff(entry.name.clone()).into());
    }
    let mut params = Params::parse(&callback.encoded)?;
    let again = params.take(params::AGAIN).is_some() && callback.posted;
    let Some(browser) = callback.browser.as_deref() else {
        return if again {
            Err(CallbackError::OtherBrowser.into())
        } else {
            Ok(Outcome::PostAgain(params.to_fields()))
        };
    };
    let attempt = take_attempt(login, entry, &mut params, browser).await?;
    let return_path = ReturnPath::new(Some(&attempt.return_path));
    match finish(login, entry, &attempt, params, callback.session.as_deref()).await {
        Ok(signed_in) => Ok(Outcome::SignedIn(signed_in)),
        Err(error) => Err(Failed { error, return_path }),
    }
}

/// From the attempt to the session.
async fn finish(
    login: &Login,
    entry: &Entry,
    attempt: &Attempt,
    mut params: Params,
    session: Option<&str>,
) -> Result<SignedIn, CallbackError> {
    let running =
        entry.running.as_ref().map_err(|why| CallbackError::Unavailable(entry.name.clone(), why.clone()))?;
    if attempt.settings_digest != running.settings_digest {
        return Err(CallbackError::SettingsChanged(entry.name.clone()));
    }
    let inspect = running.provider.inspect();
    check_issuer(entry, attempt, &running.provider, &mut params).await?;
    if inspect.protocol == Protocol::OAuth2 && params.get("code").is_some() == params.get("error").is_some() {
        return Err(CallbackError::NeitherCodeNorError);
    }

    let completed = running
        .provider
        .complete(CompleteRequest {
            params: params
                .into_map()
                .into_iter()
                .map(|(name, value)| (name, Sensitive::new(value)))
                .collect(),
            carry: (!attempt.carry.is_empty()).then(|| attempt.carry.clone()),
            redirect_uri: attempt.redirect_uri.clone(),
            nonce: (inspect.nonce != Policy::Off).then(|| Sensitive::new(attempt.nonce.expose_secret())),
            code_verifier: (inspect.pkce != Policy::Off)
                .then(|| Sensitive::new(attempt.code_verifier.expose_secret())),
        })
        .await
        .map_err(|error| CallbackError::Operation(entry.name.clone(), error))?;

    let proven = Proven {
        provider: entry.name.clone(),
        account: completed.account,
        replaces: session,
        return_path: ReturnPath::new(Some(&attempt.return_path)),
    };
    complete::complete(login, proven)
        .await
        .map_err(|error| CallbackError::Complete(entry.name.clone(), error))
}

/// Takes the attempt out of the database: whoever comes second finds nothing. Another browser's attempt stays where it
/// is, so that knowing a state is not enough to spoil it.
async fn take_attempt(
    login: &Login,
    entry: &Entry,
    params: &mut Params,
    browser: &str,
) -> Result<Attempt, CallbackError> {
    let state = params.take("state").ok_or(CallbackError::InvalidState("missing"))?;
    let (state, browser) = (sha256(state.as_bytes()), sha256(browser.as_bytes()));
    let attempt = login
        .store
        .take_attempt(&state, &browser, login.clock.now())
        .await?
        .ok_or(CallbackError::AttemptGone)?;
    if attempt.provider != entry.name {
        return Err(CallbackError::InvalidState("it belongs to another provider"));
    }
    Ok(attempt)
}

/// `iss`: whenever there is one it must be the expected one, since providers send it unannounced; absent, it is missed
/// only where it was promised. What the metadata promises is asked for only then: while it cannot be fetched, nobody
/// comes in by leaving `iss` out.
async fn check_issuer(
    entry: &Entry,
    attempt: &Attempt,
    provider: &Provider,
    params: &mut Params,
) -> Result<(), CallbackError> {
    let wrong = |why| Err(CallbackError::WrongIssuer(entry.name.clone(), why));
    match (&attempt.expected_iss, params.take("iss")) {
        (Some(expected), Some(found)) if *expected != found => wrong("another one's"),
        (Some(_), None) => {
            let issuer = provider.issuer().await;
            let issuer = issuer.map_err(|error| CallbackError::Operation(entry.name.clone(), error))?;
            if issuer.is_some_and(|issuer| issuer.promised) {
                wrong("missing, though promised")
            } else {
                Ok(())
            }
        }
        _ => Ok(()),
    }
}
