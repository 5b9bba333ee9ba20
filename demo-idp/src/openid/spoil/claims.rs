//! Claims that come out wrong, in ID tokens and from userinfo alike.

use serde_json::{Value, json};

use crate::fault::OpenIdFault;
use crate::people::Person;
use crate::raw_object::RawObject;

/// Changes the claims about a person; `other` is somebody else's subject.
pub(in crate::openid) fn spoil(claims: &mut RawObject, other: &str, fault: OpenIdFault) {
    match fault {
        OpenIdFault::SubMissing => claims.remove("sub"),
        OpenIdFault::SubEmpty => claims.set("sub", ""),
        OpenIdFault::SubNumber => claims.set("sub", 583_231),
        OpenIdFault::SubNull => claims.set("sub", Value::Null),
        // Core 1.0 §2: it must not exceed 255 ASCII characters.
        OpenIdFault::SubLong => claims.set("sub", "s".repeat(256)),
        OpenIdFault::SubWithNul => claims.set("sub", "583231\0"),
        OpenIdFault::SubOther => claims.set("sub", other),
        OpenIdFault::EmailVerifiedText => claims.set("email_verified", "true"),
        OpenIdFault::EmailVerifiedOne => claims.set("email_verified", 1),
        OpenIdFault::EmailVerifiedMissing => claims.remove("email_verified"),
        OpenIdFault::EmailNumber => claims.set("email", 1),
        OpenIdFault::EmailTwoAts => claims.set("email", "a@evil.example@example.org"),
        OpenIdFault::GroupsMissing => groups(claims, None),
        OpenIdFault::GroupsText => groups(claims, Some(json!("acme"))),
        OpenIdFault::GroupsMixed => groups(claims, Some(json!([1, null, { "name": "acme" }, ["acme"]]))),
        _ => {}
    }
}

/// Under either name that GitLab has for them.
fn groups(claims: &mut RawObject, value: Option<Value>) {
    for name in ["groups", "groups_direct"]
        .into_iter()
        .filter(|name| claims.json.contains_key(*name))
        .collect::<Vec<_>>()
    {
        match &value {
            Some(value) => claims.set(name, value.clone()),
            None => claims.remove(name),
        }
    }
}

/// Somebody else; the same person where there is nobody.
pub(in crate::openid) fn somebody_else<'a>(people: &'a [Person], person: &'a Person) -> &'a Person {
    people.iter().find(|other| other.id != person.id).unwrap_or(person)
}
