//! OpenID Connect, as every provider of it needs it: the requests, and what may be believed of the answers.
//!
//! For authors whose provider gives ID tokens. A [`Client`] spells the authorization request, trades the code, has the
//! host verify the ID token, and asks for the user info of the same subject; [`Claims`] reads what came back.
//! [`EmailDomains`] is the rule that operators write about addresses. What claims a provider has, and which of them
//! count, is the provider's own business.
//!
//! ```
//! use vestibule_provider::openid::{self, Client};
//! use vestibule_provider::prelude::*;
//!
//! /// Settings of one tenant.
//! #[derive(Deserialize, JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! pub struct Config {
//!     /// The issuer, as its metadata spells it.
//!     pub issuer: String,
//!     /// Client id.
//!     pub client_id: String,
//!     /// Client secret.
//!     pub client_secret: SecretHandle,
//! }
//!
//! pub struct Example {
//!     realm: Realm,
//!     client: Client,
//! }
//!
//! impl OAuthProvider for Example {
//!     const NAME: &'static str = "example";
//!     const REQUIRES: &'static [&'static str] = openid::REQUIRES;
//!     type Config = Config;
//!
//!     fn configure(config: Config) -> Result<Self> {
//!         let realm = Realm::new(&openid::issuer_url("issuer", &config.issuer)?)?;
//!         let client = Client::new(config.issuer, config.client_id)
//!             .secret("client_secret", config.client_secret);
//!         Ok(Self { realm, client })
//!     }
//!
//!     fn inspect(&self) -> Inspect {
//!         self.client.inspect(&self.realm)
//!     }
//!
//!     async fn authorize_url(&self, host: &Host, request: AuthorizeRequest) -> Result<Authorize> {
//!         Ok(self.client.authorize_url(host, &request, "openid profile email").await?.into())
//!     }
//!
//!     async fn exchange_code(&self, host: &Host, exchange: CodeExchange) -> Result<TokenSet> {
//!         self.client.exchange_code(host, exchange).await
//!     }
//!
//!     async fn fetch_user_info(&self, _: &Host, tokens: &TokenSet) -> Result<UserInfo> {
//!         let claims = self.client.claims(tokens)?;
//!         let mut info = UserInfo::new(claims.subject()?).name(claims.owned_text("/name"));
//!         if let Some((address, verified)) = claims.email("/email", "/email_verified") {
//!             info = info.email(address, verified);
//!         }
//!         Ok(info)
//!     }
//! }
//! ```

mod claims;
mod client;
mod email;
mod metadata;
mod token;

use url::Url;

use crate::{Error, Result, requirement};

pub use claims::{Claims, Groups};
pub use client::{Client, ClientAuth};
pub use email::{EmailDomains, domain_of};
pub use metadata::Metadata;

/// What a provider of this kind asks of its host: HTTP, metadata, and the verification of tokens.
pub const REQUIRES: &[&str] = &[requirement::HTTP, requirement::DISCOVER, requirement::VERIFY_JWT];

/// Signature algorithms that a [`Client`] accepts unless told otherwise: the asymmetric ones of RFC 7518 §3.1 and
/// RFC 8037. Never a MAC, whose key would be the client secret, and never `none`.
pub const ALGORITHMS: &[&str] =
    &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

/// The URL of an issuer or instance that an operator wrote into the setting `key`: `https`, or `http` on loopback for the
/// test servers of a developer, with a host and without user, query and fragment (OpenID Connect Discovery 1.0 §3).
pub fn issuer_url(key: &str, text: &str) -> Result<Url> {
    let fault = |why: &str| Err(Error::bad_settings(format_args!("`{key}` {why}")));
    let Ok(url) = Url::parse(text) else {
        return fault("is no URL: write it in full, as in `https://id.example.org`");
    };
    match url.scheme() {
        "https" if url.has_host() => {}
        // The host opens plain http on loopback alone.
        "http" if is_loopback(&url) => {}
        _ => return fault("must begin with `https://` and name a host"),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return fault("holds a user or password: leave them out");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return fault("holds a query or fragment: leave them out");
    }
    if url.path().contains("/.well-known/") {
        return fault("is the address of a document: leave `/.well-known/…` out");
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost" | "[::1]") => true,
        Some(host) => host.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback()),
        None => false,
    }
}

/// The class of an error that an authorization endpoint sent to the callback: RFC 6749's names and those of OpenID
/// Connect Core 1.0 §3.1.2.6. Those of the latter mean that the provider wanted to ask the person something and was not
/// let, which a client that never says `prompt=none` can cause by its registration only.
pub fn callback_error(error: &str) -> Error {
    match error {
        "interaction_required" | "login_required" | "account_selection_required" | "consent_required" => {
            Error::misconfigured(format_args!(
                "the provider wants to ask the person something and does not: `{error}`; an administrator there may \
                 have to consent to this client first"
            ))
        }
        "request_not_supported" | "request_uri_not_supported" | "registration_not_supported" => {
            Error::misconfigured(format_args!("the provider refuses the request: `{error}`"))
        }
        other => Error::from_callback(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vestibule_abi::record::code;

    #[test]
    fn an_issuer_is_an_https_url_or_on_loopback() {
        for good in [
            "https://gitlab.com",
            "https://tenant.example/",
            "https://id.example:8443/realms/a",
            "http://127.0.0.1:4000",
            "http://[::1]:4000/x",
            "http://localhost:1",
        ] {
            assert!(issuer_url("issuer", good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "gitlab.com",
            "http://gitlab.com",
            "http://127.0.0.1.example",
            "http://localhost.example",
            "ftp://gitlab.com",
            "https://",
            "https://user@gitlab.com",
            "https://:hunter2@gitlab.com",
            "https://gitlab.com?a",
            "https://gitlab.com/#a",
            "https://gitlab.com/.well-known/openid-configuration",
        ] {
            let error = issuer_url("base_url", bad).err().unwrap_or_else(|| panic!("{bad} is taken"));
            assert!(error.message().starts_with("`base_url` "), "{bad}: {error}");
            assert_eq!(error.code(), code::BAD_SETTINGS);
            assert!(!error.message().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn errors_of_a_prompt_that_was_not_shown_are_the_registrations() {
        for name in ["interaction_required", "consent_required", "login_required", "request_not_supported"] {
            let error = callback_error(name);
            assert_eq!(error.code(), code::CLIENT_MISCONFIGURED, "{name}");
            assert!(error.message().contains(name));
        }
        assert_eq!(callback_error("access_denied").code(), code::DENIED);
    }
}
