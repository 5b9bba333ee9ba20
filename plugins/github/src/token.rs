//! GitHub's own names of errors, at the token endpoint and in the callback.

use vestibule_provider::prelude::*;

/// Errors of the token endpoint ("Troubleshooting OAuth app access token request errors"), which come with status 200.
pub(crate) fn known_error(error: &str) -> Option<Error> {
    Some(match error {
        "bad_verification_code" => Error::code_expired("github says `bad_verification_code`"),
        "incorrect_client_credentials" => Error::misconfigured(
            "github says `incorrect_client_credentials`: `client_id` and `client_secret` do not belong together",
        ),
        "redirect_uri_mismatch" => Error::misconfigured(
            "github says `redirect_uri_mismatch`: register this provider's callback URL with the app",
        ),
        "unverified_user_email" => Error::refused(
            "github says `unverified_user_email`: the person's primary address is not verified",
        ),
        _ => return None,
    })
}

/// Errors in the callback ("Troubleshooting authorization request errors").
pub(crate) fn callback_error(error: &str) -> Error {
    match error {
        "application_suspended" => {
            Error::misconfigured("github says `application_suspended`: ask GitHub's support about this app")
        }
        "redirect_uri_mismatch" => Error::misconfigured(
            "github says `redirect_uri_mismatch`: register this provider's callback URL with the app",
        ),
        other => Error::from_callback(other),
    }
}
