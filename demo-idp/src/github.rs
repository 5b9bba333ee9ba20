//! The GitHub personality: which path is which endpoint, and what GitHub documents for each. Follows the pages
//! "Authorizing OAuth apps", "Troubleshooting OAuth app access token request errors" and "REST API endpoints for
//! users / orgs / teams / OAuth authorizations" of docs.github.com. Must not know sockets, nor who asks.
//!
//! It looks like GitHub Enterprise Server: web and API share an origin, the API is under `/api/v3`.

mod api;
mod authorize;
mod revoke;
mod token;

use http::Method;

use crate::answer::Answer;
use crate::avatar;
use crate::fault::{Endpoint, Fault};
use crate::html;
use crate::ledger::Client;
use crate::lock::lock;
use crate::personality::Personality;
use crate::request::Request;
use crate::state::State;

const AUTHORIZE: &str = "/login/oauth/authorize";
const TOKEN: &str = "/login/oauth/access_token";
const API: &str = "/api/v3";

/// Where faults can be set.
pub(crate) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::Authorize,
    Endpoint::Token,
    Endpoint::User,
    Endpoint::Emails,
    Endpoint::Orgs,
    Endpoint::Teams,
    Endpoint::Revoke,
];

/// What a callback names as `iss`: the web address and `/login/oauth`, as on github.com.
pub(crate) fn issuer(base_url: &str) -> String {
    format!("{base_url}/login/oauth")
}

/// Which endpoint a request meets.
pub(crate) fn endpoint(method: &Method, path: &str) -> Option<Endpoint> {
    match (method.as_str(), path) {
        ("GET" | "POST", AUTHORIZE) => Some(Endpoint::Authorize),
        ("POST", TOKEN) => Some(Endpoint::Token),
        ("GET", _) => match path.strip_prefix(API)? {
            "/user" => Some(Endpoint::User),
            "/user/emails" => Some(Endpoint::Emails),
            "/user/orgs" => Some(Endpoint::Orgs),
            "/user/teams" => Some(Endpoint::Teams),
            _ => None,
        },
        ("DELETE", _) => revoke::client_in(path).map(|_| Endpoint::Revoke),
        _ => None,
    }
}

/// The answer, with whatever part of a fault only this personality can do.
pub(crate) fn answer(state: &State, request: &Request, fault: Option<Fault>) -> Answer {
    match request.endpoint {
        Some(Endpoint::Authorize) if request.method == Method::POST => {
            authorize::decide(state, request, fault)
        }
        Some(Endpoint::Authorize) => authorize::ask(state, request),
        Some(Endpoint::Token) => token::exchange(state, request, fault),
        Some(Endpoint::User) => api::user(state, request, fault),
        Some(Endpoint::Emails) => api::emails(state, request, fault),
        Some(Endpoint::Orgs) => api::orgs(state, request, fault),
        Some(Endpoint::Teams) => api::teams(state, request, fault),
        Some(Endpoint::Revoke) => revoke::revoke(state, request),
        _ => elsewhere(state, request),
    }
}

/// The client that a request is made for, known by its credentials or by its token.
pub(crate) fn client(state: &State, request: &Request) -> Option<Client> {
    let ledger = lock(&state.ledger);
    let id = request
        .bearer()
        .and_then(|token| ledger.access(token).map(|access| access.client_id.clone()))
        .or_else(|| request.basic().map(|(id, _)| id))
        .or_else(|| request.form_param("client_id"))?;
    ledger.client(&id).cloned()
}

fn elsewhere(state: &State, request: &Request) -> Answer {
    if request.path.starts_with(API) {
        return api::not_found();
    }
    let avatar = if request.method == Method::GET { avatar::answer(state, &request.path) } else { None };
    avatar.unwrap_or_else(not_found_page)
}

fn not_found_page() -> Answer {
    html::not_found(Personality::GitHub)
}
