//! The command line: one file per verb.

mod configuration;
mod log;
mod migrate;
mod notify;
mod plugin;
mod serve;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::exit::ExitCode;

/// A login server whose identity providers are plugins.
#[derive(Debug, Parser)]
#[command(name = "vestibule", version, propagate_version = true, arg_required_else_help = true)]
#[command(
    after_help = "Exit codes: 0 fine, 1 other (port taken, database unusable), 2 usage, 5 plugin, 78 configuration."
)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Serve sign-ins until SIGTERM or Ctrl-C.
    Serve {
        /// The configuration file. Relative paths in it start from its folder.
        #[arg(long, short, value_name = "FILE", default_value = "config.toml")]
        config: PathBuf,
        /// Log what the server does in more detail.
        #[arg(long, short)]
        verbose: bool,
    },
    /// Bring the database's schema up to date, with the tables of all configured providers.
    Migrate {
        /// The configuration file. Relative paths in it start from its folder.
        #[arg(long, short, value_name = "FILE", default_value = "config.toml")]
        config: PathBuf,
    },
    /// Add, look at, roll back and remove the libraries of plugins, in the configuration file.
    #[command(subcommand, arg_required_else_help = true)]
    Plugin(plugin::Verb),
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    match Arguments::parse().verb {
        Verb::Serve { config, verbose } => serve::serve(&config, verbose),
        Verb::Migrate { config } => migrate::migrate(&config),
        Verb::Plugin(verb) => plugin::run(verb),
    }
}
