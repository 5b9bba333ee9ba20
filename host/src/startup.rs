//! From a configuration to a running server: the database, then each provider, then what handlers reach.
//!
//! A provider that cannot be started is unavailable and shouted about; it never stops the others, nor the server.

pub(crate) mod basis;
mod changes;
pub mod check;
mod provider;
pub mod reload;
mod restart;
mod starter;

use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::begin_limit::BeginLimit;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Environment, Loaded, ProcessEnvironment, SignupMode};
use crate::login::Login;
use crate::metrics::Metrics;
use crate::name::ProviderName;
use crate::plugin::{self, Workers};
use crate::random::{Random, SystemRandom};
use crate::registry::{Entry, Registry};
use crate::session::Sessions;
use crate::state::{App, SharedApp};
use crate::store::{self, Applied, Migrate, OpenError, SignupPolicy, Store};
use crate::web::pages::{self, Pages};
use crate::web::text::Avatars;
use reload::{Reloader, Running};
use starter::Starter;

/// What comes from around the process, and which a test replaces.
#[derive(Clone)]
pub struct Ambient {
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// State, tokens, ids.
    pub random: Arc<dyn Random>,
    /// Environment variables, for secrets.
    pub environment: Arc<dyn Environment>,
    /// How workers are made.
    pub workers: Workers,
    /// How long things may take, and how many there may be.
    pub limits: plugin::Limits,
}

impl Ambient {
    /// The machine's own.
    pub fn system() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            environment: Arc::new(ProcessEnvironment),
            workers: Workers::default(),
            limits: plugin::Limits::default(),
        }
    }
}

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// No HTTP client could be made.
    #[error(transparent)]
    Plugins(#[from] plugin::StartError),
    /// The pages that the program holds are broken.
    #[error("the pages cannot be prepared: {0}")]
    Pages(#[from] pages::Error),
}

/// A running server: what handlers reach, and what the operator reaches.
pub struct Started {
    /// For handlers.
    pub app: SharedApp,
    /// Takes another configuration for the providers.
    pub reloader: Arc<Reloader>,
}

/// Opens the database, starts every provider, and puts together what handlers reach.
pub async fn app(config: &Config, ambient: &Ambient) -> Result<SharedApp, StartError> {
    let loaded = Loaded { config: config.clone(), faults: Vec::new() };
    Ok(start(&loaded, Path::new(""), ambient).await?.app)
}

/// The same, of a configuration that can be read again from `file`.
pub async fn start(loaded: &Loaded, file: &Path, ambient: &Ambient) -> Result<Started, StartError> {
    let config = &loaded.config;
    let avatars =
        if config.server.public_url.is_loopback_http() { Avatars::HttpsAndLoopback } else { Avatars::Https };
    let pages = Pages::new(avatars)?;
    let options = store::Options { migrate: config.migrate, ..store::Options::default() };
    let store = Store::open(&config.database, &options).await?;
    let starter = Arc::new(Starter::new(ambient, config.server.public_url.clone())?);
    let (entries, _) = start_providers(&starter, config, &store, &*ambient.clock).await;
    let registry = Arc::new(ArcSwap::from_pointee(Registry::new(1, entries)));
    // A schema that does not fit is better known now than at the sign-in that meets it; one provider's table is no reason
    // to keep the others from working.
    if let Err(error) = store.check_statements().await {
        tracing::error!("a table of the database does not fit this version: {error}");
    }
    let signup = match config.signup.mode {
        SignupMode::Auto => SignupPolicy::Auto,
        SignupMode::Closed => SignupPolicy::Closed,
    };
    let reloader = Reloader::new(
        loaded,
        file,
        ambient,
        Running { starter, store: store.clone(), registry: Arc::clone(&registry) },
    );
    let app = Arc::new(App {
        public_url: config.server.public_url.clone(),
        trusted_proxies: config.server.trusted_proxies.clone(),
        default_provider: config.server.default_provider.clone(),
        registry: Arc::clone(&registry),
        login: Login {
            registry,
            store: store.clone(),
            clock: Arc::clone(&ambient.clock),
            random: Arc::clone(&ambient.random),
            signup,
            session_absolute: config.session.absolute,
        },
        sessions: Sessions::new(store.clone(), Arc::clone(&ambient.clock), config.session.idle),
        store,
        pages,
        begin_limit: BeginLimit::new(config.server.begin_rate.get(), Arc::clone(&ambient.clock)),
        metrics: Metrics::default(),
        random: Arc::clone(&ambient.random),
    });
    Ok(Started { app, reloader: Arc::new(reloader) })
}

/// What `vestibule migrate` did, and how the providers are that it started to learn their tables' realms.
pub struct Migrated {
    /// What was there and behind.
    pub applied: Applied,
    /// The providers that got their table just now.
    pub made: Vec<ProviderName>,
    /// Every provider.
    pub entries: Vec<Entry>,
}

/// Brings the schema up to date, and makes the tables of configured providers that have none.
pub async fn migrate(config: &Config, ambient: &Ambient) -> Result<Migrated, StartError> {
    let options = store::Options { migrate: Migrate::Auto, ..store::Options::default() };
    let starter = Arc::new(Starter::new(ambient, config.server.public_url.clone())?);
    let store = Store::open(&config.database, &options).await?;
    let (entries, made) = start_providers(&starter, config, &store, &*ambient.clock).await;
    let applied = store.applied().clone();
    store.close().await;
    Ok(Migrated { applied, made, entries })
}

/// Starts every provider of a configuration; also, which of them got their table just now.
async fn start_providers(
    starter: &Arc<Starter>,
    config: &Config,
    store: &Store,
    clock: &dyn Clock,
) -> (Vec<Entry>, Vec<ProviderName>) {
    let (mut entries, mut made) = (Vec::new(), Vec::new());
    for mut prepared in starter.prepare(&Arc::new(config.clone()), &Registry::default()).await {
        let name = prepared.section.name.clone();
        if prepared.adopt(store, clock.now()).await {
            made.push(name.clone());
        }
        for warning in &prepared.warnings {
            tracing::warn!(provider = %name, "{warning}");
        }
        match prepared.failure() {
            // Its faults were told with the configuration, each with its line.
            Some(_) if prepared.section.config.is_err() => {
                tracing::error!("`{name}` is unavailable: its section has errors, see above");
            }
            Some(failure) => tracing::error!("`{name}` is unavailable: {}", failure.why),
            None => {}
        }
        entries.push(prepared.into_entry());
    }
    (entries, made)
}

/// What is done once a minute: expired attempts and sessions go, addresses that are no longer counted, and workers that
/// nobody has needed for long.
pub async fn sweep(app: &App) {
    app.begin_limit.sweep();
    for running in app.registry.load().all().filter_map(|entry| entry.running.as_ref().ok()) {
        running.provider.sweep();
    }
    match app.store.sweep(app.login.clock.now(), app.sessions.idle).await {
        Ok(swept) => tracing::debug!(attempts = swept.attempts, sessions = swept.sessions, "swept"),
        Err(error) => tracing::warn!(%error, "expired rows could not be swept"),
    }
}
