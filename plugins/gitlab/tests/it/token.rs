//! What the token endpoint may answer.

use serde_json::{Value, json};
use vestibule_provider::Response;
use vestibule_provider::testing::Outcome;

use crate::fake::{Instance, complete};

fn answered(token: Response) -> Outcome {
    complete(json!({}), Instance { token, ..Instance::default() })
}

#[test]
fn errors_have_their_class_and_a_cure() {
    for (name, code, cure) in [
        ("invalid_grant", 2, "code"),
        ("invalid_client", 3, "`client_secret`"),
        ("invalid_request", 3, "callback URL"),
        ("unauthorized_client", 3, "client"),
        ("server_error", 6, ""),
        ("something_new", 7, ""),
    ] {
        for status in [400, 401] {
            let body = json!({ "error": name, "error_description": "code a-code is bad" }).to_string();
            let outcome = answered(Response::new(status).json_text(body));
            let error = outcome.error();
            assert_eq!(error.code(), code, "{name}");
            assert!(error.message().contains(name) && error.message().contains(cure), "{error}");
            assert!(!error.message().contains("a-code"), "{error}");
            assert_eq!(outcome.requests.len(), 1, "the code is used once");
        }
    }
}

#[test]
fn an_answer_without_usable_tokens_is_no_answer() {
    let with = |members: Value| {
        let mut body = json!({ "access_token": "at-1", "token_type": "Bearer", "id_token": "h.p.s" });
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        Response::new(200).json_text(body.to_string())
    };
    for token in [
        with(json!({ "access_token": "" })),
        with(json!({ "token_type": "mac" })),
        with(json!({ "id_token": null })),
        Response::new(200).json_text("{}"),
        Response::new(200).header("content-type", "text/html").body("<html>"),
        Response::new(302).header("location", "https://git.example/users/sign_in"),
    ] {
        assert_eq!(answered(token).error().code(), 7);
    }
    assert_eq!(answered(Response::new(502)).error().code(), 6);
    let limited = answered(Response::new(429).header("retry-after", "60"));
    assert_eq!((limited.error().code(), limited.error().retry_after_s()), (5, Some(60)));
}

#[test]
fn all_tokens_are_handed_over() {
    let outcome = complete(json!({}), Instance::default());
    let tokens = &outcome.result.as_ref().unwrap()["tokens"];
    assert_eq!((&tokens["expires_in_s"], &tokens["scope"]), (&json!(7200), &json!("openid email read_user")));
    assert!(tokens["refresh_token"].as_str().unwrap().starts_with("8257e6"));
}
