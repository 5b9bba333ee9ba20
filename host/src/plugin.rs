//! One provider behind a safe, typed face: `begin` and `complete` with everything checked that a plugin could get wrong.
//!
//! What is in here knows of plugins, bytes and secrets, and nothing of logins, databases or pages. The files stand in the
//! order in which a plugin meets them: its file is checked, loaded, described; a provider is made of it; operations run.

#[forbid(unsafe_code)]
pub mod error;
#[forbid(unsafe_code)]
pub(crate) mod file;
#[forbid(unsafe_code)]
mod sealed;

mod loader;

#[forbid(unsafe_code)]
mod description;

#[forbid(unsafe_code)]
mod provider;

#[forbid(unsafe_code)]
mod inspected;

#[forbid(unsafe_code)]
mod places;

#[forbid(unsafe_code)]
mod begin;

#[forbid(unsafe_code)]
mod account;

#[forbid(unsafe_code)]
mod operation;

#[forbid(unsafe_code)]
pub mod health;

#[forbid(unsafe_code)]
mod services;

#[forbid(unsafe_code)]
mod transport;

mod in_process;

#[forbid(unsafe_code)]
mod frame;

#[forbid(unsafe_code)]
mod pipe;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use vestibule_abi as abi;

use crate::clock::Clock;
use crate::name::PluginName;
use crate::random::Random;

pub use begin::{Begin, To};
pub use description::Description;
pub(crate) use description::secret_keys;
pub use error::{CreateError, LoadError, OperationError, OperationErrorKind, Refusal, StartError};
pub use file::Exposed;
pub use inspected::{Inspected, Policy, Protocol, ResponseMode, StateIn};
#[doc(hidden)]
pub use pipe::Tape;
pub use places::Issuer;
pub use provider::{Completed, Provider, ProviderOptions, TransportKind};
pub use services::egress::Egress;

/// A loaded library whose table, name and description were checked. It stays loaded as long as the process.
pub struct Plugin {
    module: abi::table::ProviderModuleRef,
    description: Description,
    sha256: [u8; 32],
}

/// The SHA-256 of a file that could be a plugin's, by what it is and who may write to it. Blocks for some milliseconds.
///
/// # Errors
/// If it is no regular file, everybody may write to it, or it cannot be read.
pub fn digest(path: &Path) -> Result<[u8; 32], LoadError> {
    file::digest(path)
}

impl Plugin {
    /// Checks a file and loads it. `pins` are SHA-256 sums, of which one must match; `name` is the plugin's name by the
    /// configuration, which the file's own must equal. Blocks for some milliseconds.
    ///
    /// Loading runs the library's initialisers, so a file is only ever loaded with a pin.
    pub fn load(path: &Path, pins: &[[u8; 32]], name: &PluginName) -> Result<Arc<Self>, LoadError> {
        let file = file::check(path, pins, name, file::Unpinned::Refused)?;
        let refuse = |why| LoadError { path: path.to_owned(), why };
        let loaded = loader::load(&file).map_err(refuse)?;
        let description = description::read(&loaded.described, &file.descriptor).map_err(refuse)?;
        tracing::debug!(plugin = %description.name, version = %description.version, "plugin loaded");
        Ok(Arc::new(Self { module: loaded.module, description, sha256: file.sha256 }))
    }

    /// What it says about itself.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The SHA-256 of the file that was loaded.
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }
}

/// The name and version only.
impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Plugin {{ {} {} }}", self.description.name, self.description.version)
    }
}

/// What all providers have in common. Made once, when the server starts.
#[derive(Clone)]
pub struct Shared {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    limits: Limits,
    clients: Arc<services::clients::Clients>,
}

impl Shared {
    /// Fails where HTTPS cannot work on this machine, which is better known at the start than at the first sign-in.
    pub fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Result<Self, StartError> {
        let limits = Limits::default();
        let clients = limits.clients();
        clients.of(&Arc::default())?;
        Ok(Self { clock, random, limits, clients })
    }

    /// With other limits than the usual ones.
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self.clients = limits.clients();
        self
    }
}

/// How long things may take, and how many there may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// One call into the plugin: start, step, create.
    pub step: Duration,
    /// A connection, TLS and all.
    pub connect: Duration,
    /// One HTTP request, to the last byte of its answer.
    pub request: Duration,
    /// A whole operation.
    pub operation: Duration,
    /// How many operations of one provider may run at once; the next is refused.
    pub operations: usize,
}

impl Limits {
    fn clients(&self) -> Arc<services::clients::Clients> {
        Arc::new(services::clients::Clients::new(self.connect, self.request))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            step: Duration::from_secs(1),
            connect: Duration::from_secs(5),
            request: Duration::from_secs(10),
            operation: Duration::from_secs(15),
            operations: 64,
        }
    }
}
