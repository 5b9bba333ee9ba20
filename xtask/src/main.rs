//! `cargo xtask`: the project's own commands. This file owns the arguments and the exit code, and is the only way out;
//! what a command does is in the file of its name.

#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "telling the person at the terminal is what this program does"
)]

mod bench;
mod debian_root;
mod demo;
mod error;
mod faults;
mod freeze;
mod package;
mod postgres;
mod program;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

/// The project's own commands
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
enum Command {
    /// Sign in through a loaded plugin, on this machine alone: builds, starts the server and lookalikes of the providers
    Demo(demo::Options),
    /// Make the small Debian in which tests install the package; once, as root, with debootstrap
    DebianRoot,
    /// Keep this epoch's plugin `github` for later test runs to load; once in an epoch, see docs/abi.md
    Freeze,
    /// Build what a server is installed from, a Debian package and a tarball; or one plugin's archive
    Package(package::Options),
    /// Run every test; the last line counts them
    Test(test::Options),
    /// Measure sign-ins, session checks, starts and calls into a plugin, beside a bare relying party
    Bench(bench::Options),
    /// Attack a host, over and over, and count what came of it
    Faults(faults::Options),
    /// Start PostgreSQL and PgBouncer for tests that you run yourself, and say what to export
    Postgres,
}

fn main() -> ExitCode {
    let command = Command::parse();
    let done = workspace::Workspace::find().and_then(|workspace| match command {
        Command::Demo(options) => demo::run(&workspace, &options).map(|()| ExitCode::SUCCESS),
        Command::DebianRoot => debian_root::run(&workspace).map(|()| ExitCode::SUCCESS),
        Command::Freeze => freeze::run(&workspace).map(|()| ExitCode::SUCCESS),
        Command::Package(options) => package::run(&workspace, &options).map(|()| ExitCode::SUCCESS),
        Command::Test(options) => test::run(&workspace, &options),
        Command::Faults(options) => faults::run(&workspace, &options),
        Command::Bench(options) => bench::run(&workspace, &options),
        Command::Postgres => postgres::run(),
    });
    done.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}
