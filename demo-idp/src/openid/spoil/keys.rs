//! A JWKS that comes out wrong, and what the faults of ID tokens publish in it.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use crate::fault::OpenIdFault;
use crate::ledger::s256;
use crate::openid::keys::{KeyRing, SigningKey};
use crate::openid::settings::Algorithm;
use crate::openid::{TRAP_CERTIFICATE, weak_rsa};
use crate::state::State;

/// The keys that are published; some faults of ID tokens need others than usual.
pub(in crate::openid) fn published(ring: &KeyRing, standing: Option<OpenIdFault>) -> Vec<Value> {
    let mut keys: Vec<Value> = ring.published().iter().map(|key| key.jwk()).collect();
    match standing {
        Some(OpenIdFault::KidMissing) => keys = vec![ring.signing().jwk()],
        Some(OpenIdFault::KidMissingSeveral) => keys.insert(0, ring.stranger().jwk()),
        Some(OpenIdFault::Rsa512) => keys.push(weak_rsa::jwk()),
        Some(OpenIdFault::AlgUnlisted) if !keys.contains(&ring.rsa().jwk()) => keys.push(ring.rsa().jwk()),
        _ => {}
    }
    keys
}

/// The whole answer.
pub(in crate::openid) fn spoil(keys: Vec<Value>, state: &State, fault: Option<OpenIdFault>) -> Value {
    let Some(fault) = fault else { return json!({ "keys": keys }) };
    let each = |change: &dyn Fn(&mut Value)| {
        let mut keys = keys.clone();
        keys.iter_mut().for_each(change);
        json!({ "keys": keys })
    };
    match fault {
        OpenIdFault::KeysEmpty => json!({ "keys": [] }),
        OpenIdFault::KeysMissing => json!({}),
        OpenIdFault::KeysNoList => json!({ "keys": { "0": keys.first() } }),
        OpenIdFault::KeysForEncryption => each(&|key| key["use"] = json!("enc")),
        OpenIdFault::KeysForOtherOperations => each(&|key| {
            key.as_object_mut().map(|key| key.remove("use"));
            key["key_ops"] = json!(["encrypt", "wrapKey"]);
        }),
        OpenIdFault::KeysOtherAlgorithm => {
            each(&|key| key["alg"] = if key["kty"] == "EC" { json!("ES384") } else { json!("RS384") })
        }
        OpenIdFault::KeysOfStranger => each(&|key| *key = impostor(key)),
        OpenIdFault::KeysDuplicateKid => {
            json!({ "keys": keys.iter().flat_map(|key| [impostor(key), key.clone()]).collect::<Vec<_>>() })
        }
        OpenIdFault::KeysSymmetric => each(&|key| {
            let secret = BASE64URL_NOPAD.encode(b"a secret that everybody can read");
            *key = json!({ "kty": "oct", "use": "sig", "alg": "HS256", "kid": key["kid"], "k": secret });
        }),
        OpenIdFault::KeysUnknownType => before(unknown_types(), keys),
        OpenIdFault::KeysMalformedBeside => before(malformed(), keys),
        OpenIdFault::KeysNamingTrap => {
            each(&|key| key["x5u"] = json!(format!("{}{TRAP_CERTIFICATE}", state.base_url)))
        }
        OpenIdFault::KeysTenThousand => before((0..10_000).map(made_up).collect(), keys),
        _ => json!({ "keys": keys }),
    }
}

fn before(others: Vec<Value>, keys: Vec<Value>) -> Value {
    json!({ "keys": others.into_iter().chain(keys).collect::<Vec<_>>() })
}

/// Another key under the same id.
fn impostor(key: &Value) -> Value {
    let algorithm = if key["kty"] == "EC" { Algorithm::Es256 } else { Algorithm::Rs256 };
    let mut impostor = SigningKey::stranger(algorithm).jwk();
    impostor["kid"] = key["kid"].clone();
    impostor
}

/// What a relying party should ignore (RFC 7517 §5).
fn unknown_types() -> Vec<Value> {
    vec![
        json!({ "kty": "XYZ", "use": "sig", "kid": "odd-1", "xyz": "AQAB" }),
        json!({ "kty": "AKP", "use": "sig", "alg": "ML-DSA-44", "kid": "odd-2", "pub": "AQAB" }),
        json!({ "kty": "OKP", "crv": "X448", "use": "enc", "kid": "odd-3", "x": "AQAB" }),
        json!({ "kty": "EC", "crv": "P-0", "use": "sig", "kid": "odd-4", "x": "AQAB", "y": "AQAB" }),
    ]
}

/// Keys without members that they need, or with what cannot be read: to be ignored as well.
fn malformed() -> Vec<Value> {
    vec![
        json!({ "kid": "odd-1", "use": "sig" }),
        json!({ "kty": "RSA", "kid": "odd-2", "use": "sig", "n": "!!!", "e": "AQAB" }),
        json!({ "kty": "RSA", "kid": "odd-3", "use": "sig", "e": "AQAB" }),
        json!({ "kty": "EC", "crv": "P-256", "kid": "odd-4", "use": "sig", "x": 1, "y": null }),
    ]
}

/// A key by its looks alone.
fn made_up(number: u32) -> Value {
    let (x, y) = (s256(&format!("x{number}")), s256(&format!("y{number}")));
    json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": format!("flood-{number}"), "x": x, "y": y })
}
