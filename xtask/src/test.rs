//! `cargo xtask test`: builds, runs every test, and counts from the runners' own reports. Owns the order and the summary;
//! what the machine must have is in `requirements`, reading the reports in `report`.
//!
//! A test never skips itself. What cannot run here is left out by this command, counted as skipped and explained; with
//! `--require-all` it is a failure before anything runs.

mod report;
mod requirements;

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use crate::error::{Error, Result};
use crate::postgres::{self, Servers};
use crate::program::Interrupt;
use crate::workspace::{Workspace, answer_of, cargo, shown};
use report::{Counts, Listing};
use requirements::Requirement;

/// nextest's profile for these runs: `default` of `.config/nextest.toml`, and the filter.
const PROFILE: &str = "xtask";

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Fail if anything is left out, whether for a missing program or by `#[ignore]`
    #[arg(long)]
    require_all: bool,
    /// Which tests, as cargo-nextest takes it: part of a name, `-p PACKAGE`, `-E EXPRESSION`; leaves out doctests
    #[arg(last = true)]
    selection: Vec<String>,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let (mut found, missing) = requirements::look(&|place| requirements::on_this_machine(place, workspace));
    if options.require_all && !missing.is_empty() {
        return Err(Error::Requirements {
            names: requirements::reason(&missing),
            cures: requirements::cures(&missing),
        });
    }
    // The plugins that tests load are no dependency of any test, so nothing else would build them. All targets, since the
    // dependencies then get the features that the tests' own build gives them, and are compiled once.
    workspace.build(["--workspace", "--all-targets"])?;

    let servers = start_servers(&mut found)?;
    let nextest = Nextest {
        workspace,
        environment: environment(found, servers.as_ref()),
        selection: &options.selection,
        tool_config: write_profile(workspace, &missing)?,
    };
    let listing = Listing::of(&answer_of(&mut nextest.command(&[
        "list",
        "--run-ignored",
        "all",
        "--message-format",
        "json",
    ]))?)?;
    let (mut counts, mut clean) = nextest.run()?;
    if options.selection.is_empty() {
        let (doctests, passed) = run_doctests(workspace)?;
        counts += doctests;
        clean &= passed;
    }
    counts.skipped += listing.left_out.len() + listing.ignored.len();
    summarise(&counts, &listing, &missing, options.selection.is_empty());

    let complete = !options.require_all || counts.skipped == 0;
    if !complete {
        println!("failed: `--require-all` was given, and not everything ran");
    }
    println!("{counts}");
    let green = clean && complete && counts.failed == 0 && counts.passed > 0;
    Ok(if green { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Starts the servers whose programs were found, and takes these out of what was found.
fn start_servers(found: &mut Vec<(&'static str, OsString)>) -> Result<Option<Servers>> {
    let mut take = |variable: &str| {
        let at = found.iter().position(|(name, _)| *name == variable)?;
        Some(PathBuf::from(found.remove(at).1))
    };
    let (server, pooler) = (take(postgres::POSTGRES), take(postgres::PGBOUNCER));
    // Ctrl-C ends this process, and the servers with it.
    let (_open, unwatched) = Interrupt::unwatched();
    server
        .map(|server| Servers::start(Path::new(&server), pooler.as_deref().map(Path::new), &unwatched))
        .transpose()
}

/// What the tests find in their environment: the paths of programs, the addresses of servers.
fn environment(
    found: Vec<(&'static str, OsString)>,
    servers: Option<&Servers>,
) -> Vec<(&'static str, OsString)> {
    let servers = servers.map(Servers::variables).unwrap_or_default();
    found.into_iter().chain(servers.iter().map(|(name, url)| (*name, OsString::from(url)))).collect()
}

struct Nextest<'a> {
    workspace: &'a Workspace,
    /// What the tests find there.
    environment: Vec<(&'static str, OsString)>,
    selection: &'a [String],
    tool_config: PathBuf,
}

impl Nextest<'_> {
    fn command(&self, verb: &[&str]) -> Command {
        let mut command = cargo();
        command.current_dir(&self.workspace.root).arg("nextest").args(verb);
        command.args(["--workspace", "--profile", PROFILE]);
        command.arg("--tool-config-file").arg(format!("xtask:{}", self.tool_config.display()));
        command.args(self.selection).envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The counts, and whether the runner itself was content.
    fn run(&self) -> Result<(Counts, bool)> {
        let report = self.workspace.target.join("nextest").join(PROFILE).join("junit.xml");
        // A run that ends before its report must not be counted by the report of the one before.
        let _ = std::fs::remove_file(&report);
        let mut command = self.command(&["run", "--no-fail-fast"]);
        let started = command.stdin(Stdio::null()).status();
        let status = started.map_err(|source| Error::Start {
            program: shown(&command),
            cure: "cargo install cargo-nextest --locked".to_owned(),
            source,
        })?;
        if !report.exists() {
            return Err(Error::Command { command: shown(&command), status });
        }
        let text = std::fs::read_to_string(&report).map_err(Error::file("read", &report))?;
        Ok((Counts::of_junit(&text)?, status.success()))
    }
}

/// Writes the profile whose default filter leaves out what needs the missing. A default filter narrows whatever the person
/// selects, while a second `-E` would widen it; and a profile of its own, since a tool's words for `default` are not heard.
fn write_profile(workspace: &Workspace, missing: &[&Requirement]) -> Result<PathBuf> {
    let folder = workspace.target.join("xtask");
    std::fs::create_dir_all(&folder).map_err(Error::file("make the folder", &folder))?;
    let path = folder.join("nextest.toml");
    let text = format!("[profile.{PROFILE}]\ndefault-filter = '{}'\n", requirements::filter(missing));
    std::fs::write(&path, text).map_err(Error::file("write", &path))?;
    Ok(path)
}

/// Documentation's examples, which nextest does not run. Their only report is what libtest prints.
fn run_doctests(workspace: &Workspace) -> Result<(Counts, bool)> {
    let mut command = cargo();
    command.current_dir(&workspace.root).args(["test", "--doc", "--workspace", "--no-fail-fast"]);
    let started = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let start_error =
        |source| Error::Start { program: "cargo".to_owned(), cure: "is it in PATH?".to_owned(), source };
    let mut child = started.map_err(start_error)?;
    let mut counts = Counts::default();
    for line in child.stdout.take().into_iter().flat_map(|stream| BufReader::new(stream).lines()) {
        let line = line.map_err(Error::file("read", Path::new("the doctests' output")))?;
        println!("{line}");
        if let Some(found) = Counts::of_libtest(&line) {
            counts += found;
        }
    }
    let status = child.wait().map_err(start_error)?;
    Ok((counts, status.success()))
}

fn summarise(counts: &Counts, listing: &Listing, missing: &[&Requirement], everything: bool) {
    println!();
    for requirement in missing {
        println!("not here: `{}` ({})", requirement.name, requirements::cures(&[requirement]));
    }
    for name in &listing.left_out {
        println!("skipped: {name}: needs {}", requirements::reason(missing));
    }
    for name in &listing.ignored {
        println!("skipped: {name}: marked `#[ignore]`");
    }
    if counts.ignored_doctests > 0 {
        println!("skipped: {} examples in documentation marked `ignore`", counts.ignored_doctests);
    }
    if !everything {
        println!("a selection: the rest and the doctests did not run and are not counted");
    }
    if counts.passed + counts.failed == 0 {
        println!("failed: no test ran");
    }
}
