//! The revocation endpoint (RFC 7009): the end of one token, asked for by its client.

use http::StatusCode;
use serde_json::json;

use super::client_auth::{Failure, authenticate};
use crate::answer::Answer;
use crate::lock::lock;
use crate::request::Request;
use crate::state::State;

/// 200, also for a token that nobody knows or that is another client's, of which nothing is said (RFC 7009 §2.2).
pub(super) fn revoke(state: &State, request: &Request) -> Answer {
    let client = match authenticate(state, request) {
        Ok(client) => client,
        Err(failure) => return failure.answer(),
    };
    let Some(token) = request.form_param("token") else {
        return Failure::new("invalid_request", "Missing required parameter: token.").answer();
    };
    lock(&state.ledger).revoke(&client.id, &token);
    Answer::json(StatusCode::OK, &json!({}))
}
