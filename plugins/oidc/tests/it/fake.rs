//! An issuer that answers as the standard says, and a test's exceptions.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use vestibule_plugin_oidc::Oidc;
use vestibule_provider::testing::{self, FakeHost, Outcome, TestProvider};
use vestibule_provider::{Error, Request, Response, Result, Url};

pub(crate) const ISSUER: &str = "https://id.example/realms/a";
pub(crate) const CODE: &[(&str, &str)] = &[("code", "a-code")];

/// The issuer: its documents, to be changed by a test.
pub(crate) struct Idp {
    pub(crate) metadata: Value,
    pub(crate) token: Response,
    pub(crate) claims: Value,
    pub(crate) userinfo: Response,
    /// What the host says instead of the claims or the metadata.
    pub(crate) verification: Option<Error>,
    pub(crate) discovery: Option<Error>,
    /// What the host was asked to verify.
    pub(crate) asked: Vec<Value>,
}

impl Default for Idp {
    fn default() -> Self {
        Self {
            metadata: json!({
                "issuer": ISSUER,
                "authorization_endpoint": "https://id.example/realms/a/auth?tenant=7",
                "token_endpoint": "https://tokens.id.example/realms/a/token",
                "userinfo_endpoint": "https://id.example/realms/a/userinfo",
                "jwks_uri": "https://keys.id.example/a",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["HS256", "none", "RS256", "ES256"],
            }),
            token: Response::new(200).json_text(
                json!({ "access_token": "at-1", "token_type": "Bearer", "id_token": "h.p.s", "expires_in": 300 }).to_string(),
            ),
            claims: json!({
                "iss": ISSUER,
                "aud": "client-1",
                "sub": "f:24400320",
                "nonce": testing::NONCE,
                "preferred_username": "ada",
                "name": "Ada Lovelace",
                "email": "ada@corp.example",
                "email_verified": true,
                "picture": "https://id.example/ada.png",
            }),
            userinfo: Response::new(200).json_text(json!({ "sub": "f:24400320" }).to_string()),
            verification: None,
            discovery: None,
            asked: Vec::new(),
        }
    }
}

impl Idp {
    /// The claims with these in their place; `null` takes one away.
    pub(crate) fn claiming(mut self, claims: Value) -> Self {
        put(&mut self.claims, claims);
        self
    }

    pub(crate) fn with_metadata(mut self, members: Value) -> Self {
        put(&mut self.metadata, members);
        self
    }

    pub(crate) fn telling(mut self, userinfo: &Value) -> Self {
        self.userinfo = Response::new(200).json_text(userinfo.to_string());
        self
    }

    pub(crate) fn answering(mut self, token: Response) -> Self {
        self.token = token;
        self
    }
}

fn put(document: &mut Value, members: Value) {
    let document = document.as_object_mut().unwrap();
    for (name, value) in members.as_object().unwrap() {
        if value.is_null() {
            document.remove(name);
        } else {
            document.insert(name.clone(), value.clone());
        }
    }
}

impl FakeHost for &mut Idp {
    fn http(&mut self, request: &Request) -> Result<Response> {
        Ok(match path(request).as_str() {
            "/realms/a/token" => self.token.clone(),
            "/realms/a/userinfo" => self.userinfo.clone(),
            other => panic!("{other} is no endpoint that a sign-in needs"),
        })
    }

    fn discover(&mut self, issuer: &str) -> Result<Value> {
        assert_eq!(issuer, ISSUER);
        self.discovery.clone().map_or(Ok(self.metadata.clone()), Err)
    }

    fn verify_jwt(&mut self, request: &Value) -> Result<Value> {
        self.asked.push(request.clone());
        self.verification.clone().map_or(Ok(self.claims.clone()), Err)
    }
}

/// The last part of a request's address, without its query.
pub(crate) fn path(request: &Request) -> String {
    Url::parse(request.url()).unwrap().path().to_owned()
}

/// A provider with these settings beside or in the place of the usual ones; `null` takes one away.
pub(crate) fn oidc(settings: Value) -> TestProvider {
    try_oidc(settings).unwrap_or_else(|e| panic!("{e}"))
}

pub(crate) fn try_oidc(settings: Value) -> Result<TestProvider> {
    let mut all = json!({
        "issuer": ISSUER,
        "client_id": "client-1",
        "client_secret": testing::handle("client_secret"),
    });
    put(&mut all, settings);
    testing::provider::<Oidc>(all)
}

/// A sign-in at this issuer.
pub(crate) fn complete(settings: Value, mut idp: Idp) -> Outcome {
    oidc(settings).complete(CODE, &mut idp)
}

/// The parameters of the authorization request.
pub(crate) fn query(url: &Url) -> BTreeMap<String, String> {
    url.query_pairs().into_owned().collect()
}

/// The fields of a form.
pub(crate) fn form(request: &Request) -> BTreeMap<String, String> {
    let body = std::str::from_utf8(request.body_bytes()).unwrap();
    query(&Url::parse(&format!("https://x.example/?{body}")).unwrap())
}
