//! A GitLab that answers from the fixtures, and a test's exceptions.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use vestibule_plugin_gitlab::GitLab;
use vestibule_provider::testing::{self, FakeHost, Outcome, TestProvider};
use vestibule_provider::{Error, Request, Response, Result, Url};

pub(crate) const CODE: &[(&str, &str)] = &[("code", "a-code")];
pub(crate) const CLIENT: &str = "8fb6d2f7a4c0";

/// The instance: its answers, to be changed by a test.
pub(crate) struct Instance {
    pub(crate) base: String,
    pub(crate) token: Response,
    pub(crate) claims: Value,
    pub(crate) user: Response,
    pub(crate) userinfo: Response,
    pub(crate) verification: Option<Error>,
    /// What the host was asked to verify.
    pub(crate) asked: Vec<Value>,
}

impl Default for Instance {
    fn default() -> Self {
        Self::at("https://gitlab.com")
    }
}

fn fixture(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn answer(body: &Value) -> Response {
    Response::new(200).json_text(body.to_string())
}

impl Instance {
    pub(crate) fn at(base: &str) -> Self {
        let mut claims = fixture(include_str!("../fixtures/id_token.json"));
        put(&mut claims, json!({ "iss": base, "nonce": testing::NONCE }));
        Self {
            base: base.to_owned(),
            token: Response::new(200).json_text(include_str!("../fixtures/token.json")),
            claims,
            user: Response::new(200).json_text(include_str!("../fixtures/user.json")),
            userinfo: Response::new(200).json_text(include_str!("../fixtures/userinfo.json")),
            verification: None,
            asked: Vec::new(),
        }
    }

    /// The ID token with these claims in their place; `null` takes one away.
    pub(crate) fn claiming(mut self, claims: Value) -> Self {
        put(&mut self.claims, claims);
        self
    }

    /// `GET /user` with these members in their place.
    pub(crate) fn with_user(mut self, members: Value) -> Self {
        let mut user = fixture(include_str!("../fixtures/user.json"));
        put(&mut user, members);
        self.user = answer(&user);
        self
    }

    /// The user info with these claims in their place.
    pub(crate) fn with_userinfo(mut self, claims: Value) -> Self {
        let mut userinfo = fixture(include_str!("../fixtures/userinfo.json"));
        put(&mut userinfo, claims);
        self.userinfo = answer(&userinfo);
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

impl FakeHost for &mut Instance {
    fn http(&mut self, request: &Request) -> Result<Response> {
        let path = request
            .url()
            .strip_prefix(&self.base)
            .unwrap_or_else(|| panic!("{request:?} leaves the instance"));
        Ok(match path {
            "/oauth/token" => self.token.clone(),
            "/api/v4/user" => self.user.clone(),
            "/oauth/userinfo" => self.userinfo.clone(),
            other => panic!("{other} is no endpoint that a sign-in needs"),
        })
    }

    fn verify_jwt(&mut self, request: &Value) -> Result<Value> {
        self.asked.push(request.clone());
        self.verification.clone().map_or(Ok(self.claims.clone()), Err)
    }
}

/// A provider with these settings beside or in the place of the usual ones.
pub(crate) fn gitlab(settings: Value) -> TestProvider {
    try_gitlab(settings).unwrap_or_else(|e| panic!("{e}"))
}

pub(crate) fn try_gitlab(settings: Value) -> Result<TestProvider> {
    let mut all = json!({ "client_id": CLIENT, "client_secret": testing::handle("client_secret") });
    put(&mut all, settings);
    testing::provider::<GitLab>(all)
}

/// A sign-in at this instance.
pub(crate) fn complete(settings: Value, mut instance: Instance) -> Outcome {
    gitlab(settings).complete(CODE, &mut instance)
}

/// What was asked for, in order.
pub(crate) fn paths(outcome: &Outcome) -> Vec<String> {
    outcome.requests.iter().map(|request| Url::parse(request.url()).unwrap().path().to_owned()).collect()
}

pub(crate) fn pairs(query: &str) -> BTreeMap<String, String> {
    Url::parse(&format!("https://x.example/?{query}")).unwrap().query_pairs().into_owned().collect()
}
