//! The gallery as a site, with the files that its pages name: for eyes, and for a browser that looks in their place.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use vestibule::web::assets::asset;
use vestibule::web::headers::{ResponseKind, headers};

use super::gallery::{EN, gallery, pages};

type Album = Arc<BTreeMap<String, String>>;

/// Every page in every state at `/NAME`, and a list of them at `/`.
pub(crate) fn album() -> (Vec<String>, Router) {
    let shown: BTreeMap<_, _> =
        gallery(&pages(), EN).into_iter().map(|(name, html)| (name, html.into_string())).collect();
    let names = shown.keys().cloned().collect();
    let router = Router::new()
        .route("/", get(list))
        .route("/assets/{*path}", get(file))
        .route("/assets/provider/{name}", get(operators_icon))
        .route("/{name}", get(page))
        .with_state(Arc::new(shown));
    (names, router)
}

async fn list(State(album): State<Album>) -> Html<String> {
    let items: String = album.keys().map(|name| format!("<li><a href=\"/{name}\">{name}</a>")).collect();
    Html(format!(
        "<!doctype html><meta name=\"color-scheme\" content=\"light dark\"><title>Pages</title><ul>{items}</ul>"
    ))
}

/// With the policy of a page without scripts, so that the pages that send themselves stay to be looked at.
async fn page(State(album): State<Album>, Path(name): Path<String>) -> Response {
    match album.get(&name) {
        Some(html) => {
            let mut response = html.clone().into_response();
            for (name, value) in headers(ResponseKind::Page) {
                response.headers_mut().insert(*name, value.parse().expect("a header of ours is one"));
            }
            response
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Stands for the picture that an operator has configured.
async fn operators_icon() -> Response {
    let picture = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 24 24\"><rect x=\"2\" y=\"2\" width=\"20\" \
                   height=\"20\" rx=\"5\" fill=\"#3a6ea5\"/><circle cx=\"12\" cy=\"12\" r=\"5\" fill=\"#fff\"/></svg>";
    ([(CONTENT_TYPE, "image/svg+xml")], picture).into_response()
}

async fn file(Path(path): Path<String>) -> Response {
    match asset(&format!("/assets/{path}")) {
        Some(asset) => ([(CONTENT_TYPE, asset.content_type)], asset.bytes.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
