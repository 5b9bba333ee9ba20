//! The command line: one file per verb.

mod configuration;
mod log;
mod migrate;
mod notify;
mod operate;
mod plugin;
mod reload;
mod serve;
mod status;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::exit::ExitCode;

/// A login server whose identity providers are plugins.
#[derive(Debug, Parser)]
#[command(name = "vestibule", version, propagate_version = true, arg_required_else_help = true)]
#[command(
    after_help = "Exit codes: 0 fine, 1 other (port taken, database unusable), 2 usage, 3 server unreachable or refused, \
                  5 plugin, 78 configuration."
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
    /// Have the running server take the providers and plugins of its configuration as they are now.
    ///
    /// Everything is prepared first: either all of it comes into force, or nothing changes. People who are signed in, and
    /// sign-ins that are under way, go on. Ends with 3 if the server cannot be reached or refuses, with 78 if it refuses for a
    /// fault in the configuration.
    Reload {
        /// The configuration file of the running server, whose `admin_socket` is asked.
        #[arg(long, short, value_name = "FILE", default_value = "config.toml")]
        config: PathBuf,
        /// Print the report as one line of JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show what the running server serves, what the last reload did, and how each provider is.
    Status {
        /// The configuration file of the running server, whose `admin_socket` is asked.
        #[arg(long, short, value_name = "FILE", default_value = "config.toml")]
        config: PathBuf,
        /// Print it as one line of JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    match Arguments::parse().verb {
        Verb::Serve { config, verbose } => serve::serve(&config, verbose),
        Verb::Migrate { config } => migrate::migrate(&config),
        Verb::Plugin(verb) => plugin::run(verb),
        Verb::Reload { config, json } => reload::reload(&config, json),
        Verb::Status { config, json } => status::status(&config, json),
    }
}
