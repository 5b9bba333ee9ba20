//! Whose account it is, whether it may come in, and which address counts.

use serde_json::{Value, json};
use vestibule_provider::Response;

use crate::fake::{Instance, complete, paths};

#[test]
fn an_id_may_be_larger_than_any_integer_type() {
    let digits = "92233720368547758079999";
    let user = format!(r#"{{"id":{digits},"username":"ada","state":"active","locked":false}}"#);
    let instance = Instance { user: Response::new(200).json_text(user), ..Instance::default() };
    let outcome = complete(json!({}), instance.claiming(json!({ "sub": digits })));
    assert_eq!(outcome.account()["account_id"], digits);
}

#[test]
fn a_subject_that_is_no_number_ends_the_sign_in() {
    let legacy = "1f9e1dd9a1ba6a8b4e9b1a7b0d6e5f3c1f9e1dd9a1ba6a8b4e9b1a7b0d6e5f3c";
    for sub in [
        json!(legacy),
        json!("ada"),
        json!(""),
        json!(24400320),
        json!(null),
        json!("-1"),
        json!("1e3"),
        json!("24400320 "),
    ] {
        let mut instance = Instance::default();
        instance.claims["sub"] = sub.clone();
        let outcome = complete(json!({}), instance);
        assert_eq!(outcome.error().code(), 7, "{sub}");
        assert_eq!(paths(&outcome), ["/oauth/token"], "{sub}");
    }
}

#[test]
fn the_api_must_speak_of_the_id_tokens_account() {
    for id in
        ["24400321", "\"24400320\"", "24400320.0", "2.4400320e7", "-24400320", "null", "true", "024400320"]
    {
        let user = format!(r#"{{"id":{id},"username":"ada","state":"active","locked":false}}"#);
        let instance = Instance { user: Response::new(200).json_text(user), ..Instance::default() };
        assert_eq!(complete(json!({}), instance).error().code(), 7, "{id}");
    }
}

#[test]
fn an_account_that_gitlab_would_not_let_in_stays_out() {
    for state in
        ["blocked", "ldap_blocked", "deactivated", "banned", "blocked_pending_approval", "Active", ""]
    {
        let outcome = complete(json!({}), Instance::default().with_user(json!({ "state": state })));
        assert_eq!(outcome.error().code(), 4, "{state}");
        assert!(outcome.error().message().contains("only `active`"), "{}", outcome.error());
    }
    let locked = complete(json!({}), Instance::default().with_user(json!({ "locked": true })));
    assert_eq!(locked.error().code(), 4);
    assert!(locked.error().message().contains("locked"), "{}", locked.error());
    // Old instances do not tell whether it is locked, and all of them tell the state.
    complete(json!({}), Instance::default().with_user(json!({ "locked": null }))).account();
    assert_eq!(
        complete(json!({}), Instance::default().with_user(json!({ "state": null }))).error().code(),
        7
    );
    assert_eq!(
        complete(json!({}), Instance::default().with_user(json!({ "locked": "no" }))).error().code(),
        7
    );
}

#[test]
fn a_state_cannot_write_into_the_log() {
    let odd = "blocked`\n\u{202e}ERROR";
    let outcome = complete(json!({}), Instance::default().with_user(json!({ "state": odd })));
    assert!(outcome.error().message().contains("`blocked`"), "{}", outcome.error());
}

#[test]
fn what_the_api_forbids_is_the_account_or_the_scope() {
    let answered = |status, body: Value| {
        complete(
            json!({}),
            Instance { user: Response::new(status).json_text(body.to_string()), ..Instance::default() },
        )
    };
    let blocked = answered(403, json!({ "message": "403 Forbidden - Your account has been blocked." }));
    assert_eq!(blocked.error().code(), 4);
    let scope = answered(403, json!({ "error": "insufficient_scope", "scope": "api read_user" }));
    assert_eq!(scope.error().code(), 3);
    assert!(scope.error().message().contains("`read_user`"), "{}", scope.error());
    for (status, code) in [(401, 7), (404, 7), (429, 5), (500, 6), (502, 6), (302, 7)] {
        assert_eq!(answered(status, json!({})).error().code(), code, "{status}");
    }
    assert_eq!(answered(200, json!([])).error().code(), 7);
}

#[test]
fn only_jsons_true_verifies_an_address() {
    for (said, code) in
        [(json!(true), 1), (json!(false), 0), (json!("true"), 2), (json!(1), 2), (json!(null), 2)]
    {
        let mut instance = Instance::default();
        instance.claims["email_verified"] = said.clone();
        assert_eq!(complete(json!({}), instance).account()["email_verified"], code, "{said}");
    }
    // The API's address has no flag of its own, so it is not taken in the place of the ID token's.
    let outcome = complete(json!({}), Instance::default().claiming(json!({ "email": null })));
    assert!(outcome.account().get("email").is_none());
}

#[test]
fn email_domains_ask_for_a_verified_and_plain_address() {
    let ruled = |claims: Value| {
        complete(json!({ "email_domains": ["corp.example"] }), Instance::default().claiming(claims))
    };
    ruled(json!({})).account();
    ruled(json!({ "email": "ADA@CORP.EXAMPLE" })).account();
    for (claims, why) in [
        (json!({ "email": null }), "gives no e-mail address"),
        (json!({ "email_verified": false }), "is verified"),
        (json!({ "email_verified": null }), "is verified"),
        (json!({ "email_verified": "true" }), "is verified"),
        (json!({ "email": "a@evil.example" }), "in none of"),
        (json!({ "email": "a@sub.corp.example" }), "in none of"),
        (json!({ "email": "a@evil@corp.example" }), "not a plain one"),
        (json!({ "email": "a\u{ff20}corp.example" }), "not a plain one"),
    ] {
        let outcome = ruled(claims.clone());
        assert_eq!(outcome.error().code(), 4, "{claims}");
        assert!(outcome.error().message().contains(why), "{claims}: {}", outcome.error());
    }
}

#[test]
fn the_name_of_an_account_is_never_its_id() {
    let renamed = Instance::default().with_user(json!({ "username": "countess" }));
    let account = complete(json!({}), renamed);
    assert_eq!(
        (&account.account()["account_id"], &account.account()["login"]),
        (&json!("24400320"), &json!("countess"))
    );
}
