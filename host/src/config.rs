//! `config.toml`: read once, checked whole, every fault at once, each with its file, line and cure. What comes out of here
//! is typed, and needs no further checking. It must not know what is made of it: no database, no plugin is opened here.
//!
//! A fault in a section of the server stops the start. A fault in one provider's or one plugin's section takes away that
//! provider, or the providers of that plugin, and nothing else.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::name::{PluginName, ProviderName};
use crate::store::{Location, Migrate};

mod database;
mod database_url;
mod document;
mod fault;
mod icon;
mod network;
mod plugins;
mod providers;
mod public_url;
mod quantity;
mod reader;
mod secret;
mod section;
mod server;
pub mod settings;
mod typo;

pub(crate) use fault::quoted;
pub use fault::{Fault, Scope, Severity};
pub use icon::{Icon, IconKind};
pub use plugins::{Pin, PluginConfig, Previous};
pub use providers::{Provider, ProviderConfig, ProviderState, Transport};
pub use public_url::{NotAPublicUrl, PublicUrl};
pub use quantity::PerMinute;
pub(crate) use secret::reason;
pub use secret::{Environment, ProcessEnvironment};
pub use server::{LogFormat, Server, Session, Signup, SignupMode};

use document::Document;
use reader::Reader;

/// The largest configuration file, in bytes.
const MAX_LEN: u64 = 1024 * 1024;

/// A configuration that the server can start with.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[server]`
    pub server: Server,
    /// `[database]`
    pub database: Location,
    /// `[database] migrate`
    pub migrate: Migrate,
    /// `[signup]`
    pub signup: Signup,
    /// `[session]`
    pub session: Session,
    /// `[plugin.*]`, each with every fault of its own if it has some.
    pub plugins: BTreeMap<PluginName, Result<PluginConfig, Vec<Fault>>>,
    /// `[provider.*]`, usable or not.
    pub providers: BTreeMap<ProviderName, Provider>,
}

/// A configuration, and what is wrong with parts of it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What to start with.
    pub config: Config,
    /// Everything to tell the operator, in the order of the file: the faults of providers and plugins, and warnings.
    pub faults: Vec<Fault>,
}

impl Config {
    /// Reads a file. Relative paths in it start from its folder.
    ///
    /// # Errors
    /// Every fault of the file, in its order, if one of them stops the start: exit with
    /// [`ExitCode::Configuration`](crate::exit::ExitCode::Configuration).
    pub fn load(path: &Path, environment: &dyn Environment) -> Result<Loaded, Vec<Fault>> {
        let text = text(path).map_err(|fault| vec![fault])?;
        Self::parse(&text, path, environment)
    }

    /// Reads the text of a file, which is named in messages and by its folder.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(text: &str, path: &Path, environment: &dyn Environment) -> Result<Loaded, Vec<Fault>> {
        let document = Document::parse(Arc::from(path), text);
        let mut reader = Reader::new(&document, path.parent().unwrap_or(Path::new("")));
        let config = reader.read(environment);
        let faults = document.all_faults(reader.finish());
        match config {
            Some(config) if !faults.iter().any(|fault| fault.is_error() && fault.scope == Scope::Core) => {
                Ok(Loaded { config, faults })
            }
            _ => Err(faults),
        }
    }
}

/// What plugins there are and which providers are made of them, whatever else is wrong with the file.
#[derive(Debug)]
pub(crate) struct PluginSections {
    /// `[plugin.*]`, each with every fault of its own if it has some.
    pub(crate) plugins: BTreeMap<PluginName, Result<PluginConfig, Vec<Fault>>>,
    /// In the order of the file.
    pub(crate) uses: Vec<Use>,
}

/// A provider that names a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Use {
    /// As the file has it.
    pub(crate) provider: String,
    /// As the file has it.
    pub(crate) plugin: String,
    /// The line that says so.
    pub(crate) line: u32,
}

/// Reads the sections of plugins alone: for verbs that mend a file of which something else may be wrong.
///
/// # Errors
/// If the text is no TOML, or `plugin` or `provider` are no tables.
pub(crate) fn plugin_sections(text: &str, path: &Path) -> Result<PluginSections, Vec<Fault>> {
    let document = Document::parse(Arc::from(path), text);
    let mut reader = Reader::new(&document, path.parent().unwrap_or(Path::new("")));
    let sections = reader.plugin_sections();
    let faults = document.all_faults(reader.finish());
    if document.is_broken() || faults.iter().any(|fault| fault.scope == Scope::Core) {
        return Err(faults.into_iter().filter(|fault| fault.scope == Scope::Core).collect());
    }
    Ok(sections)
}

/// The text of a configuration file.
pub(crate) fn text(path: &Path) -> Result<String, Fault> {
    let unreadable = |line: Option<u32>, message: String, cure: &str| Fault {
        file: path.into(),
        line,
        scope: Scope::Core,
        severity: Severity::Error,
        message,
        cure: Some(cure.to_owned()),
    };
    let text = read(path).map_err(|error| {
        let cure = "name a configuration file with `--config FILE`";
        unreadable(None, format!("cannot be read: {}", secret::reason(&error)), cure)
    })?;
    if text.len() as u64 > MAX_LEN {
        return Err(unreadable(None, "larger than 1 MiB".to_owned(), "name the right file"));
    }
    String::from_utf8(text).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let feeds = error.as_bytes().iter().take(valid).filter(|byte| **byte == b'\n').count();
        let line = u32::try_from(feeds).unwrap_or(u32::MAX).saturating_add(1);
        unreadable(Some(line), "not UTF-8".to_owned(), "save the file as UTF-8")
    })
}

/// What a file says of `[server] admin_socket`, whatever else is wrong with it; relative paths start from its folder. For a
/// program that wants to reach the server, which reads the file itself.
pub fn admin_socket(path: &Path) -> Option<PathBuf> {
    let text = String::from_utf8(read(path).ok()?).ok()?;
    let document = Document::parse(Arc::from(path), &text);
    let server = section::table(&document, document.root().get("server")?).ok()?;
    match server.value.get("admin_socket")?.get_ref() {
        toml::de::DeValue::String(socket) => Some(path.parent().unwrap_or(Path::new("")).join(&**socket)),
        _ => None,
    }
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    if fs::metadata(path)?.is_dir() {
        return Err(std::io::Error::other("it is a folder"));
    }
    File::open(path)?.take(MAX_LEN + 1).read_to_end(&mut text)?;
    Ok(text)
}
