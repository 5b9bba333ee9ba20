//! One provider, from its section to readiness: the file, the settings, the plugin's own view of them, the table. Each step
//! leaves it further on, or failed; only the last one changes anything.

use std::sync::Arc;

use super::basis::Parts;
use super::starter::Starter;
use crate::clock::Timestamp;
use crate::config::settings::CheckedSettings;
use crate::config::{self, Fault, ProviderConfig, ProviderState};
use crate::name::PluginName;
use crate::plugin::{CreateError, Plugin, Provider};
use crate::registry::{Basis, Entry, IconFile, PluginFile, Running, Unavailable};
use crate::store::{AdoptError, Store};

/// Why a provider is not there.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) why: Unavailable,
    /// Whether it is the configuration that has to be changed.
    pub(super) in_file: bool,
    /// The single faults, where it is made of some.
    pub(super) faults: Vec<Fault>,
}

impl Failure {
    pub(super) fn failing(why: impl ToString) -> Self {
        Self { why: Unavailable::Failing(why.to_string()), in_file: false, faults: Vec::new() }
    }

    pub(super) fn faults(faults: &[Fault]) -> Self {
        Self { why: Unavailable::Misconfigured(texts(faults)), in_file: true, faults: faults.to_vec() }
    }
}

/// How far a provider has come.
pub(super) enum Made {
    /// Nothing that it is made from has changed: it is the one that runs.
    Kept(Arc<Running>),
    /// Created and inspected; its table is not looked at yet.
    Fresh(Arc<Running>),
    /// It cannot be used.
    Failed(Failure),
}

/// A provider that is not in force yet.
pub(super) struct Prepared {
    pub(super) section: config::Provider,
    pub(super) file: Option<PluginFile>,
    pub(super) basis: Basis,
    pub(super) made: Made,
    /// What an operator should look at.
    pub(super) warnings: Vec<Fault>,
}

/// What files and environment say of a provider, before its plugin is asked.
pub(super) struct Gathered {
    pub(super) file: Option<PluginFile>,
    pub(super) basis: Basis,
    pub(super) warnings: Vec<Fault>,
    pub(super) ingredients: Result<Ingredients, Failure>,
}

/// What a provider is created of.
pub(super) struct Ingredients {
    pub(super) plugin: Arc<Plugin>,
    pub(super) settings: CheckedSettings,
}

impl Prepared {
    pub(super) fn config(&self) -> Option<&ProviderConfig> {
        self.section.config.as_ref().ok()
    }

    /// Why it is not there, unless it is not meant to be.
    pub(super) fn failure(&self) -> Option<&Failure> {
        match &self.made {
            Made::Failed(failure) if self.section.state != ProviderState::Disabled => Some(failure),
            _ => None,
        }
    }

    /// Looks whether its table is, or will be, for this provider. Changes nothing.
    pub(super) async fn fit(&mut self, store: &Store) {
        let (Made::Fresh(running), Some(config)) = (&self.made, self.config()) else { return };
        let inspected = running.provider.inspect();
        if let Err(error) = store.provider_fits(&config.name, &inspected.realm, &inspected.reach()).await {
            self.made = Made::Failed(not_adopted(&error));
        }
    }

    /// Makes its table, if it has none; whether it had none.
    pub(super) async fn adopt(&mut self, store: &Store, now: Timestamp) -> bool {
        let (Made::Fresh(running), Some(config)) = (&self.made, self.config()) else { return false };
        let (realm, reach) = (&running.provider.inspect().realm, running.provider.inspect().reach());
        match store.adopt_provider(&config.name, &config.plugin, realm, &reach, now).await {
            Ok(adopted) => {
                if adopted.accepted {
                    let name = &config.name;
                    let (secrets, hosts) = (reach.secrets_in_words().join("; "), reach.hosts_in_words());
                    tracing::info!(provider = %name, "accepted from now on: {secrets}; hosts: {hosts}");
                }
                adopted.created
            }
            Err(error) => {
                self.made = Made::Failed(not_adopted(&error));
                false
            }
        }
    }

    /// What the registry takes.
    pub(super) fn into_entry(self) -> Entry {
        let section = self.section;
        let (plugin, callback_path): (Option<PluginName>, String) = match &section.config {
            Ok(config) => (Some(config.plugin.clone()), config.redirect_path.clone()),
            Err(_) => (None, format!("/auth/{}/callback", section.name)),
        };
        Entry {
            plugin,
            label: section.label.unwrap_or_else(|| section.name.to_string()),
            icon: section
                .icon
                .map(|icon| IconFile { bytes: icon.content, content_type: icon.kind.media_type() }),
            order: section.order,
            state: section.state,
            callback_path,
            running: match self.made {
                Made::Kept(running) | Made::Fresh(running) => Ok(running),
                Made::Failed(failure) => Err(failure.why),
            },
            file: self.file,
            basis: self.basis,
            name: section.name,
        }
    }
}

/// Creates and inspects. The one place that makes providers.
pub(super) async fn create(
    starter: &Starter,
    config: &ProviderConfig,
    ingredients: Ingredients,
) -> Result<Running, Failure> {
    let Ingredients { plugin, settings } = ingredients;
    let options = starter.options(config);
    let provider = Provider::create(&plugin, settings.public, settings.secrets, options, &starter.shared)
        .await
        .map_err(|error| match error {
            CreateError::Setting { .. } | CreateError::Refused(_) => Failure {
                faults: Vec::new(),
                why: Unavailable::Misconfigured(error.to_string()),
                in_file: true,
            },
            _ => Failure::failing(error),
        })?;
    let redirect_uri = starter.public_url.join(&config.redirect_path);
    let inspect = provider.inspect();
    let mut parts = Parts::default();
    let client_id = inspect.client_id.as_deref().unwrap_or_default();
    for text in [inspect.realm.as_str(), redirect_uri.as_str(), client_id] {
        parts.text(text);
    }
    Ok(Running { provider: Arc::new(provider), redirect_uri, settings_digest: parts.sha256() })
}

pub(super) fn not_adopted(error: &AdoptError) -> Failure {
    let (text, faults) = (error.to_string(), Vec::new());
    match error {
        AdoptError::RealmChanged { .. } => {
            Failure { faults, why: Unavailable::Misconfigured(text), in_file: true }
        }
        AdoptError::Beyond { .. } => Failure::failing(text),
        AdoptError::Manual { .. } => {
            Failure { faults, why: Unavailable::Misconfigured(text), in_file: false }
        }
        AdoptError::TooOld { .. } | AdoptError::Store(_) => {
            Failure { faults, why: Unavailable::Database(text), in_file: false }
        }
    }
}

/// The errors among faults, in one line.
pub(super) fn texts(faults: &[Fault]) -> String {
    faults.iter().filter(|fault| fault.is_error()).map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
