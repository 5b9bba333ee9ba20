//! `GET /api/v1/me`: who is signed in.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;

use super::{answer, problem, unauthenticated};
use crate::name::ProviderName;
use crate::site::Visitor;
use crate::state::{App, SharedApp};
use crate::store::{Profile, User};

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
    match app.sessions.current_and_profile(visitor.session.as_deref()).await {
        Ok(Some((session, profile))) => {
            answer(StatusCode::OK, &Me { user: person(&app, session.user, profile) })
        }
        Ok(None) => unauthenticated(),
        Err(error) => problem(&visitor.id, error.into()),
    }
}

fn person(app: &App, user: User, profile: Profile) -> Person {
    Person {
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
    }
}
