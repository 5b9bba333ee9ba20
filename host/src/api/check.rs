//! `GET /.vestibule/check`: a proxy asks for each of its requests who the visitor is (nginx `auth_request`, Caddy
//! `forward_auth`). 200 with the two identity headers, or 401; whatever goes wrong is never a 2xx.
//!
//! The answer depends on the session cookie alone. No path is exempt, no header of the request changes it, and both
//! headers are there in every 200, so that a client cannot fill one in.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use http::header::{HeaderName, HeaderValue};

use super::problem;
use crate::problem::Problem;
use crate::site::{Visitor, respond};
use crate::state::SharedApp;
use crate::web::headers::ResponseKind;
use crate::web::pages::ErrorKind;

const USER_ID: HeaderName = HeaderName::from_static("x-vestibule-user-id");
const USERNAME: HeaderName = HeaderName::from_static("x-vestibule-username");

pub(crate) async fn check(State(app): State<SharedApp>, visitor: Visitor) -> Response {
    let user = match app.sessions.current(visitor.session.as_deref()).await {
        Ok(Some(session)) => session.user,
        Ok(None) => return respond(ResponseKind::Data, StatusCode::UNAUTHORIZED, Body::empty()),
        Err(error) => return problem(&visitor.id, error.into()),
    };
    // Usernames are ASCII letters, digits, `-` and `_`; one that is not must not become somebody else's header.
    let Ok(username) = HeaderValue::from_str(user.username.as_str()) else {
        let cause = format!("the username of user {} is no header value", user.id);
        return problem(&visitor.id, Problem::new(ErrorKind::Internal, cause));
    };
    let mut response = respond(ResponseKind::Data, StatusCode::OK, Body::empty());
    response.headers_mut().insert(USER_ID, HeaderValue::from(user.id));
    response.headers_mut().insert(USERNAME, username);
    response
}
