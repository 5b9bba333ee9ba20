//! What the verbs that ask the running server have in common: finding its socket by the configuration, and saying why there was
//! no answer.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::configuration::{say, tell};
use crate::admin::client::{AskError, ask};
use crate::config::{Config, Fault, ProcessEnvironment, admin_socket};
use crate::exit::ExitCode;

/// Asks the server of a configuration.
pub(super) fn ask_server<T: DeserializeOwned>(
    config: &Path,
    verb: &str,
    patience: Duration,
) -> Result<T, ExitCode> {
    let socket = socket(config)?;
    ask(&socket, verb, patience).map_err(|error| {
        tell(&format!("error: {error}"));
        match error {
            AskError::NotUnderstood(..) => ExitCode::Other,
            _ => ExitCode::Server,
        }
    })
}

/// Where the server listens. A file with faults may still say that: the server then tells them itself, and keeps on record
/// that it was asked.
fn socket(config: &Path) -> Result<PathBuf, ExitCode> {
    if let Some(socket) = admin_socket(config) {
        return Ok(socket);
    }
    match Config::load(config, &ProcessEnvironment) {
        Err(faults) => {
            say(&faults);
            let errors = faults.iter().filter(|fault| Fault::is_error(fault)).count();
            let errors = super::configuration::counted(errors, "error", "errors");
            tell(&format!("the server was not asked: {errors} in the configuration"));
            Err(ExitCode::Configuration)
        }
        Ok(_) => {
            tell(&format!(
                "error: {}: `[server]` has no `admin_socket`, so the server cannot be asked; write one, as in \
                 `admin_socket = \"/run/vestibule/admin.sock\"`, and restart it (SIGHUP reloads without a socket)",
                config.display()
            ));
            Err(ExitCode::Server)
        }
    }
}
