//! `vestibule plugin …`: the verbs about plugins' files, and how each of them answers. Nothing in here links a library: what
//! is said about one comes from its bytes.

mod add;
mod archive;
mod edit;
mod info;
mod list;
mod manifest;
mod remove;
mod rollback;
mod shelf;
mod target;
mod verify;

use std::fmt::Display;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::{Value, json};

use super::configuration::{Common, print, tell};
use crate::config::{Fault, Pin, PluginConfig, PluginSections};
use crate::exit::ExitCode;
use crate::name::PluginName;
use crate::plugin::file::Examined;
use crate::plugin::{LoadError, Refusal, file};

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Check a plugin's library or archive, and pin it in the configuration.
    Add {
        /// A library (.so), which stays where it is, or an archive (.tar.zst), whose library is taken out of it.
        file: PathBuf,
        /// Copy the library into this folder; else an archive's goes to `plugins` beside the configuration.
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
        #[command(flatten)]
        common: Common,
    },
    /// List the plugins, the state of their files, and the providers that are made of them.
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Say all that the file of a plugin says about itself.
    Info {
        /// A plugin of the configuration, or the path of a library or archive.
        what: PathBuf,
        #[command(flatten)]
        common: Common,
    },
    /// Hold the plugins' files against their pins and against what this host needs.
    Verify {
        /// This plugin alone.
        name: Option<PluginName>,
        #[command(flatten)]
        common: Common,
    },
    /// Go back to the library that was pinned before the last `add`.
    Rollback {
        /// The plugin.
        name: PluginName,
        #[command(flatten)]
        common: Common,
    },
    /// Take a plugin that no provider uses out of the configuration.
    Remove {
        /// The plugin.
        name: PluginName,
        /// Delete its library, too, and the one that was kept for a rollback.
        #[arg(long)]
        delete_file: bool,
        #[command(flatten)]
        common: Common,
    },
}

/// What a verb found or did.
struct Answer {
    /// For people, line by line.
    lines: Vec<String>,
    /// For programs.
    json: Value,
    code: ExitCode,
}

/// Why a verb changed nothing.
#[derive(Debug)]
struct Failure {
    code: ExitCode,
    /// One line each, with place and cure.
    lines: Vec<String>,
}

impl Failure {
    fn new(code: ExitCode, line: impl Display) -> Self {
        Self { code, lines: vec![line.to_string()] }
    }

    /// Of the machine: a disk, a right.
    fn other(line: impl Display) -> Self {
        Self::new(ExitCode::Other, line)
    }

    fn plugin(line: impl Display) -> Self {
        Self::new(ExitCode::Plugin, line)
    }

    fn configuration(line: impl Display) -> Self {
        Self::new(ExitCode::Configuration, line)
    }
}

impl From<Vec<Fault>> for Failure {
    fn from(faults: Vec<Fault>) -> Self {
        let lines = faults.iter().filter(|fault| fault.is_error()).map(ToString::to_string).collect();
        Self { code: ExitCode::Configuration, lines }
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        Self::plugin(error)
    }
}

pub(super) fn run(verb: Verb) -> ExitCode {
    let (done, json) = match verb {
        Verb::Add { file, to, common } => (add::add(&file, to.as_deref(), &common.config), common.json),
        Verb::List { common } => (list::list(&common.config), common.json),
        Verb::Info { what, common } => (info::info(&what, &common.config), common.json),
        Verb::Verify { name, common } => (verify::verify(name.as_ref(), &common.config), common.json),
        Verb::Rollback { name, common } => (rollback::rollback(&name, &common.config), common.json),
        Verb::Remove { name, delete_file, common } => {
            (remove::remove(&name, delete_file, &common.config), common.json)
        }
    };
    match done {
        Ok(answer) => {
            print(&if json { answer.json.to_string() } else { answer.lines.join("\n") });
            answer.code
        }
        Err(failure) if json => {
            let error = json!({ "error": { "code": failure.code as u8, "messages": failure.lines } });
            print(&error.to_string());
            failure.code
        }
        Err(failure) => {
            for line in &failure.lines {
                tell(&format!("error: {line}"));
            }
            failure.code
        }
    }
}

/// The sections of a configuration that nobody is about to change.
fn sections(config: &Path) -> Result<PluginSections, Failure> {
    let text = crate::config::text(config).map_err(|fault| vec![fault])?;
    Ok(crate::config::plugin_sections(&text, config)?)
}

/// The section of a plugin, or why there is none to be had.
fn section<'s>(
    sections: &'s PluginSections,
    name: &PluginName,
    config: &Path,
) -> Result<&'s PluginConfig, Failure> {
    match sections.plugins.get(name) {
        Some(Ok(section)) => Ok(section),
        Some(Err(faults)) => Err(faults.clone().into()),
        None => {
            let there =
                sections.plugins.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let cure =
                if there.is_empty() { "there is none".to_owned() } else { format!("there are {there}") };
            Err(Failure::configuration(format!(
                "{}: there is no `[plugin.{name}]`; {cure}",
                config.display()
            )))
        }
    }
}

/// The file of a section as it is now.
fn examined(section: &PluginConfig) -> Result<Examined, Refusal> {
    file::verify(&section.path, &digests(&section.sha256), &section.name)
}

fn digests(pins: &[Pin]) -> Vec<[u8; 32]> {
    pins.iter().map(|pin| pin.0).collect()
}

/// What is wrong with a plugin's file, with the line to look at and the command that mends it.
fn fault(section: &PluginConfig, why: &Refusal) -> String {
    let (file, path) = (section.file.display(), section.path.display());
    match why {
        Refusal::WrongPin { expected, found, .. } => {
            let expected = expected.iter().map(|pin| format!("`{pin}`")).collect::<Vec<_>>().join(" or ");
            format!(
                "{file}:{}: {path} differs from its pin: expected {expected}, found `{found}`; if you replaced it on \
                 purpose, run `vestibule plugin add {path}`",
                section.pin_line
            )
        }
        _ => format!("{file}:{}: {path}: {why}", section.path_line),
    }
}

/// What is left to do: the server reads its configuration when it is told to.
fn next(sections: &PluginSections, name: &PluginName) -> String {
    if sections.uses.iter().any(|found| found.plugin == name.as_str()) {
        "next: `vestibule reload`".to_owned()
    } else {
        format!("next: add a `[provider.…]` with `plugin = \"{name}\"`, then `vestibule reload`")
    }
}
