//! `/healthz` and `/readyz`, for whoever starts and watches the server.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};

use crate::site::respond;
use crate::state::SharedApp;
use crate::web::headers::ResponseKind;

/// The process answers.
pub(crate) async fn alive() -> Response {
    text(StatusCode::OK, "ok\n")
}

/// The database answers, and the registry is there. Never one provider: that one is out of order must not take the
/// others out of service.
pub(crate) async fn ready(State(app): State<SharedApp>) -> Response {
    match app.store.ping().await {
        Ok(()) => text(StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            text(StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n")
        }
    }
}

fn text(status: StatusCode, body: &'static str) -> Response {
    let mut response = respond(ResponseKind::Data, status, body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
