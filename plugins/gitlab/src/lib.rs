//! Sign-in with GitLab: GitLab.com, and self-managed instances, also below a path.
//!
//! Who it is comes from three places, each for what it alone tells:
//!
//! - The **ID token** proves who signed in, here and now: `sub`, which is the user's number, and the primary e-mail
//!   address with `email_verified` (scope `email`). It has no state of the account, and only the groups of which the person
//!   is a direct member.
//! - **`GET /api/v4/user`** (scope `read_user`) tells whether the account is `active` and not `locked`, and has login, name
//!   and picture. OpenID Connect at GitLab has no word for a state.
//! - **`/oauth/userinfo`** tells `groups`: those of which the person is a member directly or through a group above. It is
//!   asked only where `allowed_groups` needs it. The REST API would want `read_api` for the same.
//!
//! So a sign-in has two requests, or three with `allowed_groups`. Endpoints, keys and issuer follow from the base URL as
//! documented, so no metadata is asked for: nothing but the settings says where the secret goes.
//!
//! Sources: "GitLab as an OpenID Connect identity provider", "OAuth 2.0 identity provider API", "Users API" on
//! <https://docs.gitlab.com>.

#![forbid(unsafe_code)]

mod api;
mod groups;
mod instance;

use vestibule_provider::openid::{self, Client, ClientAuth, EmailDomains};
use vestibule_provider::prelude::*;
use vestibule_provider::requirement;

use api::{Account, Api};
use groups::AllowedGroups;
use instance::Instance;

/// Scopes: the ID token, the primary address in it, and the account's state.
const SCOPE: &str = "openid email read_user";

/// Settings of one GitLab instance.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Root of the instance, as its `external_url` says: `https://gitlab.com`, or that of a self-managed GitLab, with its
    /// path if it has one.
    #[serde(default = "gitlab_com")]
    pub base_url: Url,
    /// Application ID.
    pub client_id: String,
    /// Secret of the application.
    pub client_secret: SecretHandle,
    /// Let in members of these groups only, by their full paths (`eng`, `eng/backend`); empty lets everyone in. Members of
    /// a group are members of all groups below it, and not the reverse. After a rename, anyone can take the old path over.
    #[serde(default)]
    pub allowed_groups: Vec<String>,
    /// Let in people only whose primary and verified e-mail address is in one of these domains; empty lets everyone in.
    #[serde(default)]
    pub email_domains: Vec<String>,
}

fn gitlab_com() -> Url {
    Url::parse("https://gitlab.com").expect("a constant that is a URL")
}

/// A GitLab instance to sign in with.
pub struct GitLab {
    instance: Instance,
    realm: Realm,
    client: Client,
    allowed: AllowedGroups,
    domains: EmailDomains,
}

impl OAuthProvider for GitLab {
    const NAME: &'static str = "gitlab";
    const REQUIRES: &'static [&'static str] = &[requirement::HTTP, requirement::VERIFY_JWT];
    type Config = Config;

    fn configure(config: Config) -> Result<Self> {
        if config.client_id.is_empty() {
            return Err(Error::bad_settings(
                "`client_id` is empty: copy it from the application's page on GitLab",
            ));
        }
        let instance = Instance::at(&config.base_url)?;
        let client = Client::new(instance.issuer(), config.client_id)
            .secret("client_secret", config.client_secret)
            .auth(ClientAuth::Basic)
            .algorithms(["RS256"])
            .endpoints(instance.endpoints()?, instance.keys()?);
        Ok(Self {
            // The user's number. GitLab has other ids of a person as well: a hash, `sub_legacy`, was `sub` once.
            realm: Realm::new(&config.base_url)?.id("sub")?,
            instance,
            client,
            allowed: AllowedGroups::new(config.allowed_groups)?,
            domains: EmailDomains::new("email_domains", config.email_domains)?,
        })
    }

    fn inspect(&self) -> Inspect {
        self.client.inspect(&self.realm)
    }

    async fn authorize_url(&self, host: &Host, request: AuthorizeRequest) -> Result<Authorize> {
        Ok(self.client.authorize_url(host, &request, SCOPE).await?.into())
    }

    async fn exchange_code(&self, host: &Host, exchange: CodeExchange) -> Result<TokenSet> {
        self.client.exchange_code_with(host, exchange, refusal_of_the_client).await
    }

    async fn fetch_user_info(&self, host: &Host, tokens: &TokenSet) -> Result<UserInfo> {
        let claims = self.client.claims(tokens)?;
        let id = claims.subject()?;
        if !id.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Error::bad_answer(
                "`sub` is not a user's number: is that a GitLab, and a recent one?",
            ));
        }
        let account: Account = Api::new(host, &self.instance, &tokens.access_token).account().await?;
        account.admit(id)?;
        if !self.allowed.is_empty() {
            self.allowed.admit(self.client.user_info(host, tokens).await?.as_ref())?;
        }
        // The address as it is written: of one that is not plain the rule says so.
        self.domains.admit(claims.text("/email"), claims.verified("/email_verified"))?;
        let mut info = account.into_user_info();
        if let Some((address, verified)) = claims.email("/email", "/email_verified") {
            info = info.email(address, verified);
        }
        Ok(info)
    }

    fn callback_error(&self, error: &str) -> Error {
        match error {
            "invalid_scope" => Error::misconfigured(
                "gitlab says `invalid_scope`: tick `openid`, `email` and `read_user` on the application's page",
            ),
            other => openid::callback_error(other),
        }
    }
}

/// Names of the token endpoint, with what to look at on GitLab.
fn refusal_of_the_client(error: &str) -> Option<Error> {
    Some(match error {
        "invalid_client" => Error::misconfigured(
            "gitlab says `invalid_client`: `client_id` and `client_secret` do not belong together, or not to this instance",
        ),
        "invalid_request" => Error::misconfigured(
            "gitlab says `invalid_request`: register this provider's callback URL with the application",
        ),
        _ => return None,
    })
}

export_provider!(GitLab);
