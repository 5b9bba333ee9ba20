//! A client of one issuer: the requests of a sign-in by code, and the checks of what they bring. It must not know which
//! claims a provider has.

use url::Url;
use vestibule_abi::Sensitive;

use super::token::{self, TokenAnswer};
use super::{Claims, Metadata};
use crate::{
    AuthorizeRequest, CodeExchange, Error, Host, Inspect, Policy, Realm, Request, Result, SecretHandle,
    TokenSet, VerifyJwt,
};

/// How a client authenticates at the token endpoint (OpenID Connect Core 1.0 §9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    /// `client_secret_basic`: in a header.
    Basic,
    /// `client_secret_post`: in the form.
    Post,
    /// `none`: a public client, which PKCE alone protects.
    None,
}

/// A client of one issuer. Without a word to the contrary its endpoints and keys come from the issuer's metadata, PKCE and
/// `nonce` are required, and authentication and algorithms are what the metadata offers.
#[derive(Debug, Clone)]
pub struct Client {
    issuer: String,
    id: String,
    secret: Option<(String, SecretHandle)>,
    auth: Option<ClientAuth>,
    algorithms: Option<Vec<String>>,
    trusted_audiences: Vec<String>,
    endpoints: Option<(Metadata, Url)>,
    pkce: Policy,
    nonce: Policy,
}

impl Client {
    /// A client with this id. The issuer is byte for byte what its metadata and its ID tokens say.
    pub fn new(issuer: impl Into<String>, id: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            id: id.into(),
            secret: None,
            auth: None,
            algorithms: None,
            trusted_audiences: Vec::new(),
            endpoints: None,
            pkce: Policy::Required,
            nonce: Policy::Required,
        }
    }

    /// The client's secret, which is the setting `key`. Without one the client is public.
    #[must_use]
    pub fn secret(mut self, key: &str, secret: SecretHandle) -> Self {
        self.secret = Some((key.to_owned(), secret));
        self
    }

    /// How the secret is sent.
    #[must_use]
    pub fn auth(mut self, auth: ClientAuth) -> Self {
        self.auth = Some(auth);
        self
    }

    /// The signature algorithms that are accepted.
    #[must_use]
    pub fn algorithms<I: IntoIterator<Item: Into<String>>>(mut self, names: I) -> Self {
        self.algorithms = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Audiences that may stand beside the client id in an ID token, for an issuer that always lists others; without a word
    /// a token for any other one is refused (OpenID Connect Core 1.0 §3.1.3.7, 3). Compared byte for byte.
    #[must_use]
    pub fn trusted_audiences<I: IntoIterator<Item: Into<String>>>(mut self, audiences: I) -> Self {
        self.trusted_audiences = audiences.into_iter().map(Into::into).collect();
        self
    }

    /// Endpoints and the address of the keys, where the provider documents them: then no metadata is asked for, and the
    /// issuer's word cannot move them.
    #[must_use]
    pub fn endpoints(mut self, endpoints: Metadata, jwks_uri: Url) -> Self {
        self.endpoints = Some((endpoints, jwks_uri));
        self
    }

    /// Whether the PKCE challenge is sent. With `Required` an issuer that lists its methods has to list S256.
    #[must_use]
    pub fn pkce(mut self, policy: Policy) -> Self {
        self.pkce = policy;
        self
    }

    /// Whether `nonce` is sent, and so must come back.
    #[must_use]
    pub fn nonce(mut self, policy: Policy) -> Self {
        self.nonce = policy;
        self
    }

    /// What the host is to enforce: the issuer, the endpoints' origins, and that the secret goes to the token endpoint.
    pub fn inspect(&self, realm: &Realm) -> Inspect {
        let inspect = Inspect::new(realm).client_id(&self.id).pkce(self.pkce).nonce(self.nonce);
        let key = self.secret.as_ref().map(|(key, _)| key.as_str());
        let Some((endpoints, keys)) = &self.endpoints else {
            let inspect = inspect.openid(&self.issuer);
            return match key {
                Some(key) => inspect.secret_from_metadata(key, "token_endpoint"),
                None => inspect,
            };
        };
        let mut inspect = inspect
            .issuer(&self.issuer)
            .origin(&endpoints.authorization_endpoint)
            .origin(&endpoints.token_endpoint)
            .origin(keys);
        if let Some(userinfo) = &endpoints.userinfo_endpoint {
            inspect = inspect.origin(userinfo);
        }
        match key {
            Some(key) => inspect.secret(key, &endpoints.token_endpoint),
            None => inspect,
        }
    }

    /// The endpoints. The host keeps metadata for a while, so that asking again costs no request.
    pub async fn metadata(&self, host: &Host) -> Result<Metadata> {
        match &self.endpoints {
            Some((endpoints, _)) => Ok(endpoints.clone()),
            None => host.discover(&self.issuer).await,
        }
    }

    /// The authorization request (OpenID Connect Core 1.0 §3.1.2.1), with all that `request` holds in it.
    pub async fn authorize_url(&self, host: &Host, request: &AuthorizeRequest, scope: &str) -> Result<Url> {
        let metadata = self.metadata(host).await?;
        if self.pkce == Policy::Required && metadata.lacks_s256() {
            return Err(Error::misconfigured(
                "the provider's metadata lists methods of PKCE, and S256 is none of them",
            ));
        }
        let mut url = metadata.authorization_endpoint;
        if url.fragment().is_some() {
            return Err(Error::bad_answer("the metadata's `authorization_endpoint` has a fragment"));
        }
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.id)
            .append_pair("redirect_uri", &request.redirect_uri)
            .append_pair("scope", scope)
            .append_pair("state", &request.state);
        for (name, value) in [
            ("nonce", &request.nonce),
            ("code_challenge", &request.code_challenge),
            ("login_hint", &request.login_hint),
            ("ui_locales", &request.locale),
        ] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        if request.code_challenge.is_some() {
            query.append_pair("code_challenge_method", "S256");
        }
        drop(query);
        Ok(url)
    }

    /// Trades the code, and has the ID token verified: its claims are in [`TokenSet::claims`].
    pub async fn exchange_code(&self, host: &Host, exchange: CodeExchange) -> Result<TokenSet> {
        self.exchange_code_with(host, exchange, |_| None).await
    }

    /// The same, for a provider whose token endpoint has names of its own for errors: `known` is asked first.
    pub async fn exchange_code_with(
        &self,
        host: &Host,
        exchange: CodeExchange,
        known: impl FnOnce(&str) -> Option<Error>,
    ) -> Result<TokenSet> {
        let metadata = self.metadata(host).await?;
        let request = self.token_request(&metadata, &exchange)?;
        let answer = TokenAnswer::read(host.send(request).await?, known)?;
        let mut tokens = answer.into_tokens()?;
        let Some(id_token) = tokens.id_token.clone() else {
            return Err(Error::bad_answer(
                "the token endpoint gave no ID token: the client must be allowed the scope `openid`",
            ));
        };
        tokens.claims =
            Some(self.verify(host, &metadata, id_token, exchange.nonce, &tokens.access_token).await?);
        Ok(tokens)
    }

    async fn verify(
        &self,
        host: &Host,
        metadata: &Metadata,
        id_token: Sensitive,
        nonce: Option<Sensitive>,
        access_token: &Sensitive,
    ) -> Result<serde_json::Value> {
        let algorithms = match &self.algorithms {
            Some(algorithms) => algorithms.clone(),
            None => metadata.algorithms()?,
        };
        let mut token = VerifyJwt::new(id_token, &self.issuer, &self.id)
            .algorithms(algorithms)
            .trusted_audiences(&self.trusted_audiences)
            .nonce(nonce)
            .access_token(access_token);
        if let Some((_, keys)) = &self.endpoints {
            token = token.jwks_uri(keys.as_str());
        }
        host.verify_jwt(token).await
    }

    /// The token request (OpenID Connect Core 1.0 §3.1.3.1).
    fn token_request(&self, metadata: &Metadata, exchange: &CodeExchange) -> Result<Request> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", exchange.code.expose()),
            ("redirect_uri", &exchange.redirect_uri),
        ];
        if let Some(verifier) = &exchange.code_verifier {
            form.push(("code_verifier", verifier.expose()));
        }
        let request = Request::post(&metadata.token_endpoint).accept_json();
        let auth = match (&self.secret, self.auth) {
            (None, _) => ClientAuth::None,
            (Some(_), Some(auth)) => auth,
            (Some(_), None) => metadata.client_auth()?,
        };
        let secret = self.secret.as_ref().map(|(_, secret)| secret.as_str());
        Ok(match (auth, secret) {
            (ClientAuth::Basic, Some(secret)) => {
                request.form(form).header("authorization", token::basic(&self.id, secret))
            }
            (ClientAuth::Post, Some(secret)) => {
                form.extend([("client_id", self.id.as_str()), ("client_secret", secret)]);
                request.form(form)
            }
            _ => {
                form.push(("client_id", self.id.as_str()));
                request.form(form)
            }
        })
    }

    /// The claims of the ID token that [`exchange_code`](Self::exchange_code) has had verified.
    pub fn claims(&self, tokens: &TokenSet) -> Result<Claims> {
        let claims =
            tokens.claims.clone().ok_or_else(|| Error::bad_answer("there is no verified ID token"))?;
        let claims = Claims::new(claims)?;
        claims.subject()?;
        Ok(claims)
    }

    /// The user info of the ID token's subject (OpenID Connect Core 1.0 §5.3), and of nobody else: with another `sub`, or
    /// none, it is refused (§5.3.2). Nothing where the issuer has no such endpoint.
    pub async fn user_info(&self, host: &Host, tokens: &TokenSet) -> Result<Option<Claims>> {
        self.user_info_with(host, tokens, |_| None).await
    }

    /// The same, for a provider that knows what cures a status which is no success: `known` is asked first.
    pub async fn user_info_with(
        &self,
        host: &Host,
        tokens: &TokenSet,
        known: impl FnOnce(u16) -> Option<Error>,
    ) -> Result<Option<Claims>> {
        let Some(endpoint) = self.metadata(host).await?.userinfo_endpoint else { return Ok(None) };
        let proven = self.claims(tokens)?;
        let request = Request::get(&endpoint).bearer(&tokens.access_token).accept_json();
        let response = host.send(request).await?;
        if response.is_success()
            && response.header_value("content-type").is_some_and(|kind| kind.starts_with("application/jwt"))
        {
            return Err(Error::misconfigured(
                "the user info is a signed token (`application/jwt`), which is not supported: register the client \
                 without `userinfo_signed_response_alg`",
            ));
        }
        if let Some(error) = (!response.is_success()).then(|| known(response.status())).flatten() {
            return Err(error);
        }
        let claims: Claims = response.success_json()?;
        if claims.subject().map_err(|e| e.context("user info"))? != proven.subject()? {
            return Err(Error::bad_answer("the user info is about another `sub` than the ID token"));
        }
        Ok(Some(claims))
    }
}
