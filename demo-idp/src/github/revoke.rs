//! `DELETE /api/v3/applications/{client_id}/token`: the end of one token, asked for by its client.

use http::StatusCode;
use serde_json::{Value, json};

use super::API;
use super::api::{bad_credentials, not_found, without_user_agent};
use crate::answer::Answer;
use crate::lock::lock;
use crate::request::Request;
use crate::state::State;

/// The client that a path names, if it is this endpoint's.
pub(super) fn client_in(path: &str) -> Option<&str> {
    path.strip_prefix(API)?
        .strip_prefix("/applications/")?
        .strip_suffix("/token")
        .filter(|id| !id.contains('/'))
}

/// 204, or what GitHub documents: 401 without the client's credentials, 404 for another's token, 422 for a bad body.
pub(super) fn revoke(state: &State, request: &Request) -> Answer {
    if let Some(answer) = without_user_agent(request) {
        return answer;
    }
    let mut ledger = lock(&state.ledger);
    let Some(id) = client_in(&request.path) else { return not_found() };
    let known = request.basic().is_some_and(|(user, password)| {
        user == id && ledger.client(id).is_some_and(|client| client.secret == password)
    });
    if !known {
        return bad_credentials();
    }
    let body: Option<Value> = serde_json::from_slice(&request.body).ok();
    match body.as_ref().and_then(|body| body.get("access_token")).and_then(Value::as_str) {
        None => Answer::json(StatusCode::UNPROCESSABLE_ENTITY, &json!({ "message": "Validation Failed" })),
        Some(token) if ledger.revoke(id, token) => Answer::empty(StatusCode::NO_CONTENT),
        Some(_) => not_found(),
    }
}
