//! `vestibule plugin rollback`: exchanges a plugin's library and pin with those that were there before.

use std::path::Path;

use data_encoding::HEXLOWER;
use serde_json::json;

use super::target::Target;
use super::{Answer, Failure, add, digests, edit, examined, next, section};
use crate::config::plugin_sections;
use crate::exit::ExitCode;
use crate::name::PluginName;
use crate::plugin::file;

pub(super) fn rollback(name: &PluginName, config: &Path) -> Result<Answer, Failure> {
    let target = Target::open(config)?;
    let before = plugin_sections(&target.text, config)?;
    let now = section(&before, name, config)?;
    let Some(previous) = &now.previous else {
        return Err(Failure::other(format!(
            "{}:{}: `[plugin.{name}]` has no `previous`, so there is nothing to roll back to; `vestibule plugin add` keeps \
             the library that it replaces",
            config.display(),
            now.path_line
        )));
    };
    let back = file::verify(&previous.path, &digests(&previous.sha256), name).map_err(|why| {
        let (line, path) = (previous.line, previous.path.display());
        Failure::plugin(format!("{}:{line}: {path} {why}; nothing was changed", config.display()))
    })?;
    let there = examined(now);
    // A library without a pin is kept by the one that it has now.
    let pin = there.as_ref().ok().map(|there| HEXLOWER.encode(&there.sha256));
    let text = edit::swap(&target.text, name, pin.as_deref()).unwrap_or_default();
    let after = add::checked(&text, config, &before, name, Some((&previous.path, &previous.sha256)))?;
    target.replace(&text)?;
    let from = there.map_or("what was there".to_owned(), |there| there.descriptor.version);
    let (to, line) = (&back.descriptor.version, now.path_line);
    let forward = match after.plugins.get(name) {
        Some(Ok(section)) if section.previous.is_some() => {
            format!("kept: {name} {from}; the same command goes forward again")
        }
        _ => format!("not kept: {}", now.path.display()),
    };
    Ok(Answer {
        lines: vec![
            format!(
                "rolled {name} back from {from} to {to} in {}:{line}, pinned by SHA-256",
                config.display()
            ),
            forward,
            format!("library: {}", previous.path.display()),
            next(&after, name),
        ],
        json: json!({
            "did": "rolled back", "name": name, "version": to, "from": from, "config": config, "line": line,
            "path": previous.path, "sha256": HEXLOWER.encode(&back.sha256), "next": "reload",
        }),
        code: ExitCode::Fine,
    })
}
