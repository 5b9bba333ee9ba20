//! ID tokens (OpenID Connect Core 1.0 §2).

use aws_lc_rs::digest::{self, digest};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value, json};

use super::token::Redeemed;
use super::{Flavour, Place, jwt};
use crate::lock::lock;
use crate::state::State;

/// The token for a code that was redeemed.
pub(super) fn issue(flavour: &Flavour, state: &State, redeemed: &Redeemed) -> String {
    let key = lock(&state.ring).signing();
    jwt::signed(&key, &Value::Object(claims(flavour, state, redeemed)))
}

fn claims(flavour: &Flavour, state: &State, redeemed: &Redeemed) -> Map<String, Value> {
    let Redeemed { client, grant, person, access_token, now } = redeemed;
    let mut claims = (flavour.claims)(state, person, &grant.scopes, Place::IdToken);
    let mut put = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    put("iss", json!(state.issuer));
    put("sub", json!((flavour.subject)(person)));
    put("aud", json!(client.id));
    put("exp", json!(now.saturating_add(flavour.id_token_life).as_secs()));
    put("iat", json!(now.as_secs()));
    put("auth_time", json!(grant.issued.as_secs()));
    if flavour.at_hash {
        put("azp", json!(client.id));
        put("at_hash", json!(half_hash(access_token)));
    }
    if let Some(nonce) = &grant.nonce {
        put("nonce", json!(nonce));
    }
    claims
}

/// The left half of the hash of the signature's algorithm, SHA-256 for RS256 and ES256 (Core 1.0 §3.1.3.6).
fn half_hash(token: &str) -> String {
    let whole = digest(&digest::SHA256, token.as_bytes());
    BASE64URL_NOPAD.encode(whole.as_ref().get(..16).unwrap_or_default())
}
