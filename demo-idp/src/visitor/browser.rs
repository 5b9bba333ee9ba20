//! A browser without a screen: cookies, redirects, `Sec-Fetch-Site`, `Origin`, and the page rules that can break a login
//! (`Referrer-Policy`, `form-action`). Knows no login. It never leaves loopback.

use std::time::Duration;

use bytes::Bytes;
use http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, LOCATION, ORIGIN, REFERRER_POLICY, SET_COOKIE,
};
use http::{HeaderMap, Method};
use reqwest::redirect::Policy;
use url::{Origin, Url};

use super::cookies::CookieJar;
use super::form::{Button, Form};

const REDIRECTS: usize = 20;
const PAGE_LIMIT: usize = 4 * 1024 * 1024;
const FORM: &str = "application/x-www-form-urlencoded";

/// A page, or any other answer, after all redirects.
#[derive(Debug, Clone)]
pub struct Page {
    /// Its address.
    pub url: Url,
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// The addresses that redirects led through before it, in order, queries included.
    pub through: Vec<Url>,
}

impl Page {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum BrowseError {
    /// Not a URL.
    #[error("`{0}` is not an http address")]
    Address(String),
    /// A link or a redirect to somewhere that is not on this computer.
    #[error("`{0}` is not on this computer, and the visitor stays on loopback")]
    LeavesLoopback(String),
    /// No answer.
    #[error("no answer from `{place}`: {reason}")]
    NoAnswer {
        /// Scheme, host and port, and path.
        place: String,
        /// What went wrong, down to its cause.
        reason: String,
    },
    /// Redirects without end.
    #[error("more than {REDIRECTS} redirects, the last one to `{0}`")]
    Redirects(String),
    /// A body that is no page.
    #[error("the answer of `{0}` is longer than 4 MiB")]
    TooLong(String),
    /// The page's own policy: a browser sends nothing and says so only in its console.
    #[error("`form-action` of the page's Content-Security-Policy blocks the way to `{0}`")]
    FormAction(String),
}

/// One browser: one jar, no cache, no script.
pub struct Browser {
    client: reqwest::Client,
    /// The cookies.
    pub cookies: CookieJar,
}

/// What led to a request.
struct Cause<'a> {
    /// The page whose form or link it was; `None` when a person typed the address.
    page: Option<&'a Page>,
    navigation: bool,
}

impl Browser {
    /// A browser with an empty jar.
    pub fn new() -> Result<Self, BrowseError> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            // Loopback is plain http, so a machine without a CA bundle will do.
            .tls_certs_only([])
            .pool_max_idle_per_host(0)
            .timeout(Duration::from_secs(60))
            .user_agent("demo-visitor")
            .build()
            .map_err(|error| BrowseError::NoAnswer { place: "anywhere".to_owned(), reason: reason(error) })?;
        Ok(Self { client, cookies: CookieJar::default() })
    }

    /// Opens an address that a person typed.
    pub async fn visit(&mut self, url: Url) -> Result<Page, BrowseError> {
        let cause = Cause { page: None, navigation: true };
        self.travel(Method::GET, url, None, &cause).await
    }

    /// Asks for JSON as a script of that origin would.
    pub async fn fetch(&mut self, url: Url) -> Result<Page, BrowseError> {
        let cause = Cause { page: None, navigation: false };
        self.travel(Method::GET, url, None, &cause).await
    }

    /// Submits a form of a page by one of its buttons, or as the Enter key would where it has none.
    pub async fn submit(
        &mut self,
        page: &Page,
        form: &Form,
        button: Option<&Button>,
    ) -> Result<Page, BrowseError> {
        let mut url = page.url.join(&form.action).map_err(|_| BrowseError::Address(form.action.clone()))?;
        let encoded = encode(form, button);
        let cause = Cause { page: Some(page), navigation: true };
        if form.method == "post" {
            return self.travel(Method::POST, url, Some(encoded), &cause).await;
        }
        url.set_query(Some(&encoded));
        self.travel(Method::GET, url, None, &cause).await
    }

    async fn travel(
        &mut self,
        mut method: Method,
        mut url: Url,
        mut body: Option<String>,
        cause: &Cause<'_>,
    ) -> Result<Page, BrowseError> {
        let mut through: Vec<Url> = Vec::new();
        loop {
            if !is_loopback(&url) {
                return Err(BrowseError::LeavesLoopback(place(&url)));
            }
            if cause.page.is_some_and(|page| form_action_blocks(page, &url)) {
                return Err(BrowseError::FormAction(place(&url)));
            }
            let page = self.request(&method, &url, body.as_deref(), cause, &through).await?;
            let location = page.headers.get(LOCATION).and_then(|value| value.to_str().ok());
            let Some(location) = location.filter(|_| matches!(page.status, 301 | 302 | 303 | 307 | 308))
            else {
                return Ok(Page { through, ..page });
            };
            let next = url.join(location).map_err(|_| BrowseError::Address(location.to_owned()))?;
            if through.len() == REDIRECTS {
                return Err(BrowseError::Redirects(place(&next)));
            }
            if matches!(page.status, 301..=303) {
                method = Method::GET;
                body = None;
            }
            through.push(std::mem::replace(&mut url, next));
        }
    }

    async fn request(
        &mut self,
        method: &Method,
        url: &Url,
        body: Option<&str>,
        cause: &Cause<'_>,
        through: &[Url],
    ) -> Result<Page, BrowseError> {
        let site = site(cause, through, url);
        let mut request = self.client.request(method.clone(), url.clone()).header("sec-fetch-site", site);
        request = if cause.navigation {
            request
                .header("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
                .header("sec-fetch-mode", "navigate")
                .header("sec-fetch-dest", "document")
                .header("sec-fetch-user", "?1")
        } else {
            request
                .header("accept", "application/json")
                .header("sec-fetch-mode", "cors")
                .header("sec-fetch-dest", "empty")
        };
        if let Some(cookies) = self.cookies.header(url, method.as_str(), site == "cross-site") {
            request = request.header(COOKIE, cookies);
        }
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, FORM).body(body.to_owned());
            if let Some(page) = cause.page {
                request = request.header(ORIGIN, origin_header(page, through, url));
            }
        }
        let failed = |error| BrowseError::NoAnswer { place: place(url), reason: reason(error) };
        let mut response = request.send().await.map_err(failed)?;
        for header in response.headers().get_all(SET_COOKIE) {
            self.cookies.store(url, header.to_str().unwrap_or_default());
        }
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if bytes.len() + chunk.len() > PAGE_LIMIT {
                return Err(BrowseError::TooLong(place(url)));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Page { url: url.clone(), status, headers, body: bytes.into(), through: Vec::new() })
    }
}

fn encode(form: &Form, button: Option<&Button>) -> String {
    let mut encoder = url::form_urlencoded::Serializer::new(String::new());
    encoder.extend_pairs(&form.fields);
    if let Some(button) = button.filter(|button| !button.name.is_empty()) {
        encoder.append_pair(&button.name, &button.value);
    }
    encoder.finish()
}

/// `Sec-Fetch-Site` (Fetch Metadata §2.4): the furthest that anything on the way is from the page that asked. A site is a
/// host here; ports do not count.
fn site(cause: &Cause<'_>, through: &[Url], url: &Url) -> &'static str {
    let Some(page) = cause.page else {
        return if cause.navigation { "none" } else { "same-origin" };
    };
    let mut way = through.iter().chain([url]);
    if way.clone().any(|stop| stop.host_str() != page.url.host_str()) {
        "cross-site"
    } else if way.any(|stop| stop.origin() != page.url.origin()) {
        "same-site"
    } else {
        "same-origin"
    }
}

/// `Origin` of a form's POST: `null` after a redirect across origins, and from a page that hides where it is.
fn origin_header(page: &Page, through: &[Url], url: &Url) -> String {
    let policy = page.headers.get(REFERRER_POLICY).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let policy = policy.rsplit(',').next().unwrap_or_default().trim();
    let elsewhere = page.url.origin() != url.origin();
    let hidden = match policy {
        "no-referrer" => true,
        "same-origin" => elsewhere,
        _ => false,
    };
    let home = page.url.origin();
    if hidden || through.iter().any(|stop| stop.origin() != home) {
        return "null".to_owned();
    }
    home.ascii_serialization()
}

/// Whether `form-action` of the page forbids a form's target or a redirect after it (CSP Level 3 §6.3.1, as Chromium does).
fn form_action_blocks(page: &Page, url: &Url) -> bool {
    page.headers.get_all(CONTENT_SECURITY_POLICY).iter().any(|policy| {
        let policy = policy.to_str().unwrap_or_default();
        let directives = policy.split(';').map(str::split_whitespace);
        let mut form_action = directives.filter_map(|mut words| {
            words.next().is_some_and(|name| name.eq_ignore_ascii_case("form-action")).then_some(words)
        });
        form_action.next().is_some_and(|mut sources| {
            !sources.any(|source| match source {
                "'self'" => url.origin() == page.url.origin(),
                "*" => true,
                other if other.ends_with(':') => other.trim_end_matches(':') == url.scheme(),
                other => Url::parse(other).is_ok_and(|allowed| same(&allowed.origin(), &url.origin())),
            })
        })
    })
}

fn same(one: &Origin, other: &Origin) -> bool {
    one.is_tuple() && one == other
}

/// Whether a URL names this computer.
pub(super) fn is_loopback(url: &Url) -> bool {
    let local = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    local && url.scheme() == "http"
}

fn place(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

/// The chain of causes, without the URL that reqwest would print with its query.
fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
