//! JSON pointers (RFC 6901) that an operator wrote.

use vestibule_provider::prelude::*;

/// Names that stand for something people change, or take over from each other, wherever they stand in a document: never an
/// account id.
const CHANGEABLE: &[&str] = &[
    "email",
    "emails",
    "email_address",
    "emailaddress",
    "verified_primary_email",
    "verified_secondary_email",
    "mail",
    "mails",
    "preferred_username",
    "unique_name",
    "username",
    "user_name",
    "login",
    "upn",
    "name",
    "nickname",
    "given_name",
    "family_name",
    "phone_number",
];

/// Names of what many people of an issuer have in common (its clients, tenants, domains, groups), or what is another at
/// each sign-in.
const NOBODYS: &[&str] = &[
    "iss",
    "aud",
    "azp",
    "exp",
    "iat",
    "nbf",
    "auth_time",
    "nonce",
    "jti",
    "sid",
    "acr",
    "amr",
    "at_hash",
    "c_hash",
    "hd",
    "tid",
    "org_id",
    "groups",
    "roles",
];

/// A pointer of the setting `key`. `None` for an empty one, which takes nothing.
pub(crate) fn checked(key: &str, text: &str) -> Result<Option<String>> {
    if text.is_empty() {
        return Ok(None);
    }
    let fault = |why: &str| Err(Error::bad_settings(format_args!("`{key}` is `{text}`, {why}")));
    if !text.starts_with('/') {
        return fault("and a pointer begins with `/`, as in `/sub`; a `/` within a name is written `~1`");
    }
    let escapes = text.split('~').skip(1);
    if text.len() > 255 || escapes.clone().any(|rest| !rest.starts_with(['0', '1'])) {
        return fault(
            "which is no pointer: a `~` within a name is written `~0`, and 255 bytes are the limit",
        );
    }
    Ok(Some(text.to_owned()))
}

/// The pointer to the account id.
pub(crate) fn checked_id(text: &str) -> Result<String> {
    let Some(pointer) = checked("id", text)? else {
        return Err(Error::bad_settings("`id` is empty: without an id there is no account"));
    };
    let names = names_in(&pointer);
    if names.iter().any(|name| CHANGEABLE.contains(&name.as_str())) {
        return Err(Error::bad_settings(format_args!(
            "`id` is `{pointer}`, which people change and others then claim: leave it at `/sub`, or name the issuer's own \
             and unchanging id"
        )));
    }
    if names.iter().any(|name| NOBODYS.contains(&name.as_str())) {
        return Err(Error::bad_settings(format_args!(
            "`id` is `{pointer}`, which names no person: leave it at `/sub`"
        )));
    }
    Ok(pointer)
}

/// All names in a pointer, in lower case: its segments, and where one is a URL or URN (`https:~1~1corp.example~1email`) the
/// parts of that. What stands below a list or an object is still of its kind: `/emails/0` is an address.
fn names_in(pointer: &str) -> Vec<String> {
    let unescaped = |segment: &str| segment.replace("~1", "/").replace("~0", "~").to_ascii_lowercase();
    pointer
        .split('/')
        .map(unescaped)
        .flat_map(|segment| segment.split(['/', '#', ':']).map(str::to_owned).collect::<Vec<_>>())
        .collect()
}
