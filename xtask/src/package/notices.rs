//! The licences of what is built into the binaries: their texts have to come with them. Read from cargo's metadata and from
//! the packages' own folders.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::error::{Error, Result};
use crate::workspace::{Workspace, answer_of, cargo};

/// How a file's name begins that says under which conditions a package may be passed on.
const NAMES: [&str; 6] = ["licen", "copying", "copyright", "notice", "unlicense", "authors"];

/// Every package of others, by name and version, then their texts, each once.
pub(super) fn text(workspace: &Workspace) -> Result<String> {
    let mut command = cargo();
    command.current_dir(&workspace.root).args(["metadata", "--locked", "--format-version", "1"]);
    command.args(["--filter-platform", &format!("{}-unknown-linux-gnu", std::env::consts::ARCH)]);
    let metadata = answer_of(&mut command)?;
    let ours: Vec<_> = std::iter::once("vestibule".to_owned())
        .chain(workspace.plugins()?.into_iter().map(|plugin| plugin.package))
        .collect();
    let (mut list, mut texts) = (String::new(), BTreeMap::<String, Vec<String>>::new());
    for package in built_in(&metadata, &ours) {
        let field = |key: &str| package[key].as_str().unwrap_or_default();
        let name = format!("{} {}", field("name"), field("version"));
        let licence = package["license"].as_str().unwrap_or("see its text");
        let _ = writeln!(list, "{name}: {licence}");
        let folder = Path::new(field("manifest_path")).parent().unwrap_or(Path::new(""));
        for text in texts_in(folder)? {
            texts.entry(text).or_default().push(name.clone());
        }
    }
    let mut pages: Vec<_> = texts.into_iter().map(|(text, of)| (of.join(", "), text)).collect();
    pages.sort();
    let mut notices = format!(
        "Packages of others that are built into Vestibule and its plugins, from https://crates.io, where their\n\
         sources are. Their licences' texts follow.\n\n{list}"
    );
    for (of, text) in pages {
        let _ = write!(notices, "\n{}\n{of}\n\n{}\n", "-".repeat(80), text.trim_end());
    }
    Ok(notices)
}

/// The packages of others that these are linked with, by name and version.
fn built_in<'m>(metadata: &'m Value, ours: &[String]) -> Vec<&'m Value> {
    let list = |value: &'m Value| value.as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |value: &'m Value| value.as_str().unwrap_or_default();
    let packages: BTreeMap<_, _> = list(&metadata["packages"]).iter().map(|p| (text(&p["id"]), p)).collect();
    let nodes: BTreeMap<_, _> =
        list(&metadata["resolve"]["nodes"]).iter().map(|node| (text(&node["id"]), node)).collect();
    let is_ours = |package: &Value| ours.iter().any(|name| package["name"] == name.as_str());
    let mut waiting: Vec<_> = packages
        .iter()
        .filter(|(_, package)| package["source"].is_null() && is_ours(package))
        .map(|(id, _)| *id)
        .collect();
    let mut seen = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        if !seen.insert(id) {
            continue;
        }
        let dependencies = nodes.get(id).map(|node| list(&node["deps"])).unwrap_or_default();
        // What only builds or tests is not in the result.
        let linked =
            dependencies.iter().filter(|d| list(&d["dep_kinds"]).iter().any(|k| k["kind"].is_null()));
        waiting.extend(linked.map(|dependency| text(&dependency["pkg"])));
    }
    let mut found: Vec<_> = seen.iter().filter_map(|id| packages.get(id).copied()).collect();
    found.retain(|package| !package["source"].is_null());
    found.sort_by_key(|package| (text(&package["name"]), text(&package["version"])));
    found
}

/// The texts in a package's own folder.
fn texts_in(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::file("read the folder", folder))? {
        let path = entry.map_err(Error::file("read the folder", folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        if path.is_file() && NAMES.iter().any(|prefix| name.starts_with(prefix)) {
            names.push(path);
        }
    }
    names.sort();
    let read = |path: &std::path::PathBuf| {
        let bytes = std::fs::read(path).map_err(Error::file("read", path))?;
        Ok(String::from_utf8_lossy(&bytes).replace("\r\n", "\n"))
    };
    names.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_only_builds_or_tests_is_not_built_in() {
        let package = |id: &str, source| json!({"id": id, "name": id, "version": "1.0.0", "source": source});
        let needs = |id: &str, kind: Value| json!({"pkg": id, "dep_kinds": [{"kind": kind}]});
        let crates = Value::from("registry");
        let metadata = json!({
            "packages": [
                package("vestibule", Value::Null), package("abi", Value::Null), package("xtask", Value::Null),
                package("linked", crates.clone()), package("deep", crates.clone()),
                package("build", crates.clone()), package("test", crates.clone()), package("other", crates),
            ],
            "resolve": {"nodes": [
                {"id": "vestibule", "deps": [
                    needs("abi", Value::Null), needs("build", "build".into()), needs("test", "dev".into()),
                ]},
                {"id": "abi", "deps": [needs("linked", Value::Null)]},
                {"id": "linked", "deps": [needs("deep", Value::Null)]},
                {"id": "xtask", "deps": [needs("other", Value::Null)]},
            ]},
        });
        let found = built_in(&metadata, &["vestibule".to_owned()]);
        let names: Vec<_> = found.iter().map(|package| package["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["deep", "linked"]);
    }
}
