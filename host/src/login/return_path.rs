//! Where a person goes after signing in: a path of our own origin, whatever was asked for.
//!
//! An open redirect here lends our name to a phishing page. A check of the origin alone is not enough: `url` resolves
//! `/.//e.com` to the path `//e.com`, which a browser reads as another host. So no `//` at all, raw or decoded, at the
//! price that a return path that carries a URL falls back to `/`.

use url::Url;

/// The longest return path, in bytes.
const MAX_LEN: usize = 2048;

/// A path and query of our own origin. What could not be one is `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnPath(String);

impl ReturnPath {
    /// `/`: the account page.
    pub fn root() -> Self {
        Self("/".to_owned())
    }

    /// Takes what a request asked for, already decoded once by whoever parsed the query or the form.
    pub fn new(asked: Option<&str>) -> Self {
        asked.and_then(accept).map_or_else(Self::root, Self)
    }

    /// The path, to be sent in `Location`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is something else than `/`.
    pub fn is_elsewhere(&self) -> bool {
        self.0 != "/"
    }
}

fn accept(asked: &str) -> Option<String> {
    if asked.len() > MAX_LEN || !plain(asked.as_bytes()) || !asked.bytes().all(|b| b.is_ascii_graphic()) {
        return None;
    }
    if !plain(&percent_decode(asked.as_bytes())) {
        return None;
    }
    // Judge what a browser will make of it, and emit just that.
    let base = Url::parse("http://own.invalid").ok()?;
    let resolved = base.join(asked).ok()?;
    let path = resolved.path();
    if resolved.origin() != base.origin() || !plain(path.as_bytes()) || leads_in_circles(path) {
        return None;
    }
    let query = resolved.query().map(|q| format!("?{q}")).unwrap_or_default();
    let fragment = resolved.fragment().map(|f| format!("#{f}")).unwrap_or_default();
    Some(format!("{path}{query}{fragment}"))
}

/// One leading slash, no second slash beside another, no backslash, no control character.
fn plain(path: &[u8]) -> bool {
    path.first() == Some(&b'/')
        && !path.windows(2).any(|pair| pair == b"//")
        && !path.iter().any(|b| *b == b'\\' || b.is_ascii_control())
}

/// Pages of the sign-in itself: coming back to one of them would sign the person out, or ask again.
fn leads_in_circles(path: &str) -> bool {
    path == "/login" || path == "/logout" || path.starts_with("/auth/") || path.starts_with("/api/")
}

fn percent_decode(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        let hex = |b: u8| char::from(b).to_digit(16);
        match after {
            [high, low, tail @ ..] if first == b'%' && hex(*high).is_some() && hex(*low).is_some() => {
                let byte = hex(*high).unwrap_or(0) * 16 + hex(*low).unwrap_or(0);
                decoded.push(u8::try_from(byte).unwrap_or(0));
                rest = tail;
            }
            _ => {
                decoded.push(first);
                rest = after;
            }
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(asked: &str) -> String {
        ReturnPath::new(Some(asked)).as_str().to_owned()
    }

    #[test]
    fn keeps_paths_of_our_own() {
        for path in
            ["/", "/account", "/wiki/Page?x=1&y=a%20b", "/a/b#c", "/caf%C3%A9", "/a?b=c%2Fd", "/login2"]
        {
            assert_eq!(of(path), path);
        }
        assert_eq!(of("/a/../b"), "/b");
    }

    #[test]
    fn sends_everything_that_a_browser_could_read_as_another_origin_to_the_root() {
        let long = format!("/{}", "a".repeat(8192));
        for asked in [
            "",
            " ",
            "//e.com",
            "///e.com",
            "/\\e.com",
            "\\/e.com",
            "/%09/e.com",
            "/\t/e.com",
            "/%5ce.com",
            "/%5Ce.com",
            "https:e.com",
            "http:3627734734",
            "https://ok@e.com",
            "https://ok.e.com",
            "https://:@e.com\\@ok",
            "javascript:alert(1)",
            "java%0ascript:alert(1)",
            "data:text/html,x",
            "/.//e.com",
            "/%2e//e.com",
            "/x/..//e.com",
            "/x/../\\e.com",
            "/a%0d%0aSet-Cookie:x",
            "/a\r\nSet-Cookie:x",
            "ゝe.com",
            "/ゝe.com",
            "[::ffff:1.2.3.4]",
            "e.com",
            ".e.com",
            "?x",
            "#x",
            "/%2f/e.com",
            "/%2F%2Fe.com",
            "/x?u=https://e.com",
            "/a b",
            "/\0",
            "/%00",
            "/.%2f/e.com",
            "/..//e.com",
            "/%2e%2e//e.com",
            "/;//e.com",
            &long,
        ] {
            assert_eq!(of(asked), "/", "{asked:?}");
        }
        assert_eq!(ReturnPath::new(None).as_str(), "/");
    }

    #[test]
    fn decodes_once_only() {
        assert_eq!(of("/%252f%252fe.com"), "/%252f%252fe.com");
    }

    #[test]
    fn does_not_return_into_the_sign_in_itself() {
        for asked in [
            "/login",
            "/login?provider=x",
            "/logout",
            "/auth/github/callback?code=x",
            "/x/../logout",
            "/api/v1/me",
        ] {
            assert_eq!(of(asked), "/", "{asked}");
        }
    }
}
