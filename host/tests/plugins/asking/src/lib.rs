//! A plugin for the tests, which asks for metadata and has tokens verified, as the callback's parameters say.
//!
//! All that it declares comes from the metadata of its issuer.

use std::collections::BTreeMap;

use vestibule_provider::prelude::*;
use vestibule_provider::{VerifyJwt, requirement, serde_json};

/// Settings.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Whose metadata it asks for.
    issuer: String,
    /// A secret, bound to the token endpoint.
    client_secret: SecretHandle,
    /// What to do wrong while being inspected.
    #[serde(default)]
    behaviour: String,
}

/// The provider.
pub struct Asking {
    config: Config,
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: Url,
}

impl OAuthProvider for Asking {
    const NAME: &'static str = "asking";
    const REQUIRES: &'static [&'static str] =
        &[requirement::HTTP, requirement::DISCOVER, requirement::VERIFY_JWT];
    type Config = Config;

    fn configure(config: Config) -> Result<Self> {
        Ok(Self { config })
    }

    #[expect(clippy::expect_used, reason = "a constant makes a realm")]
    fn inspect(&self) -> Inspect {
        let realm = Url::parse("https://realm.example").ok().and_then(|url| Realm::new(&url).ok());
        let inspect = Inspect::new(&realm.expect("a realm")).client_id("client").nonce(Policy::Required);
        match self.config.behaviour.as_str() {
            "of_no_issuer" => inspect.issuer("https://idp.example").origin_from_metadata("token_endpoint"),
            "without_keys" => inspect
                .metadata(&self.config.issuer)
                .issuer_from_metadata()
                .origin_from_metadata("authorization_endpoint"),
            _ => inspect.openid(&self.config.issuer).secret_from_metadata("client_secret", "token_endpoint"),
        }
    }

    async fn authorize_url(&self, host: &Host, request: AuthorizeRequest) -> Result<Authorize> {
        let metadata: Metadata = host.discover(&self.config.issuer).await?;
        let mut url = metadata.authorization_endpoint;
        url.query_pairs_mut()
            .append_pair("state", &request.state)
            .append_pair("redirect_uri", &request.redirect_uri)
            .append_pair("nonce", request.nonce.as_deref().unwrap_or_default())
            .append_pair("code_challenge", request.code_challenge.as_deref().unwrap_or_default())
            .append_pair("code_challenge_method", "S256");
        Ok(url.into())
    }

    async fn exchange_code(
        &self,
        host: &Host,
        exchange: vestibule_provider::CodeExchange,
    ) -> Result<TokenSet> {
        let param = |name: &str| exchange.params.get(name).map(|p| p.expose().to_owned());
        if let Some(url) = param("post") {
            let form = [("client_secret", self.config.client_secret.as_str())];
            host.send(Request::post(url).form(form)).await?.success()?;
        }
        if let Some(issuer) = param("discover") {
            let metadata: Metadata = host.discover(&issuer).await?;
            return Ok(TokenSet::new(metadata.issuer));
        }
        let Some(token) = param("token") else { return Ok(TokenSet::new("none")) };
        let audience = match param("audience").as_deref() {
            Some("{secret}") => self.config.client_secret.as_str().to_owned(),
            Some(other) => other.to_owned(),
            None => "client".to_owned(),
        };
        let mut asked =
            VerifyJwt::new(token.into(), &self.config.issuer, audience).nonce(exchange.nonce.clone());
        if let Some(url) = param("jwks") {
            asked = asked.jwks_uri(url);
        }
        if let Some(algorithm) = param("algorithms") {
            asked = asked.algorithms([algorithm]);
        }
        let claims: BTreeMap<String, Box<serde_json::value::RawValue>> = host.verify_jwt(asked).await?;
        Ok(TokenSet::new(serde_json::to_string(&claims)?))
    }

    async fn fetch_user_info(&self, _: &Host, tokens: &TokenSet) -> Result<UserInfo> {
        Ok(UserInfo::new("42").name(Some(tokens.access_token.expose().to_owned())))
    }
}

vestibule_provider::export_provider!(Asking);
