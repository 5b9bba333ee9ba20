//! `POST /login/oauth/access_token`: a code for a token. Errors come with status 200, and answers are form-encoded
//! unless the request accepts something else. Must not know what a token opens.

use http::StatusCode;
use serde_json::{Map, Value};

use crate::answer::Answer;
use crate::fault::Fault;
use crate::html::escape;
use crate::ledger::{Client, Grant, Ledger, s256};
use crate::lock::lock;
use crate::request::Request;
use crate::state::State;

const TROUBLE: &str = "https://docs.github.com/apps/managing-oauth-apps/troubleshooting-oauth-app-access-token-request-errors/#";

/// A documented way in which the exchange fails: `error`, `error_description`, the anchor of `error_uri`.
type Failure = (&'static str, &'static str, &'static str);

const BAD_CREDENTIALS: Failure = (
    "incorrect_client_credentials",
    "The client_id and/or client_secret passed are incorrect.",
    "incorrect-client-credentials",
);
const BAD_CODE: Failure =
    ("bad_verification_code", "The code passed is incorrect or expired.", "bad-verification-code");
const BAD_REDIRECT: Failure = (
    "redirect_uri_mismatch",
    "The redirect_uri MUST match the registered callback URL for this application.",
    "redirect-uri-mismatch2",
);

/// Exchanges a code.
pub(super) fn exchange(state: &State, request: &Request, fault: Option<Fault>) -> Answer {
    let mut ledger = lock(&state.ledger);
    let code = request.form_param("code").unwrap_or_default();
    let checked = match authenticate(&ledger, request) {
        None => Err(BAD_CREDENTIALS),
        Some(client) => match ledger.grant(&code, state.clock.now()) {
            Some(grant) if grant.client_id == client.id => check(grant, request),
            _ => Err(BAD_CODE),
        },
    };
    let redeemed = checked.and_then(|()| ledger.redeem(&code, "gho_demo", None).ok_or(BAD_CODE));
    match redeemed {
        Ok((token, grant)) => {
            let mut pairs = vec![
                ("access_token", token),
                ("scope", grant.scopes.join(",")),
                ("token_type", "bearer".to_owned()),
            ];
            spoil(&mut pairs, fault);
            written(request, &pairs, fault)
        }
        Err((error, description, anchor)) => {
            let pairs = [
                ("error", error.to_owned()),
                ("error_description", description.to_owned()),
                ("error_uri", format!("{TROUBLE}{anchor}")),
            ];
            written(request, &pairs, None)
        }
    }
}

/// The client, by the body's `client_id` and `client_secret`, or by Basic, as it is or form-encoded (RFC 6749 §2.3.1).
fn authenticate<'a>(ledger: &'a Ledger, request: &Request) -> Option<&'a Client> {
    let (id, secret, decoded) = match request.basic() {
        Some((id, secret)) => {
            let decoded = url::form_urlencoded::parse(format!("s={}", secret.replace('&', "%26")).as_bytes())
                .next()
                .map(|(_, value)| value.into_owned());
            (id, secret, decoded)
        }
        None => (request.form_param("client_id")?, request.form_param("client_secret")?, None),
    };
    let client = ledger.client(&id)?;
    (client.secret == secret || decoded.as_ref() == Some(&client.secret)).then_some(client)
}

fn check(grant: &Grant, request: &Request) -> Result<(), Failure> {
    if request.form_param("redirect_uri").is_some_and(|uri| uri != grant.redirect_uri) {
        return Err(BAD_REDIRECT);
    }
    match (&grant.code_challenge, request.form_param("code_verifier")) {
        (None, None) => Ok(()),
        (Some(challenge), Some(verifier)) if s256(&verifier) == *challenge => Ok(()),
        // A verifier without a challenge is refused too: it is what a stripped challenge looks like (RFC 9700 §4.8.2).
        _ => Err(BAD_CODE),
    }
}

fn spoil(pairs: &mut Vec<(&'static str, String)>, fault: Option<Fault>) {
    match fault {
        Some(Fault::NoToken | Fault::NullToken) => pairs.retain(|(name, _)| *name != "access_token"),
        Some(Fault::TokenWithCrlf) => {
            if let Some((_, token)) = pairs.first_mut() {
                token.push_str("\r\nX-Forged: yes");
            }
        }
        _ => {}
    }
}

fn written(request: &Request, pairs: &[(&'static str, String)], fault: Option<Fault>) -> Answer {
    // What has no form-encoded spelling comes as JSON whatever was asked for.
    let extra = match fault {
        Some(Fault::NullToken) => Some("\"access_token\":null"),
        Some(Fault::ExpiresNegative) => Some("\"expires_in\":-1"),
        Some(Fault::ExpiresOverflow) => Some("\"expires_in\":1e400"),
        Some(Fault::ExpiresText) => Some("\"expires_in\":\"3600\""),
        _ => None,
    };
    let accept = request.header("accept").unwrap_or_default();
    if extra.is_some() || fault == Some(Fault::NoToken) || accept.contains("json") {
        let object: Map<String, Value> =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str()))).collect();
        let mut text = Value::Object(object).to_string();
        if let Some(extra) = extra {
            text.insert_str(1, &format!("{extra},"));
        }
        return Answer::new(StatusCode::OK, "application/json; charset=utf-8", text);
    }
    if accept.contains("xml") {
        let members: String =
            pairs.iter().map(|(name, value)| format!("<{name}>{}</{name}>", escape(value))).collect();
        return Answer::new(
            StatusCode::OK,
            "application/xml; charset=utf-8",
            format!("<OAuth>{members}</OAuth>"),
        );
    }
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    Answer::new(StatusCode::OK, "application/x-www-form-urlencoded; charset=utf-8", body)
}
