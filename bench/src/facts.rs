//! What a figure is worth: the machine, the disk, the build and the commit. What cannot be had is said to be unknown.

use std::path::Path;
use std::process::Command;

use crate::Bench;

/// One fact a line.
pub(crate) fn describe(bench: &Bench) -> String {
    let facts = [
        ("processor", format!("{}, {} cores", processor(), cores())),
        ("kernel", read("/proc/sys/kernel/osrelease")),
        ("file system", file_system(&bench.folder)),
        ("load before", read("/proc/loadavg")),
        ("PostgreSQL", crate::postgres::version().unwrap_or_else(|| "not here".to_owned())),
        ("build", bench.arguments.profile.clone()),
        ("commit", commit()),
    ];
    facts.iter().map(|(name, value)| format!("{name:12} {value}")).collect::<Vec<_>>().join("\n")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}

fn processor() -> String {
    let text = read("/proc/cpuinfo");
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or_else(|| "unknown".to_owned(), |(_, name)| name.to_owned())
}

fn cores() -> String {
    std::thread::available_parallelism().map_or_else(|_| "?".to_owned(), |cores| cores.to_string())
}

/// The type and the options of the mount that the folder is on: the longest that leads to it.
fn file_system(folder: &Path) -> String {
    let mounts = read("/proc/self/mounts");
    let mounts = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((fields.next()?, fields.next()?, fields.next()?))
    });
    let longest = mounts.filter(|(at, ..)| folder.starts_with(at)).max_by_key(|(at, ..)| at.len());
    longest.map_or_else(|| "unknown".to_owned(), |(_, kind, options)| format!("{kind} ({options})"))
}

fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output =
            Command::new("git").args(arguments).output().ok().filter(|output| output.status.success());
        output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short=10", "HEAD"]) else { return "unknown".to_owned() };
    match git(&["status", "--porcelain"]) {
        Some(changes) if changes.is_empty() => commit,
        _ => format!("{commit}, with changes"),
    }
}
