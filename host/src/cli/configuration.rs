//! What verbs have in common: which configuration, in which form they answer, and saying what is wrong before there is a log.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::config::{Config, Fault, Loaded, ProcessEnvironment};
use crate::exit::ExitCode;

/// The options of a verb that reads a configuration and answers.
#[derive(Debug, Args)]
pub(super) struct Common {
    /// The configuration file. Relative paths in it start from its folder.
    #[arg(long, short, value_name = "FILE", default_value = "config.toml")]
    pub(super) config: PathBuf,
    /// Answer in JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// Reads the file; says every fault of one that cannot be used. `undone` is what did not happen then.
pub(super) fn load(path: &Path, undone: &str) -> Result<Loaded, ExitCode> {
    Config::load(path, &ProcessEnvironment).map_err(|faults| {
        say(&faults);
        let errors = faults.iter().filter(|fault| fault.is_error()).count();
        tell(&format!("{undone}: {errors} {} in the configuration", plural(errors, "error", "errors")));
        ExitCode::Configuration
    })
}

/// One line for each fault.
pub(super) fn say(faults: &[Fault]) {
    for fault in faults {
        tell(&format!("{}: {fault}", if fault.is_error() { "error" } else { "warning" }));
    }
}

/// A line to standard error.
#[expect(clippy::print_stderr, reason = "before there is a configuration there is no log")]
pub(super) fn tell(line: &str) {
    eprintln!("{line}");
}

/// A line to standard output.
#[expect(clippy::print_stdout, reason = "what a verb found or did is its answer")]
pub(super) fn print(line: &str) {
    println!("{line}");
}

/// `1 error`, `2 errors`.
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", plural(count, one, many))
}

pub(super) fn plural<'t>(count: usize, one: &'t str, many: &'t str) -> &'t str {
    if count == 1 { one } else { many }
}
