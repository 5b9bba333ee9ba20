//! What a personality may reach while it answers: people, ledger, clock, its own address. Knows no socket.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::clock::Clock;
use crate::fault::Faults;
use crate::ledger::Ledger;
use crate::lock::lock;
use crate::openid::{KeyRing, OpenIdOptions, SigningKey};
use crate::people::Person;
use crate::personality::Personality;
use crate::request::Request;

/// How many requests the log keeps; older ones are dropped, so that a demo left running does not grow.
pub(crate) const LOG_LENGTH: usize = 10_000;

/// One provider's whole state.
pub(crate) struct State {
    pub(crate) personality: Personality,
    /// Between the origin and every path: empty, or as `/gitlab`.
    pub(crate) base_path: String,
    /// `http://127.0.0.1:PORT` and the base path, without a final slash.
    pub(crate) base_url: String,
    /// What callbacks and ID tokens name as `iss`.
    pub(crate) issuer: String,
    /// The same port under another name: another origin, yet still ours to watch.
    pub(crate) other_origin: String,
    pub(crate) clock: Clock,
    pub(crate) people: Mutex<Vec<Person>>,
    pub(crate) ledger: Mutex<Ledger>,
    pub(crate) faults: Faults,
    pub(crate) log: Mutex<VecDeque<Request>>,
    pub(crate) openid: OpenIdOptions,
    pub(crate) ring: Mutex<KeyRing>,
    /// The pause between two bytes of the fault `slow`.
    pub(crate) slow_pause: Duration,
}

impl State {
    /// `http://127.0.0.1:PORT`.
    pub(crate) fn origin(&self) -> String {
        self.base_url.strip_suffix(&self.base_path).unwrap_or(&self.base_url).to_owned()
    }

    /// A key that this provider does not publish.
    pub(crate) fn stranger(&self) -> Arc<SigningKey> {
        lock(&self.ring).stranger()
    }
}
