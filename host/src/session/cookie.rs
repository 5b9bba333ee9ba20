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

/// The longest token that is looked up; ours have 43 characters.
const MAX_LEN: usize = 64;

/// The value of a cookie. Two of one name are none: the other was tossed in by somebody, and nobody can tell which.
pub fn read(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut found = None;
    for header in headers.get_all(COOKIE) {
        let Ok(text) = header.to_str() else { continue };
        for cookie in Cookie::split_parse(text).flatten() {
            if cookie.name() != name {
                continue;
            }
            if found.is_some() {
                return None;
            }
            found = Some(cookie.value().to_owned());
        }
    }
    found.filter(|value| !value.is_empty() && value.len() <= MAX_LEN && value.is_ascii())
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

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, line.parse().unwrap());
        }
        headers
    }

    #[test]
    fn reads_the_one_cookie_of_that_name() {
        let headers = headers(&["a=1; __Host-vestibule_session=token; b=2"]);
        assert_eq!(read(&headers, SESSION).as_deref(), Some("token"));
        assert_eq!(read(&headers, BROWSER), None);
    }

    #[test]
    fn two_cookies_of_one_name_are_none() {
        for lines in [
            &["__Host-vestibule_session=a; __Host-vestibule_session=b"][..],
            &["__Host-vestibule_session=a; __Host-vestibule_session=a"],
            &["__Host-vestibule_session=a", "x=1; __Host-vestibule_session=b"],
        ] {
            assert_eq!(read(&headers(lines), SESSION), None, "{lines:?}");
        }
    }

    #[test]
    fn names_are_exact_and_values_short() {
        let long = format!("{SESSION}={}", "a".repeat(5000));
        for line in ["__host-vestibule_session=a", "__Host-vestibule_session=", "vestibule_session=a", &long]
        {
            assert_eq!(read(&headers(&[line]), SESSION), None, "{line}");
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
