//! `vestibule provider …`: the verbs about providers and what the database keeps of them. They read the configuration and the
//! database themselves, so that they work while no server runs.

mod list;
mod purge;
mod rebase;
mod trial;
mod users;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::Value;

use super::check::runtime;
use super::configuration::{Common, load, print, tell};
use crate::config::Config;
use crate::exit::ExitCode;
use crate::name::ProviderName;
use crate::startup::check::NotMade;
use crate::store::{Migrate, OpenError, Options, PurgeError, Store, StoreError};

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List all providers that are configured or have a table, with their realms and people.
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Try a provider as far as that goes without a person: metadata, hosts, clocks, and the redirect URI to register.
    Test {
        /// The provider.
        name: ProviderName,
        #[command(flatten)]
        common: Common,
    },
    /// List the users who are known at a provider.
    Users {
        /// The provider, configured or not.
        name: ProviderName,
        /// Those alone who have no other configured provider.
        #[arg(long)]
        only: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Have a provider's table belong to the realm that the settings lead to now.
    Rebase {
        /// The provider.
        name: ProviderName,
        /// Do it; without it, only say what it means.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Remove what the database keeps of a provider that has no section any more. Users stay.
    Purge {
        /// The provider.
        name: ProviderName,
        /// Write what is removed to this new file first: CSV if it ends in `.csv`, else a line of JSON for each link.
        #[arg(long, value_name = "FILE")]
        export: Option<PathBuf>,
        /// Remove the links of users, too, who then have no way to sign in.
        #[arg(long)]
        strand_users: bool,
        #[command(flatten)]
        common: Common,
    },
}

/// What a verb found or did.
struct Answer {
    lines: Vec<String>,
    json: Value,
    code: ExitCode,
}

/// Why a verb did nothing.
struct Failure {
    code: ExitCode,
    lines: Vec<String>,
}

impl Failure {
    /// The state of things does not allow it.
    fn refused(line: impl Into<String>) -> Self {
        Self { code: ExitCode::Server, lines: vec![line.into()] }
    }

    fn of(code: ExitCode, error: &impl ToString) -> Self {
        Self { code, lines: vec![format!("error: {}", error.to_string())] }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        Self::of(ExitCode::Other, &error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::of(ExitCode::Other, &error)
    }
}

impl From<PurgeError> for Failure {
    fn from(error: PurgeError) -> Self {
        Self::of(ExitCode::Other, &error)
    }
}

impl From<NotMade> for Failure {
    fn from(error: NotMade) -> Self {
        Self::of(super::check::not_made(&error), &error)
    }
}

pub(super) fn run(verb: Verb) -> ExitCode {
    let common = match &verb {
        Verb::List { common }
        | Verb::Test { common, .. }
        | Verb::Users { common, .. }
        | Verb::Rebase { common, .. }
        | Verb::Purge { common, .. } => common,
    };
    let (file, json) = (common.config.clone(), common.json);
    let config = match load(&file, "nothing was done") {
        Ok(loaded) => loaded.config,
        Err(code) => return code,
    };
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            tell(&format!("error: {error}"));
            return ExitCode::Other;
        }
    };
    let done = runtime.block_on(async {
        match verb {
            Verb::List { .. } => list::list(&config).await,
            Verb::Test { name, .. } => trial::test(&config, &name).await,
            Verb::Users { name, only, .. } => users::users(&config, &name, only).await,
            Verb::Rebase { name, yes, .. } => rebase::rebase(&config, &name, yes).await,
            Verb::Purge { name, export, strand_users, .. } => {
                purge::purge(&config, &file, &name, export.as_deref(), strand_users).await
            }
        }
    });
    match done {
        Ok(answer) if json => {
            print(&answer.json.to_string());
            answer.code
        }
        Ok(answer) => {
            answer.lines.iter().for_each(|line| print(line));
            answer.code
        }
        Err(failure) => {
            failure.lines.iter().for_each(|line| tell(line));
            failure.code
        }
    }
}

/// The database, to look at; nothing is changed by it.
async fn looked(config: &Config) -> Result<Store, Failure> {
    let options = Options { migrate: config.migrate, ..Options::default() };
    match Store::look(&config.database, &options).await? {
        Some((store, lacks)) if lacks.core.is_empty() => Ok(store),
        Some((store, lacks)) => {
            store.close().await;
            let (database, lacks) = (&config.database, lacks.listed());
            let line =
                format!("error: the database `{database}` lacks {lacks}; run `vestibule migrate` first");
            Err(Failure { code: ExitCode::Other, lines: vec![line] })
        }
        None => {
            Err(Failure::of(ExitCode::Other, &format!("the database `{}` is not there yet", config.database)))
        }
    }
}

/// The database, to write; its schema has to be there.
async fn opened(config: &Config) -> Result<Store, Failure> {
    looked(config).await?.close().await;
    Ok(Store::open(&config.database, &Options { migrate: Migrate::Manual, ..Options::default() }).await?)
}

/// Columns as wide as what is in them.
fn table(rows: &[Vec<String>]) -> Vec<String> {
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(at, cell)| format!("{cell:<0$}", width(at)));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// Those who can be signed in with.
fn ways(config: &Config) -> std::collections::BTreeSet<ProviderName> {
    let is_on = |provider: &&crate::config::Provider| provider.state == crate::config::ProviderState::Enabled;
    config.providers.values().filter(is_on).map(|provider| provider.name.clone()).collect()
}

/// Whether a running server answers for this configuration and still has the provider.
fn is_served(file: &Path, name: &ProviderName) -> bool {
    use crate::admin::status::{State, Status};
    let Some(socket) = crate::config::admin_socket(file) else { return false };
    let patience = std::time::Duration::from_secs(10);
    let status: Result<Status, _> = crate::admin::client::ask(&socket, "status", patience);
    let is_it = |provider: &crate::admin::status::ProviderStatus| {
        provider.name == name.as_str() && provider.state != State::Orphaned
    };
    status.is_ok_and(|status| status.providers.iter().any(is_it))
}
