//! The command line: one file per verb.

mod check;
mod configuration;
mod log;
mod migrate;
mod notify;
mod operate;
mod plugin;
mod provider;
mod reload;
mod serve;
mod status;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use self::configuration::Common;
use crate::exit::ExitCode;
use crate::name::ProviderName;

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
    /// Look at everything that a start or a reload would meet, and change nothing.
    ///
    /// Reads the configuration, holds plugins' files against their pins, settings against schemas, and each provider against
    /// the database, and asks each issuer for its metadata. The server may run meanwhile. Ends with 78 for a fault in the
    /// configuration, with 5 for one of a plugin, with 1 for any other; warnings alone end with 0.
    Check {
        #[command(flatten)]
        common: Common,
        /// Ask no issuer.
        #[arg(long)]
        offline: bool,
        /// Show what this provider reaches beyond what was accepted, and accept it. The one thing that is written.
        #[arg(long, value_name = "NAME")]
        accept: Option<ProviderName>,
    },
    /// Look for what no start would meet: rows that do not belong together, files that others may change, a server that does
    /// not answer. Says what would mend it, and mends nothing.
    Doctor {
        #[command(flatten)]
        common: Common,
    },
    /// Add, look at, roll back and remove the libraries of plugins, in the configuration file.
    #[command(subcommand, arg_required_else_help = true)]
    Plugin(plugin::Verb),
    /// List providers, try one, and look after what the database keeps of them.
    #[command(subcommand, arg_required_else_help = true)]
    Provider(provider::Verb),
    /// Have the running server take the providers and plugins of its configuration as they are now.
    ///
    /// Everything is prepared first: either all of it comes into force, or nothing changes. People who are signed in, and
    /// sign-ins that are under way, go on. Ends with 3 if the server cannot be reached or refuses, with 78 if it refuses for a
    /// fault in the configuration.
    Reload {
        #[command(flatten)]
        common: Common,
    },
    /// Show what the running server serves, what the last reload did, and how each provider is.
    Status {
        #[command(flatten)]
        common: Common,
    },
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    match Arguments::parse().verb {
        Verb::Serve { config, verbose } => serve::serve(&config, verbose),
        Verb::Migrate { config } => migrate::migrate(&config),
        Verb::Check { common: Common { config, json }, offline, accept } => match accept {
            Some(name) => check::accept(&config, json, &name),
            None => check::check(&config, json, offline),
        },
        Verb::Doctor { common: Common { config, json } } => check::doctor(&config, json),
        Verb::Plugin(verb) => plugin::run(verb),
        Verb::Provider(verb) => provider::run(verb),
        Verb::Reload { common: Common { config, json } } => reload::reload(&config, json),
        Verb::Status { common: Common { config, json } } => status::status(&config, json),
    }
}
