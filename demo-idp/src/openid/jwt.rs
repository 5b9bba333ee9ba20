//! Compact JWS (RFC 7515 §7.1). Knows no claim.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value, json};

use super::keys::SigningKey;
use crate::account::object;

/// What is signed: header and payload.
pub(super) fn signing_input(header: &[u8], payload: &[u8]) -> String {
    format!("{}.{}", BASE64URL_NOPAD.encode(header), BASE64URL_NOPAD.encode(payload))
}

/// The whole, with its signature.
pub(super) fn joined(input: &str, signature: &[u8]) -> String {
    format!("{input}.{}", BASE64URL_NOPAD.encode(signature))
}

/// The header of a token that this key signs.
pub(super) fn header(key: &SigningKey) -> Map<String, Value> {
    object(json!({ "typ": "JWT", "alg": key.algorithm.name(), "kid": key.kid }))
}
