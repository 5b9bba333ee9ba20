//! A token answer that comes out wrong beside its tokens, and ID tokens whose text does.

use data_encoding::{BASE64URL, BASE64URL_NOPAD};
use serde_json::{Map, Value, json};

use crate::fault::OpenIdFault;

/// Changes the members of the answer.
pub(in crate::openid) fn spoil(members: &mut Map<String, Value>, fault: OpenIdFault) {
    let mut put = |name: &str, value: Value| drop(members.insert(name.to_owned(), value));
    match fault {
        OpenIdFault::TokenTypeMac => put("token_type", json!("mac")),
        OpenIdFault::IdTokenNull => put("id_token", Value::Null),
        OpenIdFault::IdTokenEmpty => put("id_token", json!("")),
        OpenIdFault::IdTokenNumber => put("id_token", json!(1)),
        OpenIdFault::IdTokenGarbage => put("id_token", json!("no token, \u{1f98a}.e30.")),
        OpenIdFault::TokenTypeMissing => drop(members.remove("token_type")),
        OpenIdFault::IdTokenMissing => drop(members.remove("id_token")),
        OpenIdFault::IdTokenFourParts | OpenIdFault::IdTokenEncrypted | OpenIdFault::IdTokenPadded => {
            if let Some(Value::String(token)) = members.get_mut("id_token") {
                *token = rewritten(token, fault);
            }
        }
        _ => {}
    }
}

fn rewritten(token: &str, fault: OpenIdFault) -> String {
    match fault {
        OpenIdFault::IdTokenFourParts => format!("{token}.AQAB"),
        OpenIdFault::IdTokenEncrypted => {
            // RFC 7516 §7.1; nothing can be opened, and nobody has a key.
            let header = json!({ "alg": "RSA-OAEP", "enc": "A256GCM", "kid": "demo" }).to_string();
            let parts = [header.as_str(), "encrypted key", "iv", token, "tag"];
            parts.map(|part| BASE64URL_NOPAD.encode(part.as_bytes())).join(".")
        }
        _ => {
            // RFC 7515 §2: without padding.
            let padded = |part: &str| {
                BASE64URL_NOPAD
                    .decode(part.as_bytes())
                    .map(|bytes| BASE64URL.encode(&bytes))
                    .unwrap_or_default()
            };
            token.split('.').map(padded).collect::<Vec<_>>().join(".")
        }
    }
}
