//! `POST /logout`: this browser's session ends, here and on every replica.

use axum::extract::State;
use axum::response::Response;

use super::answer::{problem, see_other, with_cookie};
use super::visitor::Visitor;
use crate::problem::Problem;
use crate::session::cookie;
use crate::state::SharedApp;
use crate::web::pages::ErrorKind;

pub(crate) async fn sign_out(State(app): State<SharedApp>, visitor: Visitor) -> Response {
    if !visitor.own_page {
        let cause = "sign-out did not come from a page of ours";
        return problem(&app, &visitor, Problem::new(ErrorKind::CrossSite, cause));
    }
    if let Some(token) = &visitor.session
        && let Err(error) = app.sessions.end(token).await
    {
        return problem(&app, &visitor, Problem::from(error));
    }
    with_cookie(see_other("/login?notice=signed-out"), &cookie::clear(cookie::SESSION))
}
