//! What handlers reach: made once at start, shared by all requests.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::begin_limit::BeginLimit;
use crate::config::PublicUrl;
use crate::login::Login;
use crate::metrics::Metrics;
use crate::name::ProviderName;
use crate::random::Random;
use crate::registry::CurrentRegistry;
use crate::session::Sessions;
use crate::store::Store;
use crate::web::pages::Pages;

/// The server.
pub struct App {
    /// Where people reach it. Every absolute address is made from this, never from a request's `Host`.
    pub public_url: PublicUrl,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The provider of a call that names none.
    pub default_provider: Option<ProviderName>,
    /// The providers in force.
    pub registry: Arc<CurrentRegistry>,
    /// Signing in.
    pub login: Login,
    /// Being signed in.
    pub sessions: Sessions,
    /// The database, for what pages show and for readiness.
    pub store: Store,
    /// What people see.
    pub pages: Pages,
    /// How often an address may begin.
    pub begin_limit: BeginLimit,
    /// What is counted.
    pub metrics: Metrics,
    /// Request ids.
    pub random: Arc<dyn Random>,
}

/// The server, as each handler gets it.
pub type SharedApp = Arc<App>;

/// The client's address, put into each request once.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(pub IpAddr);
