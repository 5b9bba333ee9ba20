//! A provider of any protocol: where the browser is sent, and what its return proves.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use url::Url;
use vestibule_abi::{Sensitive, record};

use crate::{Error, Host, Inspect, Result, TokenSet, UserInfo};

/// What every plugin exports. Implement [`OAuthProvider`](crate::OAuthProvider) instead where the protocol is OAuth 2.0
/// or OpenID Connect: this trait comes with it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no provider",
    label = "implements neither `OAuthProvider` nor `Provider`",
    note = "implement `vestibule_provider::OAuthProvider`, or `vestibule_provider::Provider` for a protocol that is not OAuth 2.0"
)]
pub trait Provider: Sized + Send + Sync + 'static {
    /// The plugin's name: `^[a-z][a-z0-9_]{0,39}$`, for good.
    const NAME: &'static str;
    /// What the host must offer; one that lacks something does not load the plugin.
    const REQUIRES: &'static [&'static str] = &[crate::requirement::HTTP];
    /// The operator's settings. Doc comments become their help; derive `Deserialize` and `JsonSchema`, and write
    /// `#[serde(deny_unknown_fields)]`, so that a typo is found.
    type Config: DeserializeOwned + JsonSchema;

    /// A provider with these settings; what the schema cannot say is checked here.
    fn configure(config: Self::Config) -> Result<Self>;

    /// What the host is to enforce.
    fn inspect(&self) -> Inspect;

    /// Where the browser is sent.
    fn begin(&self, host: &Host, request: BeginRequest) -> impl Future<Output = Result<Begin>> + Send;

    /// Who it is that came back. The host has checked state, issuer and browser before.
    fn complete(&self, host: &Host, callback: Callback) -> impl Future<Output = Result<Completed>> + Send;
}

/// What a provider is to be told by way of the browser. All of it is the host's: pass it on unchanged.
#[derive(Clone)]
#[non_exhaustive]
pub struct BeginRequest {
    /// The callback's absolute URL.
    pub redirect_uri: String,
    /// `state`, opaque.
    pub state: String,
    /// `nonce`, unless `inspect` said `Off`.
    pub nonce: Option<String>,
    /// The PKCE challenge of method S256, unless `inspect` said `Off`.
    pub code_challenge: Option<String>,
    /// The person's language (BCP 47).
    pub locale: Option<String>,
    /// Who will probably sign in: a login or an e-mail address.
    pub login_hint: Option<String>,
}

impl From<record::BeginRequest> for BeginRequest {
    fn from(request: record::BeginRequest) -> Self {
        Self {
            redirect_uri: request.redirect_uri,
            state: request.state,
            nonce: request.nonce,
            code_challenge: request.code_challenge,
            locale: request.locale,
            login_hint: request.hints.login_hint,
        }
    }
}

/// State and nonce tie a sign-in to a browser: only the return address is shown.
impl fmt::Debug for BeginRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BeginRequest").field("redirect_uri", &self.redirect_uri).finish_non_exhaustive()
    }
}

/// Where the browser is sent, and what is to be remembered meanwhile.
#[derive(Clone)]
pub struct Begin(record::BeginAnswer);

impl Begin {
    /// A redirect to this address, at an origin that `inspect` names.
    pub fn redirect(url: impl Into<String>) -> Self {
        let redirect = Some(record::Redirect { url: url.into() });
        Self(record::BeginAnswer { redirect, ..record::BeginAnswer::default() })
    }

    /// A form that posts these fields to this address, at an origin that `inspect` names.
    pub fn post(url: impl Into<String>, fields: impl IntoIterator<Item = (String, String)>) -> Self {
        let post = Some(record::Post { url: url.into(), fields: fields.into_iter().collect() });
        Self(record::BeginAnswer { post, ..record::BeginAnswer::default() })
    }

    /// Text that [`Callback::carry`] hands back: at most 1 KiB.
    #[must_use]
    pub fn carry(mut self, carry: impl Into<Option<String>>) -> Self {
        self.0.carry = carry.into();
        self
    }

    pub(crate) fn into_record(self) -> record::BeginAnswer {
        self.0
    }
}

/// The address holds the state: nothing is shown.
impl fmt::Debug for Begin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Begin")
    }
}

impl From<Url> for Begin {
    fn from(url: Url) -> Self {
        Self::redirect(url)
    }
}

/// The browser's return.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Callback {
    /// Each parameter, once, without `state`.
    pub params: BTreeMap<String, Sensitive>,
    /// What [`Begin::carry`] asked to be kept.
    pub carry: Option<String>,
    /// The same as at `begin`.
    pub redirect_uri: String,
    /// The `nonce` that was sent, if one was.
    pub nonce: Option<Sensitive>,
    /// The PKCE verifier, if a challenge was sent.
    pub code_verifier: Option<Sensitive>,
}

impl Callback {
    /// A parameter that must be there and not be empty.
    pub fn param(&self, name: &str) -> Result<&str> {
        match self.params.get(name).map(Sensitive::expose) {
            Some(value) if !value.is_empty() => Ok(value),
            _ => Err(Error::bad_answer(format_args!("the callback lacks the parameter `{name}`"))),
        }
    }
}

impl From<record::CompleteRequest> for Callback {
    fn from(request: record::CompleteRequest) -> Self {
        Self {
            params: request.params,
            carry: request.carry,
            redirect_uri: request.redirect_uri,
            nonce: request.nonce,
            code_verifier: request.code_verifier,
        }
    }
}

/// Who it is, and the tokens, where the protocol has any.
#[derive(Debug, Clone)]
pub struct Completed {
    user: UserInfo,
    tokens: Option<TokenSet>,
}

impl Completed {
    /// An account with its tokens.
    pub fn with_tokens(user: UserInfo, tokens: TokenSet) -> Self {
        Self { user, tokens: Some(tokens) }
    }

    pub(crate) fn into_record(self) -> record::CompleteAnswer {
        record::CompleteAnswer {
            account: self.user.into_record(),
            tokens: self.tokens.map(TokenSet::into_record),
        }
    }
}

impl From<UserInfo> for Completed {
    fn from(user: UserInfo) -> Self {
        Self { user, tokens: None }
    }
}
