//! One provider, from its section to readiness: the file, the settings, the plugin's own view of them, the table.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Ambient;
use crate::config::{self, Config, Fault, ProviderConfig, ProviderState, Transport, settings};
use crate::name::{PluginName, ProviderName};
use crate::plugin::{CreateError, Plugin, Provider, ProviderOptions, Refusal, Shared};
use crate::random::sha256;
use crate::registry::{Entry, IconFile, Running, Unavailable};
use crate::store::{AdoptError, Store};

/// Starts providers; each plugin's file is loaded once.
pub(super) struct Starter<'a> {
    pub(super) config: &'a Config,
    pub(super) store: &'a Store,
    pub(super) ambient: &'a Ambient,
    pub(super) shared: Shared,
    pub(super) plugins: BTreeMap<PluginName, Result<Arc<Plugin>, String>>,
    /// Whose table was made just now.
    pub(super) made: Vec<ProviderName>,
}

impl Starter<'_> {
    pub(super) async fn start(&mut self, provider: &config::Provider) -> Entry {
        let plugin = provider.config.as_ref().ok().map(|config| config.plugin.clone());
        let callback_path = match &provider.config {
            Ok(config) => config.redirect_path.clone(),
            Err(_) => format!("/auth/{}/callback", provider.name),
        };
        let running = match &provider.config {
            _ if provider.state == ProviderState::Disabled => {
                Err(Unavailable::Misconfigured("turned off".to_owned()))
            }
            Ok(config) => self.run(config).await,
            Err(faults) => Err(Unavailable::Misconfigured(texts(faults))),
        };
        Entry {
            name: provider.name.clone(),
            plugin,
            label: provider.label.clone().unwrap_or_else(|| provider.name.to_string()),
            icon: provider
                .icon
                .as_ref()
                .map(|icon| IconFile { bytes: icon.content.clone(), content_type: icon.kind.media_type() }),
            order: provider.order,
            state: provider.state,
            callback_path,
            running,
        }
    }

    async fn run(&mut self, config: &ProviderConfig) -> Result<Running, Unavailable> {
        let plugin = self.plugin(&config.plugin).map_err(Unavailable::Failing)?;
        let schema = &plugin.description().settings_schema;
        let settings = settings::check(config, schema, &*self.ambient.environment)
            .map_err(|faults| Unavailable::Misconfigured(texts(&faults)))?;
        for warning in &settings.warnings {
            tracing::warn!(provider = %config.name, "{warning}");
        }
        let options = ProviderOptions {
            name: config.name.clone(),
            allow_networks: config.allow_networks.clone(),
            loopback_allowed: self.config.server.public_url.is_loopback_http(),
            transport: match config.transport {
                Transport::InProcess => self.ambient.in_process,
            },
        };
        let provider = Provider::create(&plugin, settings.public, settings.secrets, options, &self.shared)
            .await
            .map_err(|error| match error {
                CreateError::Setting { .. } | CreateError::Refused(_) => {
                    Unavailable::Misconfigured(error.to_string())
                }
                _ => Unavailable::Failing(error.to_string()),
            })?;
        let inspect = provider.inspect();
        let adopted = self
            .store
            .adopt_provider(&config.name, &config.plugin, &inspect.realm, self.ambient.clock.now())
            .await
            .map_err(|error| match error {
                AdoptError::RealmChanged { .. } | AdoptError::Manual { .. } => {
                    Unavailable::Misconfigured(error.to_string())
                }
                AdoptError::TooOld { .. } | AdoptError::Store(_) => Unavailable::Database(error.to_string()),
            })?;
        if adopted.created {
            self.made.push(config.name.clone());
        }
        let redirect_uri = self.config.server.public_url.join(&config.redirect_path);
        let client_id = inspect.client_id.as_deref().unwrap_or_default();
        let settings_digest = digest(&[&inspect.realm, &redirect_uri, client_id]);
        Ok(Running { provider: Arc::new(provider), redirect_uri, settings_digest })
    }

    fn plugin(&mut self, name: &PluginName) -> Result<Arc<Plugin>, String> {
        let config = match self.config.plugins.get(name) {
            Some(Ok(config)) => config,
            Some(Err(faults)) => return Err(texts(faults)),
            None => return Err(format!("there is no section `[plugin.{name}]`")),
        };
        let load = || {
            let pins: Vec<[u8; 32]> = config.sha256.iter().map(|pin| pin.0).collect();
            Plugin::load(&config.path, &pins, name).map_err(|error| {
                // The line to change: that of the pin, or that of the file.
                let line = match error.why {
                    Refusal::WrongPin { .. } | Refusal::Unpinned { .. } => config.pin_line,
                    _ => config.path_line,
                };
                format!("{}:{line}: {error}", config.file.display())
            })
        };
        self.plugins.entry(name.clone()).or_insert_with(load).clone()
    }
}

fn texts(faults: &[Fault]) -> String {
    faults.iter().filter(|fault| fault.is_error()).map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// SHA-256 over texts, each behind its length, so that no two lists of texts run together.
fn digest(texts: &[&str]) -> [u8; 32] {
    let mut bytes = Vec::new();
    for text in texts {
        bytes.extend((text.len() as u64).to_le_bytes());
        bytes.extend(text.as_bytes());
    }
    sha256(&bytes)
}
