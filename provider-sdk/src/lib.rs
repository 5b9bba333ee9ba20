//! Write a Vestibule identity provider plugin.
//!
//! A plugin is a cdylib with one kind of provider in it. Implement [`OAuthProvider`] (or [`Provider`], where the protocol
//! is not OAuth 2.0) and export it:
//!
//! ```
//! use vestibule_provider::prelude::*;
//!
//! /// Settings of one instance.
//! #[derive(Deserialize, JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! pub struct Config {
//!     /// Root of the instance, for example `https://codeberg.org`.
//!     pub base_url: Url,
//!     /// Id of the OAuth 2.0 application.
//!     pub client_id: String,
//!     /// Its secret.
//!     pub client_secret: SecretHandle,
//! }
//!
//! pub struct Example {
//!     config: Config,
//!     realm: Realm,
//!     token_url: Url,
//! }
//!
//! #[derive(Deserialize)]
//! struct Token {
//!     access_token: Sensitive,
//! }
//!
//! #[derive(Deserialize)]
//! struct User {
//!     id: NumericId,
//!     login: String,
//! }
//!
//! impl OAuthProvider for Example {
//!     const NAME: &'static str = "example";
//!     type Config = Config;
//!
//!     fn configure(config: Config) -> Result<Self> {
//!         let token_url = config.base_url.join("login/oauth/access_token")?;
//!         Ok(Self { realm: Realm::new(&config.base_url)?, token_url, config })
//!     }
//!
//!     fn inspect(&self) -> Inspect {
//!         Inspect::new(&self.realm)
//!             .client_id(&self.config.client_id)
//!             .origin(&self.config.base_url)
//!             .secret("client_secret", &self.token_url)
//!     }
//!
//!     async fn authorize_url(&self, _: &Host, request: AuthorizeRequest) -> Result<Authorize> {
//!         let mut url = self.config.base_url.join("login/oauth/authorize")?;
//!         url.query_pairs_mut()
//!             .append_pair("response_type", "code")
//!             .append_pair("client_id", &self.config.client_id)
//!             .append_pair("redirect_uri", &request.redirect_uri)
//!             .append_pair("state", &request.state);
//!         if let Some(challenge) = &request.code_challenge {
//!             url.query_pairs_mut()
//!                 .append_pair("code_challenge", challenge)
//!                 .append_pair("code_challenge_method", "S256");
//!         }
//!         Ok(url.into())
//!     }
//!
//!     async fn exchange_code(&self, host: &Host, exchange: CodeExchange) -> Result<TokenSet> {
//!         let verifier = exchange.code_verifier.unwrap_or_default();
//!         let form = [
//!             ("grant_type", "authorization_code"),
//!             ("code", exchange.code.expose()),
//!             ("redirect_uri", &exchange.redirect_uri),
//!             ("client_id", &self.config.client_id),
//!             ("client_secret", self.config.client_secret.as_str()),
//!             ("code_verifier", verifier.expose()),
//!         ];
//!         let token: Token = host.post_form(&self.token_url, &form).await?;
//!         Ok(TokenSet::new(token.access_token))
//!     }
//!
//!     async fn fetch_user_info(&self, host: &Host, tokens: &TokenSet) -> Result<UserInfo> {
//!         let user: User =
//!             host.get_json(self.config.base_url.join("api/v1/user")?, &tokens.access_token).await?;
//!         Ok(UserInfo::new(user.id).login(user.login))
//!     }
//! }
//!
//! # mod inner {
//! # use super::Example;
//! vestibule_provider::export_provider!(Example);
//! # }
//! # fn main() {}
//! ```
//!
//! An author's `Cargo.toml` names this crate, and `serde` and `schemars` (version 1) for the derives.
//!
//! The provider does no I/O of its own, holds no secret (see [`SecretHandle`]) and sees no clock: it asks the [`Host`]. So
//! [`testing`] can run it in `cargo test` against answers that a test makes up.
//!
//! What crosses the boundary, and how, is not an author's concern; it stands in the crate `vestibule-abi`.

mod account;
mod error;
mod export;
#[doc(hidden)]
mod glue;
mod host;
mod http;
mod inspect;
mod numeric_id;
mod oauth;
pub mod openid;
mod provider;
mod realm;
mod settings;
pub mod testing;

pub use account::{TokenSet, UserInfo, Verified};
pub use error::{Error, Result};
pub use host::{Host, Level, Pages, VerifyJwt};
pub use http::{Request, Response};
pub use inspect::{Inspect, Policy};
pub use numeric_id::NumericId;
pub use oauth::{Authorize, AuthorizeRequest, CodeExchange, OAuthProvider};
pub use provider::{Begin, BeginRequest, Callback, Completed, Provider};
pub use realm::Realm;
pub use settings::SecretHandle;
pub use url::Url;
pub use vestibule_abi::Sensitive;
pub use vestibule_abi::record::requirement;
pub use {oauth2, schemars, serde, serde_json};

/// What most providers need, by one `use`.
pub mod prelude {
    pub use crate::{
        Authorize, AuthorizeRequest, CodeExchange, Error, Host, Inspect, Level, NumericId, OAuthProvider,
        Policy, Realm, Request, Response, Result, SecretHandle, Sensitive, TokenSet, Url, UserInfo, Verified,
        export_provider,
    };
    pub use schemars::JsonSchema;
    pub use serde::{Deserialize, Serialize};
}

/// For [`export_provider!`] alone.
#[doc(hidden)]
pub mod __private {
    pub use crate::glue::{Export, module};
    pub use vestibule_abi::EPOCH;
    pub use vestibule_abi::root::{Library, ModuleResult, construct, library};
    pub use vestibule_abi::section;
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_exported_symbol_is_the_one_that_is_looked_up() {
        assert_eq!(vestibule_abi::root::SYMBOL, b"_1as_0lib_1header_0root_bmodule_bloader\0");
    }

    #[test]
    fn the_section_is_the_one_that_is_read() {
        assert_eq!(vestibule_abi::section::NAME, ".vestibule");
    }
}
