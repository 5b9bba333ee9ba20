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

mod worker;

use std::os::fd::OwnedFd;
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
pub use places::Issuer;
pub use provider::{Completed, Provider, ProviderOptions};
pub use services::egress::Egress;
#[doc(hidden)]
pub use worker::Tape;
pub use worker::{Kernel, Workers, run_if_worker};

/// A library whose file and description were checked, ready to make providers of. It knows where it runs.
pub struct Plugin {
    code: Code,
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

/// Where the library's code is.
enum Code {
    /// Linked into this process, for as long as that lives.
    Linked(abi::table::ProviderModuleRef),
    /// In sealed memory, for workers to link.
    Sealed(Arc<OwnedFd>),
}

/// Where a plugin runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportKind {
    /// In this process: full trust, hence a pin.
    InProcess,
    /// In a process of its own for each provider, which can compute and answer and nothing else.
    Worker,
}

impl Plugin {
    /// Checks a file and loads it into this process. `pins` are SHA-256 sums, of which one must match; `name` is the
    /// plugin's name by the configuration, which the file's own must equal. Blocks for some milliseconds.
    ///
    /// Loading runs the library's initialisers, so a file is only ever loaded here with a pin.
    pub fn load(path: &Path, pins: &[[u8; 32]], name: &PluginName) -> Result<Arc<Self>, LoadError> {
        let file = file::check(path, pins, name, file::Unpinned::Refused)?;
        let refuse = |why| LoadError { path: path.to_owned(), why };
        let loaded = loader::load(&file, Limits::default().load).map_err(refuse)?;
        let description = description::read(&loaded.described, &file.descriptor).map_err(refuse)?;
        tracing::debug!(plugin = %description.name, version = %description.version, "plugin loaded");
        Ok(Arc::new(Self { code: Code::Linked(loaded.module), description, sha256: file.sha256 }))
    }

    /// Checks a file, and lets a worker say what it is; nothing of it is ever linked into this process. Without pins it is
    /// enough that nobody but root and this process's user can change the file. Needs a tokio runtime.
    pub async fn load_in_worker(
        path: &Path,
        pins: &[[u8; 32]],
        name: &PluginName,
        shared: &Shared,
    ) -> Result<Arc<Self>, LoadError> {
        let file = file::check(path, pins, name, file::Unpinned::Private)?;
        let refuse = |why| LoadError { path: path.to_owned(), why };
        let sealed = sealed::seal(&file.descriptor.name, &file.bytes).map_err(Refusal::Sealed);
        let sealed = Arc::new(sealed.map_err(refuse)?);
        let asked = worker::describe(&shared.workers, name.as_str(), Arc::clone(&sealed), shared.limits.load);
        let described = asked.await.map_err(refuse)?;
        let description = description::read(&described, &file.descriptor).map_err(refuse)?;
        tracing::debug!(plugin = %description.name, version = %description.version, "plugin described");
        Ok(Arc::new(Self { code: Code::Sealed(sealed), description, sha256: file.sha256 }))
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
    workers: Workers,
    clients: Arc<services::clients::Clients>,
}

impl Shared {
    /// Fails where HTTPS cannot work on this machine, which is better known at the start than at the first sign-in.
    pub fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Result<Self, StartError> {
        let limits = Limits::default();
        let clients = limits.clients();
        clients.of(&Arc::default())?;
        Ok(Self { clock, random, limits, workers: Workers::default(), clients })
    }

    /// With other limits than the usual ones.
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self.clients = limits.clients();
        self
    }

    /// With workers made otherwise.
    pub fn with_workers(mut self, workers: Workers) -> Self {
        self.workers = workers;
        self
    }
}

/// How long things may take, and how many there may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Linking a library and asking what it is.
    pub load: Duration,
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
    /// How long a worker may have nothing to do before it is ended.
    pub idle: Duration,
}

impl Limits {
    fn clients(&self) -> Arc<services::clients::Clients> {
        Arc::new(services::clients::Clients::new(self.connect, self.request))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            load: Duration::from_secs(5),
            step: Duration::from_secs(1),
            connect: Duration::from_secs(5),
            request: Duration::from_secs(10),
            operation: Duration::from_secs(15),
            operations: 64,
            idle: Duration::from_secs(600),
        }
    }
}
