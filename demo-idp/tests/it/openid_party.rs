//! A strict relying party of an OpenID provider, in small steps, so that each test can do one of them wrong. What it
//! verifies, it verifies by itself: it shares no code with the provider.

use data_encoding::BASE64;
use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use url::Url;
use vestibule_demo_idp::{DemoIdp, Options, Personality};

use crate::openid_judge::Token;
use crate::relying_party::{CLIENT_ID, VERIFIER, challenge, client, form, json, location, param, post};

pub(crate) const REDIRECT_URI: &str = "http://localhost:9/auth/oidc/callback";
pub(crate) const NONCE: &str = "n-0S6_WzA2Mj";

/// A provider with one client, and the client.
pub(crate) struct OpenIdParty {
    pub(crate) idp: DemoIdp,
    pub(crate) http: reqwest::Client,
    pub(crate) secret: String,
    /// As discovered.
    pub(crate) metadata: Value,
}

impl OpenIdParty {
    pub(crate) async fn start(personality: Personality) -> Self {
        Self::start_with(Options::of(personality)).await
    }

    pub(crate) async fn start_with(mut options: Options) -> Self {
        options.clients[0].redirect_uris.push(REDIRECT_URI.to_owned());
        let secret = options.clients[0].secret.clone();
        let idp = DemoIdp::start(options).await.unwrap();
        let http = client(Some("it"));
        let below = idp.issuer().trim_end_matches('/').to_owned();
        let answer = http.get(format!("{below}/.well-known/openid-configuration")).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let metadata = json(answer).await;
        assert_eq!(metadata["issuer"], idp.issuer(), "byte for byte");
        Self { idp, http, secret, metadata }
    }

    pub(crate) fn endpoint(&self, name: &str) -> String {
        self.metadata[name].as_str().unwrap_or_else(|| panic!("no `{name}`")).to_owned()
    }

    /// The authorization request, with these parameters instead of or beside the usual ones; an empty value drops one.
    pub(crate) fn authorize_url(&self, changes: &[(&str, &str)]) -> String {
        let mut params = vec![
            ("response_type", "code".to_owned()),
            ("client_id", CLIENT_ID.to_owned()),
            ("redirect_uri", REDIRECT_URI.to_owned()),
            ("scope", "openid profile email".to_owned()),
            ("state", "st-123".to_owned()),
            ("nonce", NONCE.to_owned()),
            ("code_challenge", challenge(VERIFIER)),
            ("code_challenge_method", "S256".to_owned()),
        ];
        for (name, value) in changes {
            params.retain(|(other, _)| other != name);
            if !value.is_empty() {
                params.push((name, (*value).to_owned()));
            }
        }
        Url::parse_with_params(&self.endpoint("authorization_endpoint"), params).unwrap().into()
    }

    /// Chooses a person; the callback's address.
    pub(crate) async fn choose(&self, authorize_url: &str, person: &str) -> Url {
        let answer = post(&self.http, authorize_url, form(&[("person", person)])).send().await.unwrap();
        assert_eq!(answer.status(), 302, "{}", answer.text().await.unwrap());
        location(&answer)
    }

    pub(crate) async fn code_for(&self, person: &str, scope: &str) -> String {
        let callback = self.choose(&self.authorize_url(&[("scope", scope)]), person).await;
        param(&callback, "code").unwrap_or_else(|| panic!("{callback}"))
    }

    /// The `Authorization` header as RFC 6749 §2.3.1 has it.
    pub(crate) fn basic(&self) -> String {
        let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = format!("{}:{}", encode(CLIENT_ID), encode(&self.secret));
        format!("Basic {}", BASE64.encode(pair.as_bytes()))
    }

    /// The token request without authentication, with changes as in `authorize_url`.
    pub(crate) fn token_request(&self, code: &str, changes: &[(&str, &str)]) -> RequestBuilder {
        let mut params = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
        ];
        for (name, value) in changes {
            params.retain(|(other, _)| other != name);
            if !value.is_empty() {
                params.push((name, value));
            }
        }
        post(&self.http, &self.endpoint("token_endpoint"), form(&params))
    }

    /// Status and body of the token request, authenticated by Basic.
    pub(crate) async fn exchange(&self, code: &str, changes: &[(&str, &str)]) -> (u16, Value) {
        let request = self.token_request(code, changes).header("authorization", self.basic());
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), json(answer).await)
    }

    /// The whole token answer for a person.
    pub(crate) async fn tokens(&self, person: &str, scope: &str) -> Value {
        let code = self.code_for(person, scope).await;
        let (status, tokens) = self.exchange(&code, &[]).await;
        assert_eq!(status, 200, "{tokens}");
        tokens
    }

    /// A token whose signature and lasting claims were verified.
    pub(crate) async fn id_token(&self, person: &str, scope: &str) -> Token {
        let tokens = self.tokens(person, scope).await;
        let token = Token::read(tokens["id_token"].as_str().unwrap()).unwrap();
        self.verify(&token).await.unwrap();
        token
    }

    pub(crate) async fn jwks(&self) -> Vec<Value> {
        let answer = self.http.get(self.endpoint("jwks_uri")).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        json(answer).await["keys"].as_array().unwrap().clone()
    }

    /// Verifies as OpenID Connect Core 1.0 §3.1.3.7 says, with the keys as they are published now.
    pub(crate) async fn verify(&self, token: &Token) -> Result<(), String> {
        self.verify_signature(token, &self.jwks().await)?;
        let claims = &token.claims;
        let is = |name: &str, value: &str| {
            if claims[name] == value { Ok(()) } else { Err(format!("`{name}` is {}", claims[name])) }
        };
        is("iss", &self.idp.issuer())?;
        is("aud", CLIENT_ID)?;
        is("nonce", NONCE)?;
        let number = |name: &str| claims[name].as_u64().ok_or(format!("`{name}` is {}", claims[name]));
        let (iat, exp) = (number("iat")?, number("exp")?);
        if iat >= exp {
            return Err(format!("from {iat} to {exp}"));
        }
        claims["sub"].as_str().map(drop).ok_or_else(|| "no `sub`".to_owned())
    }

    /// One key with the token's `kid` and a family that fits, and its signature.
    pub(crate) fn verify_signature(&self, token: &Token, jwks: &[Value]) -> Result<(), String> {
        let named: Vec<&Value> = jwks.iter().filter(|key| key["kid"] == token.header["kid"]).collect();
        let [key] = named.as_slice() else { return Err(format!("{} keys with this kid", named.len())) };
        let listed = self.metadata["id_token_signing_alg_values_supported"].as_array().unwrap();
        if !listed.contains(&token.header["alg"]) {
            return Err(format!("unlisted algorithm {}", token.header["alg"]));
        }
        if key["alg"] != token.header["alg"] || key["use"] != "sig" {
            return Err(format!("a key for something else: {key}"));
        }
        token.verify_with(key)
    }

    pub(crate) fn userinfo(&self, access_token: &str) -> RequestBuilder {
        self.http.get(self.endpoint("userinfo_endpoint")).bearer_auth(access_token)
    }

    /// The claims of userinfo for a person.
    pub(crate) async fn claims(&self, person: &str, scope: &str) -> Value {
        let tokens = self.tokens(person, scope).await;
        let answer = self.userinfo(tokens["access_token"].as_str().unwrap()).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        json(answer).await
    }
}

pub(crate) async fn error_of(answer: Response) -> (u16, String) {
    let status = answer.status().as_u16();
    (status, json(answer).await["error"].as_str().unwrap_or_default().to_owned())
}
