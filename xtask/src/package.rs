//! `cargo xtask package`: what is handed to others. Knows only what can be asked for; each kind has its file.

mod plugin;

use crate::error::{Error, Result};
use crate::workspace::Workspace;

/// What to package.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Package this plugin, as an archive for `vestibule plugin add`
    #[arg(long, value_name = "NAME")]
    plugin: Option<String>,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    match &options.plugin {
        Some(name) => plugin::run(workspace, name),
        None => Err(Error::Configuration {
            place: "cargo xtask package".to_owned(),
            problem: "packaging the server is not there yet; name a plugin with `--plugin NAME`".to_owned(),
        }),
    }
}
