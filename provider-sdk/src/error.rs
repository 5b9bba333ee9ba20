//! What a provider reports when something fails: a class that the host acts on, and a line for its log.
//!
//! No message holds what an answer said, nor the query of an address: both carry tokens and codes.

use std::fmt;

use vestibule_abi::record::{Failure, code};

/// What goes wrong in a provider.
///
/// The class decides what the person sees; the message goes to the log. Write it in lower case, as one line, with the
/// offending value in backticks and without anything secret in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    code: u32,
    message: String,
    retry_after_s: Option<u64>,
}

/// A result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The longest message that the host keeps, in bytes.
const MAX_MESSAGE: usize = 1024;

impl Error {
    pub(crate) fn new(code: u32, message: impl fmt::Display) -> Self {
        Self { code, message: message.to_string(), retry_after_s: None }
    }

    /// The person said no at the provider.
    pub fn denied() -> Self {
        Self::new(code::DENIED, "the person did not agree at the provider")
    }

    /// The authorization code is expired, used, or was never issued: starting again helps.
    pub fn code_expired(message: impl fmt::Display) -> Self {
        Self::new(code::CODE_EXPIRED, message)
    }

    /// The provider refuses this client: the operator has to correct id, secret, redirect URI or scope.
    pub fn misconfigured(message: impl fmt::Display) -> Self {
        Self::new(code::CLIENT_MISCONFIGURED, message)
    }

    /// The operator's settings do not let this account in.
    pub fn refused(message: impl fmt::Display) -> Self {
        Self::new(code::REFUSED_BY_POLICY, message)
    }

    /// The provider asks to wait, for so many seconds where it says.
    pub fn rate_limited(retry_after_s: Option<u64>) -> Self {
        Self { retry_after_s, ..Self::new(code::RATE_LIMITED, "the provider asks to wait") }
    }

    /// The provider cannot be reached, or says that it is out of order.
    pub fn provider_down(message: impl fmt::Display) -> Self {
        Self::new(code::PROVIDER_DOWN, message)
    }

    /// The provider's answer is not what it should be.
    pub fn bad_answer(message: impl fmt::Display) -> Self {
        Self::new(code::BAD_ANSWER, message)
    }

    /// The settings cannot be used; the message says which and why, and is shown to the operator.
    pub fn bad_settings(message: impl fmt::Display) -> Self {
        Self::new(code::BAD_SETTINGS, message)
    }

    /// The class of an error that an authorization endpoint sent to the callback (RFC 6749 §4.1.2.1).
    pub fn from_callback(error: &str) -> Self {
        match error {
            "access_denied" => Self::denied(),
            "unauthorized_client"
            | "invalid_client"
            | "invalid_request"
            | "invalid_scope"
            | "unsupported_response_type"
            | "redirect_uri_mismatch" => {
                Self::misconfigured(named("the provider refuses the request", error))
            }
            "server_error" | "temporarily_unavailable" => {
                Self::provider_down(named("the provider cannot sign in at the moment", error))
            }
            other => Self::bad_answer(named("the provider sent an error", other)),
        }
    }

    /// The class of an error that a token endpoint answered (RFC 6749 §5.2, and names that are in common use).
    pub fn from_token_endpoint(error: &str) -> Self {
        match error {
            "invalid_grant" => Self::code_expired(named("the token endpoint refuses the code", error)),
            "invalid_client"
            | "unauthorized_client"
            | "redirect_uri_mismatch"
            | "invalid_request"
            | "invalid_scope"
            | "unsupported_grant_type" => {
                Self::misconfigured(named("the token endpoint refuses this client", error))
            }
            "server_error" | "temporarily_unavailable" => {
                Self::provider_down(named("the token endpoint is out of order", error))
            }
            other => Self::bad_answer(named("the token endpoint sent an error", other)),
        }
    }

    /// The class, one of the numbers in `vestibule_abi::record::code`.
    pub fn code(&self) -> u32 {
        self.code
    }

    /// The line for the log.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// How many seconds to wait, where the provider said so.
    pub fn retry_after_s(&self) -> Option<u64> {
        self.retry_after_s
    }

    /// The same error, with what was being done in front of its message.
    #[must_use]
    pub fn context(mut self, doing: impl fmt::Display) -> Self {
        self.message = format!("{doing}: {}", self.message);
        self
    }

    pub(crate) fn into_failure(self) -> Failure {
        let mut failure = Failure::new(self.code, one_line(&self.message, MAX_MESSAGE));
        failure.retry_after_s = self.retry_after_s;
        failure
    }
}

/// An error's name as a remote party sent it, cut to what RFC 6749 allows in it: it ends up in a log line.
fn named(what: &str, error: &str) -> String {
    let name: String = error
        .chars()
        .take(64)
        .map(|c| if c.is_ascii_graphic() && c != '`' && c != '"' && c != '\\' { c } else { '?' })
        .collect();
    format!("{what}: `{name}`")
}

/// Text without line breaks and other control characters, cut at so many bytes.
pub(crate) fn one_line(text: &str, limit: usize) -> String {
    let text = &text[..text.floor_char_boundary(limit)];
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self { code: failure.code, message: failure.message, retry_after_s: failure.retry_after_s }
    }
}

/// JSON that is not what it should be: the place, without a piece of the input.
impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        let what = match error.classify() {
            serde_json::error::Category::Io => "cannot be read",
            serde_json::error::Category::Syntax => "is no JSON",
            serde_json::error::Category::Data => "lacks a field or has one of another type",
            serde_json::error::Category::Eof => "ends too early",
        };
        Self::bad_answer(format_args!("the answer {what}, line {} column {}", error.line(), error.column()))
    }
}

/// An address that is none. The parser's texts do not repeat it.
impl From<url::ParseError> for Error {
    fn from(error: url::ParseError) -> Self {
        Self::bad_answer(format_args!("no usable address: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_remote_errors_cannot_break_a_log_line() {
        let error = Error::from_callback("no\npe`\u{202e}");
        assert_eq!(error.message(), "the provider sent an error: `no?pe??`");
        assert_eq!(error.code(), code::BAD_ANSWER);
        assert!(Error::from_token_endpoint(&"x".repeat(500)).message().len() < 120);
    }

    #[test]
    fn a_parser_error_does_not_repeat_the_input() {
        let error: Error = serde_json::from_str::<u32>("\"gho_secret\"").unwrap_err().into();
        assert!(!error.message().contains("gho_"), "{error}");
        assert_eq!(error.code(), code::BAD_ANSWER);
    }

    #[test]
    fn a_failure_is_one_short_line() {
        let failure = Error::bad_answer(format!("a\nb\0{}", "ü".repeat(2000))).into_failure();
        assert!(failure.message.starts_with("a b ü"));
        assert!(failure.message.len() <= MAX_MESSAGE);
    }

    #[test]
    fn callback_errors_fall_into_their_classes() {
        for (name, class) in [
            ("access_denied", code::DENIED),
            ("invalid_scope", code::CLIENT_MISCONFIGURED),
            ("temporarily_unavailable", code::PROVIDER_DOWN),
            ("", code::BAD_ANSWER),
        ] {
            assert_eq!(Error::from_callback(name).code(), class, "{name}");
        }
    }
}
