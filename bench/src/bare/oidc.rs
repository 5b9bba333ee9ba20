//! An issuer of OpenID Connect, as far as a sign-in needs it: metadata and keys once, at the start, then one token request
//! and one ID token for each sign-in. The ID token says everything, so the user info endpoint is not asked; Vestibule asks
//! it only if something is missing.

use std::collections::HashMap;

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde::Deserialize;
use url::{Url, form_urlencoded};

use super::provider::{Account, ProviderError, client, json};
use super::random::challenge;

/// What signs ID tokens.
const ALGORITHM: Algorithm = Algorithm::RS256;

/// One registered client at one issuer.
pub struct Oidc {
    http: reqwest::Client,
    metadata: Metadata,
    keys: HashMap<String, DecodingKey>,
    validation: Validation,
    client_id: String,
    client_secret: String,
    redirect_uri: String,
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    // A text: of a list, the library would be content with one.
    #[serde(rename = "iss")]
    _iss: String,
    // The same.
    #[serde(rename = "aud")]
    _aud: String,
    nonce: String,
    preferred_username: String,
    name: Option<String>,
    email: Option<String>,
    email_verified: Option<bool>,
    picture: Option<String>,
}

impl Oidc {
    /// Asks the issuer for its metadata and its keys. `issuer` is as the metadata spells it.
    ///
    /// # Errors
    /// If these cannot be had, or are another issuer's.
    pub async fn discover(
        issuer: &str,
        client_id: &str,
        client_secret: &str,
        redirect_uri: String,
    ) -> Result<Self, ProviderError> {
        let http = client()?;
        let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let metadata: Metadata = json(http.get(address).header(ACCEPT, "application/json")).await?;
        if metadata.issuer != issuer {
            return Err(ProviderError::Answer);
        }
        let set = http.get(&metadata.jwks_uri).header(ACCEPT, "application/json");
        let set: JwkSet = json(set).await?;
        let keys = set
            .keys
            .iter()
            .filter_map(|key| Some((key.common.key_id.clone()?, DecodingKey::from_jwk(key).ok()?)));
        let mut validation = Validation::new(ALGORITHM);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[client_id]);
        validation.validate_nbf = true;
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        Ok(Self {
            http,
            keys: keys.collect(),
            metadata,
            validation,
            client_id: client_id.to_owned(),
            client_secret: client_secret.to_owned(),
            redirect_uri,
        })
    }

    pub(super) fn issuer(&self) -> &str {
        &self.metadata.issuer
    }

    pub(super) fn authorize_url(
        &self,
        state: &str,
        code_verifier: &str,
        nonce: &str,
    ) -> Result<Url, ProviderError> {
        let mut url = Url::parse(&self.metadata.authorization_endpoint)?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("scope", "openid profile email")
            .append_pair("state", state)
            .append_pair("nonce", nonce)
            .append_pair("code_challenge", &challenge(code_verifier))
            .append_pair("code_challenge_method", "S256");
        Ok(url)
    }

    /// Whose account the code stands for: one request and one signature.
    pub(super) async fn account(
        &self,
        code: &str,
        code_verifier: &str,
        nonce: Option<&str>,
    ) -> Result<Account, ProviderError> {
        let tokens = self.exchange(code, code_verifier).await?;
        let claims = self.verify(&tokens.id_token).ok_or(ProviderError::IdToken)?;
        if nonce != Some(claims.nonce.as_str()) {
            return Err(ProviderError::IdToken);
        }
        Ok(Account {
            id: claims.sub,
            login: claims.preferred_username,
            name: claims.name,
            email: claims.email.filter(|_| claims.email_verified == Some(true)),
            avatar_url: claims.picture,
        })
    }

    fn verify(&self, id_token: &str) -> Option<Claims> {
        let key = self.keys.get(&decode_header(id_token).ok()?.kid?)?;
        decode::<Claims>(id_token, key, &self.validation).ok().map(|token| token.claims)
    }

    async fn exchange(&self, code: &str, code_verifier: &str) -> Result<Tokens, ProviderError> {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("code_verifier", code_verifier)
            .append_pair("redirect_uri", &self.redirect_uri)
            .finish();
        // Both are form-encoded first (RFC 6749 §2.3.1).
        let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let request = self
            .http
            .post(&self.metadata.token_endpoint)
            .basic_auth(encoded(&self.client_id), Some(encoded(&self.client_secret)))
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form);
        json(request).await
    }
}
