//! From claims to an account.

use serde_json::{Value, json};

use crate::fake::{Idp, complete};

#[test]
fn the_standards_claims_make_the_account() {
    let outcome = complete(json!({}), Idp::default());
    assert_eq!(
        *outcome.account(),
        json!({
            "account_id": "f:24400320",
            "login": "ada",
            "name": "Ada Lovelace",
            "email": "ada@corp.example",
            "email_verified": 1,
            "avatar_url": "https://id.example/ada.png",
        })
    );
    // The ID token has all that is wanted: nobody else is asked.
    assert_eq!(outcome.requests.len(), 1);
}

#[test]
fn pointers_say_where_each_part_is() {
    let settings = json!({
        "id": "/ids/0",
        "login": "/handle",
        "name": "/profile/full~0name",
        "email": "/https:~1~1id.example~1mail",
        "email_verified": "/https:~1~1id.example~1proven",
        "avatar": "",
    });
    let idp = Idp::default().claiming(json!({
        "ids": ["u-7"],
        "handle": "countess",
        "profile": { "full~name": "A. L." },
        "https://id.example/mail": "a@b.example",
        "https://id.example/proven": false,
    }));
    let outcome = complete(settings, idp);
    assert_eq!(
        *outcome.account(),
        json!({
            "account_id": "u-7", "login": "countess", "name": "A. L.", "email": "a@b.example", "email_verified": 0,
        })
    );
}

#[test]
fn an_id_keeps_its_digits_and_its_letters() {
    let id = |value: Value| {
        let mut idp = Idp::default();
        idp.claims["uid"] = value;
        complete(json!({ "id": "/uid" }), idp)
    };
    for (value, expected) in [
        (json!(9_007_199_254_740_993_u64), "9007199254740993"),
        (json!(u64::MAX), "18446744073709551615"),
        (json!("01"), "01"),
        (json!("Ada"), "Ada"),
        (json!("{ab-cd}"), "{ab-cd}"),
    ] {
        assert_eq!(id(value).account()["account_id"], expected);
    }
    for value in [
        json!(1.0),
        json!(-1),
        json!(1e30),
        json!(null),
        json!(""),
        json!(true),
        json!([1]),
        json!("a".repeat(256)),
    ] {
        assert_eq!(id(value.clone()).error().code(), 7, "{value}");
    }
}

#[test]
fn what_is_absent_or_no_text_is_left_out() {
    for value in [json!(null), json!(""), json!(5), json!(["ada"]), json!({ "en": "Ada" })] {
        let mut idp = Idp::default();
        for name in ["preferred_username", "name", "email", "picture"] {
            idp.claims[name] = value.clone();
        }
        let outcome = complete(json!({ "userinfo": "never" }), idp);
        assert_eq!(*outcome.account(), json!({ "account_id": "f:24400320", "email_verified": 2 }), "{value}");
    }
}

#[test]
fn tokens_go_to_the_host_and_claims_do_not() {
    let outcome = complete(json!({}), Idp::default());
    let tokens = &outcome.result.as_ref().unwrap()["tokens"];
    assert_eq!((&tokens["access_token"], &tokens["expires_in_s"]), (&json!("at-1"), &json!(300)));
    assert!(tokens.get("claims").is_none());
}
