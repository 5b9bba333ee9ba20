//! The token's parts: what it is signed with, by which key, and what kind it says it is.

use serde_json::{Value, json};

use super::*;

#[test]
fn a_token_that_holds_gives_its_claims() {
    assert_eq!(with(|_| {}).unwrap(), claims());
}

#[test]
fn every_algorithm_holds_with_its_own_key() {
    for (algorithm, kid) in [
        ("RS256", "rsa"),
        ("RS384", "rsa"),
        ("RS512", "other"),
        ("PS256", "rsa"),
        ("PS384", "other"),
        ("PS512", "rsa"),
        ("ES256", "p256"),
        ("ES384", "p384"),
        ("EdDSA", "ed"),
    ] {
        let token = signers().token(&json!({ "alg": algorithm, "kid": kid }), &claims().to_string());
        judge(&token, &all_keys(), asked(), NOW).unwrap_or_else(|why| panic!("{algorithm}: {why}"));
    }
}

#[test]
fn a_signature_that_does_not_hold_is_refused() {
    for (algorithm, kid) in
        [("RS256", "rsa"), ("PS256", "rsa"), ("ES256", "p256"), ("ES384", "p384"), ("EdDSA", "ed")]
    {
        let header = json!({ "alg": algorithm, "kid": kid });
        let token = signers().token(&header, &claims().to_string());
        let (message, signature) = token.rsplit_once('.').unwrap();
        let mut flipped = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
        flipped[7] ^= 1;
        let zeros = vec![0; flipped.len()];
        let other = signers().token(&header, &json!({ "sub": "other" }).to_string());
        for signature in [
            b64(flipped),
            b64(zeros),
            String::new(),
            "AAAA".to_owned(),
            format!("{signature}="),
            signature[4..].to_owned(),
        ] {
            let outcome = judge(&format!("{message}.{signature}"), &all_keys(), asked(), NOW);
            refused(outcome, "has a signature that does not hold");
        }
        let swapped = format!("{message}.{}", other.rsplit_once('.').unwrap().1);
        refused(judge(&swapped, &all_keys(), asked(), NOW), "has a signature that does not hold");
    }
    // Another key of the same issuer, under the first one's name.
    let (message, _) = rs256(&claims()).rsplit_once('.').map(|(m, s)| (m.to_owned(), s.to_owned())).unwrap();
    let by_other = signers().sign("RS256", "other", message.as_bytes());
    refused(judge(&format!("{message}.{}", b64(by_other)), &all_keys(), asked(), NOW), "does not hold");
}

#[test]
fn an_algorithm_that_is_not_accepted_is_refused() {
    let token = |algorithm: &str, kid: &str| {
        signers().token(&json!({ "alg": algorithm, "kid": kid }), &claims().to_string())
    };
    let only = |accepted: &[&str]| {
        let mut asked = asked();
        asked.algorithms = accepted.iter().map(|&a| a.to_owned()).collect();
        asked
    };
    refused(
        judge(&token("RS512", "rsa"), &all_keys(), only(&["RS256", "ES256"]), NOW),
        "signed with `RS512`; accepted: `RS256`, `ES256`",
    );
    // `none` and every MAC, also where the plugin accepts them, and also with a public key as its secret.
    for algorithm in ["none", "HS256", "HS512"] {
        for accepted in [&[algorithm][..], &["RS256", algorithm][..]] {
            refused(judge(&token(algorithm, "rsa"), &all_keys(), only(accepted), NOW), "is signed with");
        }
    }
    refused(
        judge(&token("RS256", "rsa"), &all_keys(), only(&["none", "HS256"]), NOW),
        "none that this host verifies",
    );
    for algorithm in ["None", "NONE", "nOnE", "rs256", "RS256 ", "ES512", ""] {
        let header = b64(json!({ "alg": algorithm, "kid": "rsa" }).to_string());
        let forged = format!("{header}.{}.", b64(claims().to_string()));
        refused(judge(&forged, &all_keys(), only(&[algorithm, "RS256"]), NOW), "is signed with");
    }
}

#[test]
fn a_key_of_another_family_is_not_tried() {
    for (algorithm, kid) in [
        ("RS256", "p256"),
        ("ES256", "rsa"),
        ("ES256", "p384"),
        ("ES384", "p256"),
        ("EdDSA", "p256"),
        ("RS256", "ed"),
    ] {
        let token = signers().token(&json!({ "alg": algorithm, "kid": kid }), &claims().to_string());
        refused(judge(&token, &all_keys(), asked(), NOW), "which the issuer does not publish for");
    }
}

#[test]
fn keys_that_a_token_brings_along_are_not_looked_at() {
    let mine = json!({ "keys": [rsa_jwk(&signers().other_rsa, "mine")] });
    let keys =
        Keys::read(json!({ "keys": [rsa_jwk(&signers().rsa, "rsa")] }).to_string().as_bytes()).unwrap();
    for (kid, why) in [("other", "which the issuer does not publish"), ("rsa", "does not hold")] {
        let header = json!({
            "alg": "RS256", "kid": kid, "jwk": mine["keys"][0], "jku": "https://evil.example/keys",
            "x5u": "https://evil.example/cert", "x5c": ["MIIB"],
        });
        let message = format!("{}.{}", b64(header.to_string()), b64(claims().to_string()));
        let token = format!("{message}.{}", b64(signers().sign("RS256", "other", message.as_bytes())));
        refused(judge(&token, &keys, asked(), NOW), why);
    }
    for extension in ["crit", "b64"] {
        let header = json!({ "alg": "RS256", "kid": "rsa", extension: ["exp"] });
        let token = signers().token(&header, &claims().to_string());
        refused(judge(&token, &keys, asked(), NOW), &format!("has `{extension}` in its header"));
    }
}

#[test]
fn a_token_of_another_kind_is_refused() {
    let judge = |typ: Option<Value>, expected: Option<&str>| {
        let mut header = json!({ "alg": "RS256", "kid": "rsa" });
        if let Some(typ) = typ {
            header["typ"] = typ;
        }
        let token = signers().token(&header, &claims().to_string());
        judge(&token, &all_keys(), VerifyJwtRequest { typ: expected.map(str::to_owned), ..asked() }, NOW)
    };
    for typ in ["JWT", "jwt", "application/jwt", "ID"] {
        assert!(judge(Some(json!(typ)), None).is_ok(), "{typ}");
    }
    for typ in ["at+jwt", "application/at+jwt", "AT+JWT", "logout+jwt", "secevent+jwt", "dpop+jwt"] {
        refused(judge(Some(json!(typ)), None), "is of the type");
    }
    refused(judge(Some(json!(7)), None), "`typ` that is no text");
    assert!(judge(Some(json!("application/logout+jwt")), Some("logout+jwt")).is_ok());
    for typ in [None, Some(json!("JWT")), Some(json!("at+jwt"))] {
        refused(judge(typ, Some("logout+jwt")), "is not of the type `logout+jwt`");
    }
}

#[test]
fn without_a_key_id_the_only_key_that_fits_is_meant() {
    let without = |algorithm: &str| signers().token(&json!({ "alg": algorithm }), &claims().to_string());
    assert!(judge(&without("ES256"), &all_keys(), asked(), NOW).is_ok());
    refused(
        judge(&without("RS256"), &all_keys(), asked(), NOW),
        "has no `kid`, and 2 keys of the issuer are for RS256",
    );
    let none = Keys::read(br#"{"keys":[]}"#).unwrap();
    refused(judge(&without("RS256"), &none, asked(), NOW), "for which the issuer publishes no key");
    for kid in [json!(7), json!(null), json!(["rsa"]), json!("k".repeat(2000))] {
        let token = signers().token(&json!({ "alg": "ES256", "kid": kid }), &claims().to_string());
        refused(judge(&token, &all_keys(), asked(), NOW), "has a `kid` that is no text, or too long");
    }
}

#[test]
fn what_is_no_token_of_three_parts_is_refused_without_being_shown() {
    let good = rs256(&claims());
    let parts: Vec<&str> = good.split('.').collect();
    let twice = format!("{}.{}", b64(r#"{"alg":"RS256","alg":"none"}"#), parts[1..].join("."));
    for (token, why) in [
        (String::new(), "three parts"),
        ("CANARY".to_owned(), "three parts"),
        ("CANARY.CANARY".to_owned(), "three parts"),
        (format!("{good}.CANARY"), "three parts"),
        ("a.b.c.d.e".to_owned(), "is encrypted"),
        (format!("CANARY!.{}", parts[1..].join(".")), "no header in base64url"),
        (format!(" {good}"), "no header in base64url"),
        (format!("{}=.{}", parts[0], parts[1..].join(".")), "no header in base64url"),
        (format!("{}.{}", b64("CANARY"), parts[1..].join(".")), "has a header that is no JSON object"),
        (format!("{}.{}", b64("[]"), parts[1..].join(".")), "has a header that is no JSON object"),
        (twice, "each member once"),
        ("a".repeat(70_000), "the limit is 65536"),
    ] {
        let outcome = judge(&token, &all_keys(), asked(), NOW);
        assert!(!outcome.as_ref().unwrap_err().contains("CANARY"));
        refused(outcome, why);
    }
    let signed = |payload: &str| {
        judge(&signers().token(&json!({ "alg": "RS256", "kid": "rsa" }), payload), &all_keys(), asked(), NOW)
    };
    refused(signed("[]"), "has a payload that is no JSON object");
    refused(signed(&claims().to_string().replace(r#""sub""#, r#""sub":"1","sub""#)), "each member once");
    refused(signed(&format!("{}1", r#"{"a":"#.repeat(1000))), "nested too deeply");
}
