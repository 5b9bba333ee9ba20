//! `POST /api/v1/session/begin` and `DELETE /api/v1/session`: a single-page application's way in and out.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use serde_json::json;

use super::{answer, problem, problem_saying};
use crate::login::return_path::ReturnPath;
use crate::plugin::To;
use crate::problem::Problem;
use crate::session::cookie;
use crate::site::{Visitor, respond, start, with_cookie};
use crate::state::SharedApp;
use crate::web::headers::ResponseKind;
use crate::web::pages::ErrorKind;

/// `?provider=…&return_to=…` → `{"url": …}`, where the application sends the browser; or, for a provider that wants a
/// form, `{"post": {"url": …, "fields": [[name, value], …]}}`.
pub(crate) async fn begin(
    State(app): State<SharedApp>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Response {
    let (mut provider, mut return_to) = (None, None);
    for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        let known = match &*name {
            "provider" => &mut provider,
            "return_to" => &mut return_to,
            _ => continue,
        };
        if known.replace(value.into_owned()).is_some() {
            let cause = "`provider` or `return_to` came twice";
            return problem(&visitor.id, Problem::new(ErrorKind::BadRequest, cause));
        }
    }
    let default = app.default_provider.as_ref().map(|name| name.as_str().to_owned());
    let Some(provider) = provider.or(default) else {
        let cause = "no `provider` was named, and `default_provider` is not configured";
        return unknown(&visitor, Problem::new(ErrorKind::NotFound, cause));
    };
    match start(&app, &visitor, &provider, ReturnPath::new(return_to.as_deref())).await {
        Ok(begun) => {
            let response = match begun.to {
                To::Redirect(url) => answer(StatusCode::OK, &json!({ "url": url.as_str() })),
                To::Post { url, fields } => {
                    answer(StatusCode::OK, &json!({ "post": { "url": url.as_str(), "fields": fields } }))
                }
            };
            match begun.browser {
                Some(token) => with_cookie(response, &cookie::set(cookie::BROWSER, &token, None)),
                None => response,
            }
        }
        Err(failed) if failed.kind == ErrorKind::NotFound => unknown(&visitor, failed),
        Err(failed) => problem(&visitor.id, failed),
    }
}

fn unknown(visitor: &Visitor, failed: Problem) -> Response {
    problem_saying(&visitor.id, failed, "unknown provider")
}

/// Signs this browser out: 204, whether it was signed in or not.
pub(crate) async fn end(State(app): State<SharedApp>, visitor: Visitor) -> Response {
    if !visitor.own_page {
        let cause = "sign-out did not come from a page of ours";
        return problem(&visitor.id, Problem::new(ErrorKind::CrossSite, cause));
    }
    if let Some(token) = &visitor.session
        && let Err(error) = app.sessions.end(token).await
    {
        return problem(&visitor.id, error.into());
    }
    let response = respond(ResponseKind::Data, StatusCode::NO_CONTENT, axum::body::Body::empty());
    with_cookie(response, &cookie::clear(cookie::SESSION))
}
