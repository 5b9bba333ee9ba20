//! `GET /user`: the account.

use serde_json::json;

use super::{admit, dressed};
use crate::account::{self, Members, object};
use crate::answer::Answer;
use crate::avatar;
use crate::fault::Fault;
use crate::people::Person;
use crate::raw_object::RawObject;
use crate::request::Request;
use crate::state::State;

const MEMBERS: Members = Members { id: "id", login: "login", name: "name", avatar: "avatar_url" };

/// The account of whoever the token speaks for; no scope is needed.
pub(in crate::github) fn user(state: &State, request: &Request, fault: Option<Fault>) -> Answer {
    let (access, person) = match admit(state, request) {
        Ok(admitted) => admitted,
        Err(answer) => return answer,
    };
    let mut account = self::account(state, &person);
    account::spoil(&mut account, &MEMBERS, &person.id.to_string(), fault);
    dressed(account::answer(&account), &access, "")
}

fn account(state: &State, person: &Person) -> RawObject {
    RawObject::new(object(json!({
        "login": person.login,
        "id": person.id,
        "node_id": format!("U_demo{}", person.id),
        "avatar_url": avatar::url(state, person.id),
        "html_url": format!("{}/{}", state.base_url, person.login),
        "url": format!("{}/api/v3/users/{}", state.base_url, person.login),
        "type": "User",
        "site_admin": false,
        "name": person.name,
        "company": null,
        // The profile's, chosen by the person: never proof of an address.
        "email": person.public_email,
        "created_at": "2020-02-02T20:20:20Z",
    })))
}
