//! Sign-in with GitHub: github.com, GHE.com (data residency), and GitHub Enterprise Server.
//!
//! OAuth 2.0 without ID tokens: who it is comes from the REST API. Works with OAuth Apps and GitHub Apps, whose tokens
//! differ only in that scopes mean nothing to the latter. Knows GitHub, and nothing of the host beyond the SDK.
//!
//! Sources: "Authorizing OAuth apps", "Troubleshooting OAuth app access token request errors", "Troubleshooting
//! authorization request errors", and the REST API reference, on <https://docs.github.com>.

#![forbid(unsafe_code)]

mod api;
mod instance;
mod organizations;
mod token;

use vestibule_provider::oauth2::basic::BasicClient;
use vestibule_provider::oauth2::{
    AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, PkceCodeVerifier, RedirectUrl, Scope,
    TokenUrl,
};
use vestibule_provider::prelude::*;

use api::{Api, Email, User};
use instance::Instance;
use organizations::AllowedOrganizations;

/// Settings of one GitHub instance.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Root of the instance: `https://github.com`, `https://SUBDOMAIN.ghe.com`, or that of a GitHub Enterprise Server.
    #[serde(default = "github_com")]
    pub base_url: Url,
    /// Client id of the OAuth App or GitHub App.
    pub client_id: String,
    /// A client secret of that app.
    pub client_secret: SecretHandle,
    /// Let in members of these organizations only, by their numeric ids or their logins; empty lets everyone in. Prefer
    /// ids, as `https://api.github.com/orgs/LOGIN` tells them: after a rename, anyone can take the old login over. An
    /// organization that restricts third-party access has to approve the app first.
    #[serde(default)]
    pub allowed_orgs: Vec<String>,
}

fn github_com() -> Url {
    Url::parse("https://github.com").expect("a constant that is a URL")
}

/// A GitHub instance to sign in with.
pub struct GitHub {
    instance: Instance,
    realm: Realm,
    client_id: ClientId,
    client_secret: SecretHandle,
    allowed: AllowedOrganizations,
}

impl OAuthProvider for GitHub {
    const NAME: &'static str = "github";
    type Config = Config;

    fn configure(config: Config) -> Result<Self> {
        if config.client_id.is_empty() {
            return Err(Error::bad_settings("`client_id` is empty: copy it from the app's page on GitHub"));
        }
        let instance = Instance::at(&config.base_url)?;
        Ok(Self {
            realm: Realm::new(instance.base())?,
            instance,
            client_id: ClientId::new(config.client_id),
            client_secret: config.client_secret,
            allowed: AllowedOrganizations::new(config.allowed_orgs)?,
        })
    }

    fn inspect(&self) -> Inspect {
        Inspect::new(&self.realm)
            .client_id(self.client_id.as_str())
            .issuer(self.instance.issuer())
            .origin(self.instance.authorize_url())
            .origin(self.instance.api())
            .secret("client_secret", self.instance.token_url())
            .pkce(Policy::Sent)
            .nonce(Policy::Off)
    }

    async fn authorize_url(&self, _: &Host, request: AuthorizeRequest) -> Result<Authorize> {
        let client = BasicClient::new(self.client_id.clone())
            .set_auth_uri(AuthUrl::new(self.instance.authorize_url().to_owned())?)
            .set_redirect_uri(RedirectUrl::new(request.redirect_uri)?);
        let scopes = self.allowed.scope().into_iter().chain(["user:email"]).map(|s| Scope::new(s.to_owned()));
        let mut authorize = client.authorize_url(|| CsrfToken::new(request.state)).add_scopes(scopes);
        if let Some(challenge) = request.code_challenge {
            authorize = authorize
                .add_extra_param("code_challenge", challenge)
                .add_extra_param("code_challenge_method", "S256");
        }
        if let Some(login) = request.login_hint {
            authorize = authorize.add_extra_param("login", login);
        }
        Ok(authorize.url().0.into())
    }

    async fn exchange_code(&self, host: &Host, exchange: CodeExchange) -> Result<TokenSet> {
        let client = BasicClient::new(self.client_id.clone())
            .set_client_secret(ClientSecret::new(self.client_secret.as_str().to_owned()))
            .set_auth_type(vestibule_provider::oauth2::AuthType::RequestBody)
            .set_token_uri(TokenUrl::new(self.instance.token_url().to_owned())?)
            .set_redirect_uri(RedirectUrl::new(exchange.redirect_uri)?);
        let mut request = client.exchange_code(AuthorizationCode::new(exchange.code.expose().to_owned()));
        if let Some(verifier) = exchange.code_verifier {
            request = request.set_pkce_verifier(PkceCodeVerifier::new(verifier.expose().to_owned()));
        }
        let answer = request.request_async(host).await;
        let answer = answer.map_err(|e| Error::from_token_request(e, token::known_error))?;
        Ok(TokenSet::from(&answer))
    }

    async fn fetch_user_info(&self, host: &Host, tokens: &TokenSet) -> Result<UserInfo> {
        let api = Api::new(host, &self.instance, &tokens.access_token);
        let user: User = api.user().await?;
        self.allowed.admit(&api).await?;
        let mut info = UserInfo::new(user.id).login(user.login).name(user.name).avatar_url(user.avatar_url);
        if let Some(Email { email, .. }) = api.primary_email().await? {
            info = info.email(email, self.instance.email_verified());
        }
        Ok(info)
    }

    fn callback_error(&self, error: &str) -> Error {
        token::callback_error(error)
    }
}

export_provider!(GitHub);
