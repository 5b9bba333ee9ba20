//! The token endpoint (RFC 6749 §4.1.3, OpenID Connect Core 1.0 §3.1.3): a code for an access token and an ID token.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::client_auth::{Failure, authenticate};
use super::{Flavour, OPENID, id_token, spoil};
use crate::answer::Answer;
use crate::fault::{Fault, OpenIdFault};
use crate::ledger::{Client, Grant, s256};
use crate::lock::lock;
use crate::people::Person;
use crate::request::Request;
use crate::state::State;

const BAD_CODE: Failure = Failure::new(
    "invalid_grant",
    "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the \
     authorization request, or was issued to another client.",
);

/// A code that was redeemed.
pub(super) struct Redeemed {
    pub(super) client: Client,
    pub(super) grant: Grant,
    pub(super) person: Person,
    pub(super) access_token: String,
    pub(super) now: Duration,
}

/// Exchanges a code.
pub(super) fn exchange(flavour: &Flavour, state: &State, request: &Request, fault: Option<Fault>) -> Answer {
    match redeem(flavour, state, request, fault.and_then(Fault::openid)) {
        Ok(redeemed) => written(flavour, state, &redeemed, fault),
        Err(failure) => failure.answer(),
    }
}

/// A code is good for one attempt of its client, a failed one included (RFC 6749 §4.1.2, RFC 9700 §2.1.1).
fn redeem(
    flavour: &Flavour,
    state: &State,
    request: &Request,
    fault: Option<OpenIdFault>,
) -> Result<Redeemed, Failure> {
    let client = authenticate(state, request)?;
    match request.form_param("grant_type").as_deref() {
        Some("authorization_code") => {}
        None => return Err(Failure::new("invalid_request", "Missing required parameter: grant_type.")),
        Some(_) => {
            return Err(Failure::new(
                "unsupported_grant_type",
                "The authorization grant type is not supported.",
            ));
        }
    }
    let now = state.clock.now();
    let code = request
        .form_param("code")
        .ok_or(Failure::new("invalid_request", "Missing required parameter: code."))?;
    let mut ledger = lock(&state.ledger);
    ledger.punish_replay(&code);
    let grant = ledger.grant(&code, now).filter(|grant| grant.client_id == client.id).ok_or(BAD_CODE)?;
    if let Err(failure) = check(grant, request, fault) {
        ledger.spend(&code);
        return Err(failure);
    }
    let expires = Some(now.saturating_add(flavour.token_life));
    let (access_token, grant) = ledger.redeem(&code, "demo-access-", expires).ok_or(BAD_CODE)?;
    drop(ledger);
    let person = lock(&state.people).iter().find(|person| person.id == grant.person).cloned();
    Ok(Redeemed { client, grant, person: person.ok_or(BAD_CODE)?, access_token, now })
}

fn check(grant: &Grant, request: &Request, fault: Option<OpenIdFault>) -> Result<(), Failure> {
    if request.form_param("redirect_uri").as_ref() != Some(&grant.redirect_uri) {
        return Err(BAD_CODE);
    }
    match (&grant.code_challenge, request.form_param("code_verifier")) {
        (_, Some(_)) if fault == Some(OpenIdFault::PkceRefused) => {
            Err(Failure::new("invalid_request", "The parameter code_verifier is not supported."))
        }
        (None, None) => Ok(()),
        (Some(challenge), Some(verifier)) if is_verifier(&verifier) && s256(&verifier) == *challenge => {
            Ok(())
        }
        // A verifier without a challenge is refused too: it is what a stripped challenge looks like (RFC 9700 §4.8.2).
        _ => Err(BAD_CODE),
    }
}

/// 43 to 128 unreserved characters (RFC 7636 §4.1).
fn is_verifier(text: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (43..=128).contains(&text.len()) && text.bytes().all(unreserved)
}

fn written(flavour: &Flavour, state: &State, redeemed: &Redeemed, fault: Option<Fault>) -> Answer {
    let openid_fault = fault.and_then(Fault::openid);
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    put("access_token", json!(redeemed.access_token));
    put("token_type", json!("Bearer"));
    put("expires_in", json!(flavour.token_life.as_secs()));
    put("scope", json!(redeemed.grant.scopes.join(" ")));
    if flavour.created_at {
        put("created_at", json!(redeemed.now.as_secs()));
    }
    if redeemed.grant.scopes.iter().any(|scope| scope == OPENID) {
        put("id_token", json!(id_token::issue(flavour, state, redeemed, openid_fault)));
    }
    if let Some(fault) = openid_fault {
        spoil::token::spoil(&mut members, fault);
    }
    let raw = spoil_member(&mut members, fault);
    let mut text = Value::Object(members).to_string();
    if let Some(raw) = raw {
        text.insert_str(1, &format!("{raw},"));
    }
    // RFC 6749 §5.1 asks for this header too.
    Answer::new(StatusCode::OK, "application/json; charset=utf-8", text).with("pragma", "no-cache")
}

/// Changes the answer; what it returns is a member that no serialiser writes.
fn spoil_member(members: &mut Map<String, Value>, fault: Option<Fault>) -> Option<&'static str> {
    let (name, raw) = match fault? {
        Fault::NoToken => ("access_token", None),
        Fault::NullToken => ("access_token", Some("\"access_token\":null")),
        Fault::ExpiresNegative => ("expires_in", Some("\"expires_in\":-1")),
        Fault::ExpiresOverflow => ("expires_in", Some("\"expires_in\":1e400")),
        Fault::ExpiresText => ("expires_in", Some("\"expires_in\":\"3600\"")),
        Fault::TokenWithCrlf => {
            if let Some(Value::String(token)) = members.get_mut("access_token") {
                token.push_str("\r\nX-Forged: yes");
            }
            return None;
        }
        _ => return None,
    };
    members.remove(name);
    raw
}
