//! What must come of each fault of an OpenID provider, at each endpoint, for `oidc` and for `gitlab`. A new fault does not
//! compile until it is written here.

use vestibule::web::pages::ErrorKind;
use vestibule_demo_idp::{Endpoint, Fault, OpenIdFault, Personality};

/// What must come of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The person is signed in all the same.
    SignedIn,
    /// The browser never reaches the server again.
    NeverBack,
    /// The button leads to this page already.
    NotEvenBegun(ErrorKind),
    /// Nobody is signed in, and the person reads this.
    Refused(ErrorKind),
}

use Outcome::{NeverBack, NotEvenBegun, Refused, SignedIn};

/// The client secret comes back in some spelling.
const LEAK: Outcome = Refused(ErrorKind::ProviderFailed);
/// The answer cannot be used.
const NONSENSE: Outcome = Refused(ErrorKind::ProviderBadAnswer);
/// There is no answer, or it says so itself.
const DOWN: Outcome = Refused(ErrorKind::ProviderUnreachable);
/// The operator, here or there, has to do something.
const OPERATOR: Outcome = Refused(ErrorKind::ProviderMisconfigured);
/// A rule of the operator's.
const RULE: Outcome = Refused(ErrorKind::RefusedByPolicy);

/// What must come of a fault at an endpoint, in a sign-in with `allowed_groups` that asks every endpoint that it ever asks.
pub(crate) fn expected(who: Personality, fault: Fault, at: Endpoint) -> Outcome {
    let never_asked = match who {
        // The endpoints follow from the base URL.
        Personality::GitLab => matches!(at, Endpoint::Discovery | Endpoint::Revoke),
        _ => at == Endpoint::Revoke,
    };
    match (fault, at) {
        // Nobody chooses a person where nothing listens; with metadata needed, nobody is even sent there.
        (Fault::Refused, _) if who == Personality::GitLab => NeverBack,
        (Fault::Refused, _) => NotEvenBegun(ErrorKind::ProviderUnreachable),
        _ if never_asked => SignedIn,
        (Fault::OpenId(fault), Endpoint::Discovery) => metadata(fault),
        (Fault::OpenId(fault), Endpoint::Jwks) => keys(fault),
        (Fault::OpenId(fault), Endpoint::Authorize) => callback(fault),
        (Fault::OpenId(fault), Endpoint::Token) => token(fault),
        (Fault::OpenId(fault), _) => user_info(who, fault),
        (fault, Endpoint::Authorize) => at_the_authorization_endpoint(who, fault),
        (fault, Endpoint::Discovery) => match fetched(fault) {
            Refused(kind) => NotEvenBegun(kind),
            other => other,
        },
        (fault, Endpoint::Jwks) => fetched(fault),
        (fault, _) => at_an_answer(who, fault, at),
    }
}

fn metadata(fault: OpenIdFault) -> Outcome {
    use OpenIdFault as F;
    match fault {
        // Somebody else's document, or a spelling that the settings have to follow: it is not used, and the operator is told.
        F::MetadataWrongIssuer | F::MetadataIssuerSlash => NotEvenBegun(ErrorKind::ProviderMisconfigured),
        F::MetadataNoIssuer
        | F::MetadataNoAuthorize
        | F::MetadataNoToken
        | F::MetadataNumbers
        | F::MetadataNoUrls
        | F::MetadataPlainHttp
        | F::MetadataPrivateAddress
        | F::MetadataCredentials => NotEvenBegun(ErrorKind::ProviderBadAnswer),
        F::MetadataNoJwks => NONSENSE,
        F::MetadataNoUserinfo | F::MetadataOnlyNone | F::MetadataOnlyHs256 => OPERATOR,
        // RS256 is what every issuer must know.
        F::MetadataNoAlgorithms => SignedIn,
        // An issuer may have its endpoints where it likes; the document is its own.
        F::MetadataElsewhere | F::MetadataTokenElsewhere | F::MetadataJwksElsewhere => SignedIn,
        other => unreachable!("`{}` is no fault of metadata", other.name()),
    }
}

fn keys(fault: OpenIdFault) -> Outcome {
    use OpenIdFault as F;
    match fault {
        F::KeysEmpty
        | F::KeysMissing
        | F::KeysNoList
        | F::KeysForEncryption
        | F::KeysForOtherOperations
        | F::KeysOtherAlgorithm
        | F::KeysOfStranger
        | F::KeysSymmetric
        | F::KeysTenThousand => NONSENSE,
        // The right key is there, and what is beside it does not spoil it.
        F::KeysDuplicateKid | F::KeysUnknownType | F::KeysMalformedBeside | F::KeysNamingTrap => SignedIn,
        other => unreachable!("`{}` is no fault of keys", other.name()),
    }
}

fn callback(fault: OpenIdFault) -> Outcome {
    use OpenIdFault as F;
    match fault {
        F::CallbackServerError | F::CallbackUnavailable => DOWN,
        F::CallbackErrorBesideCode => Refused(ErrorKind::BadCallback),
        F::CallbackScript => Refused(ErrorKind::DeniedByPerson),
        F::CodeUsed | F::CodeForeign => Refused(ErrorKind::CodeExpired),
        F::PkceRefused => OPERATOR,
        other => unreachable!("`{}` is no fault of callbacks", other.name()),
    }
}

fn token(fault: OpenIdFault) -> Outcome {
    use OpenIdFault as F;
    match fault {
        F::PkceRefused => OPERATOR,
        // Right, whatever it looks like; a key that is new is fetched; a header that points elsewhere is not followed.
        F::AudListOfOne | F::KidMissing | F::RotatedBefore | F::HeaderJkuBeside => SignedIn,
        // Not what a person is known by: a flag in another spelling verifies nothing, an odd address is none, and groups are
        // taken from the user info.
        F::EmailVerifiedText
        | F::EmailVerifiedOne
        | F::EmailVerifiedMissing
        | F::EmailNumber
        | F::EmailTwoAts
        | F::GroupsMissing
        | F::GroupsText
        | F::GroupsMixed => SignedIn,
        _ => NONSENSE,
    }
}

fn user_info(who: Personality, fault: OpenIdFault) -> Outcome {
    use OpenIdFault as F;
    match fault {
        F::UserinfoSigned => OPERATOR,
        F::EmailVerifiedText
        | F::EmailVerifiedOne
        | F::EmailVerifiedMissing
        | F::EmailNumber
        | F::EmailTwoAts => SignedIn,
        // One text is one group, `acme` here.
        F::GroupsText => SignedIn,
        F::GroupsMissing | F::GroupsMixed => RULE,
        F::SubMissing
        | F::SubEmpty
        | F::SubNumber
        | F::SubNull
        | F::SubLong
        | F::SubWithNul
        | F::SubOther
        | F::UserinfoList
        | F::UserinfoDenied => NONSENSE,
        other => unreachable!("`{}` is no fault of the user info of {who}", other.name()),
    }
}

/// The browser meets these, not the server. What spoils no more than the body behind a redirect spoils nothing.
fn at_the_authorization_endpoint(who: Personality, fault: Fault) -> Outcome {
    match fault {
        Fault::Slow | Fault::Cut | Fault::Huge | Fault::GzipBomb | Fault::Bom => SignedIn,
        // Promised by the metadata (RFC 9207 §2.4); GitLab sends it unannounced.
        Fault::MissingIss if who == Personality::GitLab => SignedIn,
        Fault::MissingIss => Refused(ErrorKind::BadCallback),
        Fault::WrongState => Refused(ErrorKind::AttemptGone),
        Fault::MissingState => Refused(ErrorKind::StateInvalid),
        Fault::WrongIss | Fault::DuplicateParam | Fault::MissingCode => Refused(ErrorKind::BadCallback),
        _ => NeverBack,
    }
}

/// Metadata and keys, which the host fetches for itself: another status than 200 is no answer, whatever it is.
fn fetched(fault: Fault) -> Outcome {
    match fault {
        Fault::Slow
        | Fault::Stall
        | Fault::Reset
        | Fault::ServerError
        | Fault::Empty
        | Fault::RateLimited
        | Fault::RateLimited403
        | Fault::Redirect => DOWN,
        _ => NONSENSE,
    }
}

fn at_an_answer(who: Personality, fault: Fault, at: Endpoint) -> Outcome {
    match fault {
        // The token endpoint names errors of its own, and this one says that it is out of order (RFC 6749 §5.2 has none).
        Fault::ErrorIn200 if at == Endpoint::Token => DOWN,
        Fault::Slow | Fault::Stall | Fault::Reset | Fault::ServerError => DOWN,
        Fault::RateLimited => Refused(ErrorKind::ProviderRateLimited),
        // GitHub's way of limiting, which means nothing here: at GitLab's API it is an account that may read nothing.
        Fault::RateLimited403 if at == Endpoint::User => RULE,
        Fault::EchoSecret
        | Fault::EchoSecretPercent
        | Fault::EchoSecretBase64
        | Fault::EchoSecretBasic
        | Fault::EchoSecretJson
        | Fault::EchoSecretUnicode
        | Fault::EchoSecretHeader => LEAK,
        // Nobody's token is kept, so its life does not matter; a number that is none is no JSON.
        Fault::ExpiresNegative | Fault::ExpiresText => SignedIn,
        // For show only, so what cannot be shown counts as absent, and what can is cleaned where it is shown.
        Fault::ScriptAvatar | Fault::ControlLogin => SignedIn,
        // Of GitLab's user info the groups alone are taken.
        Fault::NulInName if who == Personality::GitLab && at == Endpoint::UserInfo => SignedIn,
        _ => NONSENSE,
    }
}

/// A word that the operator must find in the log.
pub(crate) fn word(fault: OpenIdFault) -> &'static str {
    use OpenIdFault as F;
    match fault {
        F::MetadataWrongIssuer | F::MetadataIssuerSlash => "by its own metadata",
        F::MetadataNoIssuer => "`issuer`",
        F::MetadataNoJwks => "`jwks_uri`",
        F::MetadataNoUserinfo => "`userinfo_endpoint`",
        F::MetadataOnlyNone | F::MetadataOnlyHs256 => "algorithms",
        F::IssWrong | F::IssMissing | F::IssSlash | F::IssList => "`iss`",
        F::IdTokenOtherIssuer | F::KidUnknown | F::KidRandom => "does not publish",
        F::PayloadDeep => "64 KiB",
        F::AudMissing | F::AudNumber => "`aud`",
        F::AzpForeign => "`azp`",
        F::NonceMissing | F::NonceWrong => "`nonce`",
        F::Expired | F::ExpMissing | F::ExpText => "`exp`",
        F::NbfFuture => "`nbf`",
        F::IatMissing | F::IatFuture | F::IatAncient => "`iat`",
        F::AtHashWrong => "`at_hash`",
        F::SubOther | F::SubMissing | F::SubEmpty | F::SubNull | F::SubNumber | F::SubLong => "sub",
        F::PkceRefused => "`invalid_request`",
        F::UserinfoSigned => "`application/jwt`",
        F::GroupsMissing | F::GroupsMixed => "groups",
        F::TokenTypeMac => "`Bearer`",
        F::IdTokenMissing | F::IdTokenNull => "ID token",
        F::CodeUsed | F::CodeForeign => "`invalid_grant`",
        _ => "",
    }
}
