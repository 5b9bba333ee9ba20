//! The claims of a token whose signature holds: whose it is, for whom, since when and how long (OpenID Connect Core 1.0
//! §2, §3.1.3.7 and §3.1.3.8; RFC 7519 §4.1).
//!
//! An error says which claim and, where it is nobody's secret, what it holds.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value};
use vestibule_abi::record::VerifyJwtRequest;

use super::{Timestamp, one_line};

/// How far the issuer's clock may be off, in seconds.
const SKEW: i64 = 60;
/// How old `iat` may be without a word to the contrary, in seconds.
const MAX_IAT_AGE: u64 = 3600;
/// The longest `sub`, in bytes.
const MAX_SUB: usize = 255;
/// The word that opens an issuer template to every value.
const ANY: &str = "any";

type Claims = Map<String, Value>;

/// Checks all that the request asks for. `algorithm` is the token's.
pub(super) fn check(
    claims: &Claims,
    asked: &VerifyJwtRequest,
    algorithm: &str,
    now: Timestamp,
) -> Result<(), String> {
    issuer(claims, asked)?;
    audience(claims, asked)?;
    times(claims, asked, now.as_micros().div_euclid(1_000_000))?;
    match claims.get("sub") {
        Some(Value::String(sub)) if (1..=MAX_SUB).contains(&sub.len()) => {}
        _ => return Err(format!("has no `sub` that is a text of 1 to {MAX_SUB} bytes")),
    }
    nonce(claims, asked)?;
    at_hash(claims, asked, algorithm)
}

fn issuer(claims: &Claims, asked: &VerifyJwtRequest) -> Result<(), String> {
    let found = match claims.get("iss") {
        Some(Value::String(found)) => found,
        Some(_) => return Err("has an `iss` that is no text".to_owned()),
        None => return Err("has no `iss`".to_owned()),
    };
    let wrong = |expected: &str| Err(format!("has the `iss` `{}`, not {expected}", shown(found)));
    let Some(template) = &asked.issuer_template else {
        if asked.issuers.contains(found) {
            return Ok(());
        }
        let expected: Vec<String> =
            asked.issuers.iter().map(|issuer| format!("`{}`", shown(issuer))).collect();
        return wrong(&expected.join(" or "));
    };
    let Some((before, claim, after)) = placeholder(template) else { return wrong("anything") };
    let value = claims.get(claim).and_then(Value::as_str).unwrap_or_default();
    // Only what cannot lead out of its place in a URL.
    if value.is_empty() || !value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)) {
        return Err(format!("has no `{}` to fill `{}` with", shown(claim), shown(template)));
    }
    if *found != format!("{before}{value}{after}") {
        return wrong(&format!("`{}` with its own `{}`", shown(template), shown(claim)));
    }
    let any = asked.issuer_template_values == [ANY];
    if any || asked.issuer_template_values.iter().any(|allowed| allowed == value) {
        return Ok(());
    }
    Err(format!("has the `{}` `{}`, which is none of those allowed", shown(claim), shown(value)))
}

/// What stands before, in and after the one pair of braces.
pub(super) fn placeholder(template: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = template.split_once('{')?;
    let (claim, after) = rest.split_once('}')?;
    let other = [before, claim, after].iter().any(|part| part.contains(['{', '}']));
    (!claim.is_empty() && !other).then_some((before, claim, after))
}

fn audience(claims: &Claims, asked: &VerifyJwtRequest) -> Result<(), String> {
    let audiences: Option<Vec<&str>> = match claims.get("aud") {
        Some(Value::String(one)) => Some(vec![one]),
        Some(Value::Array(several)) => several.iter().map(Value::as_str).collect(),
        None => return Err("has no `aud`".to_owned()),
        _ => None,
    };
    let audiences = audiences.ok_or("has an `aud` that is neither a text nor a list of texts")?;
    if !audiences.contains(&&*asked.audience) {
        let found: Vec<String> = audiences.iter().take(8).map(|a| format!("`{}`", shown(a))).collect();
        return Err(format!("is for {}, not for `{}`", found.join(", "), shown(&asked.audience)));
    }
    let others = || audiences.iter().filter(|a| **a != asked.audience);
    if let Some(stranger) = others().find(|a| !asked.trusted_audiences.iter().any(|t| t == **a)) {
        return Err(format!("is also for `{}`, which is not trusted", shown(stranger)));
    }
    match claims.get("azp") {
        None if others().next().is_some() => {
            Err("is for several, and does not say for whom first (`azp`)".to_owned())
        }
        None => Ok(()),
        Some(Value::String(azp)) if *azp == asked.audience => Ok(()),
        Some(azp) => Err(format!(
            "was made for `{}` (`azp`), not for `{}`",
            shown(azp.as_str().unwrap_or_default()),
            shown(&asked.audience)
        )),
    }
}

fn times(claims: &Claims, asked: &VerifyJwtRequest, now: i64) -> Result<(), String> {
    let exp = seconds(claims, "exp")?.ok_or("has no `exp`")?;
    if now >= exp.saturating_add(SKEW) {
        return Err(format!("expired {} s ago (`exp`)", now.saturating_sub(exp)));
    }
    let early = |claim: &str, at: i64| {
        format!(
            "holds only in {} s (`{claim}`); if its issuer's clock is right, this server's is late",
            at.saturating_sub(now)
        )
    };
    let iat = seconds(claims, "iat")?.ok_or("has no `iat`")?;
    if iat > now.saturating_add(SKEW) {
        return Err(early("iat", iat));
    }
    let max_age = i64::try_from(asked.max_iat_age_s.unwrap_or(MAX_IAT_AGE)).unwrap_or(i64::MAX);
    let age = now.saturating_sub(iat);
    if age > max_age.saturating_add(SKEW) {
        return Err(format!("was issued {age} s ago (`iat`), the limit is {max_age} s"));
    }
    match seconds(claims, "nbf")? {
        Some(nbf) if nbf > now.saturating_add(SKEW) => Err(early("nbf", nbf)),
        _ => Ok(()),
    }
}

/// A NumericDate (RFC 7519 §2), in whole seconds. It is a number and no text.
fn seconds(claims: &Claims, claim: &str) -> Result<Option<i64>, String> {
    match claims.get(claim) {
        None => Ok(None),
        Some(Value::Number(number)) => {
            let float = number.as_f64().filter(|n| n.is_finite());
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the fraction is not wanted, and `as` saturates"
            )]
            let whole = number.as_i64().or(float.map(|n| n.floor() as i64));
            whole.map(Some).ok_or_else(|| format!("has a `{claim}` that is no time"))
        }
        Some(_) => Err(format!("has a `{claim}` that is no number")),
    }
}

/// What was sent comes back, and what was not sent does not come (Core §2).
fn nonce(claims: &Claims, asked: &VerifyJwtRequest) -> Result<(), String> {
    match (&asked.nonce, claims.get("nonce")) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err("has a `nonce`, and none was sent".to_owned()),
        (Some(_), None) => Err("has no `nonce`, and one was sent".to_owned()),
        (Some(sent), Some(found)) => {
            let found = found.as_str().unwrap_or_default();
            verify_slices_are_equal(sent.expose().as_bytes(), found.as_bytes())
                .map_err(|_| "has another `nonce` than was sent".to_owned())
        }
    }
}

/// The left half of the access token's hash, where there is one (Core §3.1.3.6).
fn at_hash(claims: &Claims, asked: &VerifyJwtRequest, algorithm: &str) -> Result<(), String> {
    let (Some(token), Some(found)) = (&asked.access_token, claims.get("at_hash")) else { return Ok(()) };
    let hash = match &algorithm[algorithm.len().saturating_sub(3)..] {
        "256" => &SHA256,
        "384" => &SHA384,
        // Also of EdDSA, by Ed25519's own hash.
        _ => &SHA512,
    };
    let whole = digest(hash, token.expose().as_bytes());
    let half = BASE64URL_NOPAD.encode(&whole.as_ref()[..whole.as_ref().len() / 2]);
    if found.as_str() == Some(&*half) {
        Ok(())
    } else {
        Err("came with another access token (`at_hash`)".to_owned())
    }
}

fn shown(text: &str) -> String {
    one_line(text).chars().take(255).collect()
}
