//! Cookies as a browser keeps them (RFC 6265bis): by host, whatever the port, with the rules of `__Host-` and SameSite.
//! Knows no page.

use cookie::{Cookie, SameSite};
use url::Url;

use crate::clock::Clock;

/// The jar. Cookies for a whole domain are not kept: nothing here needs them, and a twin of ours would be an attack.
#[derive(Default)]
pub struct CookieJar {
    kept: Vec<Kept>,
}

struct Kept {
    host: String,
    path: String,
    cookie: Cookie<'static>,
}

impl CookieJar {
    /// Keeps what one `Set-Cookie` header says, or forgets what it ends; whether a browser would have taken it.
    pub fn store(&mut self, url: &Url, header: &str) -> bool {
        let Ok(cookie) = Cookie::parse(header.to_owned()) else { return false };
        let Some(host) = url.host_str() else { return false };
        let secure = cookie.secure() == Some(true);
        let path = match cookie.path() {
            Some(path) if path.starts_with('/') => path.to_owned(),
            _ => default_path(url),
        };
        let prefixed = |prefix: &str| {
            cookie.name().get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        if (secure && !is_trustworthy(url))
            || (cookie.same_site() == Some(SameSite::None) && !secure)
            || cookie.domain().is_some_and(|domain| domain.trim_start_matches('.') != host)
            || (prefixed("__Secure-") && !secure)
            || (prefixed("__Host-") && (!secure || cookie.domain().is_some() || cookie.path() != Some("/")))
        {
            return false;
        }
        self.kept
            .retain(|kept| !(kept.host == host && kept.path == path && kept.cookie.name() == cookie.name()));
        if !is_over(&cookie) {
            self.kept.push(Kept { host: host.to_owned(), path, cookie });
        }
        true
    }

    /// The `Cookie` header for a request. `cross_site`: what led here began on another site; then Strict cookies stay,
    /// and Lax ones too unless it is a navigation by GET.
    pub fn header(&self, url: &Url, method: &str, cross_site: bool) -> Option<String> {
        let pairs: Vec<String> = self
            .kept
            .iter()
            .filter(|kept| url.host_str() == Some(kept.host.as_str()) && path_matches(url.path(), &kept.path))
            .filter(|kept| kept.cookie.secure() != Some(true) || is_trustworthy(url))
            .filter(|kept| match kept.cookie.same_site() {
                Some(SameSite::None) => true,
                Some(SameSite::Strict) => !cross_site,
                Some(SameSite::Lax) | None => !cross_site || method == "GET",
            })
            .map(|kept| format!("{}={}", kept.cookie.name(), kept.cookie.value()))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// The value of a cookie of this host.
    pub fn value(&self, host: &str, name: &str) -> Option<&str> {
        let kept = self.kept.iter().find(|kept| kept.host == host && kept.cookie.name() == name)?;
        Some(kept.cookie.value())
    }

    /// Forgets everything: another browser.
    pub fn clear(&mut self) {
        self.kept.clear();
    }
}

/// Where browsers accept and send Secure cookies: https, and http on this computer.
fn is_trustworthy(url: &Url) -> bool {
    url.scheme() == "https" || super::browser::is_loopback(url)
}

fn is_over(cookie: &Cookie<'_>) -> bool {
    match (cookie.max_age(), cookie.expires_datetime()) {
        (Some(age), _) => !age.is_positive(),
        (None, Some(expires)) => {
            let now = Clock::default().now().as_secs();
            u64::try_from(expires.unix_timestamp()).map_or(true, |expires| expires <= now)
        }
        (None, None) => false,
    }
}

fn default_path(url: &Url) -> String {
    match url.path().rsplit_once('/') {
        Some((before, _)) if !before.is_empty() => before.to_owned(),
        _ => "/".to_owned(),
    }
}

fn path_matches(path: &str, cookie_path: &str) -> bool {
    match path.strip_prefix(cookie_path) {
        Some(rest) => rest.is_empty() || rest.starts_with('/') || cookie_path.ends_with('/'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::CookieJar;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn keeps_a_host_cookie_on_localhost_whatever_the_port() {
        let mut jar = CookieJar::default();
        assert!(
            jar.store(&url("http://localhost:1/login"), "__Host-s=1; Path=/; Secure; HttpOnly; SameSite=Lax")
        );
        assert_eq!(jar.header(&url("http://localhost:2/"), "GET", true).as_deref(), Some("__Host-s=1"));
        assert_eq!(jar.header(&url("http://127.0.0.1:1/"), "GET", false), None);
    }

    #[test]
    fn refuses_what_a_browser_refuses() {
        let mut jar = CookieJar::default();
        let home = url("http://localhost:1/");
        assert!(!jar.store(&home, "__Host-s=1; Path=/"));
        assert!(!jar.store(&home, "__Host-s=1; Path=/x; Secure"));
        assert!(!jar.store(&home, "__Host-s=1; Secure"));
        assert!(!jar.store(&home, "__Host-s=1; Path=/; Secure; Domain=localhost"));
        assert!(!jar.store(&home, "s=1; Domain=elsewhere.example"));
        assert!(!jar.store(&url("http://example.org/"), "s=1; Secure"));
        assert_eq!(jar.header(&home, "GET", false), None);
    }

    #[test]
    fn holds_lax_cookies_back_from_a_cross_site_post_and_strict_ones_from_any_cross_site_request() {
        let mut jar = CookieJar::default();
        let home = url("http://localhost:1/");
        jar.store(&home, "lax=1; Path=/; SameSite=Lax");
        jar.store(&home, "strict=1; Path=/; SameSite=Strict");
        assert_eq!(jar.header(&home, "POST", true), None);
        assert_eq!(jar.header(&home, "GET", true).as_deref(), Some("lax=1"));
        assert_eq!(jar.header(&home, "POST", false).as_deref(), Some("lax=1; strict=1"));
    }

    #[test]
    fn forgets_an_ended_cookie() {
        let mut jar = CookieJar::default();
        let home = url("http://localhost:1/");
        for end in ["Max-Age=0", "Expires=Thu, 01 Jan 1970 00:00:00 GMT"] {
            jar.store(&home, "s=1; Path=/; Max-Age=60");
            assert_eq!(jar.value("localhost", "s"), Some("1"));
            jar.store(&home, &format!("s=; Path=/; {end}"));
            assert_eq!(jar.value("localhost", "s"), None);
        }
    }
}
