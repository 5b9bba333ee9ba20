//! Ids that a provider writes as JSON numbers.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// An account id that is a JSON number, read by its digits.
///
/// It may be larger than any integer type: a float, which most JSON parsers make of such a number, would give two
/// accounts the same id. A sign, a point, an exponent, `null`, text and everything else is refused.
///
/// Read it straight from JSON text ([`Response::json`](crate::Response::json)): behind `#[serde(flatten)]` and in
/// untagged enums serde hands on a number that is parsed already, and this type refuses it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NumericId(String);

impl NumericId {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for NumericId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let digits = raw.get();
        // 255 bytes are the limit of every account id.
        if digits.is_empty() || digits.len() > 255 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(D::Error::custom("an id is a JSON number of digits only"));
        }
        Ok(Self(digits.to_owned()))
    }
}

impl fmt::Display for NumericId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<NumericId> for String {
    fn from(id: NumericId) -> Self {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct User {
        id: NumericId,
    }

    #[test]
    fn digits_stay_as_they_are() {
        for digits in ["0", "583231", "9223372036854775808", "18446744073709551616", "9007199254740993"] {
            let user: User = serde_json::from_str(&format!(r#"{{"id": {digits} }}"#)).unwrap();
            assert_eq!(user.id.as_str(), digits);
        }
    }

    #[test]
    fn refuses_all_that_is_not_digits() {
        for value in ["-1", "1.0", "1e3", "1E3", "null", "\"\"", "\"5\"", "true", "[1]", "{}", "01"] {
            assert!(serde_json::from_str::<User>(&format!(r#"{{"id": {value} }}"#)).is_err(), "{value}");
        }
        assert!(serde_json::from_str::<User>("{}").is_err());
        assert!(serde_json::from_str::<User>(&format!(r#"{{"id":{}}}"#, "1".repeat(256))).is_err());
    }
}
