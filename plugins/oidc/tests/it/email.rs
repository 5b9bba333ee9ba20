//! Which address counts, and who comes in by `email_domains`.

use serde_json::{Value, json};

use crate::fake::{Idp, complete};

fn address(email: &str, verified: Value) -> Idp {
    let mut idp = Idp::default().claiming(json!({ "email": email }));
    idp.claims["email_verified"] = verified;
    idp
}

#[test]
fn only_jsons_true_verifies() {
    for (said, code) in [
        (json!(true), 1),
        (json!(false), 0),
        (json!("true"), 2),
        (json!(1), 2),
        (json!("1"), 2),
        (json!(null), 2),
    ] {
        let outcome = complete(json!({ "userinfo": "never" }), address("ada@corp.example", said.clone()));
        assert_eq!(outcome.account()["email_verified"], code, "{said}");
        let ruled = complete(
            json!({ "userinfo": "never", "email_domains": ["corp.example"] }),
            address("ada@corp.example", said.clone()),
        );
        assert_eq!(ruled.result.is_ok(), code == 1, "{said}");
    }
}

#[test]
fn without_a_pointer_to_the_flag_nothing_is_verified() {
    let outcome = complete(json!({ "email_verified": "" }), Idp::default());
    assert_eq!(
        (&outcome.account()["email"], &outcome.account()["email_verified"]),
        (&json!("ada@corp.example"), &json!(2))
    );
    let ruled = complete(json!({ "email_verified": "", "email_domains": ["corp.example"] }), Idp::default());
    assert_eq!(ruled.error().code(), 4);
}

#[test]
fn an_address_that_could_be_read_in_two_ways_is_none() {
    for email in [
        "a@evil@corp.example",
        "a\u{ff20}corp.example",
        "a@evil.example\u{ff20}corp.example",
        "\"a@evil\"@corp.example",
        "a@corp.example ",
    ] {
        let outcome = complete(json!({}), address(email, json!(true)));
        assert!(outcome.account().get("email").is_none(), "{email}");
        assert_eq!(outcome.log.len(), 1);
        assert!(!outcome.log[0].contains(email), "{:?}", outcome.log);
        let ruled = complete(json!({ "email_domains": ["corp.example"] }), address(email, json!(true)));
        assert_eq!(ruled.error().code(), 4, "{email}");
        assert!(ruled.error().message().contains("not a plain one"), "{email}: {}", ruled.error());
    }
}

#[test]
fn a_domain_is_the_same_in_any_case_and_none_below_it() {
    let domains = || json!({ "email_domains": ["Corp.Example", "bücher.example"] });
    for email in ["ada@corp.example", "ADA@CORP.EXAMPLE", "a@xn--bcher-kva.example"] {
        complete(domains(), address(email, json!(true))).account();
    }
    for email in ["a@sub.corp.example", "a@notcorp.example", "a@corp.example.evil.example", "a@evil.example"]
    {
        let outcome = complete(domains(), address(email, json!(true)));
        assert_eq!(outcome.error().code(), 4, "{email}");
        assert!(outcome.error().message().contains("`email_domains`"), "{}", outcome.error());
        assert!(!outcome.error().message().contains(email), "{}", outcome.error());
    }
}

#[test]
fn without_an_address_nobody_comes_in_by_domain() {
    let idp = || Idp::default().claiming(json!({ "email": null }));
    let outcome = complete(json!({ "email_domains": ["corp.example"] }), idp());
    assert_eq!(outcome.error().code(), 4);
    assert!(outcome.error().message().contains("scope"), "{}", outcome.error());
    complete(json!({}), idp()).account();
}

#[test]
fn the_flag_of_one_document_says_nothing_about_the_address_of_another() {
    let idp = || {
        Idp::default().claiming(json!({ "email": "ada@corp.example", "email_verified": null })).telling(
            &json!({ "sub": "f:24400320", "email": "ada@elsewhere.example", "email_verified": true }),
        )
    };
    let outcome = complete(json!({}), idp());
    assert_eq!(
        (&outcome.account()["email"], &outcome.account()["email_verified"]),
        (&json!("ada@elsewhere.example"), &json!(1))
    );
    assert_eq!(complete(json!({ "email_domains": ["corp.example"] }), idp()).error().code(), 4);
}
