//! The host, as a provider's `async fn` sees it. What a call becomes on the way out is the business of `exchange`.

pub(crate) mod exchange;
mod pages;
mod token_endpoint;
mod verify;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use vestibule_abi::record::{self, level};
use vestibule_abi::{Sensitive, message};

pub use pages::Pages;
pub use verify::VerifyJwt;

use crate::{Error, Request, Response, Result};
use exchange::{Call, Exchange};

/// What one operation may ask of the host. All that a provider waits for comes from here.
///
/// An operation has 15 s, and may make 32 requests; 8 run at once, and more than that wait their turn. The host follows
/// no redirect, and repeats nothing.
#[derive(Clone)]
pub struct Host {
    pub(crate) exchange: Arc<Exchange>,
}

/// Levels of a line in the host's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Something failed.
    Error,
    /// Something is odd.
    Warn,
    /// Worth knowing.
    Info,
    /// For whoever looks for a fault.
    Debug,
}

impl Host {
    /// Sends a request, and gives the answer of whatever status.
    pub async fn send(&self, request: Request) -> Result<Response> {
        if request.body.len() > message::MAX_ATTACHMENT {
            return Err(Error::bad_answer(format_args!(
                "{}: the body of {} bytes is over the limit of {}",
                request.label(),
                request.body.len(),
                message::MAX_ATTACHMENT
            )));
        }
        let call = Call::Http {
            record: record::HttpRequest {
                method: request.method.clone(),
                url: request.url.clone(),
                headers: request.headers.clone(),
                body: None,
            },
            body: request.body.clone(),
        };
        let answer = self.exchange.call(call).await.map_err(|e| e.context(request.label()))?;
        Ok(answer.into_response()?.answering(&request))
    }

    /// Sends a request, and reads the JSON of its successful answer.
    pub async fn json<T: DeserializeOwned>(&self, request: Request) -> Result<T> {
        self.send(request.accept_json()).await?.success_json()
    }

    /// `GET` with an access token, and JSON as the answer.
    pub async fn get_json<T: DeserializeOwned>(&self, url: impl AsRef<str>, token: &Sensitive) -> Result<T> {
        self.json(Request::get(url).bearer(token)).await
    }

    /// `POST` of a form, and JSON as the answer.
    pub async fn post_form<T: DeserializeOwned>(
        &self,
        url: impl AsRef<str>,
        fields: &[(&str, &str)],
    ) -> Result<T> {
        self.json(Request::post(url).form(fields.iter().copied())).await
    }

    /// `POST` of JSON, and JSON as the answer.
    pub async fn post_json<T: DeserializeOwned>(
        &self,
        url: impl AsRef<str>,
        body: &impl Serialize,
    ) -> Result<T> {
        let request = Request::post(url).json(body)?;
        self.json(request).await
    }

    /// A list that goes on by `Link` headers, from this request, of so many pages at most.
    pub fn pages(&self, first: Request, limit: usize) -> Pages<'_> {
        Pages::new(self, first, limit)
    }

    /// The metadata of the issuer that `inspect` names by [`metadata`](crate::Inspect::metadata), which the host has or
    /// fetches (OpenID Connect Discovery 1.0 §4). Its `issuer` is the one asked for. Needs `discover/1`.
    pub async fn discover<T: DeserializeOwned>(&self, issuer: &str) -> Result<T> {
        let call = Call::Discover(record::DiscoverRequest { issuer: issuer.to_owned() });
        let answer = self.exchange.call(call).await.map_err(|e| e.context("discovery"))?;
        let request = Request::get(issuer);
        answer.into_response()?.answering(&request).success()?.json()
    }

    /// Verifies a signed token, and reads its claims. One that does not hold is an error, whose text names the check: hand
    /// it on. Needs `verify_jwt/1`.
    pub async fn verify_jwt<T: DeserializeOwned>(&self, token: VerifyJwt) -> Result<T> {
        let call = Call::VerifyJwt(token.into_record());
        let answer = self.exchange.call(call).await.map_err(|e| e.context("verification of a token"))?;
        Ok(serde_json::from_slice(&answer.into_claims())?)
    }

    /// Writes a line into the host's log, which adds the provider and the operation. At most 32 lines an operation, each
    /// of 1 KiB. Nothing secret: a handle in a line fails the operation.
    pub fn log(&self, level: Level, message: impl fmt::Display) {
        let level = match level {
            Level::Error => level::ERROR,
            Level::Warn => level::WARN,
            Level::Info => level::INFO,
            Level::Debug => level::DEBUG,
        };
        self.exchange.log(level, &message.to_string());
    }

    /// The time, which does not move during an operation.
    pub fn now(&self) -> SystemTime {
        let us = self.exchange.now_us;
        let distance = Duration::from_micros(us.unsigned_abs());
        let time = if us < 0 {
            SystemTime::UNIX_EPOCH.checked_sub(distance)
        } else {
            SystemTime::UNIX_EPOCH.checked_add(distance)
        };
        time.unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// 32 random bytes, others at each call: SHA-256 over the operation's entropy and a counter. The same operation with
    /// the same entropy draws the same.
    pub fn random(&self) -> [u8; 32] {
        let draw = self.exchange.next_draw();
        Sha256::new().chain_update(self.exchange.entropy).chain_update(draw.to_le_bytes()).finalize().into()
    }

    /// Whether the host offers that, by a name of [`requirement`](crate::requirement): for what a provider can do
    /// without. What it needs belongs into `REQUIRES`.
    pub fn provides(&self, requirement: &str) -> bool {
        self.exchange.info.provides.iter().any(|p| p == requirement)
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Host")
    }
}
