//! A token taken apart, and its header judged (RFC 7515 §4): which algorithm, which key, which kind of token.

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};
use vestibule_abi::record::VerifyJwtRequest;

use super::{ALGORITHMS, one_line, unique};

/// The longest token, in bytes.
const MAX_TOKEN: usize = 64 * 1024;
/// The longest key id that is looked for, in bytes.
const MAX_KID: usize = 1024;

/// A token whose signature is still to be verified.
pub(super) struct Signed<'a> {
    pub(super) name: &'static str,
    pub(super) algorithm: Algorithm,
    pub(super) kid: Option<String>,
    /// Header and payload with the point between them: what was signed.
    pub(super) message: &'a str,
    pub(super) payload: &'a str,
    pub(super) signature: &'a str,
}

impl<'a> Signed<'a> {
    /// Reads the compact serialization (RFC 7515 §7.1).
    pub(super) fn read(asked: &'a VerifyJwtRequest) -> Result<Self, String> {
        let token = asked.token.expose();
        if token.len() > MAX_TOKEN {
            return Err(format!("has {} bytes, the limit is {MAX_TOKEN}", token.len()));
        }
        let parts: Vec<&str> = token.split('.').collect();
        let (head, payload, signature) = match parts[..] {
            [head, payload, signature] => (head, payload, signature),
            [_, _, _, _, _] => return Err("is encrypted, which this host does not read".to_owned()),
            _ => return Err("is no signed token of three parts".to_owned()),
        };
        let header =
            BASE64URL_NOPAD.decode(head.as_bytes()).map_err(|_| "has no header in base64url".to_owned())?;
        let header = unique::object(&header).map_err(|why| format!("has a header that {why}"))?;
        // None of the extensions that these announce is understood here (RFC 7515 §4.1.11, RFC 7797 §3).
        if let Some(name) = ["crit", "b64"].into_iter().find(|name| header.contains_key(*name)) {
            return Err(format!("has `{name}` in its header, which this host does not understand"));
        }
        let (name, algorithm) = algorithm(&header, &asked.algorithms)?;
        check_typ(&header, asked.typ.as_deref())?;
        let kid = match header.get("kid") {
            None => None,
            Some(Value::String(kid)) if kid.len() <= MAX_KID => Some(kid.clone()),
            Some(_) => return Err("has a `kid` that is no text, or too long".to_owned()),
        };
        Ok(Self {
            name,
            algorithm,
            kid,
            message: &token[..head.len() + 1 + payload.len()],
            payload,
            signature,
        })
    }
}

/// One that the plugin accepts and this host verifies.
fn algorithm(header: &Map<String, Value>, accepted: &[String]) -> Result<(&'static str, Algorithm), String> {
    let name = header.get("alg").and_then(Value::as_str).unwrap_or_default();
    let known =
        ALGORITHMS.into_iter().find(|(known, _)| *known == name && accepted.iter().any(|a| a == name));
    known.ok_or_else(|| {
        let accepted: Vec<String> = ALGORITHMS
            .iter()
            .filter(|(known, _)| accepted.iter().any(|a| a == known))
            .map(|(known, _)| format!("`{known}`"))
            .collect();
        let accepted =
            if accepted.is_empty() { "none that this host verifies".to_owned() } else { accepted.join(", ") };
        format!("is signed with `{}`; accepted: {accepted}", shown(name))
    })
}

/// Explicit types (RFC 8725 §3.11): a token of another kind is not to be taken for this one.
fn check_typ(header: &Map<String, Value>, expected: Option<&str>) -> Result<(), String> {
    let essence = |typ: &str| {
        let typ = typ.to_ascii_lowercase();
        typ.strip_prefix("application/").map(str::to_owned).unwrap_or(typ)
    };
    let found = match header.get("typ") {
        None => None,
        Some(Value::String(typ)) => Some(essence(typ)),
        Some(_) => return Err("has a `typ` that is no text".to_owned()),
    };
    match (expected.map(essence), found) {
        (None, Some(found)) if found.ends_with("+jwt") => {
            Err(format!("is of the type `{}`, and not the kind that was asked for", shown(&found)))
        }
        (Some(expected), found) if found.as_deref() != Some(&*expected) => {
            Err(format!("is not of the type `{}`", shown(&expected)))
        }
        _ => Ok(()),
    }
}

fn shown(text: &str) -> String {
    one_line(text).chars().take(100).collect()
}
