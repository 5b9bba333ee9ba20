//! Secrets and the handles that stand for them. A plugin holds handles; what they mean is known here, and used by
//! [`super::swap`] while a request is sent.
//!
//! A handle is worth nothing outside of this process. That it turns up where none belongs is a sign that a secret would
//! have gone there, so it ends the operation.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::needle::{Needle, Views};
use crate::plugin::error::{CreateError, OperationError, OperationErrorKind};
use crate::random::Random;

/// The shortest secret, in bytes: a shorter one would be found by chance in a provider's answers, so that its echo could
/// not be told from other text.
const MIN_SECRET: usize = 8;
/// What a handle begins with.
const PREFIX: &str = "vsec_";

/// Where one secret may go.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::plugin) struct Target {
    /// The origin, as ASCII: `https://github.com`.
    pub(in crate::plugin) origin: String,
    /// The path: with a final slash all below it, without one only itself, empty for the whole origin.
    pub(in crate::plugin) path_prefix: String,
    /// Whether that is the one path, whatever it ends in: the address of an endpoint, from metadata.
    pub(in crate::plugin) exact: bool,
}

impl Target {
    pub(in crate::plugin) fn takes(&self, url: &Url) -> bool {
        let path = match self.path_prefix.as_str() {
            file if self.exact => url.path() == file,
            "" => true,
            // What a server makes of `%2e%2e`, `..;` or `//` is its own affair: it may leave the folder.
            folder if folder.ends_with('/') => url.path().strip_prefix(folder).is_some_and(|below| {
                !below.contains(['%', ';']) && !below.starts_with('/') && !below.contains("//")
            }),
            file => url.path() == file,
        };
        path && url.origin().ascii_serialization() == self.origin
    }
}

/// One secret.
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) handle: String,
    secret: SecretString,
    spelled_handle: Needle,
    spelled_secret: Needle,
}

impl Entry {
    /// The secret itself, for the request that is being written.
    pub(super) fn secret(&self) -> &str {
        self.secret.expose_secret()
    }
}

/// The secrets of one provider.
#[derive(Default)]
pub(in crate::plugin) struct Vault {
    entries: Vec<Entry>,
}

impl Vault {
    /// Makes a handle for each secret.
    pub(in crate::plugin) fn new(
        secrets: BTreeMap<String, SecretString>,
        random: &dyn Random,
    ) -> Result<Self, CreateError> {
        let entry = |(key, secret): (String, SecretString)| {
            let refuse = |why: String| CreateError::Setting { key: key.clone(), why };
            let text = secret.expose_secret();
            if text.len() < MIN_SECRET {
                return Err(refuse(format!(
                    "the secret has {} bytes; with fewer than {MIN_SECRET} it could not be told from other text in what \
                     the provider sends back",
                    text.len()
                )));
            }
            if text.contains('\0') {
                return Err(refuse("the secret holds a NUL byte".to_owned()));
            }
            let handle = new_handle(random);
            let (spelled_handle, spelled_secret) = (Needle::new(&handle), Needle::new(text));
            Ok(Entry { key, handle, secret, spelled_handle, spelled_secret })
        };
        Ok(Self { entries: secrets.into_iter().map(entry).collect::<Result<_, _>>()? })
    }

    /// Keys and handles, to be put in the place of the secrets.
    pub(in crate::plugin) fn handles(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|e| (e.key.as_str(), e.handle.as_str()))
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The key of a handle that is in there, in any spelling.
    pub(in crate::plugin) fn handle_in(&self, bytes: &[u8]) -> Option<&str> {
        self.find(bytes, |entry| &entry.spelled_handle)
    }

    /// The key of a secret that is in there, in any spelling.
    pub(super) fn secret_in(&self, bytes: &[u8]) -> Option<&str> {
        self.find(bytes, |entry| &entry.spelled_secret)
    }

    fn find(&self, bytes: &[u8], needle: impl Fn(&Entry) -> &Needle) -> Option<&str> {
        if self.entries.is_empty() || bytes.len() < MIN_SECRET {
            return None;
        }
        let views = Views::of(bytes);
        self.entries.iter().find(|entry| needle(entry).is_in(&views)).map(|e| e.key.as_str())
    }

    /// Fails where a handle is in there. `place` tells the log where it was found: "the authorize URL".
    pub(in crate::plugin) fn keep_out_of(&self, place: &str, bytes: &[u8]) -> Result<(), OperationError> {
        match self.handle_in(bytes) {
            None => Ok(()),
            Some(key) => Err(leak(key, place)),
        }
    }
}

pub(super) fn leak(key: &str, place: &str) -> OperationError {
    let message = format!("the handle of the secret `{key}` stands in {place}");
    OperationError::new(OperationErrorKind::SecretLeak, message)
}

/// `vsec_` and 32 of `[a-z0-9]`: 165 bits. Bytes that would make some characters likelier are thrown away.
fn new_handle(random: &dyn Random) -> String {
    const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut handle = PREFIX.to_owned();
    while handle.len() < PREFIX.len() + 32 {
        for byte in crate::random::bytes::<32>(random) {
            if byte < 252 && handle.len() < PREFIX.len() + 32 {
                handle.push(char::from(ALPHABET[usize::from(byte) % 36]));
            }
        }
    }
    handle
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    fn target(origin: &str, path_prefix: &str) -> Target {
        Target { origin: origin.to_owned(), path_prefix: path_prefix.to_owned(), exact: false }
    }

    #[test]
    fn handles_are_of_one_shape_and_never_the_same() {
        let (one, two) = (new_handle(&SystemRandom), new_handle(&SystemRandom));
        assert_ne!(one, two);
        for handle in [one, two] {
            let rest = handle.strip_prefix("vsec_").unwrap();
            assert_eq!(rest.len(), 32);
            assert!(rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
        }
    }

    #[test]
    fn a_secret_goes_to_its_origin_and_path_only() {
        let may = |targets: &[Target], url: &str| targets.iter().any(|t| t.takes(&url.parse().unwrap()));
        let folder = [target("https://idp.example", "/oauth/")];
        assert!(may(&folder, "https://idp.example/oauth/token"));
        assert!(may(&folder, "https://idp.example:443/oauth/a/b?x=/"));
        for url in [
            "https://idp.example/oauth",
            "https://idp.example/oauthx",
            "https://idp.example/other",
            "https://idp.example/oauth/../other",
            "https://idp.example/oauth/%2e%2e/other",
            "https://idp.example/oauth/..%2fother",
            "https://idp.example/oauth/..%5Cother",
            "https://idp.example/oauth/..;/other",
            "https://idp.example/oauth/a;b",
            "https://idp.example/oauth/%2e%2e;x/other",
            "https://idp.example/oauth/%252e%252e/other",
            "https://idp.example/oauth//other",
            "https://idp.example/oauth/a//other",
            "https://idp.example:8443/oauth/token",
            "http://idp.example/oauth/token",
            "https://evil.example/oauth/token",
            "https://idp.example.evil.example/oauth/token",
        ] {
            assert!(!may(&folder, url), "{url}");
        }
        let file = [target("https://idp.example", "/token")];
        assert!(may(&file, "https://idp.example/token?a=b"));
        assert!(!may(&file, "https://idp.example/token/x"));
        assert!(may(&[target("https://idp.example", "")], "https://idp.example/any"));
        assert!(!may(&[], "https://idp.example/any"));
    }

    #[test]
    fn a_secret_too_short_to_be_told_from_other_text_is_refused_by_its_key() {
        let short = BTreeMap::from([("client_secret".to_owned(), SecretString::from("hunter2"))]);
        let text = Vault::new(short, &SystemRandom).err().unwrap().to_string();
        assert!(text.starts_with("setting `client_secret`: the secret has 7 bytes"), "{text}");
        assert!(!text.contains("hunter2"));
    }

    #[test]
    fn a_handle_out_of_place_is_named_by_its_key() {
        let secrets = BTreeMap::from([("client_secret".to_owned(), SecretString::from("hunter2-canary"))]);
        let vault = Vault::new(secrets, &SystemRandom).unwrap();
        let handle = vault.handles().next().unwrap().1.to_owned();
        let error = vault.keep_out_of("the authorize URL", format!("https://x/?a={handle}").as_bytes());
        let error = error.unwrap_err();
        assert_eq!(error.kind, OperationErrorKind::SecretLeak);
        assert_eq!(error.message, "the handle of the secret `client_secret` stands in the authorize URL");
        assert!(vault.keep_out_of("the authorize URL", b"vsec_").is_ok());
    }
}
