//! `vestibule plugin info`: what a library and its manifest say. What only the running plugin knows (its settings, the hosts
//! it wants) is not here: it is asked in a worker, never in this process.

use std::path::Path;

use data_encoding::HEXLOWER;
use serde_json::{Map, Value, json};

use super::{Answer, Failure, add, examined, fault, section, sections};
use crate::exit::ExitCode;
use crate::name::PluginName;
use crate::plugin::file::Examined;

/// Pairs in their order, for people and for programs.
#[derive(Default)]
struct Facts(Vec<(&'static str, String, Value)>);

impl Facts {
    fn say(&mut self, key: &'static str, text: impl Into<String>, json: impl Into<Value>) {
        self.0.push((key, text.into(), json.into()));
    }

    fn text(&mut self, key: &'static str, text: impl Into<String>) {
        let text = text.into();
        self.say(key, text.clone(), text);
    }

    fn library(&mut self, library: &Examined) {
        let section = &library.descriptor;
        self.text("name", &section.name);
        self.text("version", &section.version);
        self.say("abi_epoch", section.epoch.to_string(), section.epoch);
        self.text("sha256", HEXLOWER.encode(&library.sha256));
        self.say("bytes", library.bytes.len().to_string(), library.bytes.len());
    }

    fn answer(self) -> Answer {
        let width = self.0.iter().map(|(key, ..)| key.len()).max().unwrap_or(0);
        let lines =
            self.0.iter().map(|(key, text, _)| format!("{:width$}  {text}", key.replace('_', " "))).collect();
        let json: Map<String, Value> =
            self.0.into_iter().map(|(key, _, json)| (key.to_owned(), json)).collect();
        Answer { lines, json: json.into(), code: ExitCode::Fine }
    }
}

pub(super) fn info(what: &Path, config: &Path) -> Result<Answer, Failure> {
    match what.to_str().and_then(|text| text.parse::<PluginName>().ok()) {
        Some(name) => configured(&name, config),
        None => of_file(what),
    }
}

fn of_file(path: &Path) -> Result<Answer, Failure> {
    let parcel = add::open(path)?;
    let mut facts = Facts::default();
    facts.library(&parcel.library);
    let Some(manifest) = parcel.manifest else { return Ok(facts.answer()) };
    facts.text("library", &manifest.library);
    facts.say("requires", manifest.requires.join(", "), manifest.requires);
    for (key, text) in [("licence", manifest.licence), ("glibc", manifest.glibc), ("target", manifest.target)]
    {
        if let Some(text) = text {
            facts.text(key, crate::plugin::error::one_line(&text));
        }
    }
    if let Some(schema) = manifest.settings_schema {
        let schema: Value = serde_json::from_str(&schema).map_err(|error| {
            Failure::plugin(format!(
                "{}: `manifest.toml`: `settings_schema` is not JSON: {error}",
                path.display()
            ))
        })?;
        let keys = schema["properties"].as_object().into_iter().flatten().map(|(key, _)| key.clone());
        facts.say("settings", keys.collect::<Vec<_>>().join(", "), schema);
    }
    Ok(facts.answer())
}

fn configured(name: &PluginName, config: &Path) -> Result<Answer, Failure> {
    let sections = sections(config)?;
    let section = match section(&sections, name, config) {
        Err(failure) if !sections.plugins.contains_key(name) => {
            let hint = format!("; for a file of that name write `./{name}`");
            return Err(Failure {
                lines: failure.lines.iter().map(|line| line.clone() + &hint).collect(),
                ..failure
            });
        }
        found => found?,
    };
    let library = examined(section).map_err(|why| Failure::plugin(fault(section, &why)))?;
    let mut facts = Facts::default();
    facts.library(&library);
    facts.text("path", section.path.display().to_string());
    let place = format!("{}:{}", config.display(), section.pin_line);
    let pinned = !section.sha256.is_empty();
    facts.say("pinned", if pinned { place } else { "no".to_owned() }, pinned);
    if let Some(previous) = &section.previous {
        facts.text("previous", previous.path.display().to_string());
    }
    let uses = sections.uses.iter().filter(|found| found.plugin == name.as_str());
    let (texts, values): (Vec<_>, Vec<_>) = uses
        .map(|found| {
            let text = format!("{} ({}:{})", found.provider, config.display(), found.line);
            (text, json!({ "name": found.provider, "line": found.line }))
        })
        .unzip();
    facts.say("providers", if texts.is_empty() { "-".to_owned() } else { texts.join(", ") }, values);
    Ok(facts.answer())
}
