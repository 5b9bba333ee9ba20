//! `vestibule plugin verify`: every file against its pin and against what this host needs, without loading one.

use std::path::Path;

use serde_json::json;

use super::{Answer, Failure, digests, examined, fault, list, section, sections};
use crate::config::{Fault, PluginConfig};
use crate::exit::ExitCode;
use crate::name::PluginName;
use crate::plugin::file;

pub(super) fn verify(name: Option<&PluginName>, config: &Path) -> Result<Answer, Failure> {
    let sections = sections(config)?;
    if let Some(name) = name {
        section(&sections, name, config)?;
    }
    let mut report = Report { lines: Vec::new(), plugins: Vec::new(), code: ExitCode::Fine };
    for (found, section) in
        sections.plugins.iter().filter(|(found, _)| name.is_none_or(|name| name == *found))
    {
        report.plugin(found, section);
    }
    if report.lines.is_empty() {
        report.lines.push(format!("{}: no plugins", config.display()));
    }
    let Report { lines, plugins, code } = report;
    Ok(Answer { lines, json: json!({ "plugins": plugins }), code })
}

struct Report {
    lines: Vec<String>,
    plugins: Vec<serde_json::Value>,
    code: ExitCode,
}

impl Report {
    fn plugin(&mut self, name: &PluginName, section: &Result<PluginConfig, Vec<Fault>>) {
        let (state, message) = match section {
            Err(faults) => {
                self.code = ExitCode::Configuration;
                let texts: Vec<_> = faults.iter().map(ToString::to_string).collect();
                ("not configured", Some(texts.join("; ")))
            }
            Ok(section) => match examined(section) {
                Ok(there) => {
                    let pinned = if section.sha256.is_empty() { ", not pinned" } else { "" };
                    self.lines.push(format!(
                        "ok       {name} {}  {}{pinned}",
                        there.descriptor.version,
                        section.path.display()
                    ));
                    ("ok", None)
                }
                Err(why) => (list::state(&why), Some(fault(section, &why))),
            },
        };
        if let Some(message) = &message {
            self.lines.push(format!("error    {message}"));
            if self.code == ExitCode::Fine {
                self.code = ExitCode::Plugin;
            }
        }
        let warning = section.as_ref().ok().and_then(warning);
        self.lines.extend(warning.iter().map(|warning| format!("warning  {warning}")));
        self.plugins.push(json!({ "name": name, "file": state, "message": message, "warning": warning }));
    }
}

/// What would keep a rollback from working.
fn warning(section: &PluginConfig) -> Option<String> {
    let previous = section.previous.as_ref()?;
    let why = file::verify(&previous.path, &digests(&previous.sha256), &section.name).err()?;
    let what = list::state(&why);
    Some(
        format!(
            "{}:{}: {} cannot be rolled back: {} is {what}",
            section.file.display(),
            previous.line,
            section.name,
            previous.path.display()
        )
        .replace("is differs", "differs"),
    )
}
