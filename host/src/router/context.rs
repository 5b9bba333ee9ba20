//! Around every request: its id, its line in the log, its body, its time limit, and the net under it.

use std::any::Any;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts as _, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{HOST, HeaderName, HeaderValue};
use http::request::Parts;
use http::{StatusCode, Version};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tracing::Instrument as _;

use crate::address::{self, Peer};
use crate::api;
use crate::problem::Problem;
use crate::random::request_id;
use crate::request_id::within;
use crate::server::TimeLimit;
use crate::site::{self, RequestId, Visitor};
use crate::state::{ClientAddress, SharedApp};
use crate::web::pages::ErrorKind;

/// The largest body of a request: callbacks and begins are small.
const MAX_BODY: usize = 64 * 1024;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Says that a handler panicked, and with what.
#[derive(Clone)]
struct Panicked(String);

pub(super) async fn around(State(app): State<SharedApp>, mut request: Request, next: Next) -> Response {
    let id = request_id(&*app.random);
    let method = request.method().clone();
    // The route and never the address: an address holds codes and states.
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or("-", |path| path.as_str());
    request.extensions_mut().insert(RequestId(id.clone()));
    if let Some(peer) = request.extensions().get::<Peer>().copied() {
        let client = address::client(peer, request.headers(), &app.trusted_proxies);
        request.extensions_mut().insert(ClientAddress(client));
    }
    let span = tracing::info_span!("request", %id, %method, route);
    let started = app.login.clock.now();
    let answered = within(Some(id.clone()), answered(&app, request, next));
    let mut response = answered.instrument(span.clone()).await;
    let _entered = span.enter();
    let took = app.login.clock.now().since(started);
    tracing::debug!(status = response.status().as_u16(), took_us = took.as_micros(), "answered");
    app.metrics.answered(matched.as_ref().map(|path| path.as_str()), response.status());
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

async fn answered(app: &SharedApp, request: Request, next: Next) -> Response {
    let limit = request.extensions().get::<TimeLimit>().map_or(Duration::from_secs(30), |limit| limit.0);
    let (parts, body) = request.into_parts();
    if !has_one_host(&parts) {
        let problem = Problem::new(ErrorKind::BadRequest, "a request has one `Host` (RFC 9112 §3.2)");
        return refuse(app, parts, problem).await;
    }
    let body = match read(body, limit).await {
        Ok(body) => body,
        Err(problem) => return refuse(app, parts, problem).await,
    };
    let run = next.run(Request::from_parts(parts.clone(), body.into()));
    let Ok(response) = tokio::time::timeout(limit, run).await else {
        let cause = format!("the request took longer than {limit:?}");
        return refuse(app, parts, Problem::new(ErrorKind::ServiceUnavailable, cause)).await;
    };
    match response.extensions().get::<Panicked>() {
        Some(Panicked(message)) => {
            let cause = format!("a handler panicked: {message}");
            refuse(app, parts, Problem::new(ErrorKind::Internal, cause)).await
        }
        None => response,
    }
}

/// None of ours depends on `Host`; a proxy in front may, and two of them would let it and us see different requests.
fn has_one_host(parts: &Parts) -> bool {
    match parts.headers.get_all(HOST).iter().count() {
        0 => parts.version < Version::HTTP_11,
        hosts => hosts == 1,
    }
}

/// The whole body, before any handler: no handler waits for a client that sends byte by byte.
async fn read(body: Body, limit: Duration) -> Result<Bytes, Problem> {
    match tokio::time::timeout(limit, Limited::new(body, MAX_BODY).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(Problem::new(ErrorKind::PayloadTooLarge, format!("the body is longer than {MAX_BODY} bytes")))
        }
        Ok(Err(error)) => {
            Err(Problem::new(ErrorKind::BadRequest, format!("the body could not be read: {error}")))
        }
        Err(_) => Err(Problem::new(ErrorKind::BadRequest, format!("the body did not come within {limit:?}"))),
    }
}

/// A page for a browser, JSON for a program.
pub(super) async fn refuse(app: &SharedApp, mut parts: Parts, problem: Problem) -> Response {
    let visitor = match Visitor::from_request_parts(&mut parts, app).await {
        Ok(visitor) => visitor,
        Err(never) => match never {},
    };
    let path = parts.uri.path();
    if path.starts_with("/api/") || path.starts_with("/.vestibule/") {
        api::problem(&visitor.id, problem)
    } else {
        site::problem(app, &visitor, problem)
    }
}

/// Marks the answer; the page is made where the request's id is known.
pub(super) fn panicked(payload: Box<dyn Any + Send + 'static>) -> Response<Body> {
    let message = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response.extensions_mut().insert(Panicked(message));
    response
}
