//! The running providers: an immutable set, by name, that is swapped whole.
//!
//! A request takes the set once and keeps it to its end, so a swap never changes what it sees.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;

use crate::clock::Timestamp;
use crate::config::ProviderState;
use crate::name::{PluginName, ProviderName};
use crate::plugin::Provider;
use crate::plugin::health::{Standing, Why};

/// A provider as the server knows it.
pub struct Entry {
    /// Its name.
    pub name: ProviderName,
    /// The plugin that it is an instance of; not known where its section is at fault.
    pub plugin: Option<PluginName>,
    /// What people read on its button.
    pub label: String,
    /// The operator's own icon.
    pub icon: Option<IconFile>,
    /// Its place on the sign-in page; smaller comes first, then by name.
    pub order: i32,
    /// What the configuration says.
    pub state: ProviderState,
    /// The path of its callback: one per provider (RFC 9700 §4.4.2).
    pub callback_path: String,
    /// The provider itself, or why it is not there.
    pub running: Result<Arc<Running>, Unavailable>,
    /// The plugin's file, if it could be loaded.
    pub file: Option<PluginFile>,
    /// What `running` was made from.
    pub basis: Basis,
}

/// A plugin's file as it was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginFile {
    /// Where it was.
    pub path: PathBuf,
    /// The SHA-256 of what was there.
    pub sha256: [u8; 32],
    /// The plugin's version, as it says.
    pub version: String,
}

/// Digests of everything that a provider is made from: plugin, settings, secrets, networks, redirect path. With equal ones
/// a provider need not be made anew.
#[derive(Clone, PartialEq, Eq)]
pub struct Basis {
    /// Secrets included, hence under a key of this process that is nowhere else.
    pub keyed: [u8; 32],
    /// Without secrets: the same in every process that was given the same.
    pub shown: [u8; 32],
}

impl Entry {
    /// Why people cannot sign in with it at present: because it does not run, or by what its last operations saw.
    pub fn why_not(&self) -> Option<Why> {
        match &self.running {
            Err(Unavailable::Misconfigured(_)) => Some(Why::Misconfigured),
            Err(Unavailable::Failing(_) | Unavailable::Database(_)) => Some(Why::Failing),
            Ok(running) => match running.provider.health().standing {
                Standing::Usable => None,
                Standing::Aside { why, .. } => Some(why),
            },
        }
    }
}

/// An operator's icon, read once at start.
#[derive(Debug, Clone)]
pub struct IconFile {
    /// The file.
    pub bytes: Bytes,
    /// `image/svg+xml` or `image/png`.
    pub content_type: &'static str,
}

/// A provider that is ready.
pub struct Running {
    /// The plugin's side.
    pub provider: Arc<Provider>,
    /// The absolute URL of its callback, from `public_url` and never from a request.
    pub redirect_uri: String,
    /// SHA-256 over realm, redirect URI and client id: a sign-in that began under other ones is not completed.
    pub settings_digest: [u8; 32],
}

/// A provider that a reload has taken away. Somebody may still come back to its callback.
#[derive(Debug, Clone)]
pub struct Gone {
    /// Its name.
    pub name: ProviderName,
    /// What people read on its button.
    pub label: String,
    /// The path of its callback.
    pub callback_path: String,
    /// Since when.
    pub since: Timestamp,
}

/// Why a provider cannot be used: for the log. People only read whether it is the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// Its section, or its settings, are at fault.
    #[error("{0}")]
    Misconfigured(String),
    /// Its plugin is.
    #[error("{0}")]
    Failing(String),
    /// The database failed when its table was looked for or made.
    #[error("{0}")]
    Database(String),
}

/// All providers of one configuration.
#[derive(Default)]
pub struct Registry {
    entries: BTreeMap<ProviderName, Arc<Entry>>,
    gone: Vec<Gone>,
    /// Counts the swaps: it is in the log.
    pub generation: u64,
}

impl Registry {
    /// A set of providers.
    pub fn new(generation: u64, entries: impl IntoIterator<Item = Entry>) -> Self {
        Self::of(generation, entries.into_iter().map(Arc::new))
    }

    /// The same, of entries that are shared already.
    pub fn of(generation: u64, entries: impl IntoIterator<Item = Arc<Entry>>) -> Self {
        let entries = entries.into_iter().map(|entry| (entry.name.clone(), entry)).collect();
        Self { entries, gone: Vec::new(), generation }
    }

    /// The same, and what is remembered of providers that are gone. Those whose name or path somebody has again are left
    /// out.
    #[must_use]
    pub fn remembering(mut self, gone: impl IntoIterator<Item = Gone>) -> Self {
        let is_free = |gone: &Gone| {
            self.get(gone.name.as_str()).is_none() && self.by_callback_path(&gone.callback_path).is_none()
        };
        self.gone = gone.into_iter().filter(is_free).collect();
        self
    }

    /// The providers that reloads took away.
    pub fn gone(&self) -> &[Gone] {
        &self.gone
    }

    /// A provider that is gone, by its name.
    pub fn gone_by_name(&self, name: &str) -> Option<&Gone> {
        self.gone.iter().find(|gone| gone.name.as_str() == name)
    }

    /// A provider that is gone, by the path of its callback.
    pub fn gone_by_callback_path(&self, path: &str) -> Option<&Gone> {
        self.gone.iter().find(|gone| gone.callback_path == path)
    }

    /// The provider of that name, as it stands in a path: anything else than a name finds nothing.
    pub fn get(&self, name: &str) -> Option<&Arc<Entry>> {
        self.entries.get(name)
    }

    /// The provider whose callback has that path.
    pub fn by_callback_path(&self, path: &str) -> Option<&Arc<Entry>> {
        self.entries.values().find(|entry| entry.callback_path == path)
    }

    /// All of them, by name.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.entries.values()
    }

    /// Those on the sign-in page, in its order.
    pub fn listed(&self) -> Vec<&Arc<Entry>> {
        let mut listed: Vec<_> =
            self.entries.values().filter(|entry| entry.state == ProviderState::Enabled).collect();
        listed.sort_by(|a, b| (a.order, &a.name).cmp(&(b.order, &b.name)));
        listed
    }
}

/// The set in force.
pub type CurrentRegistry = ArcSwap<Registry>;
