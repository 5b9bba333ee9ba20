//! The listener of the metrics: one page, for whoever may reach its address. Nothing of the server's own is here, and the
//! page is nowhere else.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use tokio::net::TcpListener;

use super::page;
use crate::server::{self, Limits};
use crate::state::SharedApp;

/// How many scrapes there may be at once.
const CONNECTIONS: usize = 16;
/// The text exposition format of Prometheus.
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// Serves `GET /metrics` until `end` is ready.
pub async fn serve(listener: TcpListener, app: SharedApp, end: impl Future<Output = ()>) {
    let limits = Limits { connections: CONNECTIONS, ..Limits::new(false) };
    let router = Router::new().fallback(answer).with_state(app);
    server::serve(listener, router, limits, end).await;
}

async fn answer(State(app): State<SharedApp>, request: Request) -> Response {
    if request.uri().path() != "/metrics" {
        return plain(StatusCode::NOT_FOUND, "there is only /metrics\n".to_owned());
    }
    if request.method() != Method::GET {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned());
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
        return response;
    }
    match page::write(&app) {
        Ok(text) => plain(StatusCode::OK, text),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be written");
            plain(StatusCode::INTERNAL_SERVER_ERROR, "the metrics could not be written\n".to_owned())
        }
    }
}

fn plain(status: StatusCode, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, TEXT);
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    response
}
