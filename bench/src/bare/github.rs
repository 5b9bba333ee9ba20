//! GitHub, as far as a sign-in needs it: where to send the browser, and whose account a code stands for.

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::{Url, form_urlencoded};

use super::provider::{Account, ProviderError, client, json};
use super::random::challenge;

/// One registered application at one GitHub.
pub struct GitHub {
    http: reqwest::Client,
    base_url: String,
    client_id: String,
    client_secret: String,
    redirect_uri: String,
}

#[derive(Deserialize)]
struct Token {
    access_token: String,
}

#[derive(Deserialize)]
struct User {
    id: i64,
    login: String,
    name: Option<String>,
    avatar_url: Option<String>,
}

#[derive(Deserialize)]
struct Email {
    email: String,
    primary: bool,
    verified: bool,
}

impl GitHub {
    /// With a client of its own. `base_url` has no slash at its end.
    ///
    /// # Errors
    /// If there are no certificates to trust.
    pub fn new(
        base_url: &str,
        client_id: &str,
        client_secret: &str,
        redirect_uri: String,
    ) -> Result<Self, ProviderError> {
        Ok(Self {
            http: client()?,
            base_url: base_url.to_owned(),
            client_id: client_id.to_owned(),
            client_secret: client_secret.to_owned(),
            redirect_uri,
        })
    }

    /// Where to send the browser.
    ///
    /// # Errors
    /// If the base URL is none.
    pub fn authorize_url(&self, state: &str, code_verifier: &str) -> Result<Url, ProviderError> {
        let mut url = Url::parse(&format!("{}/login/oauth/authorize", self.base_url))?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("scope", "user:email")
            .append_pair("state", state)
            .append_pair("code_challenge", &challenge(code_verifier))
            .append_pair("code_challenge_method", "S256");
        Ok(url)
    }

    /// Whose account the code stands for: three requests.
    ///
    /// # Errors
    /// If the provider does not say.
    pub async fn account(&self, code: &str, code_verifier: &str) -> Result<Account, ProviderError> {
        let token = self.exchange(code, code_verifier).await?;
        let user: User = self.get("/api/v3/user", &token).await?;
        let emails: Vec<Email> = self.get("/api/v3/user/emails?per_page=100", &token).await?;
        let email = emails.into_iter().find(|email| email.primary && email.verified);
        Ok(Account {
            id: user.id.to_string(),
            login: user.login,
            name: user.name,
            email: email.map(|email| email.email),
            avatar_url: user.avatar_url,
        })
    }

    async fn exchange(&self, code: &str, code_verifier: &str) -> Result<String, ProviderError> {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("code_verifier", code_verifier)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("client_id", &self.client_id)
            .append_pair("client_secret", &self.client_secret)
            .finish();
        let request = self
            .http
            .post(format!("{}/login/oauth/access_token", self.base_url))
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form);
        let token: Token = json(request).await?;
        Ok(token.access_token)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, token: &str) -> Result<T, ProviderError> {
        let request = self
            .http
            .get(format!("{}{path}", self.base_url))
            .header(ACCEPT, "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28")
            .bearer_auth(token);
        json(request).await
    }
}
