//! Values from outside that a page shows: cleaned or checked when the type is made, so that a template cannot forget.
//!
//! HTML escaping is not done here: the template engine escapes every value. What escaping leaves open is closed here:
//! control characters, marks that reorder the text around them, texts without end, and addresses with a scheme that
//! runs code.

use std::fmt;

use serde::{Serialize, Serializer};
use url::{Host, Url};

/// The longest text that a page shows, in characters. Longer ones end in `…`.
const MAX_CHARS: usize = 300;

/// The longest avatar address, in bytes: what the database keeps at most.
const MAX_AVATAR_BYTES: usize = 2048;

/// A text from a provider, a person or the operator, fit to be shown (security: CR, LF, ANSI sequences and
/// bidirectional overrides in claims).
///
/// - line breaks and tabs become spaces, other control characters (C0, C1, DEL) become U+FFFD;
/// - embeddings, overrides and isolates (U+202A–202E, U+2066–2069) go: they could turn around the text beside them.
///   Right-to-left letters and the plain marks stay, and templates isolate each value with `<bdi>`;
/// - after 300 characters it is cut.
#[derive(Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct Text(String);

impl Text {
    /// The cleaned text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing but white space is left.
    pub fn is_blank(&self) -> bool {
        self.0.trim().is_empty()
    }
}

impl From<&str> for Text {
    fn from(raw: &str) -> Self {
        let mut shown = raw.chars().filter_map(clean);
        let mut text: String = shown.by_ref().take(MAX_CHARS).collect();
        if shown.next().is_some() {
            text.push('…');
        }
        Self(text)
    }
}

impl From<String> for Text {
    fn from(raw: String) -> Self {
        Self::from(raw.as_str())
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

fn clean(c: char) -> Option<char> {
    match c {
        '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => Some(' '),
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => None,
        c if c.is_control() => Some(char::REPLACEMENT_CHARACTER),
        c => Some(c),
    }
}

/// Where pictures of people may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Avatars {
    /// `https` only.
    Https,
    /// `http` from a loopback host too: for a server whose own `public_url` is plain http on loopback.
    HttpsAndLoopback,
}

/// The checked address of a person's picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvatarUrl(Url);

impl AvatarUrl {
    /// `None` for everything that is no plain address of a picture: another scheme (`javascript:`, `data:`), one with
    /// a user name or password, one of more than 2048 bytes. An absent avatar is no error: a page shows a letter.
    pub fn parse(text: &str, allowed: Avatars) -> Option<Self> {
        if text.len() > MAX_AVATAR_BYTES {
            return None;
        }
        let url = Url::parse(text).ok()?;
        let scheme_fits = match url.scheme() {
            "https" => true,
            "http" => allowed == Avatars::HttpsAndLoopback && is_loopback(&url),
            _ => false,
        };
        let plain = url.host().is_some() && url.username().is_empty() && url.password().is_none();
        (scheme_fits && plain).then_some(Self(url))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl Serialize for AvatarUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Whether an address names this machine itself.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether a text is a path on this server and can be nothing else: one leading slash, and no backslash or control
/// character, which browsers read as a slash or drop (`//evil.example`, `/\evil.example`, `/<TAB>/evil.example`).
pub(crate) fn is_local_path(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains(|c: char| c == '\\' || c.is_control() || c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_reordering_marks_do_not_reach_a_page() {
        let text = Text::from("a\r\nb\u{1b}[31mc\u{0}\u{85}\u{202e}d\u{2066}");
        assert_eq!(text.as_str(), "a  b\u{fffd}[31mc\u{fffd}\u{fffd}d");
    }

    #[test]
    fn letters_of_every_script_stay() {
        for name in ["Zoë", "张伟", "עדי", "محمد", "👩‍🚀", "a\u{200f}b"] {
            assert_eq!(Text::from(name).as_str(), name);
        }
    }

    #[test]
    fn a_text_without_end_is_cut_at_a_character() {
        let text = Text::from("é".repeat(1_000_000));
        assert_eq!(text.as_str().chars().count(), MAX_CHARS + 1);
        assert!(text.as_str().ends_with('…'));
        assert_eq!(Text::from("é".repeat(MAX_CHARS)).as_str(), "é".repeat(MAX_CHARS));
    }

    #[test]
    fn an_avatar_comes_by_https() {
        assert!(AvatarUrl::parse("https://avatars.example/u/1?v=4", Avatars::Https).is_some());
        let long = format!("https://avatars.example/{}", "a".repeat(2048));
        for text in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            " javascript:alert(1)",
            "data:image/svg+xml,<svg onload=alert(1)>",
            "vbscript:x",
            "blob:https://avatars.example/1",
            "file:///etc/passwd",
            "http://avatars.example/1",
            "http://127.0.0.1/1",
            "//avatars.example/1",
            "/avatar",
            "https://",
            "https://person:pass@avatars.example/1",
            "",
            &long,
        ] {
            assert_eq!(AvatarUrl::parse(text, Avatars::Https), None, "{text:?}");
        }
    }

    #[test]
    fn plain_http_is_for_loopback_and_only_when_asked_for() {
        for text in ["http://127.0.0.1:8080/a", "http://localhost/a", "http://[::1]:1/a"] {
            assert!(AvatarUrl::parse(text, Avatars::HttpsAndLoopback).is_some(), "{text}");
            assert!(AvatarUrl::parse(text, Avatars::Https).is_none(), "{text}");
        }
        for text in ["http://avatars.example/1", "http://localhost.evil.example/", "http://10.0.0.1/"] {
            assert!(AvatarUrl::parse(text, Avatars::HttpsAndLoopback).is_none(), "{text}");
        }
    }

    #[test]
    fn a_local_path_leads_nowhere_else() {
        for path in ["/", "/login?provider=a&return_to=%2Fx", "/a//b", "/ü"] {
            assert!(is_local_path(path), "{path}");
        }
        for path in
            ["", "a", "//evil.example", "/\\evil.example", "/\t/evil.example", "\\/x", "https://a/", "/a b"]
        {
            assert!(!is_local_path(path), "{path:?}");
        }
    }
}
