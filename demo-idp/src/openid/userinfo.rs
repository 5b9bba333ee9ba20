//! The userinfo endpoint (OpenID Connect Core 1.0 §5.3), and who a bearer token speaks for (RFC 6750).

use http::StatusCode;
use serde_json::json;

use super::id_token::Draft;
use super::{Flavour, OPENID, Place, spoil};
use crate::account::{self, Members};
use crate::answer::Answer;
use crate::fault::{Fault, OpenIdFault};
use crate::html;
use crate::ledger::Access;
use crate::lock::lock;
use crate::people::Person;
use crate::raw_object::RawObject;
use crate::request::Request;
use crate::state::State;

/// What a fault of the account spoils here.
const MEMBERS: Members = Members { id: "sub", login: "preferred_username", name: "name", avatar: "picture" };

/// The claims about whoever the token speaks for.
pub(super) fn userinfo(flavour: &Flavour, state: &State, request: &Request, fault: Option<Fault>) -> Answer {
    if !state.openid.userinfo {
        return html::not_found(state.personality);
    }
    let (access, person) = match admit(state, request, &[OPENID]) {
        Ok(admitted) => admitted,
        Err(answer) => return answer,
    };
    let mut claims = (flavour.claims)(state, &person, &access.scopes, Place::UserInfo);
    let subject = (flavour.subject)(&person);
    claims.insert("sub".to_owned(), json!(subject));
    let mut claims = RawObject::new(claims);
    account::spoil(&mut claims, &MEMBERS, &subject, fault);
    match fault.and_then(Fault::openid) {
        Some(OpenIdFault::UserinfoDenied) => invalid_token(),
        Some(OpenIdFault::UserinfoList) => {
            Answer::json(StatusCode::OK, &json!([serde_json::Value::Object(claims.json)]))
        }
        Some(OpenIdFault::UserinfoSigned) => signed(state, &access, claims),
        Some(fault) => {
            let people = lock(&state.people).clone();
            let other = (flavour.subject)(spoil::claims::somebody_else(&people, &person));
            spoil::claims::spoil(&mut claims, &other, fault);
            account::answer(&claims)
        }
        None => account::answer(&claims),
    }
}

/// As a JWT (Core 1.0 §5.3.2), which a client only gets that has asked for it when it was registered.
fn signed(state: &State, access: &Access, mut claims: RawObject) -> Answer {
    claims.set("iss", state.issuer.as_str());
    claims.set("aud", access.client_id.as_str());
    let key = lock(&state.ring).signing();
    Answer::new(StatusCode::OK, "application/jwt", Draft::new(key, claims.json).compact())
}

/// Who a request speaks for, or the answer that turns it away (RFC 6750 §3.1). One of the scopes is enough.
pub(crate) fn admit(state: &State, request: &Request, scopes: &[&str]) -> Result<(Access, Person), Answer> {
    let bearer = request.header("authorization").and_then(|value| value.split_once(' '));
    let Some((_, token)) = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) else {
        // Without any token nothing is said about what is wrong with it.
        let answer = Answer::empty(StatusCode::UNAUTHORIZED);
        return Err(answer.with("www-authenticate", "Bearer realm=\"demo\""));
    };
    let now = state.clock.now();
    let access = lock(&state.ledger).access(token.trim()).cloned();
    let access = access.filter(|access| access.expires.is_none_or(|expires| now < expires));
    let Some(access) = access else { return Err(invalid_token()) };
    if !access.scopes.iter().any(|scope| scopes.contains(&scope.as_str())) {
        let text = "The request requires higher privileges than provided by the access token.";
        let body =
            json!({ "error": "insufficient_scope", "error_description": text, "scope": scopes.join(" ") });
        let answer = Answer::json(StatusCode::FORBIDDEN, &body);
        return Err(answer.with("www-authenticate", "Bearer realm=\"demo\", error=\"insufficient_scope\""));
    }
    let person = lock(&state.people).iter().find(|person| person.id == access.person).cloned();
    person.map(|person| (access, person)).ok_or_else(invalid_token)
}

fn invalid_token() -> Answer {
    let body = json!({ "error": "invalid_token", "error_description": "The access token is invalid" });
    let answer = Answer::json(StatusCode::UNAUTHORIZED, &body);
    answer.with("www-authenticate", "Bearer realm=\"demo\", error=\"invalid_token\"")
}
