//! `cargo xtask package`: what a server is installed from, as a Debian package and as a tarball of the same files; or one
//! plugin as an archive. Owns the options and the order; which files these are is in `contents`.
//!
//! The same commit, built with the same compilers, gives the same bytes: times are the commit's, owners are root, and no
//! path of this machine is in a binary.

mod build;
mod contents;
mod deb;
mod depends;
mod notices;
mod plugin;
mod tarball;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::error::{Error, Result};
use crate::workspace::{Workspace, shown};
use build::Binaries;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Package this plugin alone, as an archive for `vestibule plugin add`
    #[arg(long, value_name = "NAME", conflicts_with_all = ["built", "out"])]
    plugin: Option<String>,
    /// Package the binaries of this folder, as cargo names them, instead of building; quick to make, and large
    #[arg(long, value_name = "FOLDER")]
    built: Option<PathBuf>,
    /// Where the packages go [default: `package` in the target folder]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

/// What a package is called and when it was made.
struct Release {
    version: String,
    /// As Debian calls it: `amd64`.
    architecture: &'static str,
    /// Seconds since 1970.
    time: u64,
    /// Nobody is going to fetch it over a network.
    is_local: bool,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    if let Some(plugin) = &options.plugin {
        return plugin::run(workspace, plugin);
    }
    let out = options.out.clone().unwrap_or_else(|| workspace.target.join("package"));
    std::fs::create_dir_all(&out).map_err(Error::file("make the folder", &out))?;
    let binaries = match &options.built {
        Some(folder) => Binaries::in_folder(workspace, folder)?,
        None => Binaries::build(workspace)?,
    };
    let release = Release {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        architecture: architecture()?,
        time: time(workspace)?,
        is_local: options.built.is_some(),
    };
    let files = contents::files(workspace, &binaries)?;
    let deb = deb::write(workspace, &release, &files, &binaries, &out)?;
    let tarball = tarball::write(&release, &files, &out)?;
    for path in [deb, tarball] {
        let bytes = std::fs::metadata(&path).map_err(Error::file("read", &path))?.len();
        println!("{}  {:.1} MB", workspace.shown(&path), bytes as f64 / 1e6);
    }
    Ok(())
}

/// Debian's name of the machine that the binaries are for, which is this one.
fn architecture() -> Result<&'static str> {
    match std::env::consts::ARCH {
        "x86_64" => Ok("amd64"),
        "aarch64" => Ok("arm64"),
        "riscv64" => Ok("riscv64"),
        other => Err(Error::Configuration {
            place: "this machine".to_owned(),
            problem: format!("plugins are for x86_64, aarch64 and riscv64, and this is {other}"),
        }),
    }
}

/// The time that stands in the packages: the commit's, or what `SOURCE_DATE_EPOCH` says, as in every tool that knows it
/// (<https://reproducible-builds.org/specs/source-date-epoch/>).
fn time(workspace: &Workspace) -> Result<u64> {
    let said = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(said) => said,
        Err(_) => {
            let mut git = Command::new("git");
            git.current_dir(&workspace.root).args(["log", "-1", "--format=%ct"]);
            answer(&mut git)?
        }
    };
    said.trim().parse().map_err(|_| Error::Configuration {
        place: "SOURCE_DATE_EPOCH".to_owned(),
        problem: format!("`{}` is no number of seconds; leave it unset to take the commit's", said.trim()),
    })
}

/// What a program prints; it has to end well.
fn answer(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.map_err(not_started(command))?;
    if !output.status.success() {
        return Err(Error::Command { command: shown(command), status: output.status });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a program that says only what is wrong.
fn done(command: &mut Command) -> Result<()> {
    answer(command.stdout(Stdio::null())).map(|_| ())
}

fn not_started(command: &Command) -> impl FnOnce(std::io::Error) -> Error + use<> {
    let program = command.get_program().to_string_lossy().into_owned();
    let cure = if program == "dpkg-deb" { "apt-get install dpkg" } else { "is it in PATH?" };
    move |source| Error::Start { program, cure: cure.to_owned(), source }
}
