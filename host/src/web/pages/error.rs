//! Everything that can go wrong, as a person meets it: what happened, what to do, and the id that the log has.
//!
//! It knows no cause: whoever answers maps a cause to one of these kinds, and logs the cause itself under the same id.

use std::time::Duration;

use minijinja::{Value, context};

use crate::web::text::{Text, is_local_path};

/// What went wrong. Each has three messages, `error-<key>-title`, `-what` and `-do`, which may name the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The person pressed "cancel" at the provider.
    DeniedByPerson,
    /// The provider, or a rule of the operator's about it, refuses this account.
    RefusedByPolicy,
    /// Proven, but without a user here, and sign-up is closed.
    SignupClosed,
    /// The provider no longer takes the authorization code.
    CodeExpired,
    /// The login attempt is too old, used, pushed out by newer ones, or never was this browser's.
    AttemptGone,
    /// The `state` is missing, or another provider's.
    StateInvalid,
    /// The login was begun in another browser, or without cookies.
    OtherBrowser,
    /// The callback is malformed: parameters missing, twice, or too long.
    BadCallback,
    /// A request of another kind that cannot be read.
    BadRequest,
    /// Configured, but its plugin is not running.
    ProviderUnavailable,
    /// The provider's servers do not answer.
    ProviderUnreachable,
    /// The provider answers no more requests for a while.
    ProviderRateLimited,
    /// The provider answered something that cannot be right.
    ProviderBadAnswer,
    /// The plugin failed: it panicked, got stuck, or broke a rule.
    ProviderFailed,
    /// The provider does not accept our settings.
    ProviderMisconfigured,
    /// The provider's settings changed between begin and callback.
    SettingsChanged,
    /// The operator turned the provider off, or it never existed.
    ProviderTurnedOff,
    /// The operator turned the provider off, or took it away, between begin and callback.
    ProviderTurnedOffMeanwhile,
    /// Too many requests from this address.
    TooManyAttempts,
    /// No such page.
    NotFound,
    /// The page is there, but not for this method.
    MethodNotAllowed,
    /// The request's body is too large.
    PayloadTooLarge,
    /// The form came from another site.
    CrossSite,
    /// The database does not answer, or the server is stopping.
    ServiceUnavailable,
    /// A fault of this server.
    Internal,
}

impl ErrorKind {
    /// Every kind.
    pub const ALL: [ErrorKind; 25] = [
        Self::DeniedByPerson,
        Self::RefusedByPolicy,
        Self::SignupClosed,
        Self::CodeExpired,
        Self::AttemptGone,
        Self::StateInvalid,
        Self::OtherBrowser,
        Self::BadCallback,
        Self::BadRequest,
        Self::ProviderUnavailable,
        Self::ProviderUnreachable,
        Self::ProviderRateLimited,
        Self::ProviderBadAnswer,
        Self::ProviderFailed,
        Self::ProviderMisconfigured,
        Self::SettingsChanged,
        Self::ProviderTurnedOff,
        Self::ProviderTurnedOffMeanwhile,
        Self::TooManyAttempts,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::PayloadTooLarge,
        Self::CrossSite,
        Self::ServiceUnavailable,
        Self::Internal,
    ];

    /// The HTTP status that goes with it.
    pub fn status(self) -> u16 {
        match self {
            Self::CodeExpired
            | Self::AttemptGone
            | Self::StateInvalid
            | Self::OtherBrowser
            | Self::BadCallback
            | Self::BadRequest
            | Self::SettingsChanged => 400,
            Self::DeniedByPerson | Self::RefusedByPolicy | Self::SignupClosed | Self::CrossSite => 403,
            Self::ProviderTurnedOff | Self::ProviderTurnedOffMeanwhile | Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::PayloadTooLarge => 413,
            Self::TooManyAttempts => 429,
            Self::Internal => 500,
            Self::ProviderBadAnswer | Self::ProviderFailed | Self::ProviderMisconfigured => 502,
            Self::ProviderUnavailable
            | Self::ProviderUnreachable
            | Self::ProviderRateLimited
            | Self::ServiceUnavailable => 503,
        }
    }

    /// Its name in the messages' keys, and a good one for logs: `denied-by-person`.
    pub fn key(self) -> &'static str {
        match self {
            Self::DeniedByPerson => "denied-by-person",
            Self::RefusedByPolicy => "refused-by-policy",
            Self::SignupClosed => "signup-closed",
            Self::CodeExpired => "code-expired",
            Self::AttemptGone => "attempt-gone",
            Self::StateInvalid => "state-invalid",
            Self::OtherBrowser => "other-browser",
            Self::BadCallback => "bad-callback",
            Self::BadRequest => "bad-request",
            Self::ProviderUnavailable => "provider-unavailable",
            Self::ProviderUnreachable => "provider-unreachable",
            Self::ProviderRateLimited => "provider-rate-limited",
            Self::ProviderBadAnswer => "provider-bad-answer",
            Self::ProviderFailed => "provider-failed",
            Self::ProviderMisconfigured => "provider-misconfigured",
            Self::SettingsChanged => "settings-changed",
            Self::ProviderTurnedOff => "provider-turned-off",
            Self::ProviderTurnedOffMeanwhile => "provider-turned-off-meanwhile",
            Self::TooManyAttempts => "too-many-attempts",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::PayloadTooLarge => "payload-too-large",
            Self::CrossSite => "cross-site",
            Self::ServiceUnavailable => "service-unavailable",
            Self::Internal => "internal",
        }
    }

    /// What the button to [`ErrorPage::try_again`] says.
    fn action(self) -> &'static str {
        match self {
            Self::CodeExpired
            | Self::AttemptGone
            | Self::StateInvalid
            | Self::OtherBrowser
            | Self::BadCallback
            | Self::SettingsChanged
            | Self::PayloadTooLarge => "error-start-again",
            Self::RefusedByPolicy
            | Self::SignupClosed
            | Self::ProviderMisconfigured
            | Self::ProviderTurnedOff
            | Self::ProviderTurnedOffMeanwhile
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::CrossSite => "error-to-sign-in",
            Self::DeniedByPerson
            | Self::BadRequest
            | Self::ProviderUnavailable
            | Self::ProviderUnreachable
            | Self::ProviderRateLimited
            | Self::ProviderBadAnswer
            | Self::ProviderFailed
            | Self::TooManyAttempts
            | Self::ServiceUnavailable
            | Self::Internal => "error-try-again",
        }
    }

    /// The drawing: whose turn it is now.
    fn mood(self) -> &'static str {
        match self {
            Self::DeniedByPerson | Self::RefusedByPolicy | Self::SignupClosed | Self::CrossSite => "closed",
            Self::CodeExpired
            | Self::AttemptGone
            | Self::StateInvalid
            | Self::OtherBrowser
            | Self::SettingsChanged
            | Self::TooManyAttempts
            | Self::ProviderRateLimited => "again",
            Self::NotFound
            | Self::ProviderTurnedOff
            | Self::ProviderTurnedOffMeanwhile
            | Self::MethodNotAllowed => "lost",
            _ => "broken",
        }
    }
}

/// An error page.
#[derive(Debug, Clone)]
pub struct ErrorPage {
    /// What went wrong.
    pub kind: ErrorKind,
    /// The request's id, the same as in the log.
    pub request_id: String,
    /// What people call the provider that this is about.
    pub provider: Option<Text>,
    /// When it makes sense to try again; the same as in `Retry-After`.
    pub retry_after: Option<Duration>,
    /// A path on this server where the person tries again: `/login?return_to=…`. Without it, or with anything that is
    /// no such path, the page leads to `/`.
    pub try_again: Option<String>,
    /// The provider's own words (`error_description`), shown as a quotation; `error_uri` is never linked
    /// (RFC 6749 §4.1.2.1).
    pub detail: Option<Text>,
}

impl ErrorPage {
    /// With nothing but the kind and the id.
    pub fn new(kind: ErrorKind, request_id: impl Into<String>) -> Self {
        let request_id = request_id.into();
        Self { kind, request_id, provider: None, retry_after: None, try_again: None, detail: None }
    }

    pub(super) fn context(&self) -> Value {
        let try_again = self.try_again.as_deref().filter(|path| is_local_path(path));
        let (wait_key, wait) = match self.retry_after.map(whole_seconds) {
            None => (None, 0),
            Some(seconds @ 0..=90) => (Some("error-wait-seconds"), seconds.max(1)),
            Some(seconds @ 91..=5400) => (Some("error-wait-minutes"), seconds.div_ceil(60)),
            Some(seconds) => (Some("error-wait-hours"), seconds.div_ceil(3600)),
        };
        context! {
            key => self.kind.key(),
            mood => self.kind.mood(),
            action => self.kind.action(),
            provider => shown(&self.provider),
            detail => shown(&self.detail),
            request_id => Text::from(self.request_id.as_str()).to_string(),
            wait_key,
            wait,
            try_again,
        }
    }
}

fn shown(text: &Option<Text>) -> Option<&str> {
    text.as_ref().filter(|text| !text.is_blank()).map(Text::as_str)
}

/// Rounded up: a person who comes a moment early is sent away again.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_rounded_up() {
        assert_eq!(whole_seconds(Duration::from_millis(1)), 1);
        assert_eq!(whole_seconds(Duration::from_secs(2)), 2);
        assert_eq!(whole_seconds(Duration::MAX), u64::MAX);
    }

    #[test]
    fn every_kind_has_a_key_of_its_own_and_an_error_status() {
        let keys: std::collections::HashSet<_> = ErrorKind::ALL.iter().map(|kind| kind.key()).collect();
        assert_eq!(keys.len(), ErrorKind::ALL.len());
        assert!(ErrorKind::ALL.iter().all(|kind| (400..=599).contains(&kind.status())));
    }
}
