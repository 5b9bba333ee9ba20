//! What OpenID providers have in common: the authorization code flow (RFC 6749 §4.1, OpenID Connect Core 1.0 §3.1) with
//! PKCE (RFC 7636), ID tokens, keys, userinfo, revocation. Paths, claims and metadata are each personality's own. Must
//! not know sockets, nor who asks.

mod authorize;
mod client_auth;
mod id_token;
mod jwt;
mod keys;
mod metadata;
mod revoke;
mod settings;
mod spoil;
mod token;
mod userinfo;
mod weak_rsa;

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Map, Value};

pub(crate) use self::keys::{KeyRing, SigningKey};
pub use self::settings::{Algorithm, CallbackIssuer, OpenIdOptions, Pkce, TokenAuth};
pub(crate) use self::userinfo::admit;
use crate::answer::Answer;
use crate::avatar;
use crate::fault::{Endpoint, Fault};
use crate::html;
use crate::ledger::Client;
use crate::lock::lock;
use crate::people::Person;
use crate::request::Request;
use crate::state::State;

/// Where the metadata is, below the issuer without its final slash (OpenID Connect Discovery 1.0 §4).
pub(crate) const DISCOVERY: &str = "/.well-known/openid-configuration";
/// Where the headers of forged tokens point: to keys, and to a certificate.
const TRAP_KEYS: &str = "/trap/keys";
const TRAP_CERTIFICATE: &str = "/trap/certificate";
/// The scope that makes it OpenID Connect.
pub(crate) const OPENID: &str = "openid";

/// Paths below the base path.
pub(crate) struct Paths {
    pub(crate) authorize: &'static str,
    pub(crate) token: &'static str,
    pub(crate) userinfo: &'static str,
    pub(crate) jwks: &'static str,
    pub(crate) revoke: &'static str,
    /// RP-initiated logout, where there is any.
    pub(crate) end_session: Option<&'static str>,
}

/// Where claims go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    IdToken,
    UserInfo,
}

/// In what one OpenID personality differs from another.
pub(crate) struct Flavour {
    pub(crate) paths: Paths,
    pub(crate) scopes: &'static [&'static str],
    /// Whether a scope that nobody knows is an error; otherwise it is ignored (Core 1.0 §3.1.2.1).
    pub(crate) refuses_unknown_scopes: bool,
    pub(crate) token_life: Duration,
    pub(crate) id_token_life: Duration,
    /// Whether ID tokens have `at_hash`, which the code flow does not ask for (Core 1.0 §3.1.3.6).
    pub(crate) at_hash: bool,
    /// Whether the token answer has `created_at`, as doorkeeper's.
    pub(crate) created_at: bool,
    /// The account id as text.
    pub(crate) subject: fn(&Person) -> String,
    /// Everything about a person but `sub`.
    pub(crate) claims: fn(&State, &Person, &[String], Place) -> Map<String, Value>,
    /// The metadata that every provider has, made this personality's.
    pub(crate) metadata: fn(&mut Map<String, Value>, &State),
}

/// The issuer for these options.
pub(crate) fn issuer(base_url: &str, options: &OpenIdOptions) -> String {
    if options.issuer_slash { format!("{base_url}/") } else { base_url.to_owned() }
}

/// Which endpoint a request meets; the path is the one below the base path.
pub(crate) fn endpoint(paths: &Paths, method: &Method, path: &str) -> Option<Endpoint> {
    let found = match path {
        DISCOVERY => Endpoint::Discovery,
        path if path == paths.authorize => Endpoint::Authorize,
        path if path == paths.token => Endpoint::Token,
        path if path == paths.userinfo => Endpoint::UserInfo,
        path if path == paths.jwks => Endpoint::Jwks,
        path if path == paths.revoke => Endpoint::Revoke,
        TRAP_KEYS | TRAP_CERTIFICATE => return Some(Endpoint::Trap),
        _ => return None,
    };
    let allowed: &[Method] = match found {
        Endpoint::Discovery | Endpoint::Jwks => &[Method::GET],
        Endpoint::Token | Endpoint::Revoke => &[Method::POST],
        _ => &[Method::GET, Method::POST],
    };
    allowed.contains(method).then_some(found)
}

/// The answer of the endpoints that all have.
pub(crate) fn answer(flavour: &Flavour, state: &State, request: &Request, fault: Option<Fault>) -> Answer {
    match request.endpoint {
        Some(Endpoint::Discovery) => metadata::metadata(flavour, state, fault),
        Some(Endpoint::Jwks) => metadata::jwks(state, fault),
        Some(Endpoint::Authorize) if request.method == Method::POST => {
            authorize::decide(flavour, state, request, fault)
        }
        Some(Endpoint::Authorize) => authorize::ask(flavour, state, request),
        Some(Endpoint::Token) => token::exchange(flavour, state, request, fault),
        Some(Endpoint::UserInfo) => userinfo::userinfo(flavour, state, request, fault),
        Some(Endpoint::Revoke) => revoke::revoke(state, request),
        Some(Endpoint::Trap) => metadata::trap(state, request.path.ends_with(TRAP_KEYS)),
        _ => elsewhere(flavour, state, request),
    }
}

/// The client that a request is made for, known by its credentials or by its token.
pub(crate) fn client(state: &State, request: &Request) -> Option<Client> {
    let ledger = lock(&state.ledger);
    let id = request
        .bearer()
        .and_then(|token| ledger.access(token).map(|access| access.client_id.clone()))
        .or_else(|| client_auth::named(request))?;
    ledger.client(&id).cloned()
}

fn elsewhere(flavour: &Flavour, state: &State, request: &Request) -> Answer {
    let below = request.path.strip_prefix(state.base_path.as_str()).unwrap_or_default();
    if flavour.paths.end_session == Some(below) {
        // OpenID Connect RP-Initiated Logout 1.0; nobody is ever signed in here, so there is nothing to end.
        let body = "<h1>You are signed out</h1>\n<p>The demo provider remembers nobody anyway.</p>";
        return Answer::html(StatusCode::OK, html::page(state.personality, "Signed out", body));
    }
    let avatar = if request.method == Method::GET { avatar::answer(state, below) } else { None };
    avatar.unwrap_or_else(|| html::not_found(state.personality))
}

/// A parameter that came more than once, which none may (RFC 6749 §3.1 and §3.2).
fn repeated(pairs: &[(String, String)]) -> Option<&str> {
    let mut seen = std::collections::HashSet::new();
    pairs.iter().map(|(name, _)| name.as_str()).find(|name| !seen.insert(*name))
}
