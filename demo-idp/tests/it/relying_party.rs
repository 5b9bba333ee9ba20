//! An application's side of the protocol, in small steps, so that each test can do one of them wrong.

use aws_lc_rs::digest;
use data_encoding::BASE64URL_NOPAD;
use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use url::Url;
use vestibule_demo_idp::{DemoIdp, Options};

pub(crate) const REDIRECT_URI: &str = "http://localhost:9/auth/github/callback";
pub(crate) const CLIENT_ID: &str = "demo-client-1";
pub(crate) const VERIFIER: &str = "a-code-verifier-of-forty-three-characters-ok";

/// A provider with one client, and the client.
pub(crate) struct RelyingParty {
    pub(crate) idp: DemoIdp,
    pub(crate) http: reqwest::Client,
    pub(crate) secret: String,
}

impl RelyingParty {
    pub(crate) async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    pub(crate) async fn start_with(mut options: Options) -> Self {
        options.clients[0].redirect_uris.push(REDIRECT_URI.to_owned());
        let secret = options.clients[0].secret.clone();
        let idp = DemoIdp::start(options).await.unwrap();
        Self { idp, http: client(Some("it")), secret }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.idp.base_url())
    }

    /// The authorization request, with these parameters instead of or beside the usual ones; an empty value drops one.
    pub(crate) fn authorize_url(&self, changes: &[(&str, &str)]) -> String {
        let mut params = vec![
            ("client_id", CLIENT_ID.to_owned()),
            ("redirect_uri", REDIRECT_URI.to_owned()),
            ("scope", "user:email read:org".to_owned()),
            ("state", "st-123".to_owned()),
            ("code_challenge", challenge(VERIFIER)),
            ("code_challenge_method", "S256".to_owned()),
        ];
        for (name, value) in changes {
            params.retain(|(other, _)| other != name);
            if !value.is_empty() {
                params.push((name, (*value).to_owned()));
            }
        }
        Url::parse_with_params(&self.url("/login/oauth/authorize"), params).unwrap().into()
    }

    /// Chooses a person; the callback's address.
    pub(crate) async fn choose(&self, authorize_url: &str, person: &str) -> Url {
        let body = form(&[("person", person)]);
        let answer = post(&self.http, authorize_url, body).send().await.unwrap();
        assert_eq!(answer.status(), 302);
        location(&answer)
    }

    pub(crate) async fn code_for(&self, person: &str) -> String {
        param(&self.choose(&self.authorize_url(&[]), person).await, "code").unwrap()
    }

    /// The token request, with changes as in `authorize_url`.
    pub(crate) fn token_request(&self, code: &str, changes: &[(&str, &str)]) -> RequestBuilder {
        let mut params = vec![
            ("client_id", CLIENT_ID),
            ("client_secret", self.secret.as_str()),
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
        post(&self.http, &self.url("/login/oauth/access_token"), form(&params))
    }

    pub(crate) async fn token_json(&self, code: &str, changes: &[(&str, &str)]) -> Value {
        let answer =
            self.token_request(code, changes).header("accept", "application/json").send().await.unwrap();
        assert_eq!(answer.status(), 200);
        json(answer).await
    }

    pub(crate) async fn token_for(&self, person: &str, scope: &str) -> String {
        let url = self.authorize_url(&[("scope", scope)]);
        let code = param(&self.choose(&url, person).await, "code").unwrap();
        self.token_json(&code, &[]).await["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) fn api(&self, token: &str, path: &str) -> RequestBuilder {
        self.http
            .get(self.url(&format!("/api/v3{path}")))
            .bearer_auth(token)
            .header("x-github-api-version", "2022-11-28")
    }
}

pub(crate) fn client(user_agent: Option<&str>) -> reqwest::Client {
    let builder = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    let builder = builder.tls_certs_only([]).retry(reqwest::retry::never());
    match user_agent {
        Some(name) => builder.user_agent(name.to_owned()).build().unwrap(),
        None => builder.build().unwrap(),
    }
}

pub(crate) fn challenge(verifier: &str) -> String {
    BASE64URL_NOPAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()).as_ref())
}

pub(crate) fn form(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

pub(crate) fn post(http: &reqwest::Client, url: &str, body: String) -> RequestBuilder {
    http.post(url).header("content-type", "application/x-www-form-urlencoded").body(body)
}

pub(crate) fn location(answer: &Response) -> Url {
    Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap()
}

pub(crate) fn param(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

pub(crate) async fn json(answer: Response) -> Value {
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
}
