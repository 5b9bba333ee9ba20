//! Every path and method, in one table.

mod context;

use axum::Router;
use axum::extract::{OriginalUri, State};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{MethodRouter, delete, get, post};
use http::header::{ALLOW, HeaderName, HeaderValue, STRICT_TRANSPORT_SECURITY};
use tower::ServiceExt as _;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::api;
use crate::problem::Problem;
use crate::site;
use crate::state::SharedApp;
use crate::web::pages::ErrorKind;

/// The patterns below, for the metrics: what stands in no pattern is counted as one.
pub(crate) const ROUTES: [&str; 14] = [
    "/",
    "/login",
    "/account",
    "/logout",
    "/auth/{provider}/begin",
    "/auth/{provider}/callback",
    "/assets/{file}",
    "/assets/provider/{provider}",
    "/api/v1/me",
    "/api/v1/session/begin",
    "/api/v1/session",
    "/.vestibule/check",
    "/healthz",
    "/readyz",
];

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
        .method_not_allowed_fallback(wrong_method);
    around(routes, app)
}

/// What every route has around it.
fn around(routes: Router<SharedApp>, app: SharedApp) -> Router {
    let routes = routes
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
    get(site::callback_by_get).head(no_head).post(site::callback_by_post)
}

/// A callback at a path of the operator's own (`redirect_path`), or nothing.
async fn elsewhere(
    State(app): State<SharedApp>,
    OriginalUri(uri): OriginalUri,
    request: axum::extract::Request,
) -> Response {
    let registry = app.registry.load();
    let path = uri.path();
    if registry.by_callback_path(path).is_some() || registry.gone_by_callback_path(path).is_some() {
        drop(registry);
        let service = callback().fallback(wrong_method).with_state(app);
        return match service.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
    }
    let (parts, _) = request.into_parts();
    context::refuse(&app, parts, Problem::new(ErrorKind::NotFound, "no such path")).await
}

async fn wrong_method(State(app): State<SharedApp>, request: axum::extract::Request) -> Response {
    let (parts, _) = request.into_parts();
    let problem = Problem::new(ErrorKind::MethodNotAllowed, "no such method for this path");
    context::refuse(&app, parts, problem).await
}

async fn no_head(app: State<SharedApp>, request: axum::extract::Request) -> Response {
    let mut response = wrong_method(app, request).await;
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET,POST"));
    response
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use http::{Request, StatusCode};

    use super::*;
    use crate::config::Config;
    use crate::startup::{self, Ambient};

    async fn app(folder: &std::path::Path) -> SharedApp {
        let config = folder.join("config.toml");
        std::fs::write(&config, "[server]\npublic_url = \"https://id.example.org\"\n").unwrap();
        let environment = std::collections::BTreeMap::<String, String>::new();
        let loaded = Config::load(&config, &environment).unwrap();
        startup::app(&loaded.config, &Ambient::system()).await.unwrap()
    }

    #[test]
    fn every_route_is_counted_by_its_own_pattern() {
        let table = include_str!("router.rs").split("/// What every route").next().unwrap();
        let routes: Vec<_> =
            table.split(".route(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(routes, ROUTES);
    }

    async fn panics() -> &'static str {
        panic!("the canary is in `{}`", "the log only")
    }

    #[tokio::test]
    async fn a_handler_that_panics_is_an_error_page_with_an_id_and_the_server_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let routes = Router::new()
            .route("/panics", get(panics))
            .route("/api/panics", get(panics))
            .route("/healthz", get(api::alive));
        let router = around(routes, app(folder.path()).await);
        let ask = async |path: &str| {
            let request = Request::get(path).header("host", "id.example.org").body(Body::empty()).unwrap();
            let Ok(response) = router.clone().oneshot(request).await;
            let (parts, body) = response.into_parts();
            let text = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
            (parts, text)
        };
        for (path, beginning) in
            [("/panics", "<!doctype html>"), ("/api/panics", "{\"errors\":[{\"detail\":\"internal")]
        {
            let (parts, text) = ask(path).await;
            assert_eq!(parts.status, StatusCode::INTERNAL_SERVER_ERROR);
            let id = parts.headers["x-request-id"].to_str().unwrap();
            assert!(text.contains(id) && !text.contains("canary"), "{text}");
            assert!(text.starts_with(beginning), "{text}");
            for name in ["content-security-policy", "x-content-type-options", "strict-transport-security"] {
                assert!(parts.headers.contains_key(name), "{name}");
            }
        }
        let (parts, text) = ask("/healthz").await;
        assert_eq!((parts.status, text.as_str()), (StatusCode::OK, "ok\n"));
    }
}
