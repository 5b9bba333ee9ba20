//! `vestibule migrate`: brings the schema up to date, whoever `[database] migrate` leaves that to, and says what it did.

use std::path::Path;

use super::configuration::{load, print, say, tell};
use crate::config::ProviderState;
use crate::exit::ExitCode;
use crate::registry::Unavailable;
use crate::startup::{self, Ambient, Migrated};

pub(super) fn migrate(config: &Path) -> ExitCode {
    let loaded = match load(config, "nothing was changed") {
        Ok(loaded) => loaded,
        Err(code) => return code,
    };
    say(&loaded.faults);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tell(&format!("error: cannot start: {error}"));
            return ExitCode::Other;
        }
    };
    match runtime.block_on(startup::migrate(&loaded.config, &Ambient::system())) {
        Ok(migrated) => report(&loaded.config.database.to_string(), &migrated),
        Err(error) => {
            tell(&format!("error: {error}"));
            ExitCode::Other
        }
    }
}

/// What was done to standard output; which provider has no table for what reason to standard error.
fn report(database: &str, migrated: &Migrated) -> ExitCode {
    for (number, title) in &migrated.applied.core {
        print(&format!("ran migration {number} ({title})"));
    }
    for provider in &migrated.applied.tables {
        print(&format!("changed `oauth_{provider}`"));
    }
    for provider in &migrated.made {
        print(&format!("made `oauth_{provider}`"));
    }
    let mut code = ExitCode::Fine;
    for entry in &migrated.entries {
        let Err(why) = &entry.running else { continue };
        if entry.state == ProviderState::Disabled {
            continue;
        }
        tell(&format!("error: `{}` was left as it is: {why}", entry.name));
        // A fault of the configuration counts most, then one of the database.
        code = match (why, code) {
            (Unavailable::Misconfigured(_), _) | (_, ExitCode::Configuration) => ExitCode::Configuration,
            (Unavailable::Database(_), _) | (_, ExitCode::Other) => ExitCode::Other,
            (Unavailable::Failing(_), _) => ExitCode::Plugin,
        };
    }
    if code == ExitCode::Fine {
        print(&format!("the database `{database}` is up to date"));
    }
    code
}
