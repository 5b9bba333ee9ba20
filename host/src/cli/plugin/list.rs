//! `vestibule plugin list`: one line for each plugin.

use std::path::Path;

use serde_json::{Value, json};

use super::{Answer, Failure, examined, sections};
use crate::config::{Fault, PluginConfig, PluginSections};
use crate::exit::ExitCode;
use crate::name::PluginName;
use crate::plugin::{Refusal, file};

pub(super) fn list(config: &Path) -> Result<Answer, Failure> {
    let sections = sections(config)?;
    let mut rows =
        vec![["NAME", "VERSION", "EPOCH", "PINNED", "FILE", "PREVIOUS", "PROVIDERS"].map(str::to_owned)];
    let mut found = Vec::new();
    for (name, section) in &sections.plugins {
        let row = Row::of(name, section, &sections);
        rows.push(row.columns());
        found.push(row.json());
    }
    let lines =
        if found.is_empty() { vec![format!("{}: no plugins", config.display())] } else { padded(&rows) };
    Ok(Answer { lines, json: json!({ "plugins": found }), code: ExitCode::Fine })
}

/// A plugin, as lists have it.
struct Row {
    name: String,
    version: Option<String>,
    epoch: Option<u32>,
    is_pinned: bool,
    file: String,
    path: Option<String>,
    previous: Option<String>,
    providers: Vec<String>,
}

impl Row {
    fn of(name: &PluginName, section: &Result<PluginConfig, Vec<Fault>>, sections: &PluginSections) -> Self {
        let uses = sections.uses.iter().filter(|found| found.plugin == name.as_str());
        let mut row = Self {
            name: name.to_string(),
            version: None,
            epoch: None,
            is_pinned: false,
            file: "not configured".to_owned(),
            path: None,
            previous: None,
            providers: uses.map(|found| found.provider.clone()).collect(),
        };
        let Ok(section) = section else { return row };
        row.is_pinned = !section.sha256.is_empty();
        row.path = Some(section.path.display().to_string());
        row.previous = section.previous.as_ref().map(|previous| {
            let there = file::content(&previous.path).and_then(file::examine);
            there.map_or("?".to_owned(), |there| there.descriptor.version)
        });
        match examined(section) {
            Ok(there) => {
                row.file = "ok".to_owned();
                row.version = Some(there.descriptor.version);
                row.epoch = Some(there.descriptor.epoch);
            }
            Err(why) => row.file = state(&why).to_owned(),
        }
        row
    }

    fn columns(&self) -> [String; 7] {
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        [
            self.name.clone(),
            or_none(self.version.clone()),
            or_none(self.epoch.map(|epoch| epoch.to_string())),
            if self.is_pinned { "yes" } else { "no" }.to_owned(),
            self.file.clone(),
            or_none(self.previous.clone()),
            or_none(Some(self.providers.join(", ")).filter(|names| !names.is_empty())),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name, "version": self.version, "abi_epoch": self.epoch, "pinned": self.is_pinned,
            "file": self.file, "path": self.path, "previous": self.previous, "providers": self.providers,
        })
    }
}

/// In two or three words; `verify` has the whole.
pub(super) fn state(why: &Refusal) -> &'static str {
    match why {
        Refusal::Unreadable(error) if error.kind() == std::io::ErrorKind::NotFound => "missing",
        Refusal::WrongPin { .. } => "differs from its pin",
        Refusal::Exposed(_) | Refusal::Writable { .. } => "writable by others",
        Refusal::WrongEpoch { .. } => "other ABI epoch",
        Refusal::WrongName { .. } => "another plugin",
        _ => "unusable",
    }
}

/// Columns that stand below each other, without spaces at the ends.
fn padded<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}
