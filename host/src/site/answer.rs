//! Pages and redirects as responses, each with the headers of its kind.

use axum::body::Body;
use axum::response::Response;
use http::header::{HeaderName, HeaderValue, LOCATION, REFERRER_POLICY, RETRY_AFTER, SET_COOKIE};
use http::{HeaderMap, StatusCode};

use super::visitor::Visitor;
use crate::name::ProviderName;
use crate::problem::Problem;
use crate::state::App;
use crate::web::headers::{ResponseKind, headers};
use crate::web::pages::{self, ErrorKind, ErrorPage, Html};

/// A response with the headers of its kind.
pub(crate) fn respond(kind: ResponseKind, status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    for (name, value) in headers(kind) {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

/// A page that was rendered, or the error page if it could not be.
pub(crate) fn page(
    app: &App,
    visitor: &Visitor,
    kind: ResponseKind,
    html: Result<Html, pages::Error>,
) -> Response {
    match html {
        Ok(html) => respond(kind, StatusCode::OK, html.into_string()),
        Err(error) => problem(app, visitor, Problem::new(ErrorKind::Internal, error)),
    }
}

/// 303, and no `Referer` from a callback's address (RFC 9700 §4.2.4, §4.12).
pub(crate) fn see_other(location: &str) -> Response {
    let mut response = respond(ResponseKind::Data, StatusCode::SEE_OTHER, Body::empty());
    match HeaderValue::from_str(location) {
        Ok(location) => {
            response.headers_mut().insert(LOCATION, location);
            response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        }
        // Return paths and parsed URLs are ASCII: a fault of ours, and not to be answered with half a redirect.
        Err(_) => {
            tracing::error!("a redirect's target is no header value");
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        }
    }
    response
}

/// Adds a cookie.
pub(crate) fn with_cookie(mut response: Response, cookie: &str) -> Response {
    // Our cookies are made of base64url and constants; one that is no header value is not sent.
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(SET_COOKIE, value);
    }
    response
}

/// The error page. This is where a failed request is logged: once, with the id that the person sees.
pub(crate) fn problem(app: &App, visitor: &Visitor, problem: Problem) -> Response {
    log(&problem);
    let label = problem.provider.as_ref().map(|name| label(app, name));
    let page = ErrorPage {
        provider: label.as_deref().map(Into::into),
        retry_after: problem.retry_after,
        try_again: try_again(&problem),
        ..ErrorPage::new(problem.kind, visitor.id.as_str())
    };
    let status = status(problem.kind);
    let mut response = match app.pages.error(visitor.language, &page) {
        Ok(html) => respond(ResponseKind::Page, status, html.into_string()),
        Err(error) => {
            tracing::error!(%error, "the error page could not be rendered");
            respond(ResponseKind::Data, status, format!("{status}\nid: {}\n", visitor.id))
        }
    };
    retry_after(response.headers_mut(), &problem);
    response
}

/// `Retry-After`, in whole seconds.
pub(crate) fn retry_after(headers: &mut HeaderMap, problem: &Problem) {
    if let Some(wait) = problem.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().saturating_add(1)));
    }
}

/// The status of a kind.
pub(crate) fn status(kind: ErrorKind) -> StatusCode {
    StatusCode::from_u16(kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Logs a failed request, once.
pub(crate) fn log(problem: &Problem) {
    let (kind, cause) = (problem.kind.key(), &problem.cause);
    let provider = problem.provider.as_ref().map(tracing::field::display);
    if problem.is_fault() {
        tracing::error!(kind, provider, cause, "request failed");
    } else {
        tracing::info!(kind, provider, cause, "request refused");
    }
}

fn label(app: &App, name: &ProviderName) -> String {
    let registry = app.registry.load();
    match registry.get(name.as_str()) {
        Some(entry) => entry.label.clone(),
        None => {
            registry.gone_by_name(name.as_str()).map_or_else(|| name.to_string(), |gone| gone.label.clone())
        }
    }
}

/// Where a person who could not sign in tries again, on the way to where they wanted to go.
fn try_again(problem: &Problem) -> Option<String> {
    match problem.kind {
        ErrorKind::NotFound | ErrorKind::MethodNotAllowed | ErrorKind::Internal => None,
        _ => {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            if let Some(name) = &problem.provider {
                query.append_pair("provider", name.as_str());
            }
            if problem.return_path.is_elsewhere() {
                query.append_pair("return_to", problem.return_path.as_str());
            }
            let query = query.finish();
            Some(if query.is_empty() { "/login".to_owned() } else { format!("/login?{query}") })
        }
    }
}
