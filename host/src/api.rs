//! JSON under `/api/v1`, and the check that a proxy makes for each request (forward-auth).
//!
//! Never cached, never for another origin: no CORS header is sent.

mod check;
mod health;
mod me;
mod session;

use axum::response::Response;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use serde::Serialize;
use serde_json::json;

pub(crate) use check::check;
pub(crate) use health::{alive, ready};
pub(crate) use me::me;
pub(crate) use session::{begin, end};

use crate::problem::Problem;
use crate::site::{log, respond, retry_after, status};
use crate::web::headers::ResponseKind;
use crate::web::pages::ErrorKind;

fn answer(status: StatusCode, record: &impl Serialize) -> Response {
    // Records of ours always serialize; a fault in one is an empty body, never a wrong status.
    let mut response = respond(ResponseKind::Data, status, serde_json::to_vec(record).unwrap_or_default());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// `{"errors":[{"detail": …}]}`. The cause goes to the log only.
pub(crate) fn problem(request_id: &str, problem: Problem) -> Response {
    let detail = detail(problem.kind);
    problem_saying(request_id, problem, detail)
}

fn problem_saying(request_id: &str, problem: Problem, detail: &str) -> Response {
    log(&problem);
    let detail = format!("{detail} (id {request_id})");
    let mut response = answer(status(problem.kind), &json!({ "errors": [{ "detail": detail }] }));
    retry_after(response.headers_mut(), &problem);
    response
}

/// For whoever writes the client: the pages' texts are for people and are translated, these are neither.
fn detail(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::CrossSite => "this call must come from the server's own origin",
        ErrorKind::NotFound => "there is no such call",
        ErrorKind::MethodNotAllowed => "this call has another method",
        ErrorKind::PayloadTooLarge => "the body is too large",
        ErrorKind::BadRequest => "malformed request",
        ErrorKind::TooManyAttempts => "too many sign-ins from this address, try again later",
        ErrorKind::ProviderTurnedOff | ErrorKind::ProviderTurnedOffMeanwhile => "this provider is turned off",
        ErrorKind::ServiceUnavailable => "the service is temporarily unavailable",
        ErrorKind::ProviderUnavailable | ErrorKind::ProviderUnreachable | ErrorKind::ProviderRateLimited => {
            "this provider is temporarily unavailable"
        }
        ErrorKind::Internal => "internal error",
        _ => "this provider could not begin a sign-in",
    }
}

fn unauthenticated() -> Response {
    answer(StatusCode::UNAUTHORIZED, &json!({ "errors": [{ "detail": "this call needs a session" }] }))
}
