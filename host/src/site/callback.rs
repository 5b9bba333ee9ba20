//! `/auth/<provider>/callback`: the browser comes back, by GET or (form_post) by POST.

use axum::body::Bytes;
use axum::extract::{OriginalUri, RawQuery, State};
use axum::response::Response;
use http::HeaderMap;
use http::header::CONTENT_TYPE;

use super::answer::{page, problem, see_other, with_cookie};
use super::visitor::Visitor;
use crate::login::callback::{Callback, Outcome, callback as callback_login};
use crate::problem::Problem;
use crate::registry::Entry;
use crate::session::cookie;
use crate::state::{App, SharedApp};
use crate::web::headers::ResponseKind;
use crate::web::pages::{ErrorKind, RepostPage};

pub(crate) async fn by_get(
    State(app): State<SharedApp>,
    OriginalUri(uri): OriginalUri,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Response {
    finish(&app, &visitor, uri.path(), query.unwrap_or_default().as_bytes(), false).await
}

pub(crate) async fn by_post(
    State(app): State<SharedApp>,
    OriginalUri(uri): OriginalUri,
    visitor: Visitor,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !is_form(&headers) {
        let cause = "a posted callback is a form (application/x-www-form-urlencoded)";
        return problem(&app, &visitor, Problem::new(ErrorKind::BadCallback, cause));
    }
    finish(&app, &visitor, uri.path(), &body, true).await
}

async fn finish(app: &App, visitor: &Visitor, path: &str, encoded: &[u8], posted: bool) -> Response {
    let registry = app.registry.load_full();
    let Some(entry) = registry.by_callback_path(path) else {
        return problem(
            app,
            visitor,
            Problem::new(ErrorKind::NotFound, "no provider has this callback path"),
        );
    };
    let callback = Callback {
        entry,
        encoded,
        posted,
        browser: visitor.browser.as_deref(),
        session: visitor.session.as_deref(),
    };
    match callback_login(&app.login, callback).await {
        Ok(Outcome::SignedIn(signed_in)) => {
            tracing::info!(
                provider = %entry.name,
                user = signed_in.user.id,
                created = signed_in.created,
                "signed in"
            );
            let response = see_other(signed_in.return_path.as_str());
            with_cookie(response, &cookie::set(cookie::SESSION, &signed_in.token, Some(signed_in.life)))
        }
        Ok(Outcome::PostAgain(fields)) => post_again(app, visitor, entry, fields),
        Err(error) => problem(app, visitor, error.into()),
    }
}

fn post_again(app: &App, visitor: &Visitor, entry: &Entry, fields: Vec<(String, String)>) -> Response {
    let repost = RepostPage { action: entry.callback_path.clone(), fields };
    page(app, visitor, ResponseKind::SelfSending, app.pages.repost(visitor.language, &repost))
}

fn is_form(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}
