//! The user info endpoint: when it is asked, and whom its answer is about.

use serde_json::{Value, json};
use vestibule_provider::Response;

use crate::fake::{Idp, complete, path};

#[test]
fn it_is_asked_if_the_id_token_lacks_something() {
    let bare = || {
        Idp::default()
            .claiming(json!({ "name": null, "email": null, "email_verified": null, "picture": null, "preferred_username": null }))
            .telling(&json!({
                "sub": "f:24400320", "preferred_username": "ada", "name": "Ada", "email": "ada@corp.example", "email_verified": true,
            }))
    };
    let outcome = complete(json!({}), bare());
    assert_eq!(outcome.requests.len(), 2);
    let request = &outcome.requests[1];
    assert_eq!((request.method(), path(request).as_str()), ("GET", "/realms/a/userinfo"));
    assert_eq!(request.header_value("authorization"), Some("Bearer at-1"));
    assert!(!request.url().contains("at-1"));
    assert_eq!(
        (&outcome.account()["login"], &outcome.account()["email_verified"]),
        (&json!("ada"), &json!(1))
    );

    let never = complete(json!({ "userinfo": "never" }), bare());
    assert_eq!(never.requests.len(), 1);
    assert!(never.account().get("login").is_none());
    assert_eq!(complete(json!({ "userinfo": "always" }), Idp::default()).requests.len(), 2);
}

#[test]
fn another_subject_than_the_id_tokens_ends_the_sign_in() {
    for sub in [
        json!("f:24400321"),
        json!("F:24400320"),
        json!("f:24400320 "),
        json!(""),
        json!(null),
        json!(24400320),
        json!(["f:24400320"]),
    ] {
        let outcome = complete(
            json!({ "userinfo": "always" }),
            Idp::default().telling(&json!({ "sub": sub, "name": "Eve" })),
        );
        assert_eq!(outcome.error().code(), 7, "{sub}");
        assert!(outcome.error().message().contains("`sub`"), "{}", outcome.error());
    }
    // Also where another claim is the id.
    let idp = Idp::default().claiming(json!({ "oid": "7" })).telling(&json!({ "sub": "x", "oid": "7" }));
    assert_eq!(complete(json!({ "id": "/oid", "userinfo": "always" }), idp).error().code(), 7);
}

#[test]
fn an_id_that_only_the_user_info_has_is_the_proven_subjects() {
    let idp = Idp::default().telling(&json!({ "sub": "f:24400320", "user_id": 7 }));
    assert_eq!(complete(json!({ "id": "/user_id" }), idp).account()["account_id"], "7");
    // The ID token's comes first.
    let idp = Idp::default()
        .claiming(json!({ "user_id": "a" }))
        .telling(&json!({ "sub": "f:24400320", "user_id": "b" }));
    assert_eq!(complete(json!({ "id": "/user_id", "userinfo": "always" }), idp).account()["account_id"], "a");
}

#[test]
fn an_issuer_without_the_endpoint_is_enough_unless_it_is_demanded() {
    let without = || {
        Idp::default()
            .with_metadata(json!({ "userinfo_endpoint": null }))
            .claiming(json!({ "picture": null }))
    };
    complete(json!({}), without()).account();
    let outcome = complete(json!({ "userinfo": "always" }), without());
    assert_eq!(outcome.error().code(), 3);
    assert!(outcome.error().message().contains("`userinfo_endpoint`"), "{}", outcome.error());
}

#[test]
fn an_endpoint_that_fails_ends_the_sign_in() {
    let answering =
        |userinfo: Response| complete(json!({ "userinfo": "always" }), Idp { userinfo, ..Idp::default() });
    for (status, code) in [(302, 7), (401, 7), (403, 7), (429, 5), (500, 6), (503, 6)] {
        assert_eq!(answering(Response::new(status)).error().code(), code, "{status}");
    }
    for body in ["", "[]", "null", "\"sub\"", "<html>"] {
        assert_eq!(answering(Response::new(200).json_text(body)).error().code(), 7, "{body}");
    }
    let page = Response::new(200).header("content-type", "text/html").body(r#"{"sub":"f:24400320"}"#);
    assert_eq!(answering(page).error().code(), 7);
}

#[test]
fn an_access_token_that_the_endpoint_refuses_has_its_cure() {
    for status in [401, 403] {
        let lacking = Idp::default().claiming(json!({ "picture": null }));
        let outcome = complete(json!({}), Idp { userinfo: Response::new(status), ..lacking });
        let error = outcome.error();
        assert_eq!(error.code(), 7, "{status}");
        assert!(error.message().contains("`userinfo = \"never\"`"), "{error}");
        assert!(error.message().contains(&status.to_string()), "{error}");
    }
    let other = Idp { userinfo: Response::new(404), ..Idp::default() };
    let outcome = complete(json!({ "userinfo": "always" }), other);
    assert!(!outcome.error().message().contains("never"), "{}", outcome.error());
}

#[test]
fn a_signed_user_info_is_named_as_what_it_is() {
    let signed = Response::new(200).header("content-type", "application/jwt; charset=utf-8").body("h.p.s");
    let outcome = complete(json!({ "userinfo": "always" }), Idp { userinfo: signed, ..Idp::default() });
    assert_eq!(outcome.error().code(), 3);
    assert!(outcome.error().message().contains("`userinfo_signed_response_alg`"), "{}", outcome.error());
}

#[test]
fn what_both_documents_say_is_taken_from_the_signed_one() {
    let said: Value = json!({ "sub": "f:24400320", "preferred_username": "eve", "name": "Eve", "picture": "https://x.example/e.png" });
    let outcome = complete(json!({ "userinfo": "always" }), Idp::default().telling(&said));
    assert_eq!(
        (&outcome.account()["login"], &outcome.account()["name"]),
        (&json!("ada"), &json!("Ada Lovelace"))
    );
}

#[test]
fn a_subject_that_stands_twice_is_nobodys() {
    let twice = Response::new(200).json_text(r#"{"sub":"f:24400321","sub":"f:24400320"}"#);
    let outcome = complete(json!({ "userinfo": "always" }), Idp { userinfo: twice, ..Idp::default() });
    assert_eq!(outcome.error().code(), 7);
}
