//! The address under which browsers reach this server. Redirect URIs and the origin check are made from it, never from
//! a request's `Host` or `X-Forwarded-Host`. It must not know what is served there.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use url::{Host, Url};

use super::fault::quoted;

/// `https://id.example.org`: an origin, without a path.
///
/// Plain http is taken only where nothing leaves the machine: `localhost`, `127.0.0.1`, `[::1]`.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicUrl {
    origin: Arc<str>,
    authority_at: usize,
    loopback_http: bool,
}

/// Why a text is no public URL, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}; {cure}")]
pub struct NotAPublicUrl {
    /// What is wrong.
    pub message: String,
    /// What to write.
    pub cure: String,
}

impl PublicUrl {
    /// Scheme, host and a port that is not the scheme's own, as in the header `Origin` (RFC 6454 §6.2): no final slash.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Host and port as in the header `Host`.
    pub fn authority(&self) -> &str {
        &self.origin[self.authority_at..]
    }

    /// Whether this is plain http on this machine alone: the demo. Only then may providers be there as well.
    pub fn is_loopback_http(&self) -> bool {
        self.loopback_http
    }

    /// Whether browsers come over TLS.
    pub fn is_https(&self) -> bool {
        !self.loopback_http
    }

    /// The absolute URL of a path of ours, which begins with `/` and is already percent-encoded.
    pub fn join(&self, path: &str) -> String {
        debug_assert!(path.starts_with('/'), "a path of ours");
        format!("{}{path}", self.origin)
    }
}

impl FromStr for PublicUrl {
    type Err = NotAPublicUrl;

    fn from_str(text: &str) -> Result<Self, NotAPublicUrl> {
        let refuse = |message: String, cure: &str| Err(NotAPublicUrl { message, cure: cure.to_owned() });
        let Ok(url) = Url::parse(text) else {
            let cure = "write scheme and host, as in `https://id.example.org`";
            return refuse(format!("{} is not a URL", redacted(text)), cure);
        };
        if !matches!(url.scheme(), "http" | "https") {
            return refuse(format!("{} is not a web address", redacted(text)), "begin with `https://`");
        }
        if !url.username().is_empty() || url.password().is_some() {
            // The value is not repeated: a password may be in it.
            let message = "`public_url` holds a user name or a password".to_owned();
            return refuse(message, "write scheme and host alone");
        }
        let origin = url.origin().ascii_serialization();
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            let cure = format!("write the origin alone: `{origin}`");
            return refuse(format!("{} holds more than an origin", quoted(text)), &cure);
        }
        let loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address == std::net::Ipv4Addr::LOCALHOST,
            Some(Host::Ipv6(address)) => address == std::net::Ipv6Addr::LOCALHOST,
            None => false,
        };
        let plain = url.scheme() == "http";
        if plain && !loopback {
            let cure = "write `https://`; plain http is for `localhost`, `127.0.0.1` and `[::1]`";
            return refuse(format!("{} is plain http", quoted(text)), cure);
        }
        Ok(Self {
            authority_at: url.scheme().len() + "://".len(),
            origin: origin.into(),
            loopback_http: plain,
        })
    }
}

/// The text for a message, unless what stands before an `@` could be a password.
fn redacted(text: &str) -> String {
    if text.contains('@') { "`public_url`".to_owned() } else { quoted(text) }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

impl fmt::Debug for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.origin, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_origin() {
        for (text, origin, loopback) in [
            ("https://id.example.org", "https://id.example.org", false),
            ("https://ID.example.org:443/", "https://id.example.org", false),
            ("https://id.example.org:8443", "https://id.example.org:8443", false),
            ("http://localhost:8080", "http://localhost:8080", true),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080", true),
            ("http://[::1]:8080", "http://[::1]:8080", true),
            ("https://localhost", "https://localhost", false),
        ] {
            let url: PublicUrl = text.parse().unwrap();
            assert_eq!((url.origin(), url.is_loopback_http()), (origin, loopback));
            assert_eq!(url.join("/auth/github/callback"), format!("{origin}/auth/github/callback"));
        }
        assert_eq!("http://localhost:8080".parse::<PublicUrl>().unwrap().authority(), "localhost:8080");
    }

    #[test]
    fn refuses_what_is_no_origin_or_not_safe() {
        for text in [
            "",
            "id.example.org",
            "localhost:8080",
            "ftp://id.example.org",
            "http://id.example.org",
            "http://localhost.example.org",
            "http://127.0.0.2:8080",
            "https://id.example.org/login",
            "https://id.example.org/?a",
            "https://id.example.org/#a",
            "https://user:hunter2@id.example.org",
            "htps://user:hunter2@id.example.org",
            "//user:hunter2@id.example.org",
        ] {
            let error = text.parse::<PublicUrl>().unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
