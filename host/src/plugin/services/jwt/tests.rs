//! Which tokens hold. Keys and tokens are made here, with aws-lc-rs and without the library that verifies them.

use std::sync::OnceLock;

use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self as sig, KeyPair as _};
use aws_lc_rs::{hmac, rand};
use serde_json::{Value, json};

use super::*;

const NOW: i64 = 1_800_000_000;

/// Keys of each kind. Making one takes a while.
pub(in crate::plugin::services) struct Signers {
    rsa: sig::RsaKeyPair,
    other_rsa: sig::RsaKeyPair,
    p256: sig::EcdsaKeyPair,
    p384: sig::EcdsaKeyPair,
    ed25519: sig::Ed25519KeyPair,
}

pub(in crate::plugin::services) fn signers() -> &'static Signers {
    static SIGNERS: OnceLock<Signers> = OnceLock::new();
    SIGNERS.get_or_init(|| Signers {
        rsa: sig::RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
        other_rsa: sig::RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
        p256: sig::EcdsaKeyPair::generate(&sig::ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
        p384: sig::EcdsaKeyPair::generate(&sig::ECDSA_P384_SHA384_FIXED_SIGNING).unwrap(),
        ed25519: sig::Ed25519KeyPair::generate().unwrap(),
    })
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    BASE64URL_NOPAD.encode(bytes.as_ref())
}

fn rsa_jwk(key: &sig::RsaKeyPair, kid: &str) -> Value {
    let public = key.public_key();
    let n = public.modulus().big_endian_without_leading_zero();
    let e = public.exponent().big_endian_without_leading_zero();
    json!({ "kty": "RSA", "kid": kid, "use": "sig", "n": b64(n), "e": b64(e) })
}

fn ec_jwk(key: &sig::EcdsaKeyPair, curve: &str, kid: &str) -> Value {
    let point = &key.public_key().as_ref()[1..];
    let (x, y) = point.split_at(point.len() / 2);
    json!({ "kty": "EC", "crv": curve, "kid": kid, "x": b64(x), "y": b64(y) })
}

impl Signers {
    /// The public keys: `rsa`, `other`, `p256`, `p384`, `ed`.
    pub(in crate::plugin::services) fn jwks(&self) -> Vec<Value> {
        let ed = b64(self.ed25519.public_key().as_ref());
        vec![
            rsa_jwk(&self.rsa, "rsa"),
            rsa_jwk(&self.other_rsa, "other"),
            ec_jwk(&self.p256, "P-256", "p256"),
            ec_jwk(&self.p384, "P-384", "p384"),
            json!({ "kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": ed }),
        ]
    }

    fn sign(&self, algorithm: &str, kid: &str, message: &[u8]) -> Vec<u8> {
        let random = rand::SystemRandom::new();
        let rsa = |encoding: &'static dyn sig::RsaEncoding| {
            let key = if kid == "other" { &self.other_rsa } else { &self.rsa };
            let mut signature = vec![0; key.public_modulus_len()];
            key.sign(encoding, &random, message, &mut signature).unwrap();
            signature
        };
        let mac = |hash| {
            let public = serde_json::to_vec(&self.jwks()[0]).unwrap();
            hmac::sign(&hmac::Key::new(hash, &public), message).as_ref().to_vec()
        };
        match algorithm {
            "RS256" => rsa(&sig::RSA_PKCS1_SHA256),
            "RS384" => rsa(&sig::RSA_PKCS1_SHA384),
            "RS512" => rsa(&sig::RSA_PKCS1_SHA512),
            "PS256" => rsa(&sig::RSA_PSS_SHA256),
            "PS384" => rsa(&sig::RSA_PSS_SHA384),
            "PS512" => rsa(&sig::RSA_PSS_SHA512),
            "ES256" => self.p256.sign(&random, message).unwrap().as_ref().to_vec(),
            "ES384" => self.p384.sign(&random, message).unwrap().as_ref().to_vec(),
            "EdDSA" => self.ed25519.sign(message).as_ref().to_vec(),
            "HS256" => mac(hmac::HMAC_SHA256),
            "HS512" => mac(hmac::HMAC_SHA512),
            "none" => Vec::new(),
            other => panic!("{other}"),
        }
    }

    /// A token with this header and this payload, signed as the header says.
    pub(in crate::plugin::services) fn token(&self, header: &Value, payload: &str) -> String {
        let message = format!("{}.{}", b64(header.to_string()), b64(payload));
        let text = |name: &str| header[name].as_str().unwrap_or_default();
        let signature = self.sign(text("alg"), text("kid"), message.as_bytes());
        format!("{message}.{}", b64(signature))
    }
}

/// Claims of an ID token that holds.
fn claims() -> Value {
    json!({
        "iss": "https://idp.example", "aud": "client", "sub": "42", "nonce": "NONCE",
        "iat": NOW - 5, "exp": NOW + 300,
    })
}

/// What `claims` is held against.
fn asked() -> VerifyJwtRequest {
    serde_json::from_value(json!({
        "token": "", "jwks_uri": { "from_metadata": "jwks_uri" }, "issuers": ["https://idp.example"],
        "audience": "client", "algorithms": ALGORITHMS.map(|(name, _)| name), "nonce": "NONCE",
    }))
    .unwrap()
}

fn all_keys() -> Keys {
    Keys::read(json!({ "keys": signers().jwks() }).to_string().as_bytes()).unwrap()
}

/// The whole verification but for fetching the keys.
fn judge(token: &str, keys: &Keys, mut asked: VerifyJwtRequest, now: i64) -> Result<Value, String> {
    asked.token = token.into();
    let signed = Signed::read(&asked)?;
    signature(keys, &signed)?;
    let payload = opened(&signed, &asked, Timestamp::from_micros(now * 1_000_000))?;
    Ok(serde_json::from_slice(&payload).unwrap())
}

fn rs256(claims: &Value) -> String {
    signers().token(&json!({ "alg": "RS256", "kid": "rsa" }), &claims.to_string())
}

/// A token with other claims.
fn with(change: impl FnOnce(&mut Value)) -> Result<Value, String> {
    let mut changed = claims();
    change(&mut changed);
    judge(&rs256(&changed), &all_keys(), asked(), NOW)
}

/// A good token, held against something else.
fn against(change: impl FnOnce(&mut VerifyJwtRequest)) -> Result<Value, String> {
    let mut asked = asked();
    change(&mut asked);
    judge(&rs256(&claims()), &all_keys(), asked, NOW)
}

#[track_caller]
fn refused(outcome: Result<Value, String>, why: &str) {
    let text = outcome.expect_err(why);
    assert!(text.contains(why), "{text:?} does not say {why:?}");
}

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
        assert_eq!(claims::placeholder(template), None, "{template}");
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
