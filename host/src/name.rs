//! The names that an operator gives in the configuration: checked once, at the edge, and a type from there on.
//!
//! A provider's name is a path segment, a table's name and a label; whatever passes here is safe in all three.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The longest name, in bytes: `ix_oauth_<name>_user` stays within PostgreSQL's 63.
const MAX_LEN: usize = 40;

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a name: use a lower-case letter, then at most 39 of `a-z`, `0-9` and `_`")]
pub struct NotAName(String);

fn check(text: &str) -> Result<Arc<str>, NotAName> {
    let mut bytes = text.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_lowercase());
    let rest = bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if first && rest && text.len() <= MAX_LEN {
        Ok(text.into())
    } else {
        Err(NotAName(text.chars().take(64).flat_map(char::escape_default).collect()))
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text; matches `^[a-z][a-z0-9_]{0,39}$`.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = NotAName;

            fn from_str(text: &str) -> Result<Self, NotAName> {
                check(text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAName;

            fn try_from(text: String) -> Result<Self, NotAName> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name! {
    /// A configured provider: `[provider.gitlab_corp]`, `/auth/gitlab_corp/callback`, table `oauth_gitlab_corp`.
    ProviderName
}

name! {
    /// A plugin, that is one kind of provider: `[plugin.gitlab]`.
    PluginName
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_lower_case_letters_digits_and_underscores() {
        for name in ["g", "github", "gitlab_corp", "a1", &"a".repeat(40)] {
            assert_eq!(name.parse::<ProviderName>().unwrap().as_str(), name);
        }
    }

    #[test]
    fn refuses_what_would_not_be_safe_in_a_path_or_a_table_name() {
        let long = "a".repeat(41);
        for name in [
            "",
            "1a",
            "_a",
            "GITHUB",
            "github; drop table users",
            "github\"",
            "git-hub",
            "git hub",
            "é",
            "gıthub",
            "..",
            "a/b",
            &long,
        ] {
            assert!(name.parse::<ProviderName>().is_err(), "{name:?}");
        }
    }
}
