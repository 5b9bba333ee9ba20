//! Every constant of the crate, as its source spells it: names, numbers and limits that both sides were built with.

use std::path::{Path, PathBuf};

use crate::frozen::is_frozen;

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> =
        entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect();
    found.sort();
    found
}

/// `code::DENIED: u32 = 1`, a line each, below the name of its file.
fn constants(source: &str) -> String {
    let (mut module, mut found) = (String::new(), String::new());
    for line in source.lines() {
        if let Some(name) = line.strip_prefix("pub mod ").and_then(|rest| rest.strip_suffix(" {")) {
            module = format!("{name}::");
        } else if line == "}" {
            module.clear();
        }
        let constant = line.trim_start();
        if let Some(rest) = constant.strip_prefix("pub const ").or_else(|| constant.strip_prefix("const "))
            && let Some(rest) = rest.strip_suffix(';')
        {
            found += &format!("  {module}{rest}\n");
        }
    }
    found
}

#[test]
fn every_name_number_and_limit_is_of_the_epoch() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut now = String::new();
    for path in sources(&root) {
        let found = constants(&std::fs::read_to_string(&path).unwrap());
        if !found.is_empty() {
            now += &format!("{}\n{found}", path.strip_prefix(&root).unwrap().display());
        }
    }
    assert!(now.contains("  code::DENIED: u32 = 1\n") && now.contains("  EPOCH: u32 = 1\n"), "{now}");
    is_frozen("names.txt", &now);
}
