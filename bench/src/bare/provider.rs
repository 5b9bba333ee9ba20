//! What the providers have in common: which one it is, an HTTP client, accounts and errors.

use std::time::Duration;

use serde::de::DeserializeOwned;
use url::Url;

use super::github::GitHub;
use super::oidc::Oidc;

/// The largest answer that is read.
const MAX_BODY: usize = 1024 * 1024;

/// The one provider of a relying party.
pub enum Provider {
    /// GitHub.
    GitHub(GitHub),
    /// An issuer of OpenID Connect.
    Oidc(Box<Oidc>),
}

impl Provider {
    /// Its name in paths.
    pub fn name(&self) -> &'static str {
        match self {
            Self::GitHub(_) => "github",
            Self::Oidc(_) => "oidc",
        }
    }

    /// Who every callback has to say that it is from (RFC 9207), where there is such a promise.
    pub(super) fn issuer(&self) -> Option<&str> {
        match self {
            Self::GitHub(_) => None,
            Self::Oidc(oidc) => Some(oidc.issuer()),
        }
    }

    /// Whether the authorization request has a nonce.
    pub(super) fn takes_nonce(&self) -> bool {
        matches!(self, Self::Oidc(_))
    }

    /// Where to send the browser.
    pub(super) fn authorize_url(
        &self,
        state: &str,
        code_verifier: &str,
        nonce: Option<&str>,
    ) -> Result<Url, ProviderError> {
        match self {
            Self::GitHub(github) => github.authorize_url(state, code_verifier),
            Self::Oidc(oidc) => oidc.authorize_url(state, code_verifier, nonce.unwrap_or_default()),
        }
    }

    /// Whose account the code stands for.
    pub(super) async fn account(
        &self,
        code: &str,
        code_verifier: &str,
        nonce: Option<&str>,
    ) -> Result<Account, ProviderError> {
        match self {
            Self::GitHub(github) => github.account(code, code_verifier).await,
            Self::Oidc(oidc) => oidc.account(code, code_verifier, nonce).await,
        }
    }
}

/// Somebody's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Stays for good.
    pub id: String,
    /// The handle.
    pub login: String,
    /// The displayed name.
    pub name: Option<String>,
    /// The primary address, if it is verified.
    pub email: Option<String>,
    /// Where the picture is.
    pub avatar_url: Option<String>,
}

/// Why an account could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The base URL is none.
    #[error("the base URL cannot be read: {0}")]
    Url(#[from] url::ParseError),
    /// The request failed. The URL is taken out of the text.
    #[error("{0}")]
    Http(reqwest::Error),
    /// Another status than 200.
    #[error("the provider answered {0}")]
    Status(u16),
    /// Too long.
    #[error("the provider's answer is longer than {MAX_BODY} bytes")]
    TooLong,
    /// Not what is documented; an error of the token endpoint, which comes with status 200, is one of these.
    #[error("the provider's answer is not the expected one")]
    Answer,
    /// The ID token proves nothing.
    #[error("the ID token does not hold")]
    IdToken,
}

impl From<reqwest::Error> for ProviderError {
    fn from(error: reqwest::Error) -> Self {
        Self::Http(error.without_url())
    }
}

/// A client with the limits that Vestibule has.
pub(super) fn client() -> Result<reqwest::Client, ProviderError> {
    Ok(reqwest::Client::builder()
        .user_agent(concat!("bare/", env!("CARGO_PKG_VERSION")))
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .connect_timeout(Duration::from_secs(5))
        .read_timeout(Duration::from_secs(10))
        .timeout(Duration::from_secs(10))
        .build()?)
}

/// Sends a request and reads the answer's JSON.
pub(super) async fn json<T: DeserializeOwned>(request: reqwest::RequestBuilder) -> Result<T, ProviderError> {
    let mut response = request.send().await?;
    if response.status() != 200 {
        return Err(ProviderError::Status(response.status().as_u16()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(ProviderError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body).map_err(|_| ProviderError::Answer)
}
