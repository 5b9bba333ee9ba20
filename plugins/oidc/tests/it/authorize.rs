//! The way out: what the browser carries to the issuer.

use serde_json::json;
use vestibule_provider::{Error, testing};

use crate::fake::{Idp, oidc, query};

#[test]
fn the_request_holds_what_the_host_made_and_keeps_the_endpoints_own_query() {
    let outcome = oidc(json!({})).begin(&mut Idp::default());
    let url = outcome.redirect();
    assert_eq!(url.origin().ascii_serialization() + url.path(), "https://id.example/realms/a/auth");
    let expected = [
        ("tenant", "7"),
        ("client_id", "client-1"),
        ("code_challenge", testing::CODE_CHALLENGE),
        ("code_challenge_method", "S256"),
        ("nonce", testing::NONCE),
        ("redirect_uri", testing::REDIRECT_URI),
        ("response_type", "code"),
        ("scope", "openid profile email"),
        ("state", testing::STATE),
    ];
    assert_eq!(query(&url), expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into());
    assert!(outcome.requests.is_empty());
}

#[test]
fn scopes_prompt_and_further_parameters_are_the_operators() {
    let settings = json!({
        "scopes": ["groups", "openid"],
        "prompt": "login consent",
        "authorize_params": { "hd": "corp.example", "organization": "urn:a b" },
    });
    let query = query(&oidc(settings).begin(&mut Idp::default()).redirect());
    assert_eq!(query["scope"], "openid groups");
    assert_eq!(query["prompt"], "login consent");
    assert_eq!((query["hd"].as_str(), query["organization"].as_str()), ("corp.example", "urn:a b"));
}

#[test]
fn hints_of_the_host_are_handed_on() {
    let request = json!({
        "redirect_uri": testing::REDIRECT_URI,
        "state": testing::STATE,
        "nonce": testing::NONCE,
        "code_challenge": testing::CODE_CHALLENGE,
        "locale": "de-CH",
        "hints": { "login_hint": "ada@corp.example" },
    });
    let query = query(&oidc(json!({})).run("begin", request, &mut &mut Idp::default()).redirect());
    assert_eq!((query["ui_locales"].as_str(), query["login_hint"].as_str()), ("de-CH", "ada@corp.example"));
}

#[test]
fn without_pkce_and_nonce_neither_is_sent() {
    let query = query(&oidc(json!({ "pkce": "off", "nonce": "off" })).begin(&mut Idp::default()).redirect());
    for name in ["nonce", "code_challenge", "code_challenge_method"] {
        assert!(!query.contains_key(name), "{name}");
    }
}

#[test]
fn an_issuer_that_lists_no_s256_is_refused_unless_the_operator_knows_better() {
    let plain = || Idp::default().with_metadata(json!({ "code_challenge_methods_supported": ["plain"] }));
    let outcome = oidc(json!({})).begin(&mut plain());
    assert_eq!(outcome.error().code(), 3);
    assert!(outcome.error().message().contains("S256"), "{}", outcome.error());
    assert_eq!(
        query(&oidc(json!({ "pkce": "sent" })).begin(&mut plain()).redirect())["code_challenge_method"],
        "S256"
    );
}

#[test]
fn without_metadata_there_is_no_way_out() {
    for (error, code) in
        [(Error::provider_down("the issuer is down"), 6), (Error::bad_answer("another issuer"), 7)]
    {
        let mut idp = Idp { discovery: Some(error), ..Idp::default() };
        assert_eq!(oidc(json!({})).begin(&mut idp).error().code(), code);
    }
    for members in [
        json!({ "authorization_endpoint": null }),
        json!({ "authorization_endpoint": "/auth" }),
        json!({ "authorization_endpoint": 5 }),
        json!({ "authorization_endpoint": "https://id.example/#a" }),
        json!({ "token_endpoint": null }),
    ] {
        let outcome = oidc(json!({})).begin(&mut Idp::default().with_metadata(members.clone()));
        assert!(matches!(outcome.error().code(), 7 | 13), "{members}: {}", outcome.error());
    }
}
