//! Finds a text in bytes in each spelling that an endpoint or a plugin may give it: as it is, percent-encoded, in JSON's
//! or HTML's escapes, in base64 at any alignment, and one inside another.
//!
//! In base64 the spellings must be known beforehand, and there are those that the host itself sends: `Basic` credentials
//! hold the form-encoded secret, and whoever echoes the header echoes the base64 of that.

use std::borrow::Cow;

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD};
use memchr::memmem::Finder;

/// A text to be found. It may be a secret, so it shows nothing of itself.
pub(super) struct Needle(Vec<Finder<'static>>);

impl Needle {
    /// `text` has at least 8 bytes: less would be found everywhere, in base64 above all.
    pub(super) fn new(text: &str) -> Self {
        let form: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
        let json = serde_json::Value::from(text).to_string();
        let spellings = [
            text.to_owned(),
            // With its percent signs decoded, a form leaves this.
            text.replace(' ', "+"),
            form.replace('+', "%20"),
            form,
            json[1..json.len() - 1].to_owned(),
        ];
        let mut patterns: Vec<Vec<u8>> = Vec::new();
        let mut add = |pattern: &[u8]| {
            if !patterns.iter().any(|known| known == pattern) {
                patterns.push(pattern.to_owned());
            }
        };
        for spelling in &spellings {
            add(spelling.as_bytes());
            for shift in 0..3 {
                let bytes = [&[0; 3][..shift], spelling.as_bytes()].concat();
                // Characters that hold bits of a neighbour depend on it: only those between are the same everywhere.
                let (first, last) = ((shift * 8).div_ceil(6), bytes.len() * 8 / 6);
                for encoded in [BASE64_NOPAD.encode(&bytes), BASE64URL_NOPAD.encode(&bytes)] {
                    add(&encoded.as_bytes()[first..last]);
                }
            }
        }
        Self(patterns.iter().map(|p| Finder::new(p).into_owned()).collect())
    }

    /// Whether the text is in there.
    pub(super) fn is_in(&self, views: &Views<'_>) -> bool {
        views.0.iter().any(|view| self.0.iter().any(|pattern| pattern.find(view).is_some()))
    }
}

/// Bytes as they are, and as they read once and twice unescaped. Made once, asked for several needles.
pub(super) struct Views<'a>(Vec<Cow<'a, [u8]>>);

impl<'a> Views<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        let mut views: Vec<Cow<'a, [u8]>> = vec![Cow::Borrowed(bytes)];
        let mut from = 0;
        for _ in 0..2 {
            let until = views.len();
            for n in from..until {
                let view = &views[n];
                let decoded = [percent_decoded(view), json_unescaped(view), html_unescaped(view)];
                views.extend(decoded.into_iter().flatten().map(Cow::Owned));
            }
            from = until;
        }
        Self(views)
    }
}

/// `None` where nothing changes.
fn percent_decoded(bytes: &[u8]) -> Option<Vec<u8>> {
    memchr::memchr(b'%', bytes)?;
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte == b'%'
            && let [high, low, after @ ..] = rest
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            decoded.push(high << 4 | low);
            rest = after;
        } else {
            decoded.push(*byte);
        }
    }
    (decoded.len() < bytes.len()).then_some(decoded)
}

/// `None` where nothing changes. Reads escapes wherever they stand: an echo need not be whole JSON.
fn json_unescaped(bytes: &[u8]) -> Option<Vec<u8>> {
    memchr::memchr(b'\\', bytes)?;
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte != b'\\' {
            decoded.push(*byte);
            continue;
        }
        match rest {
            [b'u', after @ ..] => match code_unit(after) {
                Some(first) => {
                    rest = &after[4..];
                    let second = match rest {
                        [b'\\', b'u', after @ ..] => code_unit(after),
                        _ => None,
                    };
                    let mut text = char::decode_utf16(std::iter::once(first).chain(second));
                    let c = text.next().and_then(Result::ok).unwrap_or(char::REPLACEMENT_CHARACTER);
                    if c.len_utf16() == 2 {
                        rest = &rest[6..];
                    }
                    decoded.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                None => decoded.push(b'\\'),
            },
            [escape, after @ ..] => {
                rest = after;
                decoded.push(match escape {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'f' => 12,
                    other => *other,
                });
            }
            [] => decoded.push(b'\\'),
        }
    }
    (decoded.len() < bytes.len()).then_some(decoded)
}

/// `None` where nothing changes. The references that escaping needs (HTML §13.5): five by name, any by number.
fn html_unescaped(bytes: &[u8]) -> Option<Vec<u8>> {
    memchr::memchr(b'&', bytes)?;
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte == b'&'
            && let Some((c, length)) = reference(after)
        {
            decoded.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
            rest = &after[length..];
        } else {
            decoded.push(*byte);
        }
    }
    (decoded.len() < bytes.len()).then_some(decoded)
}

/// The character of a reference behind its `&`, and the reference's length, `;` and all. Numbers may have zeros before
/// them, but no more than make ten digits.
fn reference(bytes: &[u8]) -> Option<(char, usize)> {
    const NAMED: [(&[u8], char); 5] =
        [(b"amp;", '&'), (b"lt;", '<'), (b"gt;", '>'), (b"quot;", '"'), (b"apos;", '\'')];
    if let Some((name, c)) = NAMED.iter().find(|(name, _)| bytes.starts_with(name)) {
        return Some((*c, name.len()));
    }
    let number = bytes.strip_prefix(b"#")?;
    let (radix, digits) = match number {
        [b'x' | b'X', digits @ ..] => (16, digits),
        digits => (10, digits),
    };
    let length = digits.iter().take(11).position(|b| *b == b';')?;
    let behind = bytes.len() - digits.len() + length + 1;
    let digits = digits.get(..length).filter(|d| d.iter().all(u8::is_ascii_hexdigit))?;
    let value = u32::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()?;
    Some((char::from_u32(value)?, behind))
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

fn code_unit(bytes: &[u8]) -> Option<u16> {
    bytes.get(..4)?.iter().try_fold(0_u16, |unit, byte| Some(unit << 4 | u16::from(digit(*byte)?)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(needle: &str, bytes: &[u8]) -> bool {
        Needle::new(needle).is_in(&Views::of(bytes))
    }

    fn all_escaped(text: &str) -> String {
        text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect()
    }

    fn all_percent(text: &str) -> String {
        text.bytes().map(|b| format!("%{b:02X}")).collect()
    }

    fn html(text: &str) -> String {
        let mut escaped = String::new();
        for c in text.chars() {
            match c {
                '&' => escaped.push_str("&amp;"),
                '<' => escaped.push_str("&lt;"),
                '>' => escaped.push_str("&gt;"),
                '"' => escaped.push_str("&quot;"),
                '\'' => escaped.push_str("&#39;"),
                '/' => escaped.push_str("&#x2F;"),
                other => escaped.push(other),
            }
        }
        escaped
    }

    fn all_numbered(text: &str) -> String {
        text.chars().map(|c| format!("&#{:04};", u32::from(c))).collect()
    }

    proptest! {
        #[test]
        fn a_text_is_found_in_every_spelling_between_any_neighbours(
            text in "[ -~é€😀]{8,40}", before in "[a-zA-Z0-9+/]{0,9}", after in "[a-zA-Z0-9 ]{0,9}",
        ) {
            let inside = format!("{before}{text}{after}");
            let form: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
            for spelled in [
                text.clone(),
                form.clone(),
                all_percent(&text),
                all_percent(&all_percent(&text)),
                serde_json::to_string(&text).unwrap(),
                all_escaped(&text),
                all_escaped(&form),
                all_percent(&all_escaped(&text)),
                BASE64_NOPAD.encode(inside.as_bytes()),
                BASE64URL_NOPAD.encode(inside.as_bytes()),
                all_percent(&BASE64_NOPAD.encode(inside.as_bytes())),
                all_escaped(&BASE64_NOPAD.encode(inside.as_bytes())),
                html(&text),
                html(&text).replace("&#39;", "&apos;"),
                all_numbered(&text),
                html(&serde_json::to_string(&text).unwrap()),
                all_percent(&html(&text)),
                BASE64_NOPAD.encode(format!("{before}{form}{after}").as_bytes()),
                BASE64URL_NOPAD.encode(format!("{before}{}{after}", form.replace('+', "%20")).as_bytes()),
                BASE64_NOPAD.encode(format!("{before}{}{after}", serde_json::to_string(&text).unwrap()).as_bytes()),
            ] {
                prop_assert!(found(&text, format!("{{\"{before}{spelled}{after}\"}}").as_bytes()), "{spelled}");
            }
        }

        #[test]
        fn what_is_not_there_is_not_found(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(!found("s3cr3t-canary-7f1c", &bytes));
        }
    }

    #[test]
    fn what_only_looks_like_a_reference_is_left_alone() {
        for text in ["a&b", "&amp", "&#;", "&#x;", "&#99999999;", "&#xd800;", "&#+65;", "&unknown;"] {
            assert!(html_unescaped(text.as_bytes()).is_none(), "{text}");
        }
        assert_eq!(html_unescaped(b"&&lt;&#x1F600;&").unwrap(), "&<😀&".as_bytes());
    }

    #[test]
    fn a_piece_of_the_text_is_not_the_text() {
        assert!(!found("s3cr3t-canary-7f1c", b"s3cr3t-canary-7f1"));
        assert!(!found("s3cr3t-canary-7f1c", BASE64_NOPAD.encode(b"s3cr3t-canary").as_bytes()));
    }
}
