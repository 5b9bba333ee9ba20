//! How the server is: which configuration serves, what the last reload did, and a line for each provider. Reads, and changes
//! nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use crate::config::ProviderState;
use crate::plugin;
use crate::random::sha256;
use crate::registry::{Entry, PluginFile, Registry, Running};
use crate::startup::basis::Parts;
use crate::startup::reload::{Reloader, Report};
use crate::state::App;
use crate::store::Residents;

/// The server. Times are RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The server's version.
    pub version: String,
    /// What time it is there.
    pub now: String,
    /// Which set of providers serves: 1 after the start, one more with each reload that changed something.
    pub generation: u64,
    /// Since when.
    pub since: String,
    /// Who asked for it.
    pub by: String,
    /// SHA-256 in hexadecimal digits over what serves: see [`configuration`].
    pub configuration: String,
    /// The configuration file, as it was named at the start.
    pub file: String,
    /// The last reload, also one that was refused.
    pub last_reload: Option<Report>,
    /// Why people are not counted.
    pub database_error: Option<String>,
    /// Every provider that is configured or has a table, by name.
    pub providers: Vec<ProviderStatus>,
}

/// A provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderStatus {
    /// Its name.
    pub name: String,
    /// The plugin that it is made of.
    pub plugin: Option<String>,
    /// That plugin's version, as it was loaded.
    pub version: Option<String>,
    /// How it is.
    pub state: State,
    /// How many users have an identity there.
    pub users: Option<u64>,
    /// When somebody last signed in with it.
    pub last_sign_in: Option<String>,
    /// What is wrong with it.
    pub last_error: Option<String>,
    /// The plugin's file.
    pub file: Option<FileStatus>,
}

/// How a provider is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is listed, and serves.
    Enabled,
    /// It serves those who are under way.
    Hidden,
    /// It is turned off.
    Disabled,
    /// It should be there, and is not.
    Unavailable,
    /// It has a table and no section.
    Orphaned,
}

/// A plugin's file, as it was loaded and as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStatus {
    /// Where.
    pub path: String,
    /// SHA-256 of what was loaded.
    pub loaded: String,
    /// SHA-256 of what is there now, if it can be read.
    pub found: Option<String>,
    /// Whether the two differ.
    pub modified: bool,
}

/// Puts it together.
pub(super) async fn of(app: &App, reloader: &Reloader) -> Status {
    let registry = app.registry.load_full();
    let (census, database_error) = match app.store.census().await {
        Ok(census) => (Some(census), None),
        Err(error) => (None, Some(error.to_string())),
    };
    let found = found(&registry).await;
    let record = reloader.record();
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        now: app.login.clock.now().to_string(),
        generation: registry.generation,
        since: record.since.to_string(),
        by: record.by.to_string(),
        configuration: HEXLOWER.encode(&configuration(app, &registry)),
        file: reloader.file().display().to_string(),
        last_reload: record.last,
        database_error,
        providers: providers(&registry, census, &found),
    }
}

/// The digests of plugins' files as they are on the disk.
type Found = BTreeMap<PathBuf, Option<[u8; 32]>>;

async fn found(registry: &Arc<Registry>) -> Found {
    let registry = Arc::clone(registry);
    let look = move || {
        let mut found = Found::new();
        for file in registry.all().filter_map(|entry| entry.file.as_ref()) {
            found.entry(file.path.clone()).or_insert_with(|| plugin::digest(&file.path).ok());
        }
        found
    };
    tokio::task::spawn_blocking(look).await.unwrap_or_default()
}

fn providers(registry: &Registry, census: Option<Vec<Residents>>, found: &Found) -> Vec<ProviderStatus> {
    let is_counted = census.is_some();
    let census = census.unwrap_or_default().into_iter();
    let mut census: BTreeMap<_, _> =
        census.map(|residents| (residents.provider.to_string(), residents)).collect();
    let mut providers: Vec<_> = registry
        .all()
        .map(|entry| {
            let mut status = of_entry(entry, found);
            // Without a table nobody has been there.
            status.users = is_counted.then_some(0);
            count(&mut status, census.remove(entry.name.as_str()));
            status
        })
        .collect();
    for (name, residents) in census {
        let mut status = ProviderStatus {
            name,
            plugin: None,
            version: None,
            state: State::Orphaned,
            users: None,
            last_sign_in: None,
            last_error: Some("it has no section in the configuration".to_owned()),
            file: None,
        };
        count(&mut status, Some(residents));
        providers.push(status);
    }
    providers.sort_by(|a, b| a.name.cmp(&b.name));
    providers
}

fn count(status: &mut ProviderStatus, residents: Option<Residents>) {
    let Some(residents) = residents else { return };
    status.users = Some(residents.users);
    status.last_sign_in = residents.last_sign_in.map(|at| at.to_string());
}

fn of_entry(entry: &Entry, found: &Found) -> ProviderStatus {
    let (state, last_error) = match (entry.state, &entry.running) {
        (ProviderState::Disabled, _) => (State::Disabled, None),
        (_, Err(why)) => (State::Unavailable, Some(why.to_string())),
        (ProviderState::Enabled, Ok(running)) => (State::Enabled, last_error(running)),
        (ProviderState::Hidden, Ok(running)) => (State::Hidden, last_error(running)),
    };
    ProviderStatus {
        name: entry.name.to_string(),
        plugin: entry.plugin.as_ref().map(ToString::to_string),
        version: entry.file.as_ref().map(|file| file.version.clone()),
        state,
        users: None,
        last_sign_in: None,
        last_error,
        file: entry.file.as_ref().map(|file| of_file(file, found)),
    }
}

/// What the last operation that failed at the provider met.
fn last_error(running: &Running) -> Option<String> {
    running.provider.health().last_error.map(|error| error.to_string())
}

fn of_file(file: &PluginFile, found: &Found) -> FileStatus {
    let found = found.get(&file.path).copied().flatten();
    FileStatus {
        path: file.path.display().to_string(),
        loaded: HEXLOWER.encode(&file.sha256),
        found: found.map(|digest| HEXLOWER.encode(&digest)),
        modified: found != Some(file.sha256),
    }
}

/// A digest over what makes two servers let in the same people in the same way: `public_url`, `default_provider`, `[signup]`,
/// `[session]`, and of each provider its state and button, its plugin's SHA-256, its settings and which secrets it has. Not in
/// it: the secrets themselves, paths, comments, the order of sections, `[database]`, and where the server listens.
fn configuration(app: &App, registry: &Registry) -> [u8; 32] {
    let mut parts = Parts::default();
    parts.text("vestibule configuration 1");
    parts.text(app.public_url.origin());
    parts.text(app.default_provider.as_ref().map_or("", |name| name.as_str()));
    parts.text(&format!("{:?}", app.login.signup));
    parts.text(&format!("{:?} {:?}", app.sessions.idle, app.login.session_absolute));
    for entry in registry.all() {
        parts.text(entry.name.as_str());
        parts.text(&entry.label);
        parts.text(&format!("{} {:?}", entry.order, entry.state));
        parts.bytes(entry.icon.as_ref().map(|icon| sha256(&icon.bytes)).as_ref().map_or(&[], |icon| icon));
        parts.bytes(&entry.basis.shown);
    }
    parts.sha256()
}
