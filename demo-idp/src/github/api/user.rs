//! `GET /user`: the account, and every way in which one can come out wrong.

use http::StatusCode;
use serde_json::{Value, json};

use super::{admit, dressed};
use crate::answer::Answer;
use crate::fault::Fault;
use crate::github::avatar;
use crate::people::Person;
use crate::request::Request;
use crate::state::State;

/// Stands where a fault puts bytes that no serialiser writes.
const HOLE: &str = "@hole@";

/// The account of whoever the token speaks for; no scope is needed.
pub(in crate::github) fn user(state: &State, request: &Request, fault: Option<Fault>) -> Answer {
    let (access, person) = match admit(state, request) {
        Ok(admitted) => admitted,
        Err(answer) => return answer,
    };
    let mut account = account(state, &person);
    let filling = fault.and_then(|fault| spoil(&mut account, &person, fault));
    let mut answer = Answer::json(StatusCode::OK, &account);
    if let Some(filling) = filling {
        answer.body = fill(&answer.body, &filling).into();
    }
    dressed(answer, &access, "")
}

fn account(state: &State, person: &Person) -> Value {
    json!({
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
    })
}

/// Changes the account; what it returns belongs into the [`HOLE`], as raw bytes.
fn spoil(account: &mut Value, person: &Person, fault: Fault) -> Option<Vec<u8>> {
    let (member, raw): (&str, Vec<u8>) = match fault {
        Fault::FloatId => ("id", b"1.5".to_vec()),
        Fault::TextId => ("id", format!("\"{}\"", person.id).into_bytes()),
        Fault::NullId => ("id", b"null".to_vec()),
        Fault::EmptyId => ("id", b"\"\"".to_vec()),
        Fault::NegativeId => ("id", b"-1".to_vec()),
        Fault::ExponentId => ("id", b"1e3".to_vec()),
        Fault::BigId => ("id", b"9223372036854775808".to_vec()),
        Fault::MissingId => {
            account.as_object_mut()?.remove("id");
            return None;
        }
        Fault::NulInName => ("name", b"\"No\\u0000body\"".to_vec()),
        Fault::InvalidUtf8 => ("name", b"\"No\xff\xfebody\"".to_vec()),
        Fault::LoneSurrogate => ("name", b"\"No\\ud800body\"".to_vec()),
        Fault::HugeName => ("name", [b"\"", vec![b'n'; 1024 * 1024].as_slice(), b"\""].concat()),
        Fault::ScriptAvatar => ("avatar_url", b"\"javascript:alert(document.domain)\"".to_vec()),
        Fault::ControlLogin => ("login", b"\"mal\\r\\nSet-Cookie: x=y\\u001b[2Jlory\"".to_vec()),
        _ => return None,
    };
    account.as_object_mut()?.insert(member.to_owned(), Value::from(HOLE));
    Some(raw)
}

fn fill(body: &[u8], filling: &[u8]) -> Vec<u8> {
    let hole = format!("\"{HOLE}\"");
    match body.windows(hole.len()).position(|window| window == hole.as_bytes()) {
        Some(at) => {
            let (before, rest) = body.split_at(at);
            [before, filling, rest.get(hole.len()..).unwrap_or_default()].concat()
        }
        None => body.to_vec(),
    }
}
