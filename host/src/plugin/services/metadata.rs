//! The service `discover`: the metadata document of the issuer that `inspect` names (OpenID Connect Discovery 1.0 §4), and
//! the places that come from it.
//!
//! It is fetched when an operation first needs it, so a provider is ready while its issuer is not, and comes back by
//! itself. A document whose `issuer` is another one's, or in another spelling, is not used (§4.3 there, RFC 8414 §3.3).

use std::sync::Arc;

use serde_json::{Map, Value};
use url::Url;
use vestibule_abi as abi;

use abi::record::{Declared, Failure, code};

use super::Unanswered;
use super::http::{Http, Received};
use super::kept::Kept;
use super::unique;
use crate::clock::Clock;
use crate::plugin::error::{OperationError, one_line};
use crate::plugin::places::{Declaration, Places, may_carry, url_in};

/// The largest document, in bytes. Real ones have less than 10 KiB.
const MAX_DOCUMENT: usize = 256 * 1024;

/// Where the places of a provider come from.
pub(in crate::plugin) enum Metadata {
    /// The plugin's code and the settings.
    Unneeded(Arc<Known>),
    /// The issuer's document as well.
    Fetched(Kept<Known>),
}

/// What is known of a provider while an operation runs.
pub(in crate::plugin) struct Known {
    pub(in crate::plugin) places: Arc<Places>,
    document: Option<Document>,
    loopback_allowed: bool,
}

struct Document {
    issuer: String,
    bytes: Vec<u8>,
    /// Its members that are texts: the rest is for the plugin alone.
    texts: Map<String, Value>,
}

impl Metadata {
    pub(in crate::plugin) fn new(
        declaration: &Declaration,
        http: &Arc<Http>,
        clock: &Arc<dyn Clock>,
        loopback_allowed: bool,
    ) -> Self {
        if let Some(places) = declaration.fixed() {
            let places = Arc::new(places.clone());
            return Self::Unneeded(Arc::new(Known { places, document: None, loopback_allowed }));
        }
        let (declaration, http) = (Arc::new(declaration.clone()), Arc::clone(http));
        Self::Fetched(Kept::new(Arc::clone(clock), move || {
            let (declaration, http) = (Arc::clone(&declaration), Arc::clone(&http));
            async move { fetch(&declaration, &http, loopback_allowed).await }
        }))
    }

    /// What is known now; fetches where that is needed.
    pub(in crate::plugin) async fn known(&self) -> Result<Arc<Known>, OperationError> {
        match self {
            Self::Unneeded(known) => Ok(Arc::clone(known)),
            Self::Fetched(kept) => match kept.get().await {
                Ok(got) => Ok(got.value),
                Err(failure) => Err(OperationError::from_failure(&failure)),
            },
        }
    }
}

impl Known {
    /// Answers a plugin.
    pub(in crate::plugin) fn discover(
        &self,
        asked: &abi::record::DiscoverRequest,
    ) -> Result<Received, Unanswered> {
        match &self.document {
            Some(document) if document.issuer == asked.issuer => Ok(Received {
                status: 200,
                headers: vec![("content-type".to_owned(), "application/json".to_owned())],
                body: document.bytes.clone(),
            }),
            _ => Err(Unanswered::forbidden(format!(
                "the metadata of `{}` was asked for, and `inspect` does not name that issuer in `metadata`",
                one_line(&asked.issuer)
            ))),
        }
    }

    /// Of a provider on loopback that has this one origin.
    #[cfg(test)]
    pub(super) fn of_origin(origin: &str) -> Self {
        let places = Places { origins: [origin.to_owned()].into(), ..Places::default() };
        Self { places: Arc::new(places), document: None, loopback_allowed: true }
    }

    /// The URL of something that a plugin spells out or takes from the metadata, at an origin that `inspect` names.
    pub(super) fn url(&self, what: &str, declared: &Declared) -> Result<Url, Unanswered> {
        let url = match (declared, &self.document) {
            (Declared::Literal(text), _) => {
                Url::parse(text).ok().filter(|u| may_carry(u, self.loopback_allowed))
            }
            (Declared::FromMetadata { from_metadata }, Some(document)) => {
                let found = url_in(&document.texts, from_metadata, self.loopback_allowed);
                let bad = |why: String| {
                    let issuer = one_line(&document.issuer);
                    Unanswered::failure(code::BAD_ANSWER, format!("in the metadata of `{issuer}`, {why}"))
                };
                let missing = || bad(format!("there is no `{}`", one_line(from_metadata)));
                Some(found.map_err(bad)?.ok_or_else(missing)?)
            }
            (Declared::FromMetadata { .. }, None) => None,
        };
        let Some(mut url) = url else {
            return Err(Unanswered::forbidden(format!("`{what}` is no https URL that can be used here")));
        };
        url.set_fragment(None);
        let origin = url.origin().ascii_serialization();
        if !self.places.origins.contains(&origin) {
            return Err(Unanswered::forbidden(format!(
                "`{what}` is at `{origin}`, which is no origin that `inspect` names"
            )));
        }
        Ok(url)
    }
}

/// Where the document is (OpenID Connect Discovery 1.0 §4): a final slash of the issuer goes before the rest is put behind.
fn address(issuer: &str) -> Result<Url, Failure> {
    let bare = issuer.strip_suffix('/').unwrap_or(issuer);
    Url::parse(&format!("{bare}/.well-known/openid-configuration"))
        .map_err(|e| Failure::new(code::BAD_SETTINGS, format!("the issuer `{}`: {e}", one_line(issuer))))
}

async fn fetch(declaration: &Declaration, http: &Http, loopback_allowed: bool) -> Result<Known, Failure> {
    let issuer = declaration.metadata.clone().unwrap_or_default();
    let address = address(&issuer)?;
    let shown = one_line(&issuer);
    let received = http.fetch(address.clone()).await.map_err(|failure| {
        Failure::new(
            failure.code,
            format!("the metadata of `{shown}` cannot be fetched: {}", failure.message),
        )
    })?;
    if received.status != 200 {
        return Err(Failure::new(
            code::PROVIDER_DOWN,
            format!(
                "{address} answered with status {}; if it does so for long, look whether `{shown}` is the issuer",
                received.status
            ),
        ));
    }
    let document = read(&issuer, received.body)?;
    let places = declaration.resolve(&document.texts).map_err(|why| {
        Failure::new(code::BAD_ANSWER, format!("the metadata of `{shown}` cannot be used: {why}"))
    })?;
    tracing::debug!(issuer = %shown, "metadata fetched");
    let mut known = Known { places: Arc::new(places), document: None, loopback_allowed };
    let texts = document.texts.into_iter().filter(|(_, value)| value.is_string()).collect();
    known.document = Some(Document { texts, ..document });
    Ok(known)
}

/// Reads a document; all its members are in `texts` still.
fn read(issuer: &str, bytes: Vec<u8>) -> Result<Document, Failure> {
    let shown = one_line(issuer);
    let bad = |why: String| Failure::new(code::BAD_ANSWER, format!("the metadata of `{shown}` {why}"));
    if bytes.len() > MAX_DOCUMENT {
        return Err(bad(format!("has {} bytes, the limit is {MAX_DOCUMENT}", bytes.len())));
    }
    let texts = unique::object(&bytes).map_err(|why| bad(why.to_owned()))?;
    match texts.get("issuer").and_then(Value::as_str) {
        Some(found) if found == issuer => {}
        Some(found) => {
            return Err(Failure::new(
                code::BAD_SETTINGS,
                format!(
                    "the issuer is `{shown}` by the settings, and `{}` by its own metadata, which is not used: \
                     if both mean the same, write it in the settings exactly as the metadata does",
                    one_line(found)
                ),
            ));
        }
        None => return Err(bad("does not say its `issuer`, and is not used".to_owned())),
    }
    Ok(Document { issuer: issuer.to_owned(), bytes, texts })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_below_the_issuer_with_one_slash_between() {
        for (issuer, expected) in [
            ("https://idp.example", "https://idp.example/.well-known/openid-configuration"),
            ("https://idp.example/", "https://idp.example/.well-known/openid-configuration"),
            ("https://idp.example/a/b", "https://idp.example/a/b/.well-known/openid-configuration"),
            ("https://idp.example/a/", "https://idp.example/a/.well-known/openid-configuration"),
        ] {
            assert_eq!(address(issuer).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn an_issuer_in_another_spelling_leaves_the_metadata_unused_and_both_are_shown() {
        for found in [
            "https://idp.example/",
            "https://IDP.example",
            "https://idp.example:443",
            "http://idp.example",
            "https://idp.example.evil.example",
            " https://idp.example",
            "",
        ] {
            let bytes = serde_json::json!({ "issuer": found }).to_string().into_bytes();
            let failure = read("https://idp.example", bytes).err().unwrap();
            assert_eq!(failure.code, code::BAD_SETTINGS);
            let both = format!("is `https://idp.example` by the settings, and `{found}` by its own metadata");
            assert!(failure.message.contains(&both), "{}", failure.message);
        }
        for json in ["{}", r#"{"issuer":["https://idp.example"]}"#, r#"{"issuer":null}"#] {
            assert_eq!(read("https://idp.example", json.into()).err().unwrap().code, code::BAD_ANSWER);
        }
        assert!(read("https://idp.example", br#"{"issuer":"https://idp.example"}"#.to_vec()).is_ok());
    }

    #[test]
    fn a_document_that_is_too_large_too_deep_or_ambiguous_is_refused() {
        let long = format!(r#"{{"issuer":"i","a":"{}"}}"#, "a".repeat(MAX_DOCUMENT));
        let deep = format!(r#"{{"issuer":"i","a":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        for json in [long.as_str(), deep.as_str(), r#"{"issuer":"i","issuer":"i"}"#, "<html>", ""] {
            assert_eq!(read("i", json.into()).err().unwrap().code, code::BAD_ANSWER);
        }
    }
}
