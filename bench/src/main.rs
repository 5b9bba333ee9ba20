//! `vestibule-bench`: measures the built server beside a bare relying party and prints one table. Owns the arguments and
//! the order of the rows; `cargo xtask bench` builds everything and starts this.
//!
//! Figures are printed and never judged: what fails is a run in which something did not work. This process, which makes
//! the load and plays the provider, keeps to one core; what is measured has another.

#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "telling the person at the terminal is its purpose"
)]

mod cores;
mod error;
mod facts;
mod http_client;
mod installation;
mod pairs;
mod postgres;
mod process;
mod provider;
mod rows;
mod table;
mod visitor;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

use cores::Cores;
use error::{Error, Result};
use table::Table;

/// What to measure, and with what
#[derive(Parser)]
#[command(name = "vestibule-bench")]
struct Arguments {
    /// The server
    #[arg(long)]
    server: PathBuf,
    /// The relying party that it is compared with
    #[arg(long)]
    bare: PathBuf,
    /// The library of the plugin `github`
    #[arg(long)]
    github: PathBuf,
    /// The library of the plugin `oidc`
    #[arg(long)]
    oidc: PathBuf,
    /// The library of the tests' plugin `misbehaving`, which sends one request on demand
    #[arg(long)]
    misbehaving: PathBuf,
    /// Where databases and logs go: on the disk that is to be measured
    #[arg(long)]
    folder: PathBuf,
    /// How what is measured was built, for the heading
    #[arg(long)]
    profile: String,
    /// Fewer and shorter rounds: to see whether everything works
    #[arg(long)]
    quick: bool,
    /// Only rows whose name contains this
    filter: Option<String>,
}

impl Arguments {
    /// The library of a provider's plugin.
    fn plugin(&self, name: &str) -> Result<&Path> {
        match name {
            "github" => Ok(&self.github),
            "oidc" => Ok(&self.oidc),
            _ => Err(Error::new(format!("there is no library for `{name}`"))),
        }
    }
}

/// What every row needs.
struct Bench {
    arguments: Arguments,
    cores: Cores,
    /// The folder, absolute.
    folder: PathBuf,
}

impl Bench {
    /// How many pairs are measured.
    fn pairs(&self) -> usize {
        if self.arguments.quick { 2 } else { 7 }
    }

    /// The whole of a count, or a tenth of it.
    fn scaled(&self, count: usize) -> usize {
        if self.arguments.quick { count.div_ceil(10) } else { count }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<()> {
    let cores = Cores::find()?;
    std::fs::create_dir_all(&arguments.folder).map_err(error::at("make", &arguments.folder))?;
    let folder = arguments.folder.canonicalize().map_err(error::at("find", &arguments.folder))?;
    let bench = Bench { arguments, cores, folder };
    println!("{}", facts::describe(&bench));

    // One core, and so one thread: load and provider.
    bench.cores.keep_to_load()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(error::doing("start the runtime"))?;
    let mut table = Table::default();
    let measured = runtime.block_on(rows::measure(&bench, &mut table));
    // What was measured before a failure is worth seeing.
    println!("\n{table}");
    measured
}
