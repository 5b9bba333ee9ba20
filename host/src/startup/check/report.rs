//! What `vestibule check` found, by what it was found at. Knows no configuration and no database.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::config::Fault;
use crate::exit::ExitCode;
use crate::name::PluginName;
use crate::reach::Reach;

/// How bad something is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nothing is wrong.
    #[default]
    Ok,
    /// It works, and somebody should look.
    Warning,
    /// It does not work.
    Error,
}

/// What has to be changed for an error to go away: what the exit code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Blame {
    /// The configuration: 78.
    Configuration,
    /// A plugin, or the consent to what it asks for: 5.
    Plugin,
    /// The machine, the database or the network: 1.
    Other,
}

/// One thing that is to be said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// In one line, with place and cure.
    pub text: String,
    /// Of an error: where it is to be mended.
    pub blame: Option<Blame>,
}

/// A provider, a plugin's section, the file or the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Subject {
    /// A provider's name, `[plugin.x]`, `[database]`, or the file.
    pub name: String,
    /// The worst of what was found.
    pub level: Level,
    /// The plugin that a provider is made of.
    pub plugin: Option<PluginName>,
    /// Its version.
    pub version: Option<String>,
    /// What was found.
    pub findings: Vec<Finding>,
    /// What there is to say where nothing is wrong.
    pub note: Option<String>,
    /// Where a provider's requests and secrets may go, if it could be asked.
    pub reach: Option<Reach>,
}

impl Subject {
    /// A fault of the configuration.
    pub(super) fn fault(&mut self, fault: &Fault) {
        let (level, blame) = match fault.is_error() {
            true => (Level::Error, Some(Blame::Configuration)),
            false => (Level::Warning, None),
        };
        self.add(Finding { level, text: fault.to_string(), blame });
    }

    pub(super) fn error(&mut self, blame: Blame, text: impl Into<String>) {
        self.add(Finding { level: Level::Error, text: text.into(), blame: Some(blame) });
    }

    pub(super) fn warning(&mut self, text: impl Into<String>) {
        self.add(Finding { level: Level::Warning, text: text.into(), blame: None });
    }

    /// The same thing is said once.
    fn add(&mut self, finding: Finding) {
        if !self.findings.contains(&finding) {
            self.level = self.level.max(finding.level);
            self.findings.push(finding);
        }
    }
}

/// Everything that was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// By what it was found at, in the order of the look.
    pub subjects: Vec<Subject>,
    /// What could not be looked at, and why.
    pub not_checked: Vec<String>,
}

impl Report {
    /// The subject of that name.
    pub(super) fn subject(&mut self, name: &str) -> &mut Subject {
        let at = self.subjects.iter().position(|subject| subject.name == name).unwrap_or(self.subjects.len());
        if at == self.subjects.len() {
            self.subjects.push(Subject {
                name: name.to_owned(),
                level: Level::Ok,
                plugin: None,
                version: None,
                findings: Vec::new(),
                note: None,
                reach: None,
            });
        }
        #[expect(clippy::indexing_slicing, reason = "it was pushed if it was not there")]
        &mut self.subjects[at]
    }

    /// Every text that is in it.
    pub(super) fn texts(&self) -> BTreeSet<String> {
        self.subjects
            .iter()
            .flat_map(|subject| &subject.findings)
            .map(|finding| finding.text.clone())
            .collect()
    }

    /// How many subjects are so.
    pub fn count(&self, level: Level) -> usize {
        self.subjects.iter().filter(|subject| subject.level == level).count()
    }

    /// What the process ends with: a fault of the configuration counts most, then one of the machine.
    pub fn code(&self) -> ExitCode {
        let blames: Vec<Blame> = self
            .subjects
            .iter()
            .flat_map(|subject| &subject.findings)
            .filter_map(|found| found.blame)
            .collect();
        if blames.contains(&Blame::Configuration) {
            ExitCode::Configuration
        } else if blames.contains(&Blame::Other) {
            ExitCode::Other
        } else if blames.contains(&Blame::Plugin) {
            ExitCode::Plugin
        } else {
            ExitCode::Fine
        }
    }
}
