//! From what went wrong to what people see: every way out of a sign-in, mapped once.
//!
//! Two texts for each: the page's, chosen by kind, and the cause, which only the log gets, under the id that the person
//! was shown.

use std::time::Duration;

use crate::login::begin::BeginError;
use crate::login::callback::{CallbackError, Failed};
use crate::login::complete::CompleteError;
use crate::login::return_path::ReturnPath;
use crate::name::ProviderName;
use crate::plugin::{OperationError, OperationErrorKind};
use crate::store::StoreError;
use crate::web::pages::ErrorKind;

/// A failed request.
#[derive(Debug)]
pub struct Problem {
    /// What the person reads, and the status.
    pub kind: ErrorKind,
    /// The provider it is about.
    pub provider: Option<ProviderName>,
    /// When it makes sense to try again.
    pub retry_after: Option<Duration>,
    /// Where the person wanted to go.
    pub return_path: ReturnPath,
    /// For the log.
    pub cause: String,
}

impl Problem {
    /// Of this kind, with a cause for the log.
    pub fn new(kind: ErrorKind, cause: impl ToString) -> Self {
        let return_path = ReturnPath::root();
        Self { kind, provider: None, retry_after: None, return_path, cause: cause.to_string() }
    }

    fn about(mut self, provider: &ProviderName) -> Self {
        self.provider = Some(provider.clone());
        self
    }

    /// Whether the operator has to look: a fault of ours, of a plugin or of the settings, and not a person's choice or
    /// a provider's bad day.
    pub fn is_fault(&self) -> bool {
        matches!(
            self.kind,
            ErrorKind::Internal
                | ErrorKind::ServiceUnavailable
                | ErrorKind::ProviderFailed
                | ErrorKind::ProviderMisconfigured
                | ErrorKind::ProviderUnavailable
        )
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if error.is_temporary() {
            let retry_after = Some(Duration::from_secs(5));
            return Self { retry_after, ..Self::new(ErrorKind::ServiceUnavailable, error) };
        }
        Self::new(ErrorKind::Internal, error)
    }
}

impl From<BeginError> for Problem {
    fn from(error: BeginError) -> Self {
        let cause = error.to_string();
        match error {
            BeginError::NoSuchProvider => Self::new(ErrorKind::NotFound, cause),
            BeginError::TurnedOff(provider) => {
                Self::new(ErrorKind::ProviderTurnedOff, cause).about(&provider)
            }
            BeginError::Unavailable(provider, _) => {
                Self::new(ErrorKind::ProviderUnavailable, cause).about(&provider)
            }
            BeginError::Operation(provider, error) => operation(&provider, &error, cause),
            BeginError::Store(error) => error.into(),
        }
    }
}

impl From<Failed> for Problem {
    fn from(failed: Failed) -> Self {
        Self { return_path: failed.return_path, ..failed.error.into() }
    }
}

impl From<CallbackError> for Problem {
    fn from(error: CallbackError) -> Self {
        let cause = error.to_string();
        match error {
            CallbackError::Malformed(_) | CallbackError::NeitherCodeNorError => {
                Self::new(ErrorKind::BadCallback, cause)
            }
            CallbackError::OtherBrowser => Self::new(ErrorKind::OtherBrowser, cause),
            CallbackError::AttemptGone => Self::new(ErrorKind::AttemptGone, cause),
            CallbackError::InvalidState(_) => Self::new(ErrorKind::StateInvalid, cause),
            CallbackError::TurnedOff(provider) => {
                Self::new(ErrorKind::ProviderTurnedOffMeanwhile, cause).about(&provider)
            }
            CallbackError::Unavailable(provider, _) => {
                Self::new(ErrorKind::ProviderUnavailable, cause).about(&provider)
            }
            CallbackError::SettingsChanged(provider) => {
                Self::new(ErrorKind::SettingsChanged, cause).about(&provider)
            }
            CallbackError::WrongIssuer(provider, _) => {
                Self::new(ErrorKind::BadCallback, cause).about(&provider)
            }
            CallbackError::Operation(provider, error) => operation(&provider, &error, cause),
            CallbackError::Complete(provider, CompleteError::SignupClosed) => {
                Self::new(ErrorKind::SignupClosed, cause).about(&provider)
            }
            CallbackError::Complete(provider, CompleteError::Account(_)) => {
                Self::new(ErrorKind::ProviderBadAnswer, cause).about(&provider)
            }
            CallbackError::Complete(_, CompleteError::Store(error)) | CallbackError::Store(error) => {
                error.into()
            }
        }
    }
}

/// To people: 1 and 4 → 403, 2 → 400, 5 and 6 → 503, else 502.
fn operation(provider: &ProviderName, error: &OperationError, cause: String) -> Problem {
    let mut retry_after = None;
    let kind = match error.kind {
        OperationErrorKind::Denied => ErrorKind::DeniedByPerson,
        OperationErrorKind::RefusedByPolicy => ErrorKind::RefusedByPolicy,
        OperationErrorKind::CodeExpired => ErrorKind::CodeExpired,
        OperationErrorKind::ClientMisconfigured | OperationErrorKind::BadSettings => {
            ErrorKind::ProviderMisconfigured
        }
        OperationErrorKind::RateLimited { retry_after: wait } => {
            retry_after = wait;
            ErrorKind::ProviderRateLimited
        }
        OperationErrorKind::Busy { retry_after: wait } | OperationErrorKind::Paused { retry_after: wait } => {
            retry_after = Some(wait);
            ErrorKind::ProviderUnavailable
        }
        OperationErrorKind::ProviderDown => ErrorKind::ProviderUnreachable,
        OperationErrorKind::BadAnswer => ErrorKind::ProviderBadAnswer,
        _ => ErrorKind::ProviderFailed,
    };
    Problem { retry_after, ..Problem::new(kind, cause).about(provider) }
}
