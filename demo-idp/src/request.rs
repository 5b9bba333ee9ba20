//! One request as it arrived, kept so that a test can ask what the relying party really sent. Knows no personality.

use bytes::Bytes;
use data_encoding::BASE64;
use http::{HeaderMap, Method};

use crate::fault::Endpoint;

/// A recorded request: everything that came over the wire, in the clear, since all its secrets are the demo's own.
#[derive(Debug, Clone)]
pub struct Request {
    /// Which endpoint it met; `None` where the provider has none (answered with 404) or it is only decoration.
    pub endpoint: Option<Endpoint>,
    /// The method.
    pub method: Method,
    /// The path, still percent-encoded.
    pub path: String,
    /// The query without its `?`, still encoded; empty when absent.
    pub query: String,
    /// All headers.
    pub headers: HeaderMap,
    /// The body; at most 1 MiB is accepted.
    pub body: Bytes,
}

impl Request {
    /// The first value of a header, when it is readable text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The decoded pairs of the query, in order.
    pub fn query_pairs(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(self.query.as_bytes()).into_owned().collect()
    }

    /// The first value of a query parameter.
    pub fn query_param(&self, name: &str) -> Option<String> {
        first(self.query_pairs(), name)
    }

    /// The decoded pairs of a form body, in order.
    pub fn form_pairs(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(&self.body).into_owned().collect()
    }

    /// The first value of a form field in the body.
    pub fn form_param(&self, name: &str) -> Option<String> {
        first(self.form_pairs(), name)
    }

    /// User and password of `Authorization: Basic`.
    pub fn basic(&self) -> Option<(String, String)> {
        let encoded = scheme(self.header("authorization")?, "basic")?;
        let decoded = String::from_utf8(BASE64.decode(encoded.as_bytes()).ok()?).ok()?;
        let (user, password) = decoded.split_once(':')?;
        Some((user.to_owned(), password.to_owned()))
    }

    /// The token of `Authorization: Bearer`, or of GitHub's older `Authorization: token`.
    pub fn bearer(&self) -> Option<&str> {
        let value = self.header("authorization")?;
        scheme(value, "bearer").or_else(|| scheme(value, "token"))
    }
}

fn first(pairs: Vec<(String, String)>, name: &str) -> Option<String> {
    pairs.into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

/// What follows the scheme, whose case does not matter (RFC 9110 §11.1).
fn scheme<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    let (scheme, rest) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case(name).then(|| rest.trim())
}
