//! What the host does for a plugin's operation: the services that a step may ask for, and their common way to fail.

pub(super) mod clients;
pub(super) mod egress;
pub(super) mod http;
mod jwt;
mod kept;
mod keys;
mod metadata;
mod needle;
pub(super) mod secrets;
mod swap;
mod unique;

use std::sync::Arc;

use serde_json::Value;
use vestibule_abi as abi;

use abi::record::{HostRequest, service};

use super::error::{OperationError, one_line};
use super::places::Declaration;
use crate::clock::Clock;
use http::{Http, Received};
use jwt::Verifier;
use keys::KeySets;
pub(super) use metadata::Known;
use metadata::Metadata;
use secrets::Vault;

/// The services of one provider.
pub(super) struct Services {
    http: Arc<Http>,
    metadata: Metadata,
    verifier: Arc<Verifier>,
}

/// What a plugin asked for, read and ready to be done.
pub(super) enum Asked {
    /// `http`.
    Http(Arc<Http>, Arc<Known>, abi::record::HttpRequest, Vec<u8>),
    /// `discover`.
    Discover(Arc<Known>, abi::record::DiscoverRequest),
    /// `verify_jwt`.
    VerifyJwt(Arc<Verifier>, Arc<Known>, Box<abi::record::VerifyJwtRequest>),
}

/// What became of it.
pub(super) enum Answered {
    /// An HTTP response.
    Http(Received),
    /// A token's claims: JSON.
    Claims(Vec<u8>),
}

impl Services {
    pub(super) fn new(
        http: Http,
        declaration: &Declaration,
        clock: &Arc<dyn Clock>,
        loopback_allowed: bool,
    ) -> Self {
        let http = Arc::new(http);
        let metadata = Metadata::new(declaration, &http, clock, loopback_allowed);
        let sets = KeySets::new(&http, clock);
        let verifier = Arc::new(Verifier { sets, clock: Arc::clone(clock) });
        Self { http, metadata, verifier }
    }

    /// Gets a page for the host itself. No secret goes along.
    pub(super) async fn fetch(&self, url: url::Url) -> Result<Received, abi::record::Failure> {
        self.http.fetch(url).await
    }

    /// What an operation may rest on: places, and the metadata if there is any. Fetches that if need be.
    pub(super) async fn known(&self) -> Result<Arc<Known>, OperationError> {
        self.metadata.known().await
    }

    /// Reads a request. `attachment` takes one out of the message that it came with.
    pub(super) fn read(
        &self,
        known: &Arc<Known>,
        vault: &Vault,
        asked: HostRequest,
        mut attachment: impl FnMut(u32) -> Result<Vec<u8>, abi::message::MessageError>,
    ) -> Result<Asked, Unanswered> {
        let name = asked.service.as_str();
        let broken = |why: String| OperationError::protocol(format!("the arguments of `{name}`: {why}"));
        let known = Arc::clone(known);
        if name != service::HTTP {
            let place = format!("the arguments of `{}`", one_line(name));
            vault.keep_out_of(&place, asked.arguments.to_string().as_bytes())?;
        }
        match name {
            service::HTTP => {
                let request: abi::record::HttpRequest = record(asked.arguments).map_err(broken)?;
                let body =
                    request.body.map(&mut attachment).transpose().map_err(|e| broken(e.to_string()))?;
                Ok(Asked::Http(Arc::clone(&self.http), known, request, body.unwrap_or_default()))
            }
            service::DISCOVER => Ok(Asked::Discover(known, record(asked.arguments).map_err(broken)?)),
            service::VERIFY_JWT => {
                let request = record(asked.arguments).map_err(broken)?;
                Ok(Asked::VerifyJwt(Arc::clone(&self.verifier), known, Box::new(request)))
            }
            _ => Err(Unanswered::failure(
                abi::record::code::UNSUPPORTED,
                format!("this host has no service `{}`", one_line(name)),
            )),
        }
    }
}

/// The parser's text would repeat what it read, tokens perhaps.
fn record<T: serde::de::DeserializeOwned>(arguments: Value) -> Result<T, String> {
    serde_json::from_value(arguments).map_err(|_| "not the expected record".to_owned())
}

impl Asked {
    pub(super) async fn answer(self) -> Result<Answered, Unanswered> {
        match self {
            Self::Http(http, known, request, body) => {
                http.send(&known.places, request, body).await.map(Answered::Http)
            }
            Self::Discover(known, request) => known.discover(&request).map(Answered::Http),
            Self::VerifyJwt(verifier, known, request) => {
                verifier.verify(&known, &request).await.map(Answered::Claims)
            }
        }
    }
}

/// Why a request has no answer of its service.
pub(super) enum Unanswered {
    /// The plugin learns of it, and may go on.
    Failure(abi::record::Failure),
    /// The operation ends, and the plugin learns nothing: a secret was about to go where it must not.
    Fatal(OperationError),
}

impl Unanswered {
    fn failure(code: u32, message: impl Into<String>) -> Self {
        Self::Failure(abi::record::Failure::new(code, super::error::one_line(&message.into())))
    }

    fn forbidden(message: impl Into<String>) -> Self {
        Self::failure(abi::record::code::FORBIDDEN, message)
    }
}

impl From<OperationError> for Unanswered {
    fn from(error: OperationError) -> Self {
        Self::Fatal(error)
    }
}
