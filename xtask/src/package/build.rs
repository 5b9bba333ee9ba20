//! The binaries of a package: built for it, or taken from a folder. Knows nothing of where they are installed.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::error::{Error, Result};
use crate::freeze;
use crate::workspace::{Plugin, Workspace, cargo, shown};

/// The program and the plugins, as files.
pub(super) struct Binaries {
    pub(super) program: PathBuf,
    /// In the order of their names.
    pub(super) plugins: Vec<PathBuf>,
}

impl Binaries {
    /// Builds the program with the profile `release` and the plugins with `plugin`. They have a folder of their own, since
    /// their flags differ from everybody else's.
    pub(super) fn build(workspace: &Workspace) -> Result<Self> {
        let plugins = workspace.plugins()?;
        let target = build(
            workspace,
            &["--release", "--config", "profile.release.strip=\"symbols\""],
            &["vestibule"],
        )?;
        let packages: Vec<_> = plugins.iter().map(|plugin| plugin.package.as_str()).collect();
        build(workspace, &["--profile", "plugin"], &packages)?;
        let built = Self::at(&target.join("release"), &target.join("plugin"), &plugins)?;
        built.all().try_for_each(|binary| anonymous(workspace, binary))?;
        Ok(built)
    }

    /// Builds one plugin in the same way.
    pub(super) fn plugin(workspace: &Workspace, plugin: &Plugin) -> Result<PathBuf> {
        let target = build(workspace, &["--profile", "plugin"], &[&plugin.package])?;
        let library = library(&target.join("plugin"), plugin);
        anonymous(workspace, &library)?;
        Ok(library)
    }

    /// What cargo left in a folder, `target/debug` for instance.
    pub(super) fn in_folder(workspace: &Workspace, folder: &Path) -> Result<Self> {
        Self::at(folder, folder, &workspace.plugins()?)
    }

    fn at(program: &Path, libraries: &Path, plugins: &[Plugin]) -> Result<Self> {
        let plugins = plugins.iter().map(|plugin| library(libraries, plugin)).collect();
        let found = Self { program: program.join("vestibule"), plugins };
        let missing = found.all().find(|path| !path.is_file()).map(|path| path.display().to_string());
        match missing {
            None => Ok(found),
            Some(place) => Err(Error::Configuration {
                place,
                problem: "it is not there; build it first, or leave out `--built`".to_owned(),
            }),
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(&self.program).chain(&self.plugins).map(PathBuf::as_path)
    }
}

fn library(folder: &Path, plugin: &Plugin) -> PathBuf {
    folder.join(format!("lib{}.so", plugin.package.replace('-', "_")))
}

/// Builds packages without a path of this machine in them, and says below which folder they are.
fn build(workspace: &Workspace, arguments: &[&str], packages: &[&str]) -> Result<PathBuf> {
    let target = workspace.target.join("package").join("build");
    let replaced = freeze::replaced(workspace)?;
    let flags = |option: &str| {
        let flags = replaced.iter().map(|(from, to)| format!("{option}={}={to}", from.display()));
        flags.collect::<Vec<_>>().join(" ")
    };
    let mut command = cargo();
    command.current_dir(&workspace.root).args(["build", "--locked"]).args(arguments);
    command.args(packages.iter().flat_map(|package| ["--package", package]));
    let as_typed = shown(&command);
    command.arg("--target-dir").arg(&target).stdin(Stdio::null());
    command.env("RUSTFLAGS", flags("--remap-path-prefix")).env_remove("CARGO_ENCODED_RUSTFLAGS");
    // The C libraries name their files in errors.
    command.env("CFLAGS", flags("-ffile-prefix-map")).env_remove("CARGO_BUILD_TARGET");
    let status = command.status().map_err(super::not_started(&command))?;
    if status.success() { Ok(target) } else { Err(Error::Command { command: as_typed, status }) }
}

/// Refuses a binary in which a path of this machine stands.
fn anonymous(workspace: &Workspace, binary: &Path) -> Result<()> {
    let bytes = std::fs::read(binary).map_err(Error::file("read", binary))?;
    match freeze::replaced(workspace)?.iter().find(|(path, _)| freeze::has(&bytes, path)) {
        None => Ok(()),
        Some((path, _)) => Err(Error::Configuration {
            place: binary.display().to_string(),
            problem: format!("the path `{}` of this machine is in it", path.display()),
        }),
    }
}
