//! Compact JWS (RFC 7515 §7.1), unsigned ones too. Knows no claim.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::keys::SigningKey;

/// What is signed: header and payload.
pub(crate) fn signing_input(header: &Value, payload: &[u8]) -> String {
    let header = BASE64URL_NOPAD.encode(header.to_string().as_bytes());
    format!("{header}.{}", BASE64URL_NOPAD.encode(payload))
}

/// The whole, with its signature.
pub(crate) fn joined(input: &str, signature: &[u8]) -> String {
    format!("{input}.{}", BASE64URL_NOPAD.encode(signature))
}

/// The header of a token that this key signs.
pub(crate) fn header(key: &SigningKey) -> Value {
    json!({ "typ": "JWT", "alg": key.algorithm.name(), "kid": key.kid })
}

/// A token as it ought to be.
pub(crate) fn signed(key: &SigningKey, payload: &Value) -> String {
    let input = signing_input(&header(key), payload.to_string().as_bytes());
    let signature = key.sign(input.as_bytes());
    joined(&input, &signature)
}
