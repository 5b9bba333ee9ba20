//! `/assets/`: our own files, under paths that change with their content, and operators' icons.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::header::{CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode};

use super::answer::{problem, respond};
use super::segment::Segment;
use super::visitor::Visitor;
use crate::problem::Problem;
use crate::state::SharedApp;
use crate::web::assets::asset;
use crate::web::headers::ResponseKind;
use crate::web::pages::ErrorKind;

pub(crate) async fn own(
    State(app): State<SharedApp>,
    visitor: Visitor,
    headers: HeaderMap,
    Segment(file): Segment,
) -> Response {
    let Some(asset) = asset(&format!("/assets/{file}")) else {
        return problem(&app, &visitor, Problem::new(ErrorKind::NotFound, "no such file"));
    };
    let known = headers.get(IF_NONE_MATCH).is_some_and(|tag| tag.as_bytes() == asset.etag.as_bytes());
    let mut response = if known {
        respond(ResponseKind::Asset, StatusCode::NOT_MODIFIED, Body::empty())
    } else {
        respond(ResponseKind::Asset, StatusCode::OK, asset.bytes.clone())
    };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    if let Ok(etag) = HeaderValue::from_str(&asset.etag) {
        response.headers_mut().insert(ETAG, etag);
    }
    response
}

/// Only ever the target of an `<img>`: an SVG could carry scripts, which the policy of its answer stops as well.
pub(crate) async fn operator_icon(
    State(app): State<SharedApp>,
    visitor: Visitor,
    Segment(provider): Segment,
) -> Response {
    let registry = app.registry.load();
    let Some(icon) = registry.get(&provider).and_then(|entry| entry.icon.as_ref()) else {
        return problem(&app, &visitor, Problem::new(ErrorKind::NotFound, "no such icon"));
    };
    let mut response = respond(ResponseKind::OperatorIcon, StatusCode::OK, icon.bytes.clone());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(icon.content_type));
    response
}
