//! The authorization endpoint (OpenID Connect Core 1.0 §3.1.2): who may ask, which person says yes, and the redirect
//! back. Must not know secrets or tokens.

use http::StatusCode;
use url::Url;

use super::settings::{CallbackIssuer, Pkce};
use super::{Flavour, repeated, spoil};
use crate::answer::Answer;
use crate::consent::{self, Decision, Question, send_back};
use crate::fault::Fault;
use crate::html::{self, escape};
use crate::ledger::Grant;
use crate::lock::lock;
use crate::request::Request;
use crate::state::State;

/// An authorization request that may be shown to a person.
struct Asked {
    back: Back,
    client_id: String,
    /// As it was registered: the token request must repeat these very bytes.
    redirect_uri_text: String,
    scopes: Vec<String>,
    nonce: Option<String>,
    code_challenge: Option<String>,
    login_hint: Option<String>,
}

/// Where a redirect goes, and what it repeats.
struct Back {
    redirect_uri: Url,
    state: Option<String>,
}

/// An error for the application: `error` and `error_description`.
type Refusal = (&'static str, &'static str);

/// `GET`: the page with everybody who can be chosen.
pub(super) fn ask(flavour: &Flavour, state: &State, request: &Request) -> Answer {
    let asked = match check(flavour, state, request) {
        Ok(asked) => asked,
        Err(answer) => return answer,
    };
    let question = Question {
        client_id: &asked.client_id,
        scopes: &asked.scopes,
        redirect_uri: &asked.back.redirect_uri,
        suggested: asked.login_hint.as_deref(),
    };
    consent::page(state, request, &question)
}

/// `POST`, with the query of the page and the person's choice: 302 back to the application.
pub(super) fn decide(flavour: &Flavour, state: &State, request: &Request, fault: Option<Fault>) -> Answer {
    let asked = match check(flavour, state, request) {
        Ok(asked) => asked,
        Err(answer) => return answer,
    };
    let person = match consent::decision(state, request) {
        Ok(Decision::Granted(person)) => person,
        Ok(Decision::Denied) => {
            let denied = ("access_denied", "The resource owner or authorization server denied the request.");
            return refuse(state, &asked.back, denied, fault);
        }
        Err(answer) => return answer,
    };
    let grant = Grant {
        client_id: asked.client_id,
        redirect_uri: asked.redirect_uri_text,
        person: person.id,
        scopes: asked.scopes,
        code_challenge: asked.code_challenge,
        nonce: asked.nonce,
        issued: state.clock.now(),
    };
    let params = spoil::callback::params(&mut lock(&state.ledger), grant, fault.and_then(Fault::openid));
    go_back(state, &asked.back, params, fault)
}

fn check(flavour: &Flavour, state: &State, request: &Request) -> Result<Asked, Answer> {
    let pairs = request.query_pairs();
    // A parameter without a value counts as left out (RFC 6749 §3.1).
    let param = |name: &str| request.query_param(name).filter(|value| !value.is_empty());
    let twice = repeated(&pairs);
    let client = param("client_id").and_then(|id| lock(&state.ledger).client(&id).cloned());
    let Some(client) = client.filter(|_| twice != Some("client_id")) else {
        return Err(not_sent_back(state, "There is no client with this `client_id`."));
    };
    // Byte for byte (RFC 9700 §4.1.3), and a redirect to anywhere else would be an open one (RFC 6749 §4.1.2.1).
    let redirect_uri_text = param("redirect_uri")
        .filter(|uri| client.redirect_uris.contains(uri) && twice != Some("redirect_uri"));
    let redirect_uri = redirect_uri_text.as_deref().and_then(|uri| Url::parse(uri).ok());
    let (Some(redirect_uri_text), Some(redirect_uri)) = (redirect_uri_text, redirect_uri) else {
        return Err(not_sent_back(state, "The `redirect_uri` is not one that the client has registered."));
    };
    let back = Back { redirect_uri, state: request.query_param("state") };
    let refused = if twice.is_some() {
        Err(("invalid_request", "A parameter is included more than once."))
    } else {
        check_flow(&param).and_then(|()| check_challenge(state.openid.pkce, &param))
    };
    let scopes: Vec<String> = param("scope").unwrap_or_default().split(' ').map(str::to_owned).collect();
    match refused.and_then(|challenge| check_scopes(flavour, scopes).map(|scopes| (challenge, scopes))) {
        Err(refusal) => Err(refuse(state, &back, refusal, None)),
        Ok((code_challenge, scopes)) => Ok(Asked {
            back,
            client_id: client.id,
            redirect_uri_text,
            scopes,
            nonce: param("nonce"),
            code_challenge,
            login_hint: param("login_hint"),
        }),
    }
}

/// What kind of answer is asked for (Core 1.0 §3.1.2.1 and §6).
fn check_flow(param: &dyn Fn(&str) -> Option<String>) -> Result<(), Refusal> {
    match param("response_type").as_deref() {
        Some("code") => {}
        None => return Err(("invalid_request", "Missing required parameter: response_type.")),
        Some(_) => {
            return Err((
                "unsupported_response_type",
                "The authorization server does not support this response type.",
            ));
        }
    }
    if param("response_mode").is_some_and(|mode| mode != "query") {
        return Err(("invalid_request", "The response mode is not supported."));
    }
    if param("request").is_some() {
        return Err(("request_not_supported", "Request objects are not supported."));
    }
    if param("request_uri").is_some() {
        return Err(("request_uri_not_supported", "Request objects are not supported."));
    }
    if param("prompt").is_some_and(|prompt| prompt.split(' ').any(|word| word == "none")) {
        return Err(("login_required", "Nobody is signed in here, ever."));
    }
    Ok(())
}

/// The S256 challenge, if there is one and there may be (RFC 7636 §4.3 and §4.4.1). GitLab lists `plain` too, and no
/// relying party has a reason to use it, so it is refused for GitLab as well (RFC 9700 §2.1.1).
fn check_challenge(pkce: Pkce, param: &dyn Fn(&str) -> Option<String>) -> Result<Option<String>, Refusal> {
    let Some(challenge) = param("code_challenge") else {
        return match (pkce, param("code_challenge_method")) {
            (Pkce::Required, _) => Err(("invalid_request", "Code challenge required.")),
            (_, Some(_)) => Err(("invalid_request", "A code_challenge_method without a code_challenge.")),
            (_, None) => Ok(None),
        };
    };
    if pkce == Pkce::Refused {
        return Err(("invalid_request", "The parameter code_challenge is not supported."));
    }
    if param("code_challenge_method").as_deref() != Some("S256") {
        return Err(("invalid_request", "The code_challenge_method must be S256."));
    }
    // SHA-256 in base64url without padding.
    let is_hash = challenge.len() == 43
        && challenge.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if is_hash {
        Ok(Some(challenge))
    } else {
        Err(("invalid_request", "The code_challenge is no S256 challenge."))
    }
}

fn check_scopes(flavour: &Flavour, asked: Vec<String>) -> Result<Vec<String>, Refusal> {
    let known = |scope: &String| flavour.scopes.contains(&scope.as_str());
    if flavour.refuses_unknown_scopes && !asked.iter().all(known) {
        return Err(("invalid_scope", "The requested scope is invalid, unknown, or malformed."));
    }
    let scopes: Vec<String> = asked.into_iter().filter(known).collect();
    if scopes.is_empty() { Err(("invalid_scope", "No scope that is known here.")) } else { Ok(scopes) }
}

fn refuse(state: &State, back: &Back, (error, description): Refusal, fault: Option<Fault>) -> Answer {
    let params = vec![("error", error.to_owned()), ("error_description", description.to_owned())];
    go_back(state, back, params, fault)
}

/// With `state` as it came, and `iss` in errors too (RFC 9207 §2).
fn go_back(
    state: &State,
    back: &Back,
    mut params: Vec<(&'static str, String)>,
    fault: Option<Fault>,
) -> Answer {
    params.extend(back.state.clone().map(|state| ("state", state)));
    if state.openid.callback_issuer != CallbackIssuer::Absent {
        params.push(("iss", state.issuer.clone()));
    }
    send_back(&back.redirect_uri, params, fault)
}

fn not_sent_back(state: &State, why: &str) -> Answer {
    let body = format!("<h1>Invalid request</h1>\n<p>{}</p>", escape(why));
    Answer::html(StatusCode::BAD_REQUEST, html::page(state.personality, "Invalid request", &body))
}
