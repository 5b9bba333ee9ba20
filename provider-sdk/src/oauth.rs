//! OAuth 2.0 and OpenID Connect: the trait that most authors implement, and its lowering to [`Provider`].

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use url::Url;
use vestibule_abi::Sensitive;

use crate::{
    Begin, BeginRequest, Callback, Completed, Error, Host, Inspect, Provider, Result, TokenSet, UserInfo,
};

/// What an authorization request is made of.
pub type AuthorizeRequest = BeginRequest;

/// A provider that speaks OAuth 2.0 (RFC 6749), with or without OpenID Connect on top.
///
/// Write `async fn` in the impl. They may wait for the [`Host`] and for nothing else: there is no runtime, and a future
/// that waits for a timer, a socket or a channel is reported as stuck.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no provider",
    label = "implements neither `OAuthProvider` nor `Provider`",
    note = "implement `vestibule_provider::OAuthProvider`, or `vestibule_provider::Provider` for a protocol that is not OAuth 2.0"
)]
pub trait OAuthProvider: Sized + Send + Sync + 'static {
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

    /// The authorization request (RFC 6749 §4.1.1), with all that `request` holds in it.
    fn authorize_url(
        &self,
        host: &Host,
        request: AuthorizeRequest,
    ) -> impl Future<Output = Result<Authorize>> + Send;

    /// The token request (RFC 6749 §4.1.3), with the same redirect URI and the verifier.
    fn exchange_code(
        &self,
        host: &Host,
        exchange: CodeExchange,
    ) -> impl Future<Output = Result<TokenSet>> + Send;

    /// Whose tokens these are.
    fn fetch_user_info(
        &self,
        host: &Host,
        tokens: &TokenSet,
    ) -> impl Future<Output = Result<UserInfo>> + Send;

    /// What an `error` in the callback means. To be replaced where the provider has names of its own.
    fn callback_error(&self, error: &str) -> Error {
        Error::from_callback(error)
    }
}

/// Where the browser is sent. Mostly `Ok(url.into())`.
#[derive(Debug, Clone)]
pub struct Authorize {
    /// The authorization request, at an origin that `inspect` names.
    pub url: Url,
    /// Text that [`CodeExchange::carry`] hands back: at most 1 KiB. OAuth 2.0 rarely needs it.
    pub carry: Option<String>,
}

impl From<Url> for Authorize {
    fn from(url: Url) -> Self {
        Self { url, carry: None }
    }
}

/// An authorization code, and what goes with it to the token endpoint.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CodeExchange {
    /// `code`, not empty.
    pub code: Sensitive,
    /// The same as in the authorization request, to be repeated.
    pub redirect_uri: String,
    /// The `nonce` that an ID token must hold, if one was sent.
    pub nonce: Option<Sensitive>,
    /// The PKCE verifier, if a challenge was sent.
    pub code_verifier: Option<Sensitive>,
    /// What [`Authorize::carry`] asked to be kept.
    pub carry: Option<String>,
    /// The callback's other parameters, each once.
    pub params: BTreeMap<String, Sensitive>,
}

impl<P: OAuthProvider> Provider for P {
    const NAME: &'static str = <P as OAuthProvider>::NAME;
    const REQUIRES: &'static [&'static str] = <P as OAuthProvider>::REQUIRES;
    type Config = <P as OAuthProvider>::Config;

    fn configure(config: Self::Config) -> Result<Self> {
        <P as OAuthProvider>::configure(config)
    }

    fn inspect(&self) -> Inspect {
        OAuthProvider::inspect(self)
    }

    async fn begin(&self, host: &Host, request: BeginRequest) -> Result<Begin> {
        let Authorize { url, carry } = self.authorize_url(host, request).await?;
        Ok(Begin::redirect(url).carry(carry))
    }

    async fn complete(&self, host: &Host, mut callback: Callback) -> Result<Completed> {
        // An error first: with both there, the code is not to be trusted.
        if let Some(error) = callback.params.get("error") {
            return Err(self.callback_error(error.expose()));
        }
        callback.param("code")?;
        let code = callback.params.remove("code").unwrap_or_default();
        let exchange = CodeExchange {
            code,
            redirect_uri: callback.redirect_uri,
            nonce: callback.nonce,
            code_verifier: callback.code_verifier,
            carry: callback.carry,
            params: callback.params,
        };
        let tokens = self.exchange_code(host, exchange).await?;
        let user = self.fetch_user_info(host, &tokens).await?;
        Ok(Completed::with_tokens(user, tokens))
    }
}
