//! The provider's metadata (OpenID Connect Discovery 1.0 §3, RFC 8414 §2) and its public keys (RFC 7517 §5).

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::settings::{CallbackIssuer, Pkce};
use super::{Flavour, spoil};
use crate::answer::Answer;
use crate::fault::{Endpoint, Fault};
use crate::lock::lock;
use crate::state::State;

/// The metadata.
pub(super) fn metadata(flavour: &Flavour, state: &State, fault: Option<Fault>) -> Answer {
    let mut members = members(flavour, state);
    if let Some(fault) = fault.and_then(Fault::openid) {
        spoil::metadata::spoil(&mut members, state, fault);
    }
    Answer::json(StatusCode::OK, &Value::Object(members))
}

fn members(flavour: &Flavour, state: &State) -> Map<String, Value> {
    let (options, paths) = (&state.openid, &flavour.paths);
    let url = |path: &str| json!(format!("{}{path}", state.base_url));
    let algorithms: Vec<&str> = options.algorithms.iter().map(|algorithm| algorithm.name()).collect();
    let token_auth: Vec<&str> = options.token_auth.iter().map(|way| way.name()).collect();
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    put("issuer", json!(state.issuer));
    put("authorization_endpoint", url(paths.authorize));
    put("token_endpoint", url(paths.token));
    put("jwks_uri", url(paths.jwks));
    put("revocation_endpoint", url(paths.revoke));
    if options.userinfo {
        put("userinfo_endpoint", url(paths.userinfo));
    }
    if let Some(path) = paths.end_session {
        put("end_session_endpoint", url(path));
    }
    put("scopes_supported", json!(flavour.scopes));
    put("response_types_supported", json!(["code"]));
    put("response_modes_supported", json!(["query"]));
    put("grant_types_supported", json!(["authorization_code"]));
    put("subject_types_supported", json!(["public"]));
    put("id_token_signing_alg_values_supported", json!(algorithms));
    put("token_endpoint_auth_methods_supported", json!(token_auth));
    put("claim_types_supported", json!(["normal"]));
    if options.pkce != Pkce::Refused {
        put("code_challenge_methods_supported", json!(["S256"]));
    }
    if options.callback_issuer == CallbackIssuer::Announced {
        put("authorization_response_iss_parameter_supported", json!(true));
    }
    (flavour.metadata)(&mut members, state);
    members
}

/// The public keys.
pub(super) fn jwks(state: &State, fault: Option<Fault>) -> Answer {
    let keys = spoil::keys::published(&lock(&state.ring), state.faults.standing(Endpoint::Token));
    Answer::json(StatusCode::OK, &spoil::keys::spoil(keys, state, fault.and_then(Fault::openid)))
}

/// What a relying party gets that follows the header of a forged token: keys that vouch for it.
pub(super) fn trap(state: &State, keys: bool) -> Answer {
    let stranger = state.stranger();
    if keys {
        return Answer::json(StatusCode::OK, &json!({ "keys": [stranger.jwk()] }));
    }
    Answer::new(StatusCode::OK, "application/x-pem-file", stranger.pem())
}
