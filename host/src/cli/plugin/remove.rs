//! `vestibule plugin remove`: takes out a section that nobody uses, and its files if that is wanted.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::target::Target;
use super::{Answer, Failure, add, digests, edit, section};
use crate::config::{Pin, PluginConfig, plugin_sections};
use crate::exit::ExitCode;
use crate::name::PluginName;
use crate::plugin::file;

pub(super) fn remove(name: &PluginName, delete_file: bool, config: &Path) -> Result<Answer, Failure> {
    let target = Target::open(config)?;
    let before = plugin_sections(&target.text, config)?;
    let uses: Vec<_> = before.uses.iter().filter(|found| found.plugin == name.as_str()).collect();
    if !uses.is_empty() {
        let line = |found: &&crate::config::Use| {
            format!(
                "{}:{}: `[provider.{}]` uses the plugin `{name}`; remove that provider, or give it another plugin, first",
                config.display(),
                found.line,
                crate::config::quoted(&found.provider).trim_matches('`')
            )
        };
        return Err(Failure { code: ExitCode::Configuration, lines: uses.iter().map(line).collect() });
    }
    let now = match before.plugins.get(name) {
        Some(Err(_)) => None,
        _ => Some(section(&before, name, config)?),
    };
    let text = edit::remove(&target.text, name).unwrap_or_default();
    add::checked(&text, config, &before, name, None)?;
    target.replace(&text)?;
    let mut lines = vec![format!("removed {name} from {}", config.display())];
    let mut deleted = Vec::new();
    for (path, pins) in now.map(files).unwrap_or_default() {
        if fs::symlink_metadata(&path).is_err() {
            continue;
        }
        if !delete_file {
            lines.push(format!("kept: {}", path.display()));
        } else if let Err(why) = delete(&path, &pins, name) {
            lines.push(format!("kept: {}: {why}", path.display()));
        } else {
            lines.push(format!("deleted: {}", path.display()));
            deleted.push(path);
        }
    }
    lines.push("next: `vestibule reload`".to_owned());
    let json =
        json!({ "did": "removed", "name": name, "config": config, "deleted": deleted, "next": "reload" });
    Ok(Answer { lines, json, code: ExitCode::Fine })
}

/// The library and the one kept for a rollback, with their pins.
fn files(section: &PluginConfig) -> Vec<(PathBuf, Vec<Pin>)> {
    let mut files = vec![(section.path.clone(), section.sha256.clone())];
    if let Some(previous) = section.previous.clone().filter(|previous| previous.path != section.path) {
        files.push((previous.path, previous.sha256));
    }
    files
}

/// Deletes what is still the pinned file, and nothing else that may have taken its place.
fn delete(path: &Path, pins: &[Pin], name: &PluginName) -> Result<(), String> {
    if pins.is_empty() {
        return Err("without a pin it may be any file; delete it yourself".to_owned());
    }
    file::verify(path, &digests(pins), name).map_err(|why| why.to_string())?;
    fs::remove_file(path).map_err(|error| error.to_string())
}
