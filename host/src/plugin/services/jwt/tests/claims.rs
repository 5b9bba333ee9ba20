//! Whose the token is, for whom, since when: claim by claim.

use serde_json::{Value, json};

use super::super::claims::placeholder;
use super::*;

#[test]
fn an_issuer_that_is_another_one_or_none_is_refused() {
    for issuer in [
        "https://idp.example/",
        "https://IDP.example",
        "http://idp.example",
        "https://idp.example.evil.example",
        "",
        "https://idp.example\0",
    ] {
        refused(with(|c| c["iss"] = json!(issuer)), "has the `iss`");
    }
    for issuer in [json!(["https://idp.example"]), json!(null), json!({ "a": 1 }), json!(1)] {
        refused(with(|c| c["iss"] = issuer), "has an `iss` that is no text");
    }
    refused(with(|c| drop(c.as_object_mut().unwrap().remove("iss"))), "has no `iss`");
    let two = |asked: &mut VerifyJwtRequest| asked.issuers.insert(0, "https://old.example".to_owned());
    assert!(against(two).is_ok());
    refused(
        against(|a| a.issuers = vec!["https://a.example".to_owned(), "https://b.example".to_owned()]),
        "not `https://a.example` or `https://b.example`",
    );
}

#[test]
fn an_issuer_template_is_filled_from_the_tokens_own_claim_and_its_value_is_allowed() {
    let judge = |issuer: &str, tenant: Value, allowed: &[&str]| {
        let mut token = claims();
        token["iss"] = json!(issuer);
        token["tid"] = tenant;
        let mut asked = asked();
        asked.issuers.clear();
        asked.issuer_template = Some("https://login.example/{tid}/v2.0".to_owned());
        asked.issuer_template_values = allowed.iter().map(|&a| a.to_owned()).collect();
        judge(&rs256(&token), &all_keys(), asked, NOW)
    };
    let right = "https://login.example/t-1/v2.0";
    assert!(judge(right, json!("t-1"), &["t-0", "t-1"]).is_ok());
    assert!(judge(right, json!("t-1"), &["any"]).is_ok());
    refused(judge(right, json!("t-1"), &["t-0"]), "has the `tid` `t-1`, which is none of those allowed");
    refused(judge(right, json!("t-1"), &["t-0", "any"]), "none of those allowed");
    refused(judge(right, json!("t-2"), &["any"]), "has the `iss`");
    refused(judge("https://login.example/{tid}/v2.0", json!("t-1"), &["any"]), "has the `iss`");
    for tenant in
        [json!(null), json!(7), json!(""), json!("a/../b"), json!("{tid}"), json!("t%2f"), json!(["t-1"])]
    {
        refused(judge(right, tenant, &["any"]), "has no `tid` to fill");
    }
    for template in ["https://a", "{}", "{a}{b}", "{a", "a}", "{a}}", "{{a}"] {
        assert_eq!(placeholder(template), None, "{template}");
    }
}

#[test]
fn an_audience_that_is_not_us_alone_is_refused() {
    let strange = "is also for `stranger`, which is not trusted";
    refused(with(|c| c["aud"] = json!("stranger")), "is for `stranger`, not for `client`");
    refused(with(|c| c["aud"] = json!(["stranger"])), "is for `stranger`, not for `client`");
    refused(with(|c| c["aud"] = json!(["client", "stranger"])), strange);
    refused(
        with(|c| {
            c["aud"] = json!(["client", "stranger"]);
            c["azp"] = json!("client");
        }),
        strange,
    );
    refused(with(|c| drop(c.as_object_mut().unwrap().remove("aud"))), "has no `aud`");
    for audience in [json!(null), json!(1), json!({ "client": 1 }), json!(["client", 1]), json!([["client"]])]
    {
        refused(with(|c| c["aud"] = audience), "neither a text nor a list of texts");
    }
    for audience in [json!([]), json!(""), json!("CLIENT"), json!("client ")] {
        refused(with(|c| c["aud"] = audience), "not for `client`");
    }
    assert!(with(|c| c["aud"] = json!(["client"])).is_ok());
    assert!(with(|c| c["aud"] = json!(["client", "client"])).is_ok());
}

#[test]
fn a_party_that_is_authorized_is_us() {
    assert!(with(|c| c["azp"] = json!("client")).is_ok());
    refused(with(|c| c["azp"] = json!("stranger")), "was made for `stranger` (`azp`), not for `client`");
    for azp in [json!(null), json!(["client"]), json!("")] {
        refused(with(|c| c["azp"] = azp), "was made for");
    }
    let trusting = |azp: Option<&str>| {
        let mut token = claims();
        token["aud"] = json!(["project", "client"]);
        if let Some(azp) = azp {
            token["azp"] = json!(azp);
        }
        let asked = VerifyJwtRequest { trusted_audiences: vec!["project".to_owned()], ..asked() };
        judge(&rs256(&token), &all_keys(), asked, NOW)
    };
    assert!(trusting(Some("client")).is_ok());
    refused(trusting(None), "does not say for whom first");
    refused(trusting(Some("project")), "was made for `project`");
}

#[test]
fn a_nonce_that_is_missing_or_another_one_is_refused() {
    refused(with(|c| drop(c.as_object_mut().unwrap().remove("nonce"))), "has no `nonce`, and one was sent");
    for nonce in [
        json!("OTHER"),
        json!("NONC"),
        json!("NONCE2"),
        json!("nonce"),
        json!(""),
        json!(null),
        json!(["NONCE"]),
    ] {
        refused(with(|c| c["nonce"] = nonce), "has another `nonce` than was sent");
    }
    refused(against(|a| a.nonce = None), "has a `nonce`, and none was sent");
    let without = rs256(
        &json!({ "iss": "https://idp.example", "aud": "client", "sub": "42", "iat": NOW, "exp": NOW + 1 }),
    );
    assert!(judge(&without, &all_keys(), VerifyJwtRequest { nonce: None, ..asked() }, NOW).is_ok());
    // The nonce itself is in no text.
    let text = with(|c| c["nonce"] = json!("CANARY")).unwrap_err();
    assert!(!text.contains("CANARY") && !text.contains("NONCE"), "{text}");
}

#[test]
fn a_token_out_of_its_time_is_refused() {
    let at = |exp: i64, iat: i64, nbf: Option<i64>| {
        with(|c| {
            c["exp"] = json!(exp);
            c["iat"] = json!(iat);
            if let Some(nbf) = nbf {
                c["nbf"] = json!(nbf);
            }
        })
    };
    assert!(at(NOW - 59, NOW - 100, None).is_ok());
    refused(at(NOW - 60, NOW - 100, None), "expired 60 s ago");
    refused(at(0, NOW - 100, None), "expired");
    refused(at(-1, NOW, None), "expired");
    assert!(at(NOW + 300, NOW + 60, None).is_ok());
    refused(at(NOW + 300, NOW + 61, None), "holds only in 61 s (`iat`)");
    assert!(at(NOW + 300, NOW - 3660, None).is_ok());
    refused(at(NOW + 300, NOW - 3661, None), "was issued 3661 s ago (`iat`), the limit is 3600 s");
    refused(at(NOW + 300, 0, None), "was issued");
    refused(at(NOW + 300, i64::MIN, None), "was issued");
    assert!(at(NOW + 300, NOW, Some(NOW + 60)).is_ok());
    refused(at(NOW + 300, NOW, Some(NOW + 61)), "holds only in 61 s (`nbf`)");
    refused(at(NOW + 300, NOW, Some(i64::MAX)), "(`nbf`)");
    for claim in ["exp", "iat"] {
        refused(with(|c| drop(c.as_object_mut().unwrap().remove(claim))), &format!("has no `{claim}`"));
    }
    for claim in ["exp", "iat", "nbf"] {
        for value in [json!("1800000100"), json!(null), json!([NOW]), json!(true)] {
            refused(with(|c| c[claim] = value), &format!("has a `{claim}` that is no number"));
        }
    }
    assert!(
        with(|c| {
            c["exp"] = json!(NOW as f64 + 100.5);
            c["iat"] = json!(NOW as f64 - 0.5);
        })
        .is_ok()
    );
    refused(with(|c| c["iat"] = json!(u64::MAX)), "(`iat`)");
    let age = |seconds| against(|a| a.max_iat_age_s = seconds);
    assert!(age(Some(0)).is_ok() && age(Some(u64::MAX)).is_ok());
    let old = json!({ "iss": "https://idp.example", "aud": "client", "sub": "42", "nonce": "NONCE", "iat": NOW - 700, "exp": NOW + 1 });
    refused(
        judge(&rs256(&old), &all_keys(), VerifyJwtRequest { max_iat_age_s: Some(600), ..asked() }, NOW),
        "the limit is 600 s",
    );
}

#[test]
fn a_subject_is_a_text_of_1_to_255_bytes() {
    assert!(with(|c| c["sub"] = json!("é".repeat(127))).is_ok());
    for subject in
        [json!(""), json!("a".repeat(256)), json!(42), json!(null), json!(["42"]), json!({}), json!(true)]
    {
        refused(with(|c| c["sub"] = subject), "has no `sub` that is a text of 1 to 255 bytes");
    }
    refused(with(|c| drop(c.as_object_mut().unwrap().remove("sub"))), "has no `sub`");
}

#[test]
fn the_access_token_is_the_one_that_came_along() {
    // OpenID Connect Core 1.0, A.3: the access token of the example, and its `at_hash`.
    let judge = |at_hash: Value, access_token: Option<&str>| {
        let mut token = claims();
        token["at_hash"] = at_hash;
        judge(
            &rs256(&token),
            &all_keys(),
            VerifyJwtRequest { access_token: access_token.map(Into::into), ..asked() },
            NOW,
        )
    };
    let right = json!("77QmUPtjPfzWtF2AnpK9RQ");
    assert!(judge(right.clone(), Some("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y")).is_ok());
    assert!(judge(right.clone(), None).is_ok());
    let why = "came with another access token";
    refused(judge(right, Some("another")), why);
    for wrong in [json!(""), json!(null), json!("77QmUPtjPfzWtF2AnpK9RR"), json!(7)] {
        refused(judge(wrong, Some("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y")), why);
    }
    assert!(against(|a| a.access_token = Some("any".into())).is_ok());
}

#[test]
fn a_request_that_makes_no_sense_ends_the_operation() {
    let broken = |change: &dyn Fn(&mut VerifyJwtRequest)| {
        let mut asked = asked();
        change(&mut asked);
        check_request(&asked).is_err()
    };
    assert!(!broken(&|_| {}));
    assert!(broken(&|a| a.issuers.clear()));
    assert!(broken(&|a| a.issuer_template = Some("{tid}".to_owned())));
    assert!(broken(&|a| {
        a.issuers.clear();
        a.issuer_template = Some("{tid}".to_owned());
    }));
    assert!(broken(&|a| a.audience.clear()));
}
