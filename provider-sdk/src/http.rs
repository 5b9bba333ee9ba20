//! HTTP as a provider sees it: requests for the host to send, and what came back.

mod link;

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use url::{Url, form_urlencoded};
use vestibule_abi::Sensitive;

use crate::{Error, Result};

/// A request. The host sends it once, follows no redirect, and only to origins that `inspect` names.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// A request of any method to this absolute URL.
    pub fn new(method: &str, url: impl AsRef<str>) -> Self {
        Self {
            method: method.to_owned(),
            url: url.as_ref().to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// `GET`.
    pub fn get(url: impl AsRef<str>) -> Self {
        Self::new("GET", url)
    }

    /// `POST`.
    pub fn post(url: impl AsRef<str>) -> Self {
        Self::new("POST", url)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Adds `Authorization: Bearer …` (RFC 6750 §2.1).
    #[must_use]
    pub fn bearer(self, token: &Sensitive) -> Self {
        self.header("authorization", format!("Bearer {}", token.expose()))
    }

    /// Adds `Accept: application/json`, unless there is an `Accept` already.
    #[must_use]
    pub fn accept_json(self) -> Self {
        if self.header_value("accept").is_some() { self } else { self.header("accept", "application/json") }
    }

    /// Sets the body to a form, with its content type.
    #[must_use]
    pub fn form<K: AsRef<str>, V: AsRef<str>>(mut self, fields: impl IntoIterator<Item = (K, V)>) -> Self {
        self.body =
            form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish().into_bytes();
        self.header("content-type", "application/x-www-form-urlencoded")
    }

    /// Sets the body to JSON, with its content type.
    pub fn json(mut self, body: &impl Serialize) -> Result<Self> {
        self.body = serde_json::to_vec(body)?;
        Ok(self.header("content-type", "application/json"))
    }

    /// Sets the body to these bytes.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The method.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The address, with its query.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The first header of this name, in any case.
    pub fn header_value(&self, name: &str) -> Option<&str> {
        first(&self.headers, name)
    }

    /// The body's bytes.
    pub fn body_bytes(&self) -> &[u8] {
        &self.body
    }

    /// The method and the address without its query, for messages.
    pub(crate) fn label(&self) -> String {
        format!("{} {}", self.method, bare(&self.url))
    }
}

/// Method and address without the query: the rest holds tokens.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request {{ {} }}", self.label())
    }
}

/// What came back, whatever its status.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// What it answers, for messages; and the address, for links that are relative to it.
    label: String,
    url: String,
}

impl Response {
    /// A response that a test's host gives.
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), label: String::new(), url: String::new() }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.into()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets the body to JSON text, with its content type.
    #[must_use]
    pub fn json_text(self, body: impl Into<Vec<u8>>) -> Self {
        self.header("content-type", "application/json; charset=utf-8").body(body)
    }

    pub(crate) fn answering(mut self, request: &Request) -> Self {
        self.label = request.label();
        self.url.clone_from(&request.url);
        self
    }

    /// The status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The first header of this name, in any case.
    pub fn header_value(&self, name: &str) -> Option<&str> {
        first(&self.headers, name)
    }

    /// The body, decompressed.
    pub fn body_bytes(&self) -> &[u8] {
        &self.body
    }

    /// The response, if it is a success; else the class of its status: 429 is [`Error::rate_limited`], 5xx
    /// [`Error::provider_down`], all others [`Error::bad_answer`].
    pub fn success(self) -> Result<Self> {
        let status = self.status;
        match status {
            200..300 => Ok(self),
            429 => Err(Error::rate_limited(self.retry_after_s()).context(&self.label)),
            500.. => Err(Error::provider_down(format_args!("{} answered {status}", self.label))),
            300..400 => Err(Error::bad_answer(format_args!(
                "{} answered {status}, a redirect, and none is followed",
                self.label
            ))),
            _ => Err(Error::bad_answer(format_args!("{} answered {status}", self.label))),
        }
    }

    /// The body as JSON, whatever the status and the content type say.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|e| Error::from(e).context(&self.label))
    }

    /// The body as JSON, of a successful response that calls itself JSON, or nothing.
    pub fn success_json<T: DeserializeOwned>(self) -> Result<T> {
        let response = self.success()?;
        if let Some(kind) = response.header_value("content-type") {
            let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            if kind != "application/json" && !kind.ends_with("+json") {
                return Err(Error::bad_answer(format_args!(
                    "{} answered with something other than JSON",
                    response.label
                )));
            }
        }
        response.json()
    }

    /// The seconds of `Retry-After` (RFC 9110 §10.2.3). A date there counts as nothing.
    pub fn retry_after_s(&self) -> Option<u64> {
        self.header_value("retry-after")?.trim().parse().ok()
    }

    /// The address of the next page: the first `Link` of relation `next` (RFC 8288). One at another origin is an error,
    /// since the access token would go there.
    pub fn next_page(&self) -> Result<Option<Url>> {
        let values = self.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("link"));
        let Some(target) = values.filter_map(|(_, value)| link::target(value, "next")).next() else {
            return Ok(None);
        };
        let here = Url::parse(&self.url)?;
        let next = here.join(&target)?;
        if next.origin() != here.origin() {
            return Err(Error::bad_answer(format_args!("{} continues at another origin", self.label)));
        }
        Ok(Some(next))
    }
}

/// The status only: the rest holds tokens.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response {{ {} }}", self.status)
    }
}

fn first<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// An address without user, query and fragment, for messages.
pub(crate) fn bare(url: &str) -> String {
    match Url::parse(url) {
        Ok(url) if url.has_host() => format!("{}{}", url.origin().ascii_serialization(), url.path()),
        _ => "an address that is none".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vestibule_abi::record::code;

    fn response(status: u16) -> Response {
        Response::new(status).answering(&Request::get("https://u:p@api.example/user?access_token=gho_x#f"))
    }

    #[test]
    fn statuses_fall_into_their_classes() {
        for (status, class) in [
            (302, code::BAD_ANSWER),
            (401, code::BAD_ANSWER),
            (429, code::RATE_LIMITED),
            (500, code::PROVIDER_DOWN),
            (503, code::PROVIDER_DOWN),
            (100, code::BAD_ANSWER),
        ] {
            let error = response(status).success().unwrap_err();
            assert_eq!(error.code(), class, "{status}");
            assert!(error.message().contains("GET https://api.example/user"), "{error}");
            assert!(!error.message().contains("gho_") && !error.message().contains("u:p@"), "{error}");
        }
        assert!(response(204).success().is_ok());
        assert_eq!(
            response(429).header("Retry-After", "17").success().unwrap_err().retry_after_s(),
            Some(17)
        );
        assert_eq!(response(429).header("Retry-After", "soon").success().unwrap_err().retry_after_s(), None);
    }

    #[test]
    fn json_must_call_itself_json_and_be_it() {
        let page = |kind: &str, body: &str| response(200).header("content-type", kind).body(body);
        assert_eq!(page("application/json", "5").success_json::<u8>().unwrap(), 5);
        assert_eq!(page("Application/Problem+JSON; charset=utf-8", "5").success_json::<u8>().unwrap(), 5);
        assert_eq!(response(200).body("5").success_json::<u8>().unwrap(), 5);
        for bad in [page("text/html", "5"), page("application/json", "<html>"), page("application/json", "")]
        {
            assert_eq!(bad.success_json::<u8>().unwrap_err().code(), code::BAD_ANSWER);
        }
    }

    #[test]
    fn the_next_page_is_at_the_same_origin() {
        let next = |link: &str| response(200).header("Link", link).next_page();
        let page =
            next(r#"<https://api.example/user?page=2>; rel="next", <https://api.example/x>; rel="last""#);
        assert_eq!(page.unwrap().unwrap().as_str(), "https://api.example/user?page=2");
        assert_eq!(next("</user?page=3>; rel=next").unwrap().unwrap().path(), "/user");
        assert_eq!(next(r#"<https://api.example/x>; rel="prev""#).unwrap(), None);
        assert_eq!(response(200).next_page().unwrap(), None);
        for elsewhere in [
            "https://evil.example/user",
            "http://api.example/user",
            "//evil.example/",
            "https://api.example:444/",
        ] {
            assert!(next(&format!("<{elsewhere}>; rel=\"next\"")).is_err(), "{elsewhere}");
        }
    }

    #[test]
    fn an_accept_of_ones_own_is_kept() {
        let own =
            Request::get("https://api.example").header("Accept", "application/vnd.x+json").accept_json();
        assert_eq!(own.headers.len(), 1);
        assert_eq!(
            Request::get("https://api.example").accept_json().header_value("ACCEPT"),
            Some("application/json")
        );
    }

    #[test]
    fn debug_shows_no_token() {
        let request = Request::get("https://api.example/?t=gho_x").bearer(&"gho_y".into());
        assert_eq!(format!("{request:?}"), "Request { GET https://api.example/ }");
    }
}
