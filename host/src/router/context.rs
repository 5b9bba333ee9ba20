//! Around every request: its id, its line in the log, its time limit, and the net under it.

use std::any::Any;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequestParts as _, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::StatusCode;
use http::header::{HeaderName, HeaderValue};
use http::request::Parts;
use tracing::Instrument as _;

use crate::address::{self, Peer};
use crate::problem::Problem;
use crate::random::request_id;
use crate::site::{self, RequestId, Visitor};
use crate::state::{ClientAddress, SharedApp};
use crate::web::pages::ErrorKind;

/// How long a request may take: an operation has 15 s, and the database comes after it.
const TIME_LIMIT: Duration = Duration::from_secs(30);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Says that a handler panicked, and with what.
#[derive(Clone)]
struct Panicked(String);

pub(super) async fn around(State(app): State<SharedApp>, mut request: Request, next: Next) -> Response {
    let id = request_id(&*app.random);
    let method = request.method().clone();
    // The route and never the address: an address holds codes and states.
    let route = request.extensions().get::<MatchedPath>().map_or("-", |path| path.as_str()).to_owned();
    request.extensions_mut().insert(RequestId(id.clone()));
    if let Some(peer) = request.extensions().get::<Peer>().copied() {
        let client = address::client(peer, request.headers(), &app.trusted_proxies);
        request.extensions_mut().insert(ClientAddress(client));
    }
    let span = tracing::info_span!("request", %id, %method, route);
    let started = app.login.clock.now();
    let mut response = answered(&app, request, next).instrument(span.clone()).await;
    let _entered = span.enter();
    let took = app.login.clock.now().since(started);
    tracing::debug!(status = response.status().as_u16(), took_us = took.as_micros(), "answered");
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

async fn answered(app: &SharedApp, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let visitor = visitor(&mut parts, app).await;
    let run = next.run(Request::from_parts(parts, body));
    let Ok(response) = tokio::time::timeout(TIME_LIMIT, run).await else {
        let cause = format!("the request took longer than {} s", TIME_LIMIT.as_secs());
        return site::problem(app, &visitor, Problem::new(ErrorKind::ServiceUnavailable, cause));
    };
    match response.extensions().get::<Panicked>() {
        Some(Panicked(message)) => site::problem(
            app,
            &visitor,
            Problem::new(ErrorKind::Internal, format!("a handler panicked: {message}")),
        ),
        None => response,
    }
}

pub(super) async fn visitor(parts: &mut Parts, app: &SharedApp) -> Visitor {
    match Visitor::from_request_parts(parts, app).await {
        Ok(visitor) => visitor,
        Err(never) => match never {},
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
