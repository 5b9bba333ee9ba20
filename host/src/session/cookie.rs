//! The two cookies: what they are called, how they are read and how they are set.
//!
//! Both are `__Host-`: a browser takes them only over a secure connection, from this host itself and for all of it, so
//! that no sibling host can plant one (RFC 6265bis §4.1.3.2).

use std::time::Duration;

use cookie::{Cookie, SameSite};
use http::header::{COOKIE, HeaderMap};

/// A signed-in browser.
pub const SESSION: &str = "__Host-vestibule_session";
/// A browser that has begun to sign in: one for all its tabs.
pub const BROWSER: &str = "__Host-vestibule_browser";

/// The token in a cookie, if it has the form of ours. Two of one name are none: the other was tossed in by somebody, and nobody can tell which.
pub fn read(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut found = None;
    for header in headers.get_all(COOKIE) {
        // Another application's cookie on this host may hold any bytes; ours are found beside it all the same.
        let text = String::from_utf8_lossy(header.as_bytes());
        for cookie in Cookie::split_parse(text.as_ref()).flatten() {
            if cookie.name() != name {
                continue;
            }
            if found.is_some() {
                return None;
            }
            found = Some(cookie.value().to_owned());
        }
    }
    found.filter(|value| is_token(value))
}

/// 256 bits as base64url, as [`crate::random::token`] makes them. What was planted by hand, or is too long to be looked
/// up, is no token.
fn is_token(value: &str) -> bool {
    value.len() == 43 && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// `Set-Cookie` for a token; without a life it goes with the browser window.
pub fn set(name: &'static str, value: &str, life: Option<Duration>) -> String {
    let mut cookie =
        Cookie::build((name, value)).path("/").secure(true).http_only(true).same_site(SameSite::Lax);
    if let Some(life) = life {
        let seconds = i64::try_from(life.as_secs()).unwrap_or(i64::MAX);
        cookie = cookie.max_age(cookie::time::Duration::seconds(seconds));
    }
    cookie.build().to_string()
}

/// `Set-Cookie` that removes a cookie.
pub fn clear(name: &'static str) -> String {
    set(name, "", Some(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMN_0";

    fn headers(lines: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, http::HeaderValue::from_bytes(line).unwrap());
        }
        headers
    }

    fn session(lines: &[String]) -> Option<String> {
        let lines: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
        read(&headers(&lines), SESSION)
    }

    #[test]
    fn reads_the_one_cookie_of_that_name() {
        assert_eq!(session(&[format!("a=1; {SESSION}={TOKEN}; b=2")]).as_deref(), Some(TOKEN));
        let line = format!("{SESSION}={TOKEN}");
        assert_eq!(read(&headers(&[line.as_bytes()]), BROWSER), None);
    }

    #[test]
    fn bytes_that_are_no_text_in_another_cookie_hide_neither_ours_nor_its_twin() {
        let one = [b"other=caf\xe9\xff; ".to_vec(), format!("{SESSION}={TOKEN}").into_bytes()].concat();
        assert_eq!(read(&headers(&[&one]), SESSION).as_deref(), Some(TOKEN));
        assert_eq!(read(&headers(&[&one, &one]), SESSION), None);
    }

    #[test]
    fn two_cookies_of_one_name_are_none() {
        let (a, b) = (format!("{SESSION}={TOKEN}"), format!("{SESSION}={}", TOKEN.replace('a', "b")));
        for lines in
            [vec![format!("{a}; {b}")], vec![format!("{a}; {a}")], vec![a.clone(), format!("x=1; {b}")]]
        {
            assert_eq!(session(&lines), None, "{lines:?}");
        }
    }

    #[test]
    fn names_are_exact_and_a_value_has_the_form_of_a_token() {
        let long = "a".repeat(5000);
        for line in [
            format!("__host-vestibule_session={TOKEN}"),
            format!("vestibule_session={TOKEN}"),
            format!("{SESSION}="),
            format!("{SESSION}=planted"),
            format!("{SESSION}={TOKEN}x"),
            format!("{SESSION}={}", TOKEN.replace('-', "'")),
            format!("{SESSION}={long}"),
        ] {
            assert_eq!(session(&[line.clone()]), None, "{line}");
        }
    }

    #[test]
    fn a_cookie_is_bound_to_this_host_and_hidden_from_scripts() {
        assert_eq!(
            set(SESSION, "t", Some(Duration::from_secs(60))),
            "__Host-vestibule_session=t; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60"
        );
        assert_eq!(
            set(BROWSER, "t", None),
            "__Host-vestibule_browser=t; HttpOnly; SameSite=Lax; Secure; Path=/"
        );
        assert!(clear(SESSION).ends_with("Max-Age=0"));
    }
}
