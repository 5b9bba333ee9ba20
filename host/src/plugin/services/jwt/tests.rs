//! Which tokens hold. Keys and tokens are made here, with aws-lc-rs and without the library that verifies them.

mod claims;
mod fetched;
mod signatures;

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

    #[expect(clippy::disallowed_methods, reason = "aws-lc-rs signs with a source of its own kind only")]
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
