//! `cargo xtask faults`: attacks, again and again, and a table of what came of them. Knows how often and what to build; the
//! attacks are tests of the host, which report what they have seen.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use crate::error::{Error, Result};
use crate::workspace::{Workspace, cargo, shown};

#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// A plugin that means harm, in every way and from every place
    Plugins(Plugins),
}

#[derive(clap::Args)]
struct Plugins {
    /// How often to try what ends a worker at once
    #[arg(long, default_value_t = 100)]
    crashes: u32,
    /// How often to try what hangs: each costs a second
    #[arg(long, default_value_t = 10)]
    hangs: u32,
    /// Only tests whose name has this in it
    filter: Option<String>,
}

/// What a test reports of one deed at one place.
#[derive(Debug, serde::Deserialize)]
struct Row {
    deed: String,
    place: String,
    runs: u32,
    others_failed: u32,
    back: Option<u32>,
    outcome: String,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let What::Plugins(options) = &options.what;
    // The plugins are no dependency of the tests.
    workspace.build(["-p", "vestibule-plugin-hostile", "-p", "vestibule-plugin-misbehaving"])?;
    let folder = workspace.target.join("faults");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).map_err(Error::file("make the folder", &folder))?;
    let mut command: Command = cargo();
    command.current_dir(&workspace.root).args(["nextest", "run", "-p", "vestibule", "--no-fail-fast"]);
    // A hundred runs take longer than a test may elsewhere.
    let profile = folder.join("nextest.toml");
    let slow = "[profile.faults]\nslow-timeout = { period = \"600s\", terminate-after = 6 }\n";
    std::fs::write(&profile, slow).map_err(Error::file("write", &profile))?;
    command
        .arg("--tool-config-file")
        .arg(format!("xtask:{}", profile.display()))
        .args(["--profile", "faults"]);
    let filter = options.filter.as_deref().unwrap_or_default();
    command.arg("-E").arg(format!("test(plugin::hostile::) & test({filter})"));
    command.env("VESTIBULE_HOSTILE_CRASHES", options.crashes.to_string());
    command.env("VESTIBULE_HOSTILE_HANGS", options.hangs.to_string());
    command.env("VESTIBULE_HOSTILE_REPORT", &folder);
    let status = command.stdin(Stdio::null()).status().map_err(|source| Error::Start {
        program: shown(&command),
        cure: "cargo install cargo-nextest --locked".to_owned(),
        source,
    })?;
    print(&rows(&folder)?);
    println!("{}", if status.success() { "the host was alive after each" } else { "failed: see above" });
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn rows(folder: &Path) -> Result<BTreeMap<(String, String), Row>> {
    let mut rows = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(Error::file("read", folder))?.flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        let text = std::fs::read_to_string(&path).map_err(Error::file("read", &path))?;
        // A line that is cut short is one of a test that failed, which is said elsewhere.
        for row in text.lines().filter_map(|line| serde_json::from_str::<Row>(line).ok()) {
            rows.insert((row.deed.clone(), row.place.clone()), row);
        }
    }
    Ok(rows)
}

fn print(rows: &BTreeMap<(String, String), Row>) {
    println!(
        "{:<30} {:<12} {:>5} {:>5} {:>7} {:>5}  outcome",
        "deed", "place", "runs", "alive", "others'", "back"
    );
    println!("{:<30} {:<12} {:>5} {:>5} {:>7} {:>5}", "", "", "", "", "errors", "");
    let (mut runs, mut others) = (0, 0);
    for row in rows.values() {
        let back = row.back.map_or_else(|| "-".to_owned(), |back| back.to_string());
        let outcome: String = row.outcome.chars().take(100).collect();
        // A row is written after the last run, by the process that was attacked.
        println!(
            "{:<30} {:<12} {:>5} {:>5} {:>7} {back:>5}  {outcome}",
            row.deed, row.place, row.runs, row.runs, row.others_failed
        );
        runs += row.runs;
        others += row.others_failed;
    }
    println!("{} deeds at their places, {runs} runs, {others} errors of others", rows.len());
}
