//! Sign-in with any issuer of OpenID Connect: endpoints and keys from its metadata, who it is from the ID token and the
//! user info, by pointers that the operator may change.
//!
//! Holds no provider's name: what is special about one is settings here, or a plugin of its own. All verification is the
//! host's, and this crate knows nothing of the host beyond the SDK.
//!
//! Sources: OpenID Connect Core 1.0 and Discovery 1.0, RFC 6749, RFC 6901, RFC 7636, RFC 9207.

#![forbid(unsafe_code)]

mod config;
mod groups;
mod parameters;
mod person;
mod pointer;

use vestibule_provider::openid::{self, Client, ClientAuth, EmailDomains};
use vestibule_provider::prelude::*;

pub use config::{Config, Nonce, Pkce, Subjects, TokenAuth, UseUserInfo};
use groups::AllowedGroups;
use parameters::Parameters;
use person::Pointers;

/// An issuer to sign in with.
pub struct Oidc {
    realm: Realm,
    client: Client,
    parameters: Parameters,
    userinfo: UseUserInfo,
    pointers: Pointers,
    groups: AllowedGroups,
    domains: EmailDomains,
}

impl OAuthProvider for Oidc {
    const NAME: &'static str = "oidc";
    const REQUIRES: &'static [&'static str] = openid::REQUIRES;
    type Config = Config;

    fn configure(config: Config) -> Result<Self> {
        let client = config.client()?;
        let pointers = Pointers::new(&config)?;
        Ok(Self {
            realm: config.realm(&pointers)?,
            client,
            parameters: Parameters::new(&config)?,
            userinfo: config.userinfo,
            groups: AllowedGroups::new(config.allowed_groups, &config.groups)?,
            domains: EmailDomains::new("email_domains", config.email_domains)?,
            pointers,
        })
    }

    fn inspect(&self) -> Inspect {
        self.client.inspect(&self.realm)
    }

    async fn authorize_url(&self, host: &Host, request: AuthorizeRequest) -> Result<Authorize> {
        let url = self.client.authorize_url(host, &request, self.parameters.scope()).await?;
        Ok(self.parameters.added_to(url).into())
    }

    async fn exchange_code(&self, host: &Host, exchange: CodeExchange) -> Result<TokenSet> {
        self.client.exchange_code_with(host, exchange, refusal_of_the_client).await.map_err(cure_of_audiences)
    }

    async fn fetch_user_info(&self, host: &Host, tokens: &TokenSet) -> Result<UserInfo> {
        // The signed document first: what both say is taken from it.
        let mut documents = vec![self.client.claims(tokens)?];
        if self.wants_userinfo(&documents[0]) {
            match self.client.user_info_with(host, tokens, refusal_of_the_token).await? {
                Some(claims) => documents.push(claims),
                None if self.userinfo == UseUserInfo::Always => {
                    return Err(Error::misconfigured(
                        "`userinfo` is `always`, and the issuer's metadata has no `userinfo_endpoint`",
                    ));
                }
                None => {}
            }
        }
        self.groups.admit(&documents)?;
        self.pointers.person(&documents, &self.domains, host)
    }

    fn callback_error(&self, error: &str) -> Error {
        match error {
            "invalid_scope" => Error::misconfigured(
                "the provider refuses the request: `invalid_scope`; allow this client all of `scopes`, or list fewer",
            ),
            // Keycloak and others say so to a redirect URI or a PKCE method that is not registered.
            "invalid_request" => Error::misconfigured(
                "the provider refuses the request: `invalid_request`; check that this provider's callback URL is \
                 registered there, and `pkce`",
            ),
            other => openid::callback_error(other),
        }
    }
}

impl Oidc {
    /// Whether the user info endpoint has to be asked: if the ID token lacks something that the settings name.
    fn wants_userinfo(&self, id_token: &openid::Claims) -> bool {
        match self.userinfo {
            UseUserInfo::Always => true,
            UseUserInfo::Never => false,
            UseUserInfo::Auto => {
                let groups = self.groups.pointer().into_iter();
                self.pointers.all().chain(groups).any(|pointer| id_token.get(pointer).is_none())
            }
        }
    }
}

/// The setting that cures an ID token for several, where the host refused it for that; its words are all that tell.
fn cure_of_audiences(error: Error) -> Error {
    if !error.message().contains("which is not trusted") {
        return error;
    }
    Error::bad_answer(format_args!(
        "{}; if the issuer always names it, and it is yours, list it in `trusted_audiences`",
        error.message()
    ))
}

/// Names of the token endpoint that settings cure.
fn refusal_of_the_client(error: &str) -> Option<Error> {
    Some(match error {
        "invalid_client" => Error::misconfigured(
            "the token endpoint refuses this client: `invalid_client`; check `client_id`, `client_secret`, and \
             `token_auth`, which says how the secret is sent; an issuer that breaks on PKCE says so too: `pkce = \"off\"`",
        ),
        "invalid_request" => Error::misconfigured(
            "the token endpoint refuses this client: `invalid_request`; check that this provider's callback URL is \
             registered there, `token_auth`, and `pkce`",
        ),
        _ => return None,
    })
}

/// Statuses of the user info endpoint that a setting cures (RFC 6750 §3.1).
fn refusal_of_the_token(status: u16) -> Option<Error> {
    matches!(status, 401 | 403).then(|| {
        Error::bad_answer(format_args!(
            "the user info endpoint answered {status} to the access token: set `userinfo = \"never\"`, or have the issuer \
             let this client's tokens read it (`scopes`)"
        ))
    })
}

impl From<TokenAuth> for ClientAuth {
    fn from(auth: TokenAuth) -> Self {
        match auth {
            TokenAuth::Basic => Self::Basic,
            TokenAuth::Post => Self::Post,
            TokenAuth::None => Self::None,
        }
    }
}

export_provider!(Oidc);
