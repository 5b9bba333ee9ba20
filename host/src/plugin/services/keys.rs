//! The keys of issuers (RFC 7517): fetched from the address that a plugin or the metadata names, and kept.
//!
//! A set holds what this host can verify with. Members of unknown types, for encryption, or too weak are passed over, so
//! that they do not spoil the rest.

use std::sync::{Arc, Mutex, PoisonError};

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;
use url::Url;
use vestibule_abi as abi;

use abi::message::{MAX_DEPTH, depth_within};
use abi::record::{Failure, code};

use super::http::Http;
use super::kept::Kept;
use crate::clock::Clock;
use crate::plugin::error::one_line;

/// The largest set, in bytes, and the most members of one.
const MAX_SET: (usize, usize) = (256 * 1024, 100);
/// How many addresses of one provider are kept; the one that was not used for the longest time goes first.
const MAX_SETS: usize = 8;
/// RSA keys from this size on (RFC 7518 §3.3), and up to what a signature may cost.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// The longest key id, in bytes.
const MAX_KID: usize = 1024;

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl Kind {
    fn of(algorithm: Algorithm) -> Option<Self> {
        use Algorithm as A;
        match algorithm {
            A::RS256 | A::RS384 | A::RS512 | A::PS256 | A::PS384 | A::PS512 => Some(Self::Rsa),
            A::ES256 => Some(Self::P256),
            A::ES384 => Some(Self::P384),
            A::EdDSA => Some(Self::Ed25519),
            _ => None,
        }
    }
}

struct Key {
    kid: Option<String>,
    /// The one algorithm that it is for, where it says so.
    alg: Option<String>,
    kind: Kind,
    key: DecodingKey,
}

/// A set of keys.
pub(super) struct Keys {
    usable: Vec<Key>,
    /// The ids of those that were passed over, where they have one.
    skipped: Vec<String>,
}

/// A member, as far as it is of interest (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Keys {
    /// Reads a set. Of what cannot be used only the id is kept, so that errors do not call it unpublished.
    pub(super) fn read(json: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }
        let (bytes, members) = MAX_SET;
        if json.len() > bytes {
            return Err(format!("it has {} bytes, the limit is {bytes}", json.len()));
        }
        if !depth_within(json, MAX_DEPTH) {
            return Err("it is nested too deeply".to_owned());
        }
        let set: Set = serde_json::from_slice(json).map_err(|_| "it is no JSON Web Key Set".to_owned())?;
        if set.keys.len() > members {
            return Err(format!("it has {} keys, the limit is {members}", set.keys.len()));
        }
        let mut keys = Self { usable: Vec::new(), skipped: Vec::new() };
        for member in set.keys {
            let kid = member.get("kid").and_then(Value::as_str).map(str::to_owned);
            match serde_json::from_value(member).ok().and_then(Key::read) {
                Some(key) => keys.usable.push(key),
                None => keys.skipped.extend(kid.filter(|kid| kid.len() <= MAX_KID)),
            }
        }
        Ok(keys)
    }

    /// The keys that may have signed with this algorithm: all of that id, or, without an id, the only one that fits.
    pub(super) fn fitting(
        &self,
        kid: Option<&str>,
        name: &str,
        algorithm: Algorithm,
    ) -> Result<Vec<&DecodingKey>, String> {
        let kind = Kind::of(algorithm);
        let fits = |key: &&Key| Some(key.kind) == kind && key.alg.as_deref().is_none_or(|alg| alg == name);
        let fitting: Vec<&Key> = self.usable.iter().filter(fits).collect();
        let chosen: Vec<&DecodingKey> = match kid {
            Some(kid) => fitting.iter().filter(|k| k.kid.as_deref() == Some(kid)).map(|k| &k.key).collect(),
            None if fitting.len() > 1 => {
                return Err(format!("has no `kid`, and {} keys of the issuer are for {name}", fitting.len()));
            }
            None => fitting.iter().map(|k| &k.key).collect(),
        };
        match (chosen.is_empty(), kid) {
            (false, _) => Ok(chosen),
            (true, Some(kid)) => Err(format!(
                "is signed with the key `{}`, which the issuer {}",
                one_line(kid).chars().take(100).collect::<String>(),
                if self.skipped.iter().any(|skipped| skipped == kid) {
                    "publishes, but for another use, or in a form or size that is not accepted here"
                        .to_owned()
                } else {
                    format!("does not publish for {name}")
                }
            )),
            (true, None) => Err(format!("is signed with {name}, for which the issuer publishes no key")),
        }
    }
}

impl Key {
    /// `None` for what this host does not verify with.
    fn read(jwk: Jwk) -> Option<Self> {
        let signs = jwk.r#use.as_deref().is_none_or(|u| u == "sig")
            && jwk.key_ops.is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        if !signs || jwk.kid.as_ref().is_some_and(|kid| kid.len() > MAX_KID) {
            return None;
        }
        let bytes = |text: &Option<String>| BASE64URL_NOPAD.decode(text.as_deref()?.as_bytes()).ok();
        let coordinates = |size: usize| {
            let (x, y) = (bytes(&jwk.x)?, bytes(&jwk.y)?);
            // Each in full length (RFC 7518 §6.2.1.2), behind the mark of an uncompressed point.
            (x.len() == size && y.len() == size).then(|| DecodingKey::from_ec_der(&[&[4], &*x, &*y].concat()))
        };
        let (kind, key) = match (&*jwk.kty, jwk.crv.as_deref().unwrap_or_default()) {
            ("RSA", _) => {
                let (n, e) = (bytes(&jwk.n)?, bytes(&jwk.e)?);
                let (n, e) = (trimmed(&n), trimmed(&e));
                let bits = n.len() * 8 - n.first()?.leading_zeros() as usize;
                let exponent = e.last()? % 2 == 1 && e != [1];
                (RSA_BITS.contains(&bits) && exponent).then_some(())?;
                (Kind::Rsa, DecodingKey::from_rsa_raw_components(n, e))
            }
            ("EC", "P-256") => (Kind::P256, coordinates(32)?),
            ("EC", "P-384") => (Kind::P384, coordinates(48)?),
            ("OKP", "Ed25519") => (
                Kind::Ed25519,
                bytes(&jwk.x).filter(|x| x.len() == 32).map(|x| DecodingKey::from_ed_der(&x))?,
            ),
            _ => return None,
        };
        Some(Self { kid: jwk.kid, alg: jwk.alg, kind, key })
    }
}

/// Without the zeros in front that some write.
fn trimmed(number: &[u8]) -> &[u8] {
    &number[number.iter().take_while(|b| **b == 0).count()..]
}

/// The sets of one provider, by their addresses.
pub(super) struct KeySets {
    http: Arc<Http>,
    clock: Arc<dyn Clock>,
    sets: Mutex<Vec<(Url, Kept<Keys>)>>,
}

impl KeySets {
    pub(super) fn new(http: &Arc<Http>, clock: &Arc<dyn Clock>) -> Self {
        Self { http: Arc::clone(http), clock: Arc::clone(clock), sets: Mutex::default() }
    }

    /// The set at that address. It is fetched when it is asked for.
    pub(super) fn at(&self, url: &Url) -> Kept<Keys> {
        let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, set) = match sets.iter().position(|(known, _)| known == url) {
            Some(at) => sets.remove(at),
            None => {
                if sets.len() >= MAX_SETS {
                    sets.remove(0);
                }
                let (http, url) = (Arc::clone(&self.http), url.clone());
                let at = url.clone();
                let fetch = move || {
                    let (http, url) = (Arc::clone(&http), url.clone());
                    async move { fetch(&http, url).await }
                };
                (at, Kept::new(Arc::clone(&self.clock), fetch))
            }
        };
        sets.push((url.clone(), set.clone()));
        set
    }
}

async fn fetch(http: &Http, url: Url) -> Result<Keys, Failure> {
    let mut shown = url.clone();
    shown.set_query(None);
    let received = http.fetch(url).await.map_err(|failure| {
        Failure::new(failure.code, format!("the keys at {shown} cannot be fetched: {}", failure.message))
    })?;
    if received.status != 200 {
        let text =
            format!("the keys at {shown} cannot be fetched: it answered with status {}", received.status);
        return Err(Failure::new(code::PROVIDER_DOWN, text));
    }
    let keys = Keys::read(&received.body).map_err(|why| {
        Failure::new(code::BAD_ANSWER, format!("the keys at {shown} cannot be used: {why}"))
    })?;
    tracing::debug!(url = %shown, usable = keys.usable.len(), skipped = keys.skipped.len(), "keys fetched");
    Ok(keys)
}

#[cfg(test)]
mod tests;
