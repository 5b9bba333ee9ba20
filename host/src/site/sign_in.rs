//! `GET /login`: the buttons. A GET never starts a sign-in; `?provider=` only puts one button first.

use axum::extract::{RawQuery, State};
use axum::response::Response;

use super::answer::{page, problem, see_other};
use super::visitor::Visitor;
use crate::login::return_path::ReturnPath;
use crate::plugin::health::Why;
use crate::problem::Problem;
use crate::registry::Entry;
use crate::state::{App, SharedApp};
use crate::store::SignupPolicy;
use crate::web::headers::ResponseKind;
use crate::web::icons::Icon;
use crate::web::pages::{Notice, ProviderButton, SignInPage, Unavailable};

/// What the address says.
#[derive(Default)]
struct Asked {
    provider: Option<String>,
    return_to: Option<String>,
    notice: Option<Notice>,
}

pub(crate) async fn show(
    State(app): State<SharedApp>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Response {
    let asked = Asked::read(query.as_deref());
    let return_path = ReturnPath::new(asked.return_to.as_deref());
    match app.sessions.current(visitor.session.as_deref()).await {
        // Somebody who is signed in already goes where they wanted to go.
        Ok(Some(_)) => {
            return see_other(if return_path.is_elsewhere() { return_path.as_str() } else { "/account" });
        }
        Ok(None) => {}
        Err(error) => return problem(&app, &visitor, Problem::from(error)),
    }
    let preselected = asked.provider.as_deref().or(app.default_provider.as_ref().map(|name| name.as_str()));
    let registry = app.registry.load();
    let sign_in = SignInPage {
        providers: registry.listed().into_iter().map(|entry| button(entry, preselected)).collect(),
        return_to: return_path.is_elsewhere().then(|| return_path.as_str().to_owned()),
        notice: asked.notice,
        signup_closed: signup_closed(&app),
    };
    page(&app, &visitor, ResponseKind::Page, app.pages.sign_in(visitor.language, &sign_in))
}

fn signup_closed(app: &App) -> bool {
    app.login.signup == SignupPolicy::Closed
}

fn button(entry: &Entry, preselected: Option<&str>) -> ProviderButton {
    ProviderButton {
        name: entry.name.clone(),
        label: entry.label.as_str().into(),
        icon: icon(entry),
        preselected: preselected == Some(entry.name.as_str()),
        unavailable: unavailable(entry),
        may_try: entry.running.is_ok(),
    }
}

fn unavailable(entry: &Entry) -> Option<Unavailable> {
    Some(match entry.why_not()? {
        Why::Unreachable => Unavailable::Unreachable,
        Why::RateLimited => Unavailable::RateLimited,
        Why::Misconfigured => Unavailable::Misconfigured,
        Why::Failing => Unavailable::Failing,
    })
}

/// The operator's icon, or our drawing for the plugin.
pub(crate) fn icon(entry: &Entry) -> Icon {
    match entry.icon {
        Some(_) => Icon::OperatorFile { url: format!("/assets/provider/{}", entry.name) },
        None => Icon::builtin(entry.plugin.as_ref().map_or(entry.name.as_str(), |plugin| plugin.as_str())),
    }
}

impl Asked {
    /// Of a parameter that comes twice the first counts: nothing here changes anything.
    fn read(query: Option<&str>) -> Self {
        let mut asked = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            match &*name {
                "provider" => asked.provider = asked.provider.or_else(|| Some(value.into_owned())),
                "return_to" => asked.return_to = asked.return_to.or_else(|| Some(value.into_owned())),
                "notice" => asked.notice = asked.notice.or_else(|| notice(&value)),
                _ => {}
            }
        }
        asked
    }
}

fn notice(name: &str) -> Option<Notice> {
    match name {
        "signed-out" => Some(Notice::SignedOut),
        "session-ended" => Some(Notice::SessionEnded),
        "sign-in-first" => Some(Notice::SignInFirst),
        _ => None,
    }
}
