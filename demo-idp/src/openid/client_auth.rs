//! Who asks at the token and revocation endpoints, held to RFC 6749 §2.3. Must not know codes.

use http::StatusCode;
use serde_json::json;

use super::repeated;
use super::settings::TokenAuth;
use crate::answer::Answer;
use crate::ledger::Client;
use crate::lock::lock;
use crate::request::Request;
use crate::state::State;

/// An error in JSON (RFC 6749 §5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) error: &'static str,
    pub(super) description: &'static str,
}

impl Failure {
    pub(super) const fn new(error: &'static str, description: &'static str) -> Self {
        Self { error, description }
    }

    pub(super) fn answer(self) -> Answer {
        let unknown = self.error == "invalid_client";
        let status = if unknown { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
        let body = json!({ "error": self.error, "error_description": self.description });
        let answer = Answer::json(status, &body).with("pragma", "no-cache");
        if unknown { answer.with("www-authenticate", "Basic realm=\"demo\"") } else { answer }
    }
}

const UNKNOWN: Failure = Failure::new(
    "invalid_client",
    "Client authentication failed due to unknown client, no client authentication included, or unsupported \
     authentication method.",
);

/// The client that a form request proves to come from. The form itself is checked on the way: its type, no parameter
/// twice, none in the query.
pub(super) fn authenticate(state: &State, request: &Request) -> Result<Client, Failure> {
    let form = request.header("content-type").is_some_and(|kind| {
        kind.split(';')
            .next()
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
    });
    if !form {
        return Err(Failure::new("invalid_request", "The body must be application/x-www-form-urlencoded."));
    }
    if !request.query.is_empty() {
        return Err(Failure::new("invalid_request", "Parameters must be in the body, not in the query."));
    }
    if repeated(&request.form_pairs()).is_some() {
        return Err(Failure::new("invalid_request", "A parameter is included more than once."));
    }
    let posted = request.form_param("client_secret");
    let (way, id, secret) = match (request.header("authorization"), posted) {
        (Some(_), Some(_)) => {
            // RFC 6749 §2.3: never more than one method in a request.
            return Err(Failure::new(
                "invalid_request",
                "The client uses more than one way to authenticate.",
            ));
        }
        (Some(_), None) => {
            let (id, secret) = request.basic().ok_or(UNKNOWN)?;
            (TokenAuth::Basic, decode(&id).ok_or(UNKNOWN)?, decode(&secret).ok_or(UNKNOWN)?)
        }
        (None, Some(secret)) => (TokenAuth::Post, request.form_param("client_id").ok_or(UNKNOWN)?, secret),
        (None, None) => return Err(UNKNOWN),
    };
    if request.form_param("client_id").is_some_and(|other| other != id) {
        return Err(Failure::new("invalid_request", "The body names another client than the header."));
    }
    let known = lock(&state.ledger).client(&id).filter(|client| client.secret == secret).cloned();
    known.filter(|_| state.openid.token_auth.contains(&way)).ok_or(UNKNOWN)
}

/// The client that a request names, proven or not.
pub(super) fn named(request: &Request) -> Option<String> {
    let basic = request.basic().and_then(|(id, _)| decode(&id));
    basic.or_else(|| request.form_param("client_id"))
}

/// Undoes form-encoding (RFC 6749 §2.3.1 and Appendix B). What no encoder leaves as it is, such as `/` or `=`, shows that
/// none was at work, and is refused: a lenient provider would hide the mistake until a secret holds a `+`.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                u8::try_from(digit(rest.next())? * 16 + digit(rest.next())?).ok()?
            }
            // `~` is left alone by the encoders of RFC 3986.
            byte if byte.is_ascii_alphanumeric() || b"-._*~".contains(&byte) => byte,
            _ => return None,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn undoes_form_encoding_and_refuses_what_was_never_encoded() {
        assert_eq!(decode("a%2Fb%2bc+d%C3%A4~").as_deref(), Some("a/b+c dä~"));
        for text in ["a/b", "a=b", "a b", "ä", "a%2", "a%zz", "%ff", "%+2"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
