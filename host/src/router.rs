//! Every path and method, in one table.

mod context;

use axum::Router;
use axum::extract::{DefaultBodyLimit, OriginalUri, State};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{MethodRouter, delete, get, post};
use http::header::{HeaderName, HeaderValue, STRICT_TRANSPORT_SECURITY};
use tower::ServiceExt as _;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::api;
use crate::problem::Problem;
use crate::site::{self, Visitor};
use crate::state::SharedApp;
use crate::web::pages::ErrorKind;

/// The largest body of a request: callbacks and begins are small.
const MAX_BODY: usize = 64 * 1024;

/// The server's routes. An accept loop puts a [`Peer`](crate::address::Peer) into each request.
pub fn router(app: SharedApp) -> Router {
    let routes = Router::new()
        .route("/", get(site::root))
        .route("/login", get(site::sign_in))
        .route("/account", get(site::account))
        .route("/logout", post(site::sign_out))
        .route("/auth/{provider}/begin", post(site::begin))
        .route("/auth/{provider}/callback", callback())
        .route("/assets/{file}", get(site::file))
        .route("/assets/provider/{provider}", get(site::operator_icon))
        .route("/api/v1/me", get(api::me))
        .route("/api/v1/session/begin", post(api::begin))
        .route("/api/v1/session", delete(api::end))
        .route("/.vestibule/check", get(api::check))
        .route("/healthz", get(api::alive))
        .route("/readyz", get(api::ready))
        .fallback(elsewhere)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(CatchPanicLayer::custom(context::panicked))
        .layer(from_fn_with_state(app.clone(), context::around))
        .layer(SetResponseHeaderLayer::if_not_present(
            HeaderName::from_static("x-content-type-options"),
            HeaderValue::from_static("nosniff"),
        ));
    let routes = if app.public_url.is_https() {
        // A year, as browsers' preload lists ask for at least; without `includeSubDomains`, which is not ours to say.
        let year = HeaderValue::from_static("max-age=31536000");
        routes.layer(SetResponseHeaderLayer::overriding(STRICT_TRANSPORT_SECURITY, year))
    } else {
        routes
    };
    routes.with_state(app)
}

/// Only GET and POST. `get` alone would answer HEAD as well, and a HEAD that a scanner sends must not use up a state.
fn callback() -> MethodRouter<SharedApp> {
    get(site::callback_by_get).head(wrong_method).post(site::callback_by_post)
}

/// A callback at a path of the operator's own (`redirect_path`), or nothing.
async fn elsewhere(
    State(app): State<SharedApp>,
    OriginalUri(uri): OriginalUri,
    request: axum::extract::Request,
) -> Response {
    if app.registry.load().by_callback_path(uri.path()).is_some() {
        let service = callback().fallback(wrong_method).with_state(app);
        return match service.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
    }
    let (mut parts, _) = request.into_parts();
    let visitor = context::visitor(&mut parts, &app).await;
    site::problem(&app, &visitor, Problem::new(ErrorKind::NotFound, "no such page"))
}

async fn wrong_method(State(app): State<SharedApp>, visitor: Visitor) -> Response {
    site::problem(&app, &visitor, Problem::new(ErrorKind::MethodNotAllowed, "no such method for this path"))
}
