//! The routes, with the same paths as Vestibule's, so that one visitor walks through both.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use axum::routing::{get, post};
use cookie::{Cookie, SameSite};
use http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use serde_json::json;
use url::form_urlencoded;

use super::provider::Provider;
use super::random::{sha256, token};
use super::store::{Attempt, Store, User};
use crate::clock::now_us;

const BROWSER: &str = "__Host-bare_browser";
const SESSION: &str = "__Host-bare_session";
/// Microseconds: how long a person may take at the provider, and how long a session lasts.
const ATTEMPT_LIFE: i64 = 10 * 60 * 1_000_000;
const SESSION_LIFE: i64 = 30 * 24 * 60 * 60 * 1_000_000;

/// What handlers need.
pub struct Party {
    /// Attempts, users, sessions.
    pub store: Store,
    /// The provider.
    pub provider: Provider,
}

type Shared = State<Arc<Party>>;

/// Everything that it serves.
pub fn router(party: Party) -> Router {
    let name = party.provider.name();
    Router::new()
        .route(&format!("/auth/{name}/begin"), post(begin))
        .route(&format!("/auth/{name}/callback"), get(callback))
        .route("/api/v1/me", get(me))
        .route("/.vestibule/check", get(check))
        .route("/readyz", get(async || "ready"))
        .with_state(Arc::new(party))
}

async fn begin(State(party): Shared, headers: HeaderMap) -> Result<Response, Failed> {
    if headers.get("sec-fetch-site").is_none_or(|site| site != "same-origin") {
        return Err(Failed(StatusCode::FORBIDDEN));
    }
    let (state, code_verifier) = (token(), token());
    let nonce = party.provider.takes_nonce().then(token);
    let url = party.provider.authorize_url(&state, &code_verifier, nonce.as_deref())?;
    let known = cookie(&headers, BROWSER);
    let browser = known.clone().unwrap_or_else(token);
    let attempt = Attempt {
        state_hash: sha256(&state),
        browser_hash: sha256(&browser),
        code_verifier,
        nonce,
        expires_at: now_us() + ATTEMPT_LIFE,
    };
    party.store.insert_attempt(&attempt).await?;
    see_other(url.as_str(), known.is_none().then_some((BROWSER, &browser)))
}

async fn callback(
    State(party): Shared,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Failed> {
    let query = query.unwrap_or_default();
    let param = |wanted: &str| {
        form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == wanted).map(|(_, value)| value)
    };
    let (Some(state), Some(code), Some(browser)) = (param("state"), param("code"), cookie(&headers, BROWSER))
    else {
        return Err(Failed(StatusCode::BAD_REQUEST));
    };
    if party.provider.issuer().is_some_and(|issuer| param("iss").as_deref() != Some(issuer)) {
        return Err(Failed(StatusCode::BAD_REQUEST));
    }
    let taken = party.store.take_attempt(&sha256(&state), &sha256(&browser), now_us()).await?;
    let (code_verifier, nonce) = taken.ok_or(Failed(StatusCode::BAD_REQUEST))?;
    let account = party.provider.account(&code, &code_verifier, nonce.as_deref()).await?;
    let (session, now) = (token(), now_us());
    party.store.sign_in(&account, &sha256(&session), now, now + SESSION_LIFE).await?;
    see_other("/", Some((SESSION, &session)))
}

async fn me(State(party): Shared, headers: HeaderMap) -> Result<Response, Failed> {
    let user = signed_in(&party, &headers).await?;
    let (id, login, name, avatar_url) = (user.id, user.login, user.name, user.avatar_url);
    let body = json!({ "user": { "id": id, "username": login, "name": name, "avatar_url": avatar_url } });
    let response = Response::builder().header(CONTENT_TYPE, "application/json");
    Ok(response.body(Body::from(body.to_string()))?)
}

async fn check(State(party): Shared, headers: HeaderMap) -> Result<Response, Failed> {
    let user = signed_in(&party, &headers).await?;
    let response = Response::builder().header("x-user-id", user.id).header("x-username", user.login);
    Ok(response.body(Body::empty())?)
}

async fn signed_in(party: &Party, headers: &HeaderMap) -> Result<User, Failed> {
    let token = cookie(headers, SESSION).ok_or(Failed(StatusCode::UNAUTHORIZED))?;
    party.store.user(&sha256(&token), now_us()).await?.ok_or(Failed(StatusCode::UNAUTHORIZED))
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let texts = headers.get_all(COOKIE).into_iter().filter_map(|header| header.to_str().ok());
    let mut cookies = texts.flat_map(Cookie::split_parse).flatten();
    cookies.find(|cookie| cookie.name() == name).map(|cookie| cookie.value().to_owned())
}

fn see_other(location: &str, cookie: Option<(&'static str, &str)>) -> Result<Response, Failed> {
    let mut response = Response::builder().status(StatusCode::SEE_OTHER).header(LOCATION, location);
    if let Some((name, value)) = cookie {
        let cookie =
            Cookie::build((name, value)).path("/").secure(true).http_only(true).same_site(SameSite::Lax);
        response = response.header(SET_COOKIE, cookie.build().to_string());
    }
    Ok(response.body(Body::empty())?)
}

/// A request that failed. Whoever measures sees the status; why it failed is nobody's to see here.
struct Failed(StatusCode);

impl<E: std::error::Error> From<E> for Failed {
    fn from(_: E) -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl axum::response::IntoResponse for Failed {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}
