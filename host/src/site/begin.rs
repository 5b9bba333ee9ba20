//! `POST /auth/<provider>/begin`: from a button to the provider.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;

use super::answer::{page, problem, see_other, with_cookie};
use super::segment::Segment;
use super::visitor::Visitor;
use crate::login::begin::{Begin, BeginError, Begun, begin as begin_login};
use crate::login::return_path::ReturnPath;
use crate::plugin::To;
use crate::problem::Problem;
use crate::session::cookie;
use crate::state::{App, SharedApp};
use crate::web::headers::ResponseKind;
use crate::web::pages::{ErrorKind, PostPage};

pub(crate) async fn begin(
    State(app): State<SharedApp>,
    Segment(provider): Segment,
    visitor: Visitor,
    body: Bytes,
) -> Response {
    let return_to =
        url::form_urlencoded::parse(&body).find(|(name, _)| name == "return_to").map(|(_, value)| value);
    match start(&app, &visitor, &provider, ReturnPath::new(return_to.as_deref())).await {
        Ok(begun) => leave(&app, &visitor, &provider, begun),
        Err(failed) => problem(&app, &visitor, failed),
    }
}

/// The same for a form and for a script: who may begin, and how often.
pub(crate) async fn start(
    app: &App,
    visitor: &Visitor,
    provider: &str,
    return_path: ReturnPath,
) -> Result<Begun, Problem> {
    let begun = try_to(app, visitor, provider, return_path).await;
    if let Some(entry) = app.registry.load().get(provider) {
        app.metrics.sign_ins(entry).begun.add(begun.as_ref().err().map(|failed| failed.kind));
    }
    begun
}

async fn try_to(
    app: &App,
    visitor: &Visitor,
    provider: &str,
    return_path: ReturnPath,
) -> Result<Begun, Problem> {
    if !visitor.own_page {
        return Err(Problem::new(ErrorKind::CrossSite, "begin did not come from a page of ours"));
    }
    let registry = app.registry.load();
    if registry.get(provider).is_none() {
        // A page that was open when the operator took the provider away.
        let gone = registry.gone_by_name(provider).map(|gone| BeginError::TurnedOff(gone.name.clone()));
        return Err(gone.unwrap_or(BeginError::NoSuchProvider).into());
    }
    drop(registry);
    if let Err(wait) = app.begin_limit.check(visitor.address) {
        let cause = format!("too many begins from {}", visitor.address);
        return Err(Problem { retry_after: Some(wait), ..Problem::new(ErrorKind::TooManyAttempts, cause) });
    }
    let begin = Begin {
        provider,
        browser: visitor.browser.as_deref(),
        return_path,
        locale: Some(app.pages.language_tag(visitor.language)),
    };
    Ok(begin_login(&app.login, begin).await?)
}

fn leave(app: &App, visitor: &Visitor, provider: &str, begun: Begun) -> Response {
    let response = match begun.to {
        To::Redirect(url) => see_other(url.as_str()),
        To::Post { url, fields } => {
            let label =
                app.registry.load().get(provider).map(|entry| entry.label.clone()).unwrap_or_default();
            let post = PostPage { url: url.into(), fields, provider: label.into() };
            page(app, visitor, ResponseKind::SelfSending, app.pages.post_to_provider(visitor.language, &post))
        }
    };
    match begun.browser {
        Some(token) => with_cookie(response, &cookie::set(cookie::BROWSER, &token, None)),
        None => response,
    }
}
