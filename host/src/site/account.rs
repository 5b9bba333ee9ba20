//! `GET /` and `GET /account`: who is signed in.

use axum::extract::State;
use axum::response::Response;

use super::answer::{page, problem, see_other};
use super::sign_in::icon;
use super::visitor::Visitor;
use crate::account::Verified;
use crate::problem::Problem;
use crate::state::{App, SharedApp};
use crate::store::{Identity, StoreError, User};
use crate::web::headers::ResponseKind;
use crate::web::icons::Icon;
use crate::web::pages::{AccountPage, EmailVerified, IdentityCard};

pub(crate) async fn root(State(app): State<SharedApp>, visitor: Visitor) -> Response {
    match app.sessions.current(visitor.session.as_deref()).await {
        Ok(Some(_)) => see_other("/account"),
        Ok(None) => see_other("/login"),
        Err(error) => problem(&app, &visitor, Problem::from(error)),
    }
}

pub(crate) async fn show(State(app): State<SharedApp>, visitor: Visitor) -> Response {
    let account = match app.sessions.current(visitor.session.as_deref()).await {
        Ok(Some(session)) => account(&app, session.user).await,
        // A cookie without a session: it ran out, or was ended elsewhere.
        Ok(None) if visitor.session.is_some() => {
            return see_other("/login?return_to=/account&notice=session-ended");
        }
        Ok(None) => return see_other("/login?return_to=/account&notice=sign-in-first"),
        Err(error) => Err(error),
    };
    match account {
        Ok(account) => {
            let kind = ResponseKind::Account(app.pages.avatars());
            page(&app, &visitor, kind, app.pages.account(visitor.language, &account))
        }
        Err(error) => problem(&app, &visitor, Problem::from(error)),
    }
}

async fn account(app: &App, user: User) -> Result<AccountPage, StoreError> {
    let profile = app.store.profile(&user).await?;
    let identities = app.store.identities(user.id).await?;
    Ok(AccountPage {
        user_id: user.id,
        username: user.username.as_str().into(),
        name: profile.name.map(Into::into),
        avatar_url: profile.avatar_url.and_then(|url| app.pages.avatar(&url)),
        identities: identities.into_iter().map(|identity| card(app, &user, identity)).collect(),
    })
}

fn card(app: &App, user: &User, identity: Identity) -> IdentityCard {
    let registry = app.registry.load();
    // A provider that was taken out of the configuration keeps its table, and the person their identity.
    let entry = registry.get(identity.provider.as_str());
    IdentityCard {
        label: entry.map_or_else(|| identity.provider.to_string(), |entry| entry.label.clone()).into(),
        icon: entry.map_or_else(|| Icon::builtin(identity.provider.as_str()), |entry| icon(entry)),
        login: identity.login.map(Into::into),
        name: identity.name.map(Into::into),
        email_verified: identity.email.as_ref().map_or(EmailVerified::Unknown, |email| {
            match email.verified {
                Verified::No => EmailVerified::No,
                Verified::Yes => EmailVerified::Yes,
                Verified::Unknown => EmailVerified::Unknown,
            }
        }),
        email: identity.email.map(|email| email.address.into()),
        since: identity.linked_at,
        // An identity whose account row was lost is still shown.
        last_sync: identity.last_sync.unwrap_or(identity.linked_at),
        primary: identity.provider == user.primary_provider,
        provider: identity.provider,
    }
}
