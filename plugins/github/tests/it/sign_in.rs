//! The way of one sign-in.

use std::collections::BTreeMap;

use serde_json::json;
use vestibule_provider::{Url, testing};

use crate::fake::{CODE, answer, but, github, path, well};

fn form(body: &[u8]) -> BTreeMap<String, String> {
    let url = Url::parse(&format!("https://x.example/?{}", std::str::from_utf8(body).unwrap())).unwrap();
    url.query_pairs().into_owned().collect()
}

#[test]
fn declares_what_the_host_is_to_enforce() {
    let inspect = github(json!({})).inspect();
    assert_eq!(
        inspect,
        json!({
            "realm": "https://github.com",
            "client_id": "Iv1.8a61f9b3a7aba766",
            "issuer": { "value": "https://github.com/login/oauth", "promised": false },
            "origins": ["https://github.com", "https://api.github.com"],
            "secrets": { "client_secret": [
                { "origin": "https://github.com", "path_prefix": "/login/oauth/access_token" },
            ] },
            "pkce": "sent",
            "nonce": "off",
            "response_mode": "query",
            "state_in": "authorization_request",
            "protocol": "oauth2",
        })
    );
}

#[test]
fn sends_the_browser_to_github_with_state_and_challenge() {
    let url = github(json!({})).begin(testing::no_requests).redirect();
    assert_eq!(url.origin().ascii_serialization() + url.path(), "https://github.com/login/oauth/authorize");
    let query: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    let expected = [
        ("client_id", "Iv1.8a61f9b3a7aba766"),
        ("code_challenge", testing::CODE_CHALLENGE),
        ("code_challenge_method", "S256"),
        ("redirect_uri", testing::REDIRECT_URI),
        ("response_type", "code"),
        ("scope", "user:email"),
        ("state", testing::STATE),
    ];
    assert_eq!(query, expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into());
}

#[test]
fn hands_a_login_hint_on() {
    let request = json!({
        "redirect_uri": testing::REDIRECT_URI,
        "state": testing::STATE,
        "hints": { "login_hint": "octocat" },
    });
    let outcome = github(json!({})).run("begin", request, &mut testing::no_requests);
    let query: BTreeMap<_, _> = outcome.redirect().query_pairs().into_owned().collect();
    assert_eq!(query.get("login").map(String::as_str), Some("octocat"));
    // Without a challenge there is no method either.
    assert!(!query.contains_key("code_challenge_method"));
}

#[test]
fn gives_the_account_that_the_code_stands_for() {
    let outcome = github(json!({})).complete(CODE, well);
    assert_eq!(
        *outcome.account(),
        json!({
            "account_id": "583231",
            "login": "octocat",
            "name": "The Octocat",
            "email": "octocat@github.com",
            "email_verified": 1,
            "avatar_url": "https://avatars.githubusercontent.com/u/583231?v=4",
        })
    );
    let tokens = &outcome.result.as_ref().unwrap()["tokens"];
    assert_eq!(tokens["access_token"], "gho_16C7e42F292c6912E7710c838347Ae178B4a");
    assert_eq!(tokens["token_type"], "bearer");
    let paths: Vec<_> = outcome.requests.iter().map(path).collect();
    assert_eq!(paths, ["/login/oauth/access_token", "/user", "/user/emails"]);
}

#[test]
fn repeats_redirect_uri_and_verifier_and_asks_once() {
    let outcome = github(json!({})).complete(CODE, well);
    let request = &outcome.requests[0];
    assert_eq!((request.method(), request.url()), ("POST", "https://github.com/login/oauth/access_token"));
    assert_eq!(request.header_value("accept"), Some("application/json"));
    let expected = [
        ("client_id", "Iv1.8a61f9b3a7aba766"),
        ("client_secret", &testing::handle("client_secret")),
        ("code", "a-code"),
        ("code_verifier", testing::CODE_VERIFIER),
        ("grant_type", "authorization_code"),
        ("redirect_uri", testing::REDIRECT_URI),
    ];
    assert_eq!(form(request.body_bytes()), expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into());
}

#[test]
fn names_itself_and_the_api_version() {
    let outcome = github(json!({})).complete(CODE, well);
    for request in &outcome.requests[1..] {
        assert!(request.header_value("user-agent").unwrap().starts_with("vestibule-plugin-github/"));
        assert_eq!(request.header_value("x-github-api-version"), Some("2022-11-28"));
        assert_eq!(request.header_value("accept"), Some("application/vnd.github+json"));
        let token = request.header_value("authorization");
        assert_eq!(token, Some("Bearer gho_16C7e42F292c6912E7710c838347Ae178B4a"));
    }
}

#[test]
fn matches_by_id_whatever_the_handle_is_now() {
    let renamed =
        but("/user", |_| answer(r#"{"id":583231,"login":"someone-else","name":null,"avatar_url":null}"#));
    let outcome = github(json!({})).complete(CODE, renamed);
    let account = outcome.account();
    assert_eq!(
        (account["account_id"].as_str(), account["login"].as_str()),
        (Some("583231"), Some("someone-else"))
    );
    assert!(account.get("name").is_none() && account.get("avatar_url").is_none());
}

#[test]
fn takes_an_id_by_its_digits() {
    for id in ["9223372036854775808", "9007199254740993", "36893488147419103233"] {
        let user = format!(r#"{{"id":{id},"login":"octocat"}}"#);
        let outcome = github(json!({})).complete(CODE, but("/user", |_| answer(user.clone())));
        assert_eq!(outcome.account()["account_id"], *id);
    }
    for id in ["null", "\"583231\"", "\"\"", "\"null\"", "-1", "1.5", "1e3", "[]"] {
        let user = format!(r#"{{"id":{id},"login":"octocat"}}"#);
        let outcome = github(json!({})).complete(CODE, but("/user", |_| answer(user.clone())));
        assert_eq!(outcome.error().code(), 7, "{id}");
    }
}

#[test]
fn a_callback_with_an_error_asks_github_nothing() {
    for (error, code) in [
        ("access_denied", 1),
        ("redirect_uri_mismatch", 3),
        ("application_suspended", 3),
        ("temporarily_unavailable", 6),
        ("something_new", 7),
    ] {
        let callback = [("error", error), ("error_description", "The person said no."), ("code", "a-code")];
        let outcome = github(json!({})).complete(&callback, testing::no_requests);
        assert_eq!(outcome.error().code(), code, "{error}");
    }
    assert_eq!(github(json!({})).complete(&[("code", "")], testing::no_requests).error().code(), 7);
    assert_eq!(github(json!({})).complete(&[], testing::no_requests).error().code(), 7);
}

#[test]
fn parameters_that_nobody_announced_are_no_error() {
    let callback = [("code", "a-code"), ("iss", "https://github.com/login/oauth"), ("new", "x")];
    assert_eq!(github(json!({})).complete(&callback, well).account()["account_id"], "583231");
}

#[test]
fn works_on_an_enterprise_server() {
    let provider = github(json!({ "base_url": "https://Git.example:8443/" }));
    assert_eq!(provider.inspect()["realm"], "https://git.example:8443");
    let url = provider.begin(testing::no_requests).redirect();
    assert!(url.as_str().starts_with("https://git.example:8443/login/oauth/authorize?"));
    let outcome = provider.complete(CODE, well);
    assert_eq!(outcome.account()["account_id"], "583231");
    assert_eq!(outcome.requests[1].url(), "https://git.example:8443/api/v3/user");
}
