//! Makes providers of a configuration: at the start, for `vestibule migrate`, and at each reload. What is unchanged is kept,
//! and what is made anew is only prepared: who asked decides whether it comes into force. Lives as long as the server, since
//! a library that was linked once is not linked again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::Ambient;
use super::basis::Key;
use super::provider::{self, Failure, Gathered, Ingredients, Made, Prepared};
use crate::config::{
    self, Config, Environment, Fault, PluginConfig, ProviderConfig, ProviderState, PublicUrl, Transport,
    settings,
};
use crate::name::{PluginName, ProviderName};
use crate::plugin::{self, Plugin, ProviderOptions, Refusal, Shared};
use crate::registry::{PluginFile, Registry, Unavailable};

/// How many providers are created at once.
const AT_ONCE: usize = 16;

/// By the plugin's name and the file's SHA-256.
type Libraries = BTreeMap<(PluginName, [u8; 32], Transport), Arc<Plugin>>;

/// Makes providers.
pub(super) struct Starter {
    pub(super) shared: Shared,
    /// The address that providers send people back to: what the server was started with, whatever the file says by now.
    pub(super) public_url: PublicUrl,
    environment: Arc<dyn Environment>,
    key: Key,
    /// Libraries that workers of the last configuration link, and every one that this process has linked: a roll-back
    /// finds the earlier one of those here.
    loaded: Mutex<Libraries>,
}

impl Starter {
    pub(super) fn new(ambient: &Ambient, public_url: PublicUrl) -> Result<Self, plugin::StartError> {
        Ok(Self {
            shared: Shared::new(Arc::clone(&ambient.clock), Arc::clone(&ambient.random))?
                .with_limits(ambient.limits)
                .with_workers(ambient.workers.clone()),
            public_url,
            environment: Arc::clone(&ambient.environment),
            key: Key::new(&*ambient.random),
            loaded: Mutex::default(),
        })
    }

    /// Everything short of the database, for each provider of a configuration, by name. Providers of `before` that are made
    /// from the same are kept.
    pub(super) async fn prepare(self: &Arc<Self>, config: &Arc<Config>, before: &Registry) -> Vec<Prepared> {
        let (starter, configuration) = (Arc::clone(self), Arc::clone(config));
        let gathered = tokio::task::spawn_blocking(move || starter.gather(&configuration)).await;
        let mut gathered = gathered.unwrap_or_default();
        let mut prepared = BTreeMap::new();
        let mut creating = JoinSet::new();
        let places = Arc::new(Semaphore::new(AT_ONCE));
        for section in config.providers.values() {
            let name = section.name.clone();
            // Missing only if the look at the files was lost: then nothing is known, and nothing is taken away for it.
            let Gathered { file, basis, warnings, ingredients } =
                gathered.remove(&name).unwrap_or_else(|| {
                    self.nothing(section.state, Failure::failing("its files could not be looked at"))
                });
            let same = before.get(name.as_str()).filter(|entry| entry.basis == basis);
            let made = match (same.map(|entry| &entry.running), ingredients) {
                (Some(Ok(running)), _) => Made::Kept(Arc::clone(running)),
                (_, Err(failure)) => Made::Failed(failure),
                (_, Ok(ingredients)) => {
                    let (starter, places, section) = (Arc::clone(self), Arc::clone(&places), section.clone());
                    creating.spawn(async move { starter.create(&section, ingredients, &places).await });
                    Made::Failed(Failure::failing("it was not made"))
                }
            };
            prepared.insert(name, Prepared { section: section.clone(), file, basis, made, warnings });
        }
        while let Some(created) = creating.join_next().await {
            let Ok((name, made)) = created else { continue };
            if let Some(prepared) = prepared.get_mut(&name) {
                prepared.made = made;
            }
        }
        prepared.into_values().collect()
    }

    async fn create(
        &self,
        section: &config::Provider,
        ingredients: Ingredients,
        places: &Semaphore,
    ) -> (ProviderName, Made) {
        let _place = places.acquire().await;
        let made = match &section.config {
            Ok(config) => match provider::create(self, config, ingredients).await {
                Ok(running) => Made::Fresh(Arc::new(running)),
                Err(failure) => Made::Failed(failure),
            },
            Err(faults) => Made::Failed(Failure::faults(faults)),
        };
        (section.name.clone(), made)
    }

    /// What a provider is told beside its settings.
    pub(super) fn options(&self, config: &ProviderConfig) -> ProviderOptions {
        ProviderOptions {
            name: config.name.clone(),
            allow_networks: config.allow_networks.clone(),
            loopback_allowed: self.public_url.is_loopback_http(),
        }
    }

    /// Reads and checks all files. Blocks.
    fn gather(&self, config: &Config) -> BTreeMap<ProviderName, Gathered> {
        let mut plugins = BTreeMap::new();
        let gathered = |section: &config::Provider| {
            let gathered = match &section.config {
                _ if section.state == ProviderState::Disabled => {
                    let why = Unavailable::Misconfigured("turned off".to_owned());
                    self.nothing(section.state, Failure { faults: Vec::new(), why, in_file: false })
                }
                Err(faults) => self.nothing(section.state, Failure::faults(faults)),
                Ok(provider) => {
                    let plugin =
                        plugins.entry((provider.plugin.clone(), provider.transport)).or_insert_with(|| {
                            let section = config.plugins.get(&provider.plugin);
                            self.plugin(section, &provider.plugin, provider.transport)
                        });
                    self.settings(provider, plugin)
                }
            };
            (section.name.clone(), gathered)
        };
        let gathered = config.providers.values().map(gathered).collect();
        self.forget(&plugins);
        gathered
    }

    /// Lets go of workers' libraries that no section names any more: each is as much memory as its file is long, and a
    /// roll-back reads it again. What this process has linked itself stays for good.
    fn forget(&self, named: &BTreeMap<(PluginName, Transport), Result<LoadedFile, Unloaded>>) {
        let is_named = |(name, sha256, transport): &(PluginName, [u8; 32], Transport)| {
            let named = named.get(&(name.clone(), *transport));
            // Where the file cannot be used, the one before may be in force.
            named.is_some_and(|named| named.as_ref().map_or(true, |now| now.plugin.sha256() == *sha256))
        };
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.retain(|library, _| library.2 == Transport::InProcess || is_named(library));
    }

    fn nothing(&self, state: ProviderState, failure: Failure) -> Gathered {
        let basis = self.key.of_none(state);
        Gathered { file: None, basis, warnings: Vec::new(), ingredients: Err(failure) }
    }

    fn settings(&self, config: &ProviderConfig, plugin: &Result<LoadedFile, Unloaded>) -> Gathered {
        let LoadedFile { plugin, file } = match plugin {
            Ok(loaded) => loaded,
            Err(Unloaded { failure, gist }) => {
                return Gathered {
                    file: None,
                    basis: self.key.of_failure(config, None, gist),
                    warnings: Vec::new(),
                    ingredients: Err(failure.clone()),
                };
            }
        };
        let (file, sha256) = (Some(file.clone()), plugin.sha256());
        match settings::check(config, &plugin.description().settings_schema, &*self.environment) {
            Ok(mut settings) => Gathered {
                file,
                basis: self.key.of_settings(config, &sha256, &settings),
                warnings: std::mem::take(&mut settings.warnings),
                ingredients: Ok(Ingredients { plugin: Arc::clone(plugin), settings }),
            },
            Err(faults) => Gathered {
                file,
                basis: self.key.of_failure(config, Some(&sha256), &gist(&faults)),
                warnings: Vec::new(),
                ingredients: Err(Failure::faults(&faults)),
            },
        }
    }

    fn plugin(
        &self,
        section: Option<&Result<PluginConfig, Vec<Fault>>>,
        name: &PluginName,
        transport: Transport,
    ) -> Result<LoadedFile, Unloaded> {
        match section {
            Some(Ok(config)) => {
                let plugin = self.load(config, name, transport)?;
                let version = plugin.description().version.clone();
                let file = PluginFile { path: config.path.clone(), sha256: plugin.sha256(), version };
                Ok(LoadedFile { plugin, file })
            }
            Some(Err(faults)) => Err(Unloaded { failure: Failure::faults(faults), gist: gist(faults) }),
            None => {
                let why = format!("there is no section `[plugin.{name}]`");
                let failure =
                    Failure { faults: Vec::new(), why: Unavailable::Failing(why.clone()), in_file: true };
                Err(Unloaded { failure, gist: why })
            }
        }
    }

    /// Loads a plugin's file, unless the same bytes have been loaded before for the same transport. The one place that loads
    /// plugins.
    fn load(
        &self,
        config: &PluginConfig,
        name: &PluginName,
        transport: Transport,
    ) -> Result<Arc<Plugin>, Unloaded> {
        let pins: Vec<[u8; 32]> = config.sha256.iter().map(|pin| pin.0).collect();
        let lock = || self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        // A look only: a file that was exchanged in between is read again, and judged by what it is then.
        let found = plugin::digest(&config.path).ok().filter(|digest| pins.contains(digest));
        if let Some(plugin) = found.and_then(|digest| lock().get(&(name.clone(), digest, transport)).cloned())
        {
            return Ok(plugin);
        }
        let loaded = match transport {
            Transport::InProcess => Plugin::load(&config.path, &pins, name),
            // On a thread for blocking work, which the runtime goes on beside.
            Transport::Worker => {
                Handle::current().block_on(Plugin::load_in_worker(&config.path, &pins, name, &self.shared))
            }
        };
        let plugin = loaded.map_err(|error| {
            // The line to change: that of the pin, or that of the file.
            let line = match error.why {
                Refusal::WrongPin { .. } | Refusal::Unpinned { .. } => config.pin_line,
                _ => config.path_line,
            };
            let failure = Failure::failing(format!("{}:{line}: {error}", config.file.display()));
            Unloaded { failure, gist: error.to_string() }
        })?;
        lock().insert((name.clone(), plugin.sha256(), transport), Arc::clone(&plugin));
        Ok(plugin)
    }
}

/// A plugin, and the file that it came from.
struct LoadedFile {
    plugin: Arc<Plugin>,
    file: PluginFile,
}

/// Why a plugin is not there.
struct Unloaded {
    failure: Failure,
    /// The same without lines, which move when something else in the file is changed.
    gist: String,
}

/// What faults say, without their lines.
fn gist(faults: &[Fault]) -> String {
    let messages: BTreeSet<&str> =
        faults.iter().filter(|fault| fault.is_error()).map(|fault| fault.message.as_str()).collect();
    messages.into_iter().collect::<Vec<_>>().join("\n")
}
