//! The realm: what a provider's account ids depend on. Knows nothing of any protocol.

use std::fmt;

use url::Url;

use crate::{Error, Result};

/// The longest realm, in bytes.
const MAX: usize = 255;

/// What account ids depend on, in its one spelling: two providers with the same realm have the same accounts, and a
/// stored account is never taken for one of another realm.
///
/// Leave out what ids do not depend on (a client id, where subjects are the same for every client), and put in all that
/// they do: a realm that says too little hands accounts over to strangers.
///
/// ```
/// # use vestibule_provider::{Realm, Url};
/// let base = Url::parse("HTTPS://GitLab.com:443/").unwrap();
/// assert_eq!(Realm::new(&base).unwrap().id("sub").unwrap().as_str(), "https://gitlab.com;id=sub");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Realm {
    base: String,
    parts: [Option<String>; 3],
    text: String,
}

impl Realm {
    /// The realm of a base URL: host in lower case, no default port, no final slash. `http` or `https`, without user,
    /// query, fragment or `;`.
    pub fn new(base: &Url) -> Result<Self> {
        let fault = |why: &str| {
            Err(Error::bad_settings(format_args!("`{}` {why}", base.origin().ascii_serialization())))
        };
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(Error::bad_settings("a realm's base is an `https` URL with a host"));
        }
        if !base.username().is_empty() || base.password().is_some() {
            return fault("is written with a user or password: leave them out");
        }
        if base.query().is_some() || base.fragment().is_some() {
            return fault("is written with a query or fragment: leave them out");
        }
        if base.path().contains(';') {
            return fault("has `;` in its path, which a realm cannot hold");
        }
        let path = base.path().trim_end_matches('/');
        let base = format!("{}{path}", base.origin().ascii_serialization());
        Self { text: String::new(), base, parts: [const { None }; 3] }.spelled()
    }

    /// Ids depend on the tenant: a directory, team or workspace.
    pub fn tenant(self, value: &str) -> Result<Self> {
        self.part(0, value)
    }

    /// Ids depend on the client id: subjects are pairwise (OpenID Connect Core 1.0 §8.1).
    pub fn client(self, value: &str) -> Result<Self> {
        self.part(1, value)
    }

    /// The kind of id, where an instance has several: `sub`, `oid`.
    pub fn id(self, value: &str) -> Result<Self> {
        self.part(2, value)
    }

    /// The text, as it is stored and compared.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn part(mut self, at: usize, value: &str) -> Result<Self> {
        if value.is_empty() || !value.bytes().all(|b| b.is_ascii_graphic() && b != b';') {
            return Err(Error::bad_settings(
                "a realm's parts are printable ASCII without spaces and `;`, and not empty",
            ));
        }
        self.parts[at] = Some(value.to_owned());
        self.spelled()
    }

    /// Parts stand in one order, whatever the order in which they were added.
    fn spelled(mut self) -> Result<Self> {
        self.text = self.base.clone();
        for (name, value) in ["tenant", "client", "id"].iter().zip(&self.parts) {
            if let Some(value) = value {
                self.text.push_str(&format!(";{name}={value}"));
            }
        }
        if self.text.len() > MAX {
            return Err(Error::bad_settings(format_args!(
                "a realm has at most {MAX} bytes, this one would have {}",
                self.text.len()
            )));
        }
        Ok(self)
    }
}

impl fmt::Display for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn realm(base: &str) -> Result<Realm> {
        Realm::new(&Url::parse(base).unwrap())
    }

    #[test]
    fn one_instance_has_one_spelling() {
        for base in
            ["https://github.com", "https://GitHub.com/", "HTTPS://github.com:443", "https://github.com//"]
        {
            assert_eq!(realm(base).unwrap().as_str(), "https://github.com", "{base}");
        }
        assert_eq!(
            realm("https://git.example:8443/gitlab/").unwrap().as_str(),
            "https://git.example:8443/gitlab"
        );
        assert_eq!(realm("https://bücher.example").unwrap().as_str(), "https://xn--bcher-kva.example");
        assert_eq!(realm("http://127.0.0.1:80/").unwrap().as_str(), "http://127.0.0.1");
    }

    #[test]
    fn a_path_keeps_its_letters() {
        assert_ne!(realm("https://git.example/A").unwrap(), realm("https://git.example/a").unwrap());
    }

    #[test]
    fn parts_stand_in_one_order() {
        let one = realm("https://login.example").unwrap().id("oid").unwrap().tenant("t1").unwrap();
        let two = realm("https://login.example").unwrap().tenant("t1").unwrap().id("oid").unwrap();
        assert_eq!(one.as_str(), "https://login.example;tenant=t1;id=oid");
        assert_eq!(one, two);
        let client = realm("https://x.example").unwrap().client("abc").unwrap();
        assert_eq!(client.as_str(), "https://x.example;client=abc");
    }

    #[test]
    fn refuses_what_would_make_two_realms_look_alike() {
        for base in [
            "https://user@git.example",
            "https://:word@git.example",
            "https://git.example/?a=b",
            "https://git.example/#x",
            "https://git.example/a;tenant=b",
            "ftp://git.example",
            "data:text/plain,x",
        ] {
            assert!(realm(base).is_err(), "{base}");
        }
        for part in ["", "a;id=b", "a b", "ü", "a\n"] {
            assert!(realm("https://git.example").unwrap().tenant(part).is_err(), "{part:?}");
        }
    }

    #[test]
    fn is_at_most_255_bytes_long() {
        let base = || realm("https://git.example").unwrap();
        let room = 255 - base().as_str().len() - ";tenant=".len();
        assert_eq!(base().tenant(&"t".repeat(room)).unwrap().as_str().len(), 255);
        assert!(base().tenant(&"t".repeat(room + 1)).is_err());
    }
}
