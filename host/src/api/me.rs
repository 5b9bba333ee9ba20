//! `GET /api/v1/me`: who is signed in.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;

use super::{answer, problem, unauthenticated};
use crate::name::ProviderName;
use crate::site::Visitor;
use crate::state::{App, SharedApp};
use crate::store::{StoreError, User};

#[derive(Serialize)]
struct Me {
    user: Person,
}

#[derive(Serialize)]
struct Person {
    id: i64,
    username: String,
    name: Option<String>,
    avatar_url: Option<String>,
    primary_provider: ProviderName,
    is_admin: bool,
}

pub(crate) async fn me(State(app): State<SharedApp>, visitor: Visitor) -> Response {
    let person = match app.sessions.current(visitor.session.as_deref()).await {
        Ok(Some(session)) => person(&app, session.user).await,
        Ok(None) => return unauthenticated(),
        Err(error) => Err(error),
    };
    match person {
        Ok(user) => answer(StatusCode::OK, &Me { user }),
        Err(error) => problem(&visitor.id, error.into()),
    }
}

async fn person(app: &App, user: User) -> Result<Person, StoreError> {
    let profile = app.store.profile(&user).await?;
    Ok(Person {
        id: user.id,
        username: user.username.to_string(),
        name: profile.name,
        // An application will put it into a page: only what our own pages would show.
        avatar_url: profile
            .avatar_url
            .and_then(|url| app.pages.avatar(&url))
            .map(|url| url.as_str().to_owned()),
        primary_provider: user.primary_provider,
        // Admins are named in the configuration, which this version has no key for: nobody is one.
        is_admin: false,
    })
}
