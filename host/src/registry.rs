//! The running providers: an immutable set, by name, that is swapped whole.
//!
//! A request takes the set once and keeps it to its end, so a swap never changes what it sees.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;

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
    pub running: Result<Running, Unavailable>,
}

impl Entry {
    /// Why people cannot sign in with it at present: because it does not run, or by what its last operations saw.
    pub fn why_not(&self) -> Option<Why> {
        match &self.running {
            Err(Unavailable::Misconfigured(_)) => Some(Why::Misconfigured),
            Err(Unavailable::Failing(_)) => Some(Why::Failing),
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

/// Why a provider cannot be used: for the log. People only read which of the two it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// Its section, or its settings, are at fault.
    #[error("{0}")]
    Misconfigured(String),
    /// Its plugin or its table is.
    #[error("{0}")]
    Failing(String),
}

/// All providers of one configuration.
#[derive(Default)]
pub struct Registry {
    entries: BTreeMap<ProviderName, Arc<Entry>>,
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
        Self { entries, generation }
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
