//! The service `verify_jwt`: a signed token, verified with the keys of its issuer (RFC 7519, RFC 8725; OpenID Connect
//! Core 1.0 §3.1.3.7).
//!
//! The library verifies the signature and nothing else: its own checks let tokens pass that lack `aud` or `iss`, and ask
//! the system's clock. What a token says of its keys (`jku`, `x5u`, `jwk`, `x5c`) is not even read.

mod claims;
mod header;

use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::Algorithm;
use vestibule_abi as abi;

use abi::record::{VerifyJwtRequest, code};

use super::Unanswered;
use super::keys::{KeySets, Keys};
use super::metadata::Known;
use super::unique;
use crate::clock::{Clock, Timestamp};
use crate::plugin::error::{OperationError, one_line};
use header::Signed;

/// The algorithms that this host verifies (RFC 7518 §3.1, RFC 8037 §3.1). No MAC is among them: its key would be the
/// operator's secret, or, by confusion, a public key.
const ALGORITHMS: [(&str, Algorithm); 9] = [
    ("RS256", Algorithm::RS256),
    ("RS384", Algorithm::RS384),
    ("RS512", Algorithm::RS512),
    ("PS256", Algorithm::PS256),
    ("PS384", Algorithm::PS384),
    ("PS512", Algorithm::PS512),
    ("ES256", Algorithm::ES256),
    ("ES384", Algorithm::ES384),
    ("EdDSA", Algorithm::EdDSA),
];

/// Verifies tokens of one provider.
pub(in crate::plugin) struct Verifier {
    pub(super) sets: KeySets,
    pub(super) clock: Arc<dyn Clock>,
}

impl Verifier {
    /// The claims of a token that holds: its payload, byte for byte.
    pub(in crate::plugin) async fn verify(
        &self,
        known: &Known,
        asked: &VerifyJwtRequest,
    ) -> Result<Vec<u8>, Unanswered> {
        check_request(asked)?;
        let url = known.url("jwks_uri", &asked.jwks_uri)?;
        let signed = Signed::read(asked).map_err(refused)?;
        let kept = self.sets.at(&url);
        let got = kept.get().await.map_err(Unanswered::Failure)?;
        if let Err(why) = signature(&got.value, &signed) {
            // The key may be newer than the set: rotated, or another one under the old name.
            let newer = if got.just_now {
                None
            } else {
                kept.newer(&got.value).await.map_err(Unanswered::Failure)?
            };
            let Some(newer) = newer else { return Err(refused(why)) };
            signature(&newer, &signed).map_err(refused)?;
        }
        opened(&signed, asked, self.clock.now()).map_err(refused)
    }
}

/// The payload of a token whose signature holds, if its claims do as well.
fn opened(signed: &Signed<'_>, asked: &VerifyJwtRequest, now: Timestamp) -> Result<Vec<u8>, String> {
    let payload = BASE64URL_NOPAD.decode(signed.payload.as_bytes());
    let payload = payload.map_err(|_| "has no payload in base64url".to_owned())?;
    let claims = unique::object(&payload).map_err(|why| format!("has a payload that {why}"))?;
    claims::check(&claims, asked, signed.name, now)?;
    Ok(payload)
}

/// Whether one of the keys that may have signed did.
fn signature(keys: &Keys, signed: &Signed<'_>) -> Result<(), String> {
    let keys = keys.fitting(signed.kid.as_deref(), signed.name, signed.algorithm)?;
    let holds = |key: &&jsonwebtoken::DecodingKey| {
        jsonwebtoken::crypto::verify(signed.signature, signed.message.as_bytes(), key, signed.algorithm)
            .unwrap_or(false)
    };
    if keys.iter().any(holds) { Ok(()) } else { Err("has a signature that does not hold".to_owned()) }
}

/// What a plugin asks must make sense, whatever the token is.
fn check_request(asked: &VerifyJwtRequest) -> Result<(), OperationError> {
    let broken = |why: &str| OperationError::protocol(format!("the arguments of `verify_jwt`: {why}"));
    if asked.issuers.is_empty() == asked.issuer_template.is_none() {
        return Err(broken("exactly one of `issuers` and `issuer_template` says who issued the token"));
    }
    if let Some(template) = &asked.issuer_template
        && (claims::placeholder(template).is_none() || asked.issuer_template_values.is_empty())
    {
        return Err(broken(
            "`issuer_template` has one `{claim}`, and `issuer_template_values` what it may be",
        ));
    }
    if asked.audience.is_empty() {
        return Err(broken("`audience` is empty"));
    }
    Ok(())
}

fn refused(why: impl std::fmt::Display) -> Unanswered {
    Unanswered::failure(code::BAD_ANSWER, format!("the token {why}"))
}

#[cfg(test)]
pub(super) mod tests;
