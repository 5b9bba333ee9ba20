//! The personality of GitLab: `/oauth/…` and `/api/v4/user`, also below a relative URL root. Follows the pages "GitLab as
//! OpenID Connect identity provider", "OAuth 2.0 identity provider API" and "Users API" of docs.gitlab.com; where they are
//! silent, doorkeeper and doorkeeper-openid_connect, on which GitLab is built. Must not know sockets, nor who asks.

mod user;

use std::time::Duration;

use aws_lc_rs::digest::{self, digest};
use data_encoding::HEXLOWER;
use http::Method;
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::avatar;
use crate::fault::{Endpoint, Fault};
use crate::openid::{self, Flavour, Paths, Place};
use crate::people::Person;
use crate::request::Request;
use crate::state::State;

/// Where faults can be set.
pub(crate) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::Discovery,
    Endpoint::Jwks,
    Endpoint::Authorize,
    Endpoint::Token,
    Endpoint::UserInfo,
    Endpoint::User,
    Endpoint::Revoke,
];

const PATHS: Paths = Paths {
    authorize: "/oauth/authorize",
    token: "/oauth/token",
    userinfo: "/oauth/userinfo",
    jwks: "/oauth/discovery/keys",
    revoke: "/oauth/revoke",
    end_session: None,
};
const USER: &str = "/api/v4/user";

pub(crate) const FLAVOUR: Flavour = Flavour {
    paths: PATHS,
    scopes: &["api", "read_api", "read_user", "openid", "profile", "email"],
    refuses_unknown_scopes: true,
    token_life: Duration::from_secs(7200),
    // doorkeeper-openid_connect's default; GitLab documents none.
    id_token_life: Duration::from_secs(120),
    at_hash: false,
    created_at: true,
    subject: digits,
    claims,
    metadata,
};

/// Which endpoint a request meets; the path is the one below the relative URL root.
pub(crate) fn endpoint(method: &Method, path: &str) -> Option<Endpoint> {
    if path == USER {
        return (method == Method::GET).then_some(Endpoint::User);
    }
    openid::endpoint(&PATHS, method, path)
}

/// The answer, with whatever part of a fault only this personality can do.
pub(crate) fn answer(state: &State, request: &Request, fault: Option<Fault>) -> Answer {
    match request.endpoint {
        Some(Endpoint::User) => user::user(state, request, fault),
        _ => openid::answer(&FLAVOUR, state, request, fault),
    }
}

/// The user id: digits, more of them than 64 bits hold where a person's subject says so.
fn digits(person: &Person) -> String {
    person.subject.clone().unwrap_or_else(|| person.id.to_string())
}

/// `groups` (inherited memberships included) and most of the profile come from userinfo alone, `groups_direct` from the
/// ID token alone. Newer versions put the profile into the ID token too; whoever works without works with it.
fn claims(state: &State, person: &Person, scopes: &[String], place: Place) -> Map<String, Value> {
    let mut claims = Map::new();
    let mut put = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    put("sub_legacy", json!(legacy(person)));
    // The primary address for the scope `email`, else the public one of the profile, or none.
    let email = if scopes.iter().any(|scope| scope == "email") {
        person.primary_email().map(|email| (email.address.clone(), email.verified))
    } else {
        let verified =
            |address: &String| person.emails.iter().any(|email| email.address == *address && email.verified);
        person.public_email.as_ref().map(|address| (address.clone(), verified(address)))
    };
    if let Some((address, verified)) = email {
        put("email", json!(address));
        put("email_verified", json!(verified));
    }
    match place {
        Place::IdToken => {
            put("groups_direct", json!(person.groups));
        }
        Place::UserInfo => {
            put("name", json!(person.name.as_ref().unwrap_or(&person.login)));
            put("nickname", json!(person.login));
            put("preferred_username", json!(person.login));
            put("profile", json!(format!("{}/{}", state.base_url, person.login)));
            put("picture", json!(avatar::url(state, person.id)));
            put("groups", json!(person.all_groups()));
        }
    }
    claims
}

/// `sub` as it was before GitLab 11.1: a salted hash of the id, 64 hexadecimal digits.
fn legacy(person: &Person) -> String {
    HEXLOWER.encode(digest(&digest::SHA256, format!("{}-demo", person.id).as_bytes()).as_ref())
}

fn metadata(members: &mut Map<String, Value>, state: &State) {
    let claims = [
        "iss",
        "sub",
        "aud",
        "exp",
        "iat",
        "sub_legacy",
        "name",
        "nickname",
        "preferred_username",
        "email",
        "email_verified",
        "website",
        "profile",
        "picture",
        "groups",
        "groups_direct",
    ];
    members.insert("claims_supported".to_owned(), json!(claims));
    if let Some(methods) = members.get_mut("code_challenge_methods_supported") {
        *methods = json!(["plain", "S256"]);
    }
    members
        .insert("introspection_endpoint".to_owned(), json!(format!("{}/oauth/introspect", state.base_url)));
}
