//! JSON pointers (RFC 6901) that an operator wrote.

use vestibule_provider::prelude::*;

/// Names that stand for something people change, or take over from each other, wherever they stand in a document: never an
/// account id.
const CHANGEABLE: &[&str] = &[
    "email",
    "emails",
    "mail",
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

/// Names of what all people of an issuer have in common, or what is another at each sign-in.
const NOBODYS: &[&str] =
    &["iss", "aud", "azp", "exp", "iat", "nbf", "auth_time", "nonce", "jti", "sid", "acr", "amr", "at_hash"];

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
    let last = pointer.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    if CHANGEABLE.contains(&last.as_str()) {
        return Err(Error::bad_settings(format_args!(
            "`id` is `{pointer}`, which people change and others then claim: leave it at `/sub`, or name the issuer's own \
             and unchanging id"
        )));
    }
    if NOBODYS.contains(&last.as_str()) {
        return Err(Error::bad_settings(format_args!(
            "`id` is `{pointer}`, which names no person: leave it at `/sub`"
        )));
    }
    Ok(pointer)
}
