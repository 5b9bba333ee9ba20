//! What the server counts about itself, and `GET /metrics`, where it shows it: on a listener of its own.
//!
//! Every label is a name of the configuration or a value of an enumeration: nothing from a plugin, an address, a header or
//! any other part of a request is ever a label, so nobody outside can make a series. What is counted about a provider goes
//! when the registry no longer has it. The counters stand where things happen; this file has those that no other has.

mod listener;
mod page;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

pub use listener::serve;

use crate::config::ProviderState;
use crate::count::{Closed, Counts, closed};
use crate::name::ProviderName;
use crate::plugin::health::Why;
use crate::registry::{Entry, Registry};
use crate::router::ROUTES;
use crate::web::pages::ErrorKind;

closed! {
    /// How a request to the server was answered.
    pub enum StatusClass {
        /// 2xx.
        Success = "2xx",
        /// 3xx.
        Redirect = "3xx",
        /// 4xx.
        ClientError = "4xx",
        /// 5xx.
        ServerError = "5xx",
        /// Anything else.
        Other = "other",
    }
}

closed! {
    /// What a provider is at present.
    pub enum State {
        /// People can sign in with it, as far as is known.
        Usable = "usable",
        /// By its last operations it cannot be reached.
        Unreachable = "unreachable",
        /// By its last operations it asks to wait.
        RateLimited = "rate_limited",
        /// Its section is at fault, or by its last operations it refuses our settings.
        Misconfigured = "misconfigured",
        /// Its plugin or its table is at fault, or fails again and again.
        Failing = "failing",
        /// The operator turned it off.
        Disabled = "disabled",
    }
}

impl Closed for ErrorKind {
    const ALL: &'static [Self] = &ErrorKind::ALL;

    fn name(self) -> &'static str {
        self.key()
    }
}

impl State {
    fn of(entry: &Entry) -> Self {
        if entry.state == ProviderState::Disabled {
            return Self::Disabled;
        }
        match entry.why_not() {
            None => Self::Usable,
            Some(Why::Unreachable) => Self::Unreachable,
            Some(Why::RateLimited) => Self::RateLimited,
            Some(Why::Misconfigured) => Self::Misconfigured,
            Some(Why::Failing) => Self::Failing,
        }
    }
}

/// One half of the sign-ins with a provider: those that were begun, or those that came back.
#[derive(Default)]
pub(crate) struct Ends {
    ok: AtomicU64,
    failed: Counts<ErrorKind>,
}

impl Ends {
    /// One more that went well, or failed in this way.
    pub(crate) fn add(&self, failed: Option<ErrorKind>) {
        match failed {
            None => drop(self.ok.fetch_add(1, Ordering::Relaxed)),
            Some(kind) => self.failed.add(kind),
        }
    }
}

/// What is counted about the sign-ins with one provider.
#[derive(Default)]
pub(crate) struct SignIns {
    pub(crate) begun: Ends,
    pub(crate) finished: Ends,
    users: AtomicU64,
}

impl SignIns {
    /// A user was made.
    pub(crate) fn user_made(&self) {
        self.users.fetch_add(1, Ordering::Relaxed);
    }
}

/// The counters that no other file has.
pub struct Metrics {
    sign_ins: Mutex<BTreeMap<ProviderName, Arc<SignIns>>>,
    /// By route, in the order of [`ROUTES`]; the last one is for everything else.
    requests: Vec<Counts<StatusClass>>,
}

impl Default for Metrics {
    fn default() -> Self {
        let requests = (0..=ROUTES.len()).map(|_| Counts::default()).collect();
        Self { sign_ins: Mutex::default(), requests }
    }
}

impl Metrics {
    /// The sign-ins with a provider of the registry. Nothing that a request says is a name here.
    pub(crate) fn sign_ins(&self, entry: &Entry) -> Arc<SignIns> {
        let mut sign_ins = self.sign_ins.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(sign_ins.entry(entry.name.clone()).or_default())
    }

    /// A request was answered. `route` is the pattern of the table of routes, if there was one.
    pub(crate) fn answered(&self, route: Option<&str>, status: http::StatusCode) {
        let at = ROUTES.iter().position(|known| Some(*known) == route).unwrap_or(ROUTES.len());
        let class = match status.as_u16() {
            200..=299 => StatusClass::Success,
            300..=399 => StatusClass::Redirect,
            400..=499 => StatusClass::ClientError,
            500..=599 => StatusClass::ServerError,
            _ => StatusClass::Other,
        };
        if let Some(counts) = self.requests.get(at) {
            counts.add(class);
        }
    }

    /// Forgets the providers that a reload has taken away.
    fn forget_all_but(&self, registry: &Registry) {
        let mut sign_ins = self.sign_ins.lock().unwrap_or_else(PoisonError::into_inner);
        sign_ins.retain(|name, _| registry.get(name.as_str()).is_some());
    }
}
