//! What the host is asked to verify, and that nothing goes on without it.

use serde_json::{Value, json};
use vestibule_provider::{Error, testing};

use crate::fake::{CODE, ISSUER, Idp, complete, oidc};

fn asked(settings: Value, mut idp: Idp) -> Value {
    oidc(settings).complete(CODE, &mut idp).account();
    assert_eq!(idp.asked.len(), 1);
    idp.asked.remove(0)
}

#[test]
fn everything_that_the_sign_in_knows_is_checked() {
    assert_eq!(
        asked(json!({}), Idp::default()),
        json!({
            "token": "h.p.s",
            "jwks_uri": { "from_metadata": "jwks_uri" },
            "issuers": [ISSUER],
            "audience": "client-1",
            "algorithms": ["RS256", "ES256"],
            "nonce": testing::NONCE,
            "access_token": "at-1",
        })
    );
}

#[test]
fn algorithms_are_the_issuers_safe_ones_or_the_operators() {
    let of = |settings: Value, used: Value| {
        asked(
            settings,
            Idp::default().with_metadata(json!({ "id_token_signing_alg_values_supported": used })),
        )["algorithms"]
            .clone()
    };
    assert_eq!(of(json!({}), Value::Null), json!(["RS256"]));
    assert_eq!(of(json!({}), json!(["EdDSA", "HS512", "PS256"])), json!(["EdDSA", "PS256"]));
    assert_eq!(of(json!({ "algorithms": ["ES256"] }), json!(["HS256"])), json!(["ES256"]));
}

#[test]
fn audiences_beside_the_client_are_the_operators() {
    let trusted = json!(["258654863245", "Other@project"]);
    let asked = asked(json!({ "trusted_audiences": trusted }), Idp::default());
    assert_eq!((&asked["audience"], &asked["trusted_audiences"]), (&json!("client-1"), &trusted));
}

#[test]
fn a_token_for_somebody_else_as_well_names_the_setting_that_trusts_them() {
    let told = |message: &str| {
        let mut idp = Idp { verification: Some(Error::bad_answer(message)), ..Idp::default() };
        let outcome = oidc(json!({})).complete(CODE, &mut idp);
        assert_eq!(outcome.error().code(), 7);
        assert!(outcome.error().message().contains(message), "{}", outcome.error());
        outcome.error().message().contains("`trusted_audiences`")
    };
    // The host's words.
    assert!(told("the token is also for `258654863245`, which is not trusted"));
    assert!(!told("the token is for `258654863245`, not for `client-1`"));
}

#[test]
fn an_issuer_that_signs_with_the_secret_alone_is_refused() {
    let idp =
        Idp::default().with_metadata(json!({ "id_token_signing_alg_values_supported": ["HS256", "none"] }));
    let outcome = complete(json!({}), idp);
    assert_eq!(outcome.error().code(), 3);
    assert!(outcome.error().message().contains("RS256"), "{}", outcome.error());
}

#[test]
fn a_token_that_does_not_hold_ends_the_sign_in_with_the_hosts_words() {
    let refusal = Error::bad_answer("the token's signature does not fit");
    let mut idp = Idp { verification: Some(refusal), ..Idp::default() };
    let outcome = oidc(json!({ "userinfo": "always" })).complete(CODE, &mut idp);
    assert_eq!(outcome.error().code(), 7);
    assert!(outcome.error().message().contains("signature does not fit"), "{}", outcome.error());
    assert_eq!(outcome.requests.len(), 1, "nobody is asked about a person who is not proven");
}

#[test]
fn another_nonce_ends_the_sign_in() {
    assert_eq!(complete(json!({}), Idp::default().claiming(json!({ "nonce": "another" }))).error().code(), 7);
}

#[test]
fn without_a_nonce_none_is_expected() {
    let asked = asked(json!({ "nonce": "off" }), Idp::default().claiming(json!({ "nonce": null })));
    assert!(asked.get("nonce").is_none());
}

#[test]
fn a_subject_that_is_none_ends_the_sign_in() {
    for sub in [
        json!(null),
        json!(""),
        json!(24400320),
        json!(true),
        json!(["a"]),
        json!({ "a": 1 }),
        json!("a".repeat(256)),
    ] {
        let mut idp = Idp::default();
        idp.claims["sub"] = sub.clone();
        assert_eq!(complete(json!({}), idp).error().code(), 7, "{sub}");
    }
    // Also where another claim is the id: what user info is compared with is `sub`.
    let idp = Idp::default().claiming(json!({ "sub": null, "oid": "7" }));
    assert_eq!(complete(json!({ "id": "/oid" }), idp).error().code(), 7);
}

#[test]
fn claims_that_are_no_object_end_the_sign_in() {
    for claims in [json!([]), json!("sub"), json!(null)] {
        let idp = Idp { claims: claims.clone(), ..Idp::default() };
        assert_eq!(complete(json!({}), idp).error().code(), 7, "{claims}");
    }
}
