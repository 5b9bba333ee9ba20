//! What must come of each fault of `demo-idp`, at each endpoint. A new fault does not compile until it is written here.

use vestibule::web::pages::ErrorKind;
use vestibule_demo_idp::{Endpoint, Fault};

/// What must come of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The person is signed in all the same.
    SignedIn,
    /// The browser never reaches the server again.
    NeverBack,
    /// Nobody is signed in, and the person reads this.
    Refused(ErrorKind),
}

use Outcome::{NeverBack, Refused, SignedIn};

/// The client secret comes back in some spelling.
const LEAK: Outcome = Refused(ErrorKind::ProviderFailed);
/// The answer cannot be used.
const NONSENSE: Outcome = Refused(ErrorKind::ProviderBadAnswer);
/// There is no answer, or it says so itself.
const DOWN: Outcome = Refused(ErrorKind::ProviderUnreachable);

/// What must come of a fault at an endpoint, in a sign-in with `allowed_orgs`.
pub(crate) fn expected(fault: Fault, at: Endpoint) -> Outcome {
    match at {
        // A sign-in does not ask there. Only a listener that is gone is gone for all.
        Endpoint::Teams | Endpoint::Revoke if fault != Fault::Refused => SignedIn,
        Endpoint::Authorize => at_the_authorization_endpoint(fault),
        _ => at_an_answer(fault, at),
    }
}

/// The browser meets these, not the server. What spoils no more than the body behind a redirect spoils nothing.
fn at_the_authorization_endpoint(fault: Fault) -> Outcome {
    match fault {
        Fault::Slow | Fault::Cut | Fault::Huge | Fault::GzipBomb | Fault::Bom => SignedIn,
        // GitHub's `iss` comes unannounced, so its absence is no fault (RFC 9207 §2.4).
        Fault::MissingIss => SignedIn,
        Fault::WrongState => Refused(ErrorKind::AttemptGone),
        Fault::MissingState => Refused(ErrorKind::StateInvalid),
        Fault::WrongIss | Fault::DuplicateParam | Fault::MissingCode => Refused(ErrorKind::BadCallback),
        _ => NeverBack,
    }
}

fn at_an_answer(fault: Fault, at: Endpoint) -> Outcome {
    match fault {
        // The token endpoint names errors of its own, and this one says that it is out of order (RFC 6749 §5.2 has none).
        Fault::ErrorIn200 if at == Endpoint::Token => DOWN,
        // A limit of the REST API, which the token endpoint is no part of: there it is just no answer.
        Fault::RateLimited403 if at == Endpoint::Token => NONSENSE,
        Fault::Slow | Fault::Stall | Fault::Reset | Fault::ServerError => DOWN,
        // Nobody chooses a person where nothing listens.
        Fault::Refused => NeverBack,
        Fault::RateLimited | Fault::RateLimited403 => Refused(ErrorKind::ProviderRateLimited),
        Fault::Cut
        | Fault::Huge
        | Fault::GzipBomb
        | Fault::DeepJson
        | Fault::BadJson
        | Fault::DuplicateKeys
        | Fault::Bom
        | Fault::Html
        | Fault::Empty
        | Fault::ErrorIn200
        | Fault::Redirect => NONSENSE,

        Fault::EchoSecret
        | Fault::EchoSecretPercent
        | Fault::EchoSecretBase64
        | Fault::EchoSecretBasic
        | Fault::EchoSecretJson
        | Fault::EchoSecretUnicode
        | Fault::EchoSecretHeader => LEAK,

        // The token goes into a header, and the host writes none that holds a line's end.
        Fault::TokenWithCrlf => Refused(ErrorKind::ProviderFailed),
        Fault::NoToken
        | Fault::NullToken
        | Fault::ExpiresNegative
        | Fault::ExpiresOverflow
        | Fault::ExpiresText => NONSENSE,

        Fault::FloatId
        | Fault::TextId
        | Fault::NullId
        | Fault::EmptyId
        | Fault::MissingId
        | Fault::NegativeId
        | Fault::ExponentId
        | Fault::InvalidUtf8
        | Fault::LoneSurrogate
        | Fault::HugeName => NONSENSE,
        // Digits, and so an id, however many.
        Fault::BigId => SignedIn,
        // For show only, so what cannot be shown counts as absent, and what can is cleaned where it is shown.
        Fault::ScriptAvatar | Fault::ControlLogin => SignedIn,
        // One of the databases cannot hold it, so on neither it is dropped in silence.
        Fault::NulInName => NONSENSE,

        Fault::NextLinkElsewhere => NONSENSE,
        // The primary address stands on the first page, and no other is asked for.
        Fault::EndlessPages if at == Endpoint::Emails => SignedIn,
        Fault::EndlessPages => NONSENSE,

        Fault::WrongState
        | Fault::MissingState
        | Fault::WrongIss
        | Fault::MissingIss
        | Fault::DuplicateParam
        | Fault::MissingCode => unreachable!("a callback's fault, at `{at}`"),
        Fault::OpenId(_) => unreachable!("an OpenID provider's fault, at GitHub's `{at}`"),
    }
}
