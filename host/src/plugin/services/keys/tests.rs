//! What of a key set is used.

use serde_json::json;

use super::super::jwt::tests::signers;
use super::*;

fn read(keys: &[Value]) -> Keys {
    Keys::read(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

/// The RSA key under `rsa`, with a change.
fn rsa(change: impl FnOnce(&mut Value)) -> Value {
    let mut key = signers().jwks().remove(0);
    change(&mut key);
    key
}

fn fits(keys: &Keys, kid: &str, name: &str) -> usize {
    let algorithm = name.parse().unwrap();
    keys.fitting(Some(kid), name, algorithm).map_or(0, |fitting| fitting.len())
}

#[test]
fn keys_that_this_host_cannot_use_do_not_spoil_the_others() {
    let strange = [
        json!({ "kty": "oct", "kid": "mac", "k": "c2VjcmV0" }),
        json!({ "kty": "AKP", "kid": "pq", "alg": "ML-DSA-44", "pub": "AAAA" }),
        json!({ "kty": "OKP", "crv": "Ed448", "kid": "a", "x": "AAAA" }),
        json!({ "kty": "EC", "crv": "P-521", "kid": "b", "x": "AAAA", "y": "AAAA" }),
        json!({ "kty": "EC", "crv": "P-256", "kid": "c", "x": "AAAA", "y": "AAAA" }),
        json!({ "kty": "RSA", "kid": "d" }),
        json!({ "kty": "RSA", "kid": "e", "n": "!", "e": "AQAB" }),
        json!({ "kty": 7, "kid": "f" }),
        json!({ "kid": 7, "kty": "RSA" }),
        json!({}),
        json!("key"),
        json!(null),
    ];
    let keys: Vec<Value> = strange.into_iter().chain(signers().jwks()).collect();
    let keys = read(&keys);
    assert_eq!(keys.usable.len(), 5);
    for (kid, name) in [("rsa", "RS256"), ("p256", "ES256"), ("p384", "ES384"), ("ed", "EdDSA")] {
        assert_eq!(fits(&keys, kid, name), 1, "{kid}");
    }
}

#[test]
fn a_key_is_for_what_it_says() {
    for (change, usable) in [
        (json!({}), true),
        (json!({ "use": null }), true),
        (json!({ "use": "enc" }), false),
        (json!({ "use": "SIG" }), false),
        (json!({ "key_ops": ["verify"] }), true),
        (json!({ "key_ops": ["encrypt", "verify"] }), true),
        (json!({ "key_ops": ["sign"] }), false),
        (json!({ "key_ops": [] }), false),
        (json!({ "alg": "RS256" }), true),
        (json!({ "alg": "PS256" }), false),
        (json!({ "alg": "RSA-OAEP" }), false),
    ] {
        let key = rsa(|key| key.as_object_mut().unwrap().extend(change.as_object().unwrap().clone()));
        assert_eq!(fits(&read(&[key]), "rsa", "RS256") == 1, usable, "{change}");
    }
}

#[test]
fn an_rsa_key_below_2048_bits_is_not_used() {
    let sized = |bits: usize, zeros: usize| {
        let mut modulus = vec![0xff; bits.div_ceil(8)];
        modulus[0] >>= (8 - bits % 8) % 8;
        let modulus = [vec![0; zeros], modulus].concat();
        fits(&read(&[rsa(|key| key["n"] = json!(BASE64URL_NOPAD.encode(&modulus)))]), "rsa", "RS256")
    };
    for (bits, zeros, usable) in [
        (512, 0, 0),
        (1024, 0, 0),
        (2047, 0, 0),
        (1024, 128, 0),
        (2048, 0, 1),
        (2048, 1, 1),
        (8192, 0, 1),
        (8193, 0, 0),
    ] {
        assert_eq!(sized(bits, zeros), usable, "{bits} bits behind {zeros} zeros");
    }
    for exponent in ["AQ", "Ag", "", "AA"] {
        assert_eq!(fits(&read(&[rsa(|key| key["e"] = json!(exponent))]), "rsa", "RS256"), 0, "{exponent}");
    }
}

#[test]
fn a_key_that_was_passed_over_is_not_called_unpublished() {
    let why = |keys: &[Value], kid: &str| {
        read(keys).fitting(Some(kid), "RS256", Algorithm::RS256).err().unwrap_or_default()
    };
    let padded = format!("{}==", rsa(|_| {})["n"].as_str().unwrap());
    for change in [
        json!({ "use": "enc" }),
        json!({ "n": BASE64URL_NOPAD.encode(&[0xff; 128]) }),
        json!({ "n": padded }),
        json!({ "n": null }),
        json!({ "kty": 7 }),
    ] {
        let key = rsa(|key| key.as_object_mut().unwrap().extend(change.as_object().unwrap().clone()));
        assert_eq!(
            why(&[key], "rsa"),
            "is signed with the key `rsa`, which the issuer publishes, but for another use, or in a form or size \
             that is not accepted here",
            "{change}"
        );
    }
    let text = why(&[rsa(|key| key["use"] = json!("enc"))], "other");
    assert_eq!(text, "is signed with the key `other`, which the issuer does not publish for RS256");
}

#[test]
fn members_of_other_types_may_be_null() {
    let keys = signers().jwks().into_iter().map(|mut key| {
        for member in ["crv", "n", "e", "x", "y"] {
            key.as_object_mut().unwrap().entry(member).or_insert(Value::Null);
        }
        key
    });
    let keys = read(&keys.collect::<Vec<_>>());
    assert_eq!((keys.usable.len(), keys.skipped.len()), (5, 0));
}

#[test]
fn keys_of_one_id_are_all_tried() {
    let other = signers().jwks().remove(1);
    let twin = rsa(|key| key["n"] = other["n"].clone());
    assert_eq!(fits(&read(&[rsa(|_| {}), twin]), "rsa", "RS256"), 2);
}

#[test]
fn a_set_is_of_limited_size() {
    let keys = |n: usize| json!({ "keys": vec![json!({ "kty": "oct" }); n] }).to_string();
    assert!(Keys::read(keys(100).as_bytes()).is_ok());
    let text = Keys::read(keys(101).as_bytes()).err().unwrap();
    assert_eq!(text, "it has 101 keys, the limit is 100");
    let long = format!(r#"{{"keys":[],"a":"{}"}}"#, "a".repeat(256 * 1024));
    assert!(Keys::read(long.as_bytes()).err().unwrap().contains("the limit is 262144"));
    let deep = format!(r#"{{"keys":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(Keys::read(deep.as_bytes()).err().unwrap(), "it is nested too deeply");
    for json in ["", "[]", "{}", r#"{"keys":{}}"#, "<html>"] {
        assert_eq!(Keys::read(json.as_bytes()).err().unwrap(), "it is no JSON Web Key Set");
    }
}
