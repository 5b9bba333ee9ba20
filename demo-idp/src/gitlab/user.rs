//! `GET /api/v4/user` ("Users API" of docs.gitlab.com): the account, as its owner sees it.

use serde_json::json;

use super::digits;
use crate::account::{self, Members, object};
use crate::answer::Answer;
use crate::avatar;
use crate::fault::Fault;
use crate::openid;
use crate::raw_object::RawObject;
use crate::request::Request;
use crate::state::State;

const MEMBERS: Members = Members { id: "id", login: "username", name: "name", avatar: "avatar_url" };

/// For the scopes `read_user` and `api`; `openid` is not enough.
pub(super) fn user(state: &State, request: &Request, fault: Option<Fault>) -> Answer {
    let (_, person) = match openid::admit(state, request, &["api", "read_api", "read_user"]) {
        Ok(admitted) => admitted,
        Err(answer) => return answer,
    };
    let primary = person.primary_email();
    let confirmed = primary.is_some_and(|email| email.verified);
    let mut account = RawObject::new(object(json!({
        "username": person.login,
        "name": person.name.as_ref().unwrap_or(&person.login),
        "state": person.state,
        "locked": person.locked,
        "avatar_url": avatar::url(state, person.id),
        "web_url": format!("{}/{}", state.base_url, person.login),
        "created_at": "2020-02-02T20:20:20.000Z",
        "confirmed_at": confirmed.then_some("2020-02-02T20:22:02.000Z"),
        "email": primary.map(|email| &email.address),
        "public_email": person.public_email,
        "commit_email": primary.map(|email| &email.address),
        "bot": false,
        "external": false,
        "two_factor_enabled": true,
    })));
    let id = digits(&person);
    account.set_raw("id", id.as_str());
    account::spoil(&mut account, &MEMBERS, &id, fault);
    account::answer(&account)
}
