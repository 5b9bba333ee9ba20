//! The token request, and what the token endpoint may answer.

use serde_json::{Value, json};
use vestibule_provider::testing::{self, Outcome};
use vestibule_provider::{Response, Result};

use crate::fake::{CODE, Idp, complete, form, oidc, path};

/// `Basic` credentials of the client, its secret being a handle.
fn basic(text: &str) -> String {
    format!("Basic {}", data_encoding::BASE64.encode(text.as_bytes()))
}

#[test]
fn the_code_is_traded_once_with_verifier_and_redirect_uri() {
    let outcome = complete(json!({}), Idp::default());
    let request = &outcome.requests[0];
    assert_eq!(request.url(), "https://tokens.id.example/realms/a/token");
    assert_eq!(outcome.requests.iter().filter(|r| path(r) == "/realms/a/token").count(), 1);
    let expected = [
        ("code", "a-code"),
        ("code_verifier", testing::CODE_VERIFIER),
        ("grant_type", "authorization_code"),
        ("redirect_uri", testing::REDIRECT_URI),
    ];
    assert_eq!(form(request), expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into());
    assert_eq!(request.header_value("accept"), Some("application/json"));
}

#[test]
fn the_secret_goes_as_the_issuer_offers_or_the_operator_says() {
    let handle = testing::handle("client_secret");
    let in_header = basic(&format!("client-1:{handle}"));
    let offering = |methods: Value| {
        Idp::default().with_metadata(json!({ "token_endpoint_auth_methods_supported": methods }))
    };
    for (settings, idp, posted) in [
        (json!({}), Idp::default(), false),
        (json!({}), offering(json!(["client_secret_post", "client_secret_basic"])), false),
        (json!({}), offering(json!(["client_secret_post"])), true),
        (json!({ "token_auth": "post" }), Idp::default(), true),
        (json!({ "token_auth": "basic" }), offering(json!(["client_secret_post"])), false),
    ] {
        let outcome = complete(settings, idp);
        let (request, form) = (&outcome.requests[0], form(&outcome.requests[0]));
        if posted {
            assert_eq!(
                (form["client_id"].as_str(), form["client_secret"].as_str()),
                ("client-1", handle.as_str())
            );
            assert_eq!(request.header_value("authorization"), None);
        } else {
            assert_eq!(request.header_value("authorization"), Some(in_header.as_str()));
            assert!(!form.contains_key("client_secret") && !form.contains_key("client_id"));
        }
    }
    let outcome = complete(json!({}), offering(json!(["private_key_jwt"])));
    assert_eq!(outcome.error().code(), 3);
    assert!(outcome.requests.is_empty());
}

#[test]
fn a_public_client_sends_its_id_alone() {
    let outcome = complete(json!({ "client_secret": null, "token_auth": "none" }), Idp::default());
    let form = form(&outcome.requests[0]);
    assert_eq!(form["client_id"], "client-1");
    assert!(!form.contains_key("client_secret"));
    assert_eq!(outcome.requests[0].header_value("authorization"), None);
    outcome.account();
}

#[test]
fn an_id_with_odd_characters_is_encoded() {
    let idp = Idp::default().claiming(json!({ "aud": "a:b c" }));
    let outcome = complete(json!({ "client_id": "a:b c" }), idp);
    let expected = basic(&format!("a%3Ab+c:{}", testing::handle("client_secret")));
    assert_eq!(outcome.requests[0].header_value("authorization"), Some(expected.as_str()));
}

fn answered(token: Response) -> Outcome {
    complete(json!({}), Idp::default().answering(token))
}

#[test]
fn errors_have_their_class_and_a_cure() {
    for (name, code, cure) in [
        ("invalid_grant", 2, "code"),
        ("invalid_client", 3, "`token_auth`"),
        ("invalid_request", 3, "callback URL"),
        ("unauthorized_client", 3, "client"),
        ("invalid_scope", 3, "client"),
        ("server_error", 6, "out of order"),
        ("temporarily_unavailable", 6, "out of order"),
        ("something_new", 7, "something_new"),
    ] {
        for status in [400, 401, 200] {
            let body = json!({ "error": name, "error_description": "code a-code is bad" }).to_string();
            let outcome = answered(Response::new(status).json_text(body));
            let error = outcome.error();
            assert_eq!(error.code(), code, "{name} {status}");
            assert!(error.message().contains(name) && error.message().contains(cure), "{error}");
            assert!(!error.message().contains("a-code"), "{error}");
            assert_eq!(outcome.requests.len(), 1, "the code is used once");
        }
    }
}

#[test]
fn a_status_alone_has_its_class() {
    for (status, code) in [(302, 7), (400, 7), (401, 7), (403, 7), (404, 7), (429, 5), (500, 6), (503, 6)] {
        let outcome = answered(Response::new(status).header("retry-after", "30").body("<html>"));
        assert_eq!(outcome.error().code(), code, "{status}");
    }
}

#[test]
fn an_answer_without_usable_tokens_is_no_answer() {
    let with = |members: Value| {
        let mut body = json!({ "access_token": "at-1", "token_type": "Bearer", "id_token": "h.p.s" });
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        body.to_string()
    };
    for body in [
        String::new(),
        "{}".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
        "<html>".to_owned(),
        with(json!({ "access_token": null })),
        with(json!({ "access_token": "" })),
        with(json!({ "access_token": 5 })),
        with(json!({ "access_token": "a\r\nx: y" })),
        with(json!({ "token_type": null })),
        with(json!({ "token_type": "DPoP" })),
        with(json!({ "id_token": null })),
        with(json!({ "id_token": "" })),
        with(json!({ "id_token": 5 })),
    ] {
        let outcome = answered(Response::new(200).json_text(body.clone()));
        assert_eq!(outcome.error().code(), 7, "{body}");
        assert_eq!(outcome.requests.len(), 1, "{body}");
    }
    let page = Response::new(200).header("content-type", "text/html").body(with(json!({})));
    assert_eq!(answered(page).error().code(), 7);
}

#[test]
fn without_the_scope_openid_there_is_no_id_token_and_the_log_says_so() {
    let answer = Response::new(200).json_text(r#"{"access_token":"at-1","token_type":"Bearer"}"#);
    assert!(answered(answer).error().message().contains("the scope `openid`"));
}

#[test]
fn a_host_that_cannot_reach_the_token_endpoint_says_so() {
    struct Down(Idp);
    impl testing::FakeHost for Down {
        fn http(&mut self, _: &vestibule_provider::Request) -> Result<Response> {
            Err(vestibule_provider::Error::provider_down("connection refused"))
        }
        fn discover(&mut self, issuer: &str) -> Result<Value> {
            (&mut self.0).discover(issuer)
        }
    }
    assert_eq!(oidc(json!({})).complete(CODE, Down(Idp::default())).error().code(), 6);
}
