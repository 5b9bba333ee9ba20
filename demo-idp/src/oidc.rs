//! The personality of an OpenID provider in general: paths of its own choice, claims by scope as OpenID Connect Core 1.0
//! §5.4 lists them, and `groups` for a scope of that name. Must not know sockets, nor who asks.

use std::time::Duration;

use http::Method;
use serde_json::{Map, Value, json};

use crate::avatar;
use crate::fault::Endpoint;
use crate::openid::{self, Flavour, Paths, Place};
use crate::people::Person;
use crate::state::State;

/// Where faults can be set.
pub(crate) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::Discovery,
    Endpoint::Jwks,
    Endpoint::Authorize,
    Endpoint::Token,
    Endpoint::UserInfo,
    Endpoint::Revoke,
];

const PATHS: Paths = Paths {
    authorize: "/authorize",
    token: "/token",
    userinfo: "/userinfo",
    jwks: "/jwks",
    revoke: "/revoke",
    end_session: Some("/logout"),
};

pub(crate) const FLAVOUR: Flavour = Flavour {
    paths: PATHS,
    scopes: &["openid", "profile", "email", "groups"],
    refuses_unknown_scopes: false,
    token_life: Duration::from_secs(3600),
    id_token_life: Duration::from_secs(300),
    at_hash: true,
    created_at: false,
    subject,
    claims,
    metadata,
};

/// Which endpoint a request meets; the path is the one below the base path.
pub(crate) fn endpoint(method: &Method, path: &str) -> Option<Endpoint> {
    openid::endpoint(&PATHS, method, path)
}

/// Text that is no number, as most providers' (Core 1.0 §2: up to 255 ASCII characters).
fn subject(person: &Person) -> String {
    person.subject.clone().unwrap_or_else(|| format!("demo|{}", person.id))
}

fn claims(state: &State, person: &Person, scopes: &[String], place: Place) -> Map<String, Value> {
    let mut claims = Map::new();
    if place == Place::IdToken && !state.openid.claims_in_id_token {
        return claims;
    }
    let mut put = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    for scope in scopes {
        match scope.as_str() {
            "profile" => {
                // A claim without a value is left out (Core 1.0 §5.3.2).
                if let Some(name) = &person.name {
                    put("name", json!(name));
                }
                put("preferred_username", json!(person.login));
                put("picture", json!(avatar::url(state, person.id)));
            }
            "email" => {
                if let Some(email) = person.primary_email() {
                    put("email", json!(email.address));
                    put("email_verified", json!(email.verified));
                }
            }
            "groups" => {
                put("groups", json!(person.all_groups()));
            }
            _ => {}
        }
    }
    claims
}

fn metadata(members: &mut Map<String, Value>, _: &State) {
    let claims = [
        "iss",
        "sub",
        "aud",
        "exp",
        "iat",
        "auth_time",
        "nonce",
        "azp",
        "at_hash",
        "name",
        "preferred_username",
        "picture",
        "email",
        "email_verified",
        "groups",
    ];
    members.insert("claims_supported".to_owned(), json!(claims));
    // Left out, this one would mean yes (Discovery 1.0 §3).
    members.insert("request_uri_parameter_supported".to_owned(), json!(false));
}
