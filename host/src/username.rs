//! Usernames: what one may look like, when two are the same, and which ones to offer to a person.
//!
//! Knows no database: whether a candidate is free is decided by the insert itself, never by asking first.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use crate::random::{self, Random};

/// The longest username, in bytes.
const MAX_LEN: usize = 39;
/// A handle is cut here, so that `-` and five digits still fit.
const MAX_BASE: usize = 33;
/// How many candidates with five random digits there are, and after them with ten.
const RANDOM_TRIES: usize = 16;

static RESERVED: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    include_str!("username/reserved.txt").lines().filter(|line| !line.starts_with('#')).collect()
});

/// A person's name here: 1–39 ASCII letters and digits, with single `-` or `_` between them, and not reserved.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Username(String);

/// Why a text is no username.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAUsername {
    /// Wrong characters, a wrong place for `-` or `_`, or a wrong length.
    #[error("use 1 to 39 letters `a-z` and digits, with single `-` or `_` between them")]
    Form,
    /// On the list of names that nobody gets.
    #[error("`{0}` is reserved")]
    Reserved(String),
}

impl Username {
    /// The name as the person writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form in which two names are the same: lower case, `_` as `-`.
    pub fn canonical(&self) -> String {
        canonical(&self.0)
    }

    /// A name that is already somebody's: it stays valid when the rules or the reserved list change.
    pub(crate) fn taken(name: String) -> Self {
        Self(name)
    }
}

impl FromStr for Username {
    type Err = NotAUsername;

    fn from_str(text: &str) -> Result<Self, NotAUsername> {
        let parts_are_words = text
            .split(['-', '_'])
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric()));
        if text.len() > MAX_LEN || !parts_are_words {
            return Err(NotAUsername::Form);
        }
        if RESERVED.contains(canonical(text).as_str()) {
            return Err(NotAUsername::Reserved(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn canonical(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

/// The usernames to try for a person with this handle at the provider, best first.
///
/// The handle; the handle with `-2` to `-9`; with five random digits. Without a usable handle, and at last in any
/// case: `user-` and digits, so that a crowd of one name never leaves the next one without any.
pub fn candidates(handle: Option<&str>, random: &dyn Random) -> impl Iterator<Item = Username> {
    let base = handle.and_then(base);
    let stem = base.clone().unwrap_or_else(|| "user".to_owned());
    let numbered = base
        .into_iter()
        .flat_map(|base| std::iter::once(base.clone()).chain((2..=9).map(move |n| format!("{base}-{n}"))));
    let short = (0..RANDOM_TRIES).map(move |_| format!("{stem}-{:05}", below(random, 100_000)));
    let long = (0..RANDOM_TRIES).map(move |_| format!("user-{:010}", below(random, 10_000_000_000)));
    numbered.chain(short).chain(long).filter_map(|name| name.parse().ok())
}

/// The handle with everything else as `-`, cut to 33 characters.
fn base(handle: &str) -> Option<String> {
    let mut base = String::new();
    let mut separator = None;
    for c in handle.chars() {
        if c.is_ascii_alphanumeric() {
            if let Some(separator) = separator.take().filter(|_| !base.is_empty()) {
                base.push(separator);
            }
            base.push(c);
        } else {
            separator = Some(if separator.is_none() && c == '_' { '_' } else { '-' });
        }
        if base.len() >= MAX_BASE {
            break;
        }
    }
    base.truncate(MAX_BASE);
    let base = base.trim_end_matches(['-', '_']);
    (!base.is_empty()).then(|| base.to_owned())
}

fn below(random: &dyn Random, limit: u64) -> u64 {
    u64::from_le_bytes(random::bytes(random)) % limit
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Zeros;

    impl Random for Zeros {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(0);
        }
    }

    fn first(handle: &str) -> String {
        candidates(Some(handle), &Zeros).next().unwrap().to_string()
    }

    #[test]
    fn accepts_words_joined_by_single_separators() {
        let longest = "a".repeat(39);
        for name in ["a", "7", "Alex", "a-b_c", &longest] {
            assert_eq!(name.parse::<Username>().unwrap().as_str(), name);
        }
    }

    #[test]
    fn refuses_other_forms_and_reserved_names_in_any_spelling() {
        let long = "a".repeat(40);
        for name in ["", "-a", "a-", "_a", "a--b", "a_-b", "a b", "é", "a.b", "a\0", &long] {
            assert_eq!(name.parse::<Username>(), Err(NotAUsername::Form), "{name:?}");
        }
        for name in ["admin", "ROOT", "No_Reply", "sign-in"] {
            assert_eq!(name.parse::<Username>(), Err(NotAUsername::Reserved(name.to_owned())));
        }
    }

    #[test]
    fn treats_case_and_the_two_separators_as_the_same() {
        let canonical = |name: &str| name.parse::<Username>().unwrap().canonical();
        assert_eq!(canonical("Alex_Doe"), canonical("alex-doe"));
        assert_ne!(canonical("alexdoe"), canonical("alex-doe"));
    }

    #[test]
    fn offers_the_handle_then_numbers_then_digits() {
        let offered: Vec<_> =
            candidates(Some("alex"), &Zeros).take(10).map(|name| name.to_string()).collect();
        assert_eq!(
            offered,
            [
                "alex",
                "alex-2",
                "alex-3",
                "alex-4",
                "alex-5",
                "alex-6",
                "alex-7",
                "alex-8",
                "alex-9",
                "alex-00000"
            ]
        );
        assert_eq!(candidates(Some("alex"), &Zeros).last().unwrap().as_str(), "user-0000000000");
    }

    #[test]
    fn cleans_a_handle_and_keeps_room_for_digits() {
        assert_eq!(first("Alex Dœ"), "Alex-D");
        assert_eq!(first("__a__b..c_d--"), "a-b-c_d");
        assert_eq!(first(&"a".repeat(300)), "a".repeat(33));
        assert_eq!(first(&format!("{} b", "a".repeat(32))), "a".repeat(32));
        let digits = candidates(Some(&"a".repeat(300)), &Zeros).nth(9).unwrap();
        assert_eq!(digits.as_str().len(), 39);
    }

    #[test]
    fn offers_user_and_digits_where_no_handle_is_usable() {
        for handle in [None, Some(""), Some("李"), Some("---")] {
            assert_eq!(candidates(handle, &Zeros).next().unwrap().as_str(), "user-00000", "{handle:?}");
        }
    }

    #[test]
    fn skips_reserved_candidates() {
        assert_eq!(first("Admin"), "Admin-2");
    }

    #[test]
    fn reserves_names_in_canonical_form_only() {
        assert!(RESERVED.len() > 100);
        for name in RESERVED.iter() {
            assert_eq!(*name, canonical(name));
            assert!(name.split('-').all(|part| !part.is_empty()), "{name:?}");
        }
    }
}
