//! `/login/oauth/authorize`: who asks, which person says yes, and the redirect back. Must not know secrets or tokens.

use url::Url;

use super::not_found_page;
use crate::answer::Answer;
use crate::consent::{self, Decision, Question, send_back};
use crate::fault::Fault;
use crate::ledger::Grant;
use crate::lock::lock;
use crate::request::Request;
use crate::state::State;

const TROUBLE: &str =
    "https://docs.github.com/apps/managing-oauth-apps/troubleshooting-authorization-request-errors/#";

/// An authorization request that may be shown to a person.
struct Asked {
    client_id: String,
    redirect_uri: Url,
    /// As it was registered: the token request must repeat these very bytes.
    redirect_uri_text: String,
    state: Option<String>,
    scopes: Vec<String>,
    code_challenge: Option<String>,
    login: Option<String>,
}

/// `GET`: the page with everybody who can be chosen.
pub(super) fn ask(state: &State, request: &Request) -> Answer {
    let asked = match check(state, request) {
        Ok(asked) => asked,
        Err(answer) => return answer,
    };
    let question = Question {
        client_id: &asked.client_id,
        scopes: &asked.scopes,
        redirect_uri: &asked.redirect_uri,
        suggested: asked.login.as_deref(),
    };
    consent::page(state, request, &question)
}

/// `POST`, with the query of the page and the field `person` (a login) or `cancel`: 302 back to the application.
pub(super) fn decide(state: &State, request: &Request, fault: Option<Fault>) -> Answer {
    let asked = match check(state, request) {
        Ok(asked) => asked,
        Err(answer) => return answer,
    };
    let person = match consent::decision(state, request) {
        Ok(Decision::Granted(person)) => person,
        Ok(Decision::Denied) => {
            let denied = ("access_denied", "The user has denied your application access.", "access-denied");
            return refuse(&asked.redirect_uri, asked.state, denied, fault);
        }
        Err(answer) => return answer,
    };
    let code = lock(&state.ledger).issue_code(Grant {
        client_id: asked.client_id,
        redirect_uri: asked.redirect_uri_text,
        person: person.id,
        scopes: asked.scopes,
        code_challenge: asked.code_challenge,
        nonce: None,
        issued: state.clock.now(),
    });
    let mut params = vec![("code", code)];
    params.extend(asked.state.map(|state| ("state", state)));
    params.push(("iss", state.issuer.clone()));
    send_back(&asked.redirect_uri, params, fault)
}

fn check(state: &State, request: &Request) -> Result<Asked, Answer> {
    let param = |name: &str| request.query_param(name).filter(|value| !value.is_empty());
    let client = param("client_id").and_then(|id| lock(&state.ledger).client(&id).cloned());
    let client = client.ok_or_else(not_found_page)?;
    let registered = client.redirect_uris.first().ok_or_else(not_found_page)?;
    let sent_state = request.query_param("state");
    let redirect_uri_text = match param("redirect_uri") {
        None => registered.clone(),
        // Exact: on github.com a sole registered URI also matches what lies below it, until that is switched off.
        Some(uri) if client.redirect_uris.contains(&uri) => uri,
        Some(_) => {
            let registered = parse(registered)?;
            let mismatch = (
                "redirect_uri_mismatch",
                "The redirect_uri MUST match the registered callback URL for this application.",
                "redirect-uri-mismatch",
            );
            return Err(refuse(&registered, sent_state, mismatch, None));
        }
    };
    let redirect_uri = parse(&redirect_uri_text)?;
    let code_challenge = param("code_challenge");
    if code_challenge.is_some() && param("code_challenge_method").as_deref() != Some("S256") {
        // A method left out means `plain` (RFC 7636 §4.3), which GitHub does not take either.
        let unsupported = ("invalid_request", "The code_challenge_method must be S256.", "invalid-request");
        return Err(refuse(&redirect_uri, sent_state, unsupported, None));
    }
    let scopes = param("scope").unwrap_or_default();
    let scopes = scopes.split([' ', ',']).filter(|scope| !scope.is_empty()).map(str::to_owned).collect();
    let login = param("login");
    Ok(Asked {
        client_id: client.id,
        redirect_uri,
        redirect_uri_text,
        state: sent_state,
        scopes,
        code_challenge,
        login,
    })
}

fn parse(redirect_uri: &str) -> Result<Url, Answer> {
    Url::parse(redirect_uri).map_err(|_| not_found_page())
}

fn refuse(
    redirect_uri: &Url,
    state: Option<String>,
    (error, description, anchor): (&str, &str, &str),
    fault: Option<Fault>,
) -> Answer {
    let mut params = vec![
        ("error", error.to_owned()),
        ("error_description", description.to_owned()),
        ("error_uri", format!("{TROUBLE}{anchor}")),
    ];
    params.extend(state.map(|state| ("state", state)));
    send_back(redirect_uri, params, fault)
}
