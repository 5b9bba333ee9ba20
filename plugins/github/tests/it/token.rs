//! What the token endpoint may answer. GitHub names errors with the status 200.

use serde_json::json;
use vestibule_provider::{Response, Result};

use crate::fake::{CODE, TOKEN, TOKEN_ERROR, TOKEN_EXPIRING, answer, but, github};

fn outcome(answer: impl Fn() -> Result<Response>) -> vestibule_provider::testing::Outcome {
    github(json!({})).complete(CODE, but("/login/oauth/access_token", move |_| answer()))
}

#[test]
fn an_error_with_status_200_is_an_error() {
    for (name, code) in [
        ("bad_verification_code", 2),
        ("incorrect_client_credentials", 3),
        ("redirect_uri_mismatch", 3),
        ("unverified_user_email", 4),
        ("invalid_grant", 2),
        ("something_new", 7),
    ] {
        let outcome = outcome(|| answer(TOKEN_ERROR.replace("ERROR", name)));
        let error = outcome.error();
        assert_eq!(error.code(), code, "{name}");
        assert!(error.message().contains(name), "{error}");
        assert!(!error.message().contains("may repeat"), "{error}");
        assert_eq!(outcome.requests.len(), 1, "the code is used once");
    }
}

#[test]
fn an_error_with_its_own_status_is_the_same_error() {
    let outcome =
        outcome(|| Ok(Response::new(400).json_text(TOKEN_ERROR.replace("ERROR", "bad_verification_code"))));
    assert_eq!(outcome.error().code(), 2);
}

#[test]
fn an_answer_without_tokens_is_no_answer() {
    for body in ["", "{}", "[]", "null", "<html>", r#"{"access_token":null,"token_type":"bearer"}"#] {
        assert_eq!(outcome(|| answer(body)).error().code(), 7, "{body}");
    }
    let form = || {
        let kind = "application/x-www-form-urlencoded; charset=utf-8";
        Ok(Response::new(200).header("content-type", kind).body("access_token=gho_x&token_type=bearer"))
    };
    assert_eq!(outcome(form).error().code(), 7);
    let page = || Ok(Response::new(200).header("content-type", "text/html").body(TOKEN));
    assert_eq!(outcome(page).error().code(), 7);
}

#[test]
fn a_server_that_is_down_is_down_whatever_it_says() {
    for status in [500, 502, 503] {
        let html =
            || Ok(Response::new(status).header("content-type", "text/html").body("<html>unicorn</html>"));
        assert_eq!(outcome(html).error().code(), 6, "{status}");
    }
    let limited = outcome(|| Ok(Response::new(429).header("retry-after", "30")));
    assert_eq!((limited.error().code(), limited.error().retry_after_s()), (5, Some(30)));
}

#[test]
fn an_app_with_expiring_tokens_gives_all_of_them() {
    let outcome = outcome(|| answer(TOKEN_EXPIRING));
    let tokens = &outcome.result.as_ref().unwrap()["tokens"];
    assert_eq!(tokens["expires_in_s"], 28800);
    assert!(tokens["refresh_token"].as_str().unwrap().starts_with("ghr_"));
}
