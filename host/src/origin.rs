//! Whether a request that changes something comes from one of our own pages.

/// `Sec-Fetch-Site: same-origin`, or without that header an `Origin` that is ours. A request without either is not:
/// every browser sends one of them with a POST.
///
/// `Sec-Fetch-Site` cannot be set by a page; `Origin: null` is what a sandboxed or redirected form sends.
pub fn is_own(sec_fetch_site: Option<&str>, origin: Option<&str>, own: &str) -> bool {
    match sec_fetch_site {
        Some(site) => site == "same-origin",
        None => origin == Some(own),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_change_anything() {
        let own = "https://id.example.org";
        assert!(is_own(Some("same-origin"), Some(own), own));
        assert!(is_own(Some("same-origin"), None, own));
        assert!(is_own(None, Some(own), own));
        for (site, origin) in [
            (None, None),
            (None, Some("null")),
            (None, Some("https://evil.example")),
            (None, Some("https://id.example.org.evil.example")),
            (None, Some("http://id.example.org")),
            (Some("cross-site"), Some(own)),
            (Some("same-site"), Some(own)),
            (Some("none"), Some(own)),
            (Some("none"), None),
            (Some(""), Some(own)),
        ] {
            assert!(!is_own(site, origin, own), "{site:?} {origin:?}");
        }
    }
}
