//! Which address counts, and what is said of it.

use serde_json::json;
use vestibule_provider::Response;

use crate::fake::{CODE, EMAILS, FORBIDDEN, answer, but, github, well};

const PRIMARY: &str = r#"[{"email":"octocat@github.com","primary":true,"verified":true}]"#;

#[test]
fn only_a_primary_and_verified_address_counts() {
    for list in [
        "[]",
        r#"[{"email":"a@example.com","primary":true,"verified":false}]"#,
        r#"[{"email":"a@example.com","primary":false,"verified":true}]"#,
        r#"[{"email":"a@example.com","primary":true,"verified":false},{"email":"b@example.com","primary":false,"verified":true}]"#,
    ] {
        let outcome = github(json!({})).complete(CODE, but("/user/emails", |_| answer(list)));
        let account = outcome.account();
        assert!(account.get("email").is_none(), "{list}");
        assert_eq!(account["email_verified"], 2, "{list}");
    }
}

#[test]
fn a_flag_in_another_spelling_is_no_flag() {
    for verified in ["\"true\"", "1", "null"] {
        let list = format!(r#"[{{"email":"a@example.com","primary":true,"verified":{verified}}}]"#);
        let outcome = github(json!({})).complete(CODE, but("/user/emails", |_| answer(list.clone())));
        assert_eq!(outcome.error().code(), 7, "{verified}");
    }
}

#[test]
fn the_primary_address_may_be_on_a_later_page() {
    let outcome = github(json!({})).complete(
        CODE,
        but("/user/emails", |request| {
            if request.url().ends_with("&page=2") {
                return answer(PRIMARY);
            }
            let next = format!("<{}&page=2>; rel=\"next\"", request.url());
            Ok(answer(r#"[{"email":"a@example.com","primary":false,"verified":true}]"#)?.header("Link", next))
        }),
    );
    assert_eq!(outcome.account()["email"], "octocat@github.com");
}

#[test]
fn an_app_without_the_permission_gets_no_address_and_signs_in() {
    for status in [403, 404] {
        let refused = but("/user/emails", |_| Ok(Response::new(status).json_text(FORBIDDEN)));
        let outcome = github(json!({})).complete(CODE, refused);
        assert!(outcome.account().get("email").is_none());
        assert_eq!(outcome.log.len(), 1);
        assert!(outcome.log[0].contains("may not read e-mail addresses"), "{:?}", outcome.log);
    }
}

#[test]
fn a_list_that_fails_otherwise_fails_the_sign_in() {
    for (status, code) in [(401, 7), (500, 6), (502, 6), (302, 7)] {
        let fails = but("/user/emails", |_| Ok(Response::new(status).json_text(EMAILS)));
        assert_eq!(github(json!({})).complete(CODE, fails).error().code(), code, "{status}");
    }
}

#[test]
fn a_server_vouches_for_no_address() {
    let server = github(json!({ "base_url": "https://git.example" })).complete(CODE, well);
    assert_eq!(server.account()["email"], "octocat@github.com");
    assert_eq!(server.account()["email_verified"], 2);
    let residency = github(json!({ "base_url": "https://octocorp.ghe.com" })).complete(CODE, well);
    assert_eq!(residency.account()["email_verified"], 1);
}
