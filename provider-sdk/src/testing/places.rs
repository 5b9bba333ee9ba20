//! Where a provider may send what, as the host enforces it: `inspect` with the metadata in it.

use serde_json::Value;
use url::Url;
use vestibule_abi::record::{self, Declared, code};

use super::handle;
use crate::{Error, Request, Result};

/// The origins and the secrets' targets of one operation.
pub(super) struct Places {
    metadata: Value,
    origins: Vec<String>,
    targets: Vec<Target>,
}

struct Target {
    key: String,
    origin: String,
    path: String,
    exact: bool,
}

impl Places {
    /// Fills in what comes from the metadata. Members that the document lacks add nothing.
    pub(super) fn of(inspect: &record::Inspect, metadata: Value) -> Result<Self> {
        if let Some(asked) = &inspect.metadata
            && metadata["issuer"] != asked.issuer.as_str()
        {
            return Err(Error::bad_settings(format_args!(
                "the metadata's `issuer` is not `{}`, byte for byte",
                asked.issuer
            )));
        }
        let mut places = Self { metadata, origins: Vec::new(), targets: Vec::new() };
        for origin in &inspect.origins {
            if let Some(url) = places.resolve(origin)? {
                places.origins.push(url.origin().ascii_serialization());
            }
        }
        for (key, target) in inspect.secrets.iter().flat_map(|(k, ts)| ts.iter().map(move |t| (k, t))) {
            let exact = matches!(target.origin, Declared::FromMetadata { .. });
            if let Some(url) = places.resolve(&target.origin)? {
                let path = if exact { url.path().to_owned() } else { target.path_prefix.clone() };
                let origin = url.origin().ascii_serialization();
                places.targets.push(Target { key: key.clone(), origin, path, exact });
            }
        }
        Ok(places)
    }

    fn resolve(&self, declared: &Declared) -> Result<Option<Url>> {
        let text = match declared {
            Declared::Literal(text) => Some(text.as_str()),
            Declared::FromMetadata { .. } if self.metadata.is_null() => {
                return Err(forbidden(
                    "something comes from the metadata, and `inspect` names no issuer by `metadata`",
                ));
            }
            Declared::FromMetadata { from_metadata } => {
                self.metadata.get(from_metadata).and_then(Value::as_str)
            }
        };
        Ok(text.map(Url::parse).transpose()?)
    }

    /// Whether requests and the browser may go to that origin.
    pub(super) fn has(&self, url: &Url) -> bool {
        self.origins.contains(&url.origin().ascii_serialization())
    }

    /// To declared origins only, and with handles only where their secrets may go. A handle within `Basic` credentials is
    /// base64 and is not looked for.
    pub(super) fn permit(&self, request: &Request, inspect: &record::Inspect) -> Result<()> {
        let url = Url::parse(request.url())?;
        if !self.has(&url) {
            return Err(forbidden("a request goes to an origin that `inspect` does not name"));
        }
        let body = String::from_utf8_lossy(request.body_bytes());
        let everything = format!("{}\n{:?}\n{body}", request.url(), request.headers);
        for key in inspect.secrets.keys() {
            let here = self.targets.iter().any(|target| target.key == *key && target.takes(&url));
            if !here && everything.contains(&handle(key)) {
                return Err(forbidden(&format!(
                    "`{key}` goes to an address that `inspect` does not bind it to"
                )));
            }
        }
        let bound: Vec<String> = inspect.secrets.keys().map(|key| handle(key)).collect();
        let rest = bound.iter().fold(everything, |text, handle| text.replace(handle, ""));
        if rest.contains("vsec_") || url.path().contains("vsec_") {
            return Err(forbidden("a secret's handle stands where none may be"));
        }
        Ok(())
    }

    /// What a host checks of a token, as far as the test's claims and metadata say anything about it.
    pub(super) fn check_token(&self, asked: &record::VerifyJwtRequest, claims: &Value) -> Result<()> {
        match self.resolve(&asked.jwks_uri)? {
            Some(url) if self.has(&url) => {}
            _ => return Err(forbidden("the keys are at no origin that `inspect` names")),
        }
        let refused =
            |what: &str| Err(Error::bad_answer(format_args!("the token's `{what}` is not the expected one")));
        let issuer = claims["iss"].as_str();
        if issuer.is_some_and(|iss| !asked.issuers.is_empty() && !asked.issuers.iter().any(|i| i == iss)) {
            return refused("iss");
        }
        if claims["aud"].as_str().is_some_and(|audience| audience != asked.audience) {
            return refused("aud");
        }
        let nonce = asked.nonce.as_ref().map(vestibule_abi::Sensitive::expose);
        if !claims["nonce"].is_null() && claims["nonce"].as_str() != nonce {
            return refused("nonce");
        }
        Ok(())
    }
}

impl Target {
    fn takes(&self, url: &Url) -> bool {
        let below = if self.path.ends_with('/') && !self.exact {
            url.path().starts_with(&self.path)
        } else {
            url.path() == self.path
        };
        self.origin == url.origin().ascii_serialization() && below
    }
}

pub(super) fn forbidden(why: &str) -> Error {
    Error::new(code::FORBIDDEN, why)
}
