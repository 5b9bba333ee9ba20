//! Finds a text in bytes in each spelling that an endpoint or a plugin may give it: as it is, percent-encoded, in JSON's
//! escapes, in base64 at any alignment, and one inside another.

use std::borrow::Cow;

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD};
use memchr::memmem::Finder;

/// A text to be found. It may be a secret, so it shows nothing of itself.
pub(super) struct Needle(Vec<Finder<'static>>);

impl Needle {
    /// `text` has at least 8 bytes: less would be found everywhere, in base64 above all.
    pub(super) fn new(text: &str) -> Self {
        let mut patterns = vec![text.as_bytes().to_vec()];
        if text.contains(' ') {
            patterns.push(text.replace(' ', "+").into_bytes());
        }
        for shift in 0..3 {
            let bytes = [&[0; 3][..shift], text.as_bytes()].concat();
            // Characters that hold bits of a neighbour depend on it: only those between are the same everywhere.
            let (first, last) = ((shift * 8).div_ceil(6), bytes.len() * 8 / 6);
            for spelled in [BASE64_NOPAD.encode(&bytes), BASE64URL_NOPAD.encode(&bytes)] {
                let pattern = spelled.as_bytes()[first..last].to_vec();
                if !patterns.contains(&pattern) {
                    patterns.push(pattern);
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
                for decoded in [percent_decoded(&views[n]), json_unescaped(&views[n])].into_iter().flatten() {
                    views.push(Cow::Owned(decoded));
                }
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
    fn a_piece_of_the_text_is_not_the_text() {
        assert!(!found("s3cr3t-canary-7f1c", b"s3cr3t-canary-7f1"));
        assert!(!found("s3cr3t-canary-7f1c", BASE64_NOPAD.encode(b"s3cr3t-canary").as_bytes()));
    }
}
