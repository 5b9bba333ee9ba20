//! The parameters of a callback, from a query or a form: each at most once, within limits, as text.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// The field that says that the browser has been asked to post again.
pub const AGAIN: &str = "again";

/// The longest `code`, `state` and `iss`, and any other parameter that is kept, in bytes.
const MAX_VALUE: usize = 4096;
/// How many parameters are read.
const MAX_COUNT: usize = 64;
/// The parameters of the protocol, which must not come twice (RFC 6749 §3.1).
const PROTOCOL: [&str; 6] = ["code", "state", "iss", "error", "error_description", "error_uri"];

/// Why parameters are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParamsError {
    /// The bytes are not UTF-8, or hold a NUL.
    #[error("a parameter is not text")]
    NotText,
    /// A parameter of the protocol came twice.
    #[error("parameter `{0}` came twice")]
    Twice(&'static str),
    /// A parameter of the protocol is too long.
    #[error("parameter `{0}` is longer than {MAX_VALUE} bytes")]
    TooLong(&'static str),
    /// There are too many.
    #[error("there are more than {MAX_COUNT} parameters")]
    TooMany,
}

/// The parameters, by name.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Params(BTreeMap<String, String>);

/// Names only: the values are codes and states.
impl std::fmt::Debug for Params {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Params {
    /// Reads `application/x-www-form-urlencoded`, which a query is too. A parameter that is not the protocol's is left
    /// out when it comes twice or is too long: unknown ones are never an error (RFC 6749 §4.1.2).
    pub fn parse(encoded: &[u8]) -> Result<Self, ParamsError> {
        let mut params = BTreeMap::new();
        let mut twice = Vec::new();
        for (count, pair) in encoded.split(|b| *b == b'&').filter(|pair| !pair.is_empty()).enumerate() {
            if count >= MAX_COUNT {
                return Err(ParamsError::TooMany);
            }
            let (name, value) = match pair.iter().position(|b| *b == b'=') {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &pair[pair.len()..]),
            };
            let (name, value) = (text(name)?, text(value)?);
            let protocol = PROTOCOL.into_iter().find(|known| *known == name);
            if value.len() > MAX_VALUE || name.len() > MAX_VALUE {
                match protocol {
                    Some(known) => return Err(ParamsError::TooLong(known)),
                    None => continue,
                }
            }
            match (params.entry(name), protocol) {
                (Entry::Vacant(place), _) => {
                    place.insert(value);
                }
                (Entry::Occupied(_), Some(known)) => return Err(ParamsError::Twice(known)),
                (Entry::Occupied(place), None) => twice.push(place.key().clone()),
            }
        }
        for name in twice {
            params.remove(&name);
        }
        Ok(Self(params))
    }

    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Removes a parameter and gives its value.
    pub fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// All that is left, by name.
    pub fn into_map(self) -> BTreeMap<String, String> {
        self.0
    }

    /// Names and values, for the form that posts them again.
    pub fn to_fields(&self) -> Vec<(String, String)> {
        self.0.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

/// Strict, where `form_urlencoded` would put replacement characters.
fn text(encoded: &[u8]) -> Result<String, ParamsError> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let (digits, tail) = after.split_at_checked(2).ok_or(ParamsError::NotText)?;
                let digits = std::str::from_utf8(digits).map_err(|_| ParamsError::NotText)?;
                if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return Err(ParamsError::NotText);
                }
                bytes.push(u8::from_str_radix(digits, 16).map_err(|_| ParamsError::NotText)?);
                rest = tail;
            }
            other => bytes.push(other),
        }
    }
    if bytes.contains(&0) {
        return Err(ParamsError::NotText);
    }
    String::from_utf8(bytes).map_err(|_| ParamsError::NotText)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(encoded: &str) -> Result<Vec<(String, String)>, ParamsError> {
        Params::parse(encoded.as_bytes()).map(|p| p.to_fields())
    }

    #[test]
    fn decodes_once() {
        let params = Params::parse(b"code=a%2Bb+c&state=%2525&empty=&bare").unwrap();
        assert_eq!(params.get("code"), Some("a+b c"));
        assert_eq!(params.get("state"), Some("%25"));
        assert_eq!(params.get("empty"), Some(""));
        assert_eq!(params.get("bare"), Some(""));
    }

    #[test]
    fn refuses_a_protocol_parameter_that_comes_twice() {
        for name in ["code", "state", "iss", "error"] {
            assert_eq!(
                parse(&format!("{name}=a&x=1&{name}=a")).unwrap_err().to_string(),
                format!("parameter `{name}` came twice")
            );
        }
    }

    #[test]
    fn leaves_out_unknown_parameters_that_come_twice_or_are_too_long() {
        assert_eq!(parse("x=1&y=2&x=3&x=4").unwrap(), [("y".to_owned(), "2".to_owned())]);
        assert_eq!(parse(&format!("x={}", "a".repeat(4097))).unwrap(), []);
        assert_eq!(parse("code%5B%5D=1").unwrap(), [("code[]".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn refuses_long_codes_and_what_is_no_text() {
        assert_eq!(parse(&format!("code={}", "a".repeat(4097))), Err(ParamsError::TooLong("code")));
        assert!(parse(&format!("code={}", "a".repeat(4096))).is_ok());
        for encoded in ["code=%ff", "code=%00", "x=%zz", "x=%a", "x=%", "x=%+1", "code=%ed%a0%80"] {
            assert_eq!(parse(encoded), Err(ParamsError::NotText), "{encoded}");
        }
        assert_eq!(parse(&"a=1&".repeat(65)), Err(ParamsError::TooMany));
    }
}
