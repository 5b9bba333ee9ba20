//! `/auth/<provider>/callback`: the browser comes back, by GET or (form_post) by POST.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{OriginalUri, RawQuery, State};
use axum::response::Response;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use tracing::Instrument as _;

use super::answer::{page, problem, see_other, with_cookie};
use super::visitor::Visitor;
use crate::login::callback::{Callback, CallbackError, Failed, Outcome, callback as callback_login};
use crate::login::complete::SignedIn;
use crate::problem::Problem;
use crate::registry::Entry;
use crate::request_id;
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
    finish(app, visitor, uri.path(), query.unwrap_or_default().into_bytes(), false).await
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
    finish(app, visitor, uri.path(), body.to_vec(), true).await
}

async fn finish(app: SharedApp, visitor: Visitor, path: &str, encoded: Vec<u8>, posted: bool) -> Response {
    let registry = app.registry.load_full();
    let Some(entry) = registry.by_callback_path(path) else {
        if let Some(gone) = registry.gone_by_callback_path(path) {
            let failed: Failed = CallbackError::TurnedOff(gone.name.clone()).into();
            return problem(&app, &visitor, failed.into());
        }
        let cause = "no provider has this callback path";
        return problem(&app, &visitor, Problem::new(ErrorKind::NotFound, cause));
    };
    let callback = Callback {
        entry: Arc::clone(entry),
        encoded,
        posted,
        browser: visitor.browser.clone(),
        session: visitor.session.clone(),
    };
    let outcome = to_its_end(&app, callback).await;
    count(&app, entry, &outcome);
    match outcome {
        Ok(Outcome::SignedIn(signed_in)) => {
            let response = see_other(signed_in.return_path.as_str());
            with_cookie(response, &cookie::set(cookie::SESSION, &signed_in.token, Some(signed_in.life)))
        }
        Ok(Outcome::PostAgain(fields)) => post_again(&app, &visitor, entry, fields),
        Err(failed) => problem(&app, &visitor, failed),
    }
}

fn count(app: &App, entry: &Entry, outcome: &Result<Outcome, Problem>) {
    let sign_ins = app.metrics.sign_ins(entry);
    match outcome {
        Ok(Outcome::SignedIn(signed_in)) => {
            sign_ins.finished.add(None);
            if signed_in.created {
                sign_ins.user_made();
            }
        }
        // It is on its way again, and counted when it comes back.
        Ok(Outcome::PostAgain(_)) => {}
        Err(failed) => sign_ins.finished.add(Some(failed.kind)),
    }
}

/// In a task of its own, which goes on when the browser goes away: by then the attempt and the code are used up, and
/// whoever pressed twice would find both gone.
async fn to_its_end(app: &SharedApp, callback: Callback) -> Result<Outcome, Problem> {
    let app = Arc::clone(app);
    let provider = callback.entry.name.clone();
    let task = async move {
        let outcome = callback_login(&app.login, callback).await;
        if let Ok(Outcome::SignedIn(SignedIn { user, created, .. })) = &outcome {
            tracing::info!(%provider, user = user.id, created, "signed in");
        }
        outcome
    };
    let task = request_id::within(request_id::current(), task);
    match tokio::spawn(task.in_current_span()).await {
        Ok(outcome) => Ok(outcome?),
        Err(error) => Err(Problem::new(ErrorKind::Internal, format!("the sign-in was lost: {error}"))),
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
