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
        let target = workspace.target.join("package").join("build");
        let plugins = workspace.plugins()?;
        let replaced = freeze::replaced(workspace)?;
        let flags = |option: &str| {
            let flags = replaced.iter().map(|(from, to)| format!("{option}={}={to}", from.display()));
            flags.collect::<Vec<_>>().join(" ")
        };
        let build = |arguments: &[&str], packages: &[&str]| {
            let mut command = cargo();
            command.current_dir(&workspace.root).args(["build", "--locked"]).args(arguments);
            command.args(packages.iter().flat_map(|package| ["--package", package]));
            let as_typed = shown(&command);
            command.arg("--target-dir").arg(&target).stdin(Stdio::null());
            command.env("RUSTFLAGS", flags("--remap-path-prefix")).env_remove("CARGO_ENCODED_RUSTFLAGS");
            // The C libraries name their files in errors.
            command.env("CFLAGS", flags("-ffile-prefix-map")).env_remove("CARGO_BUILD_TARGET");
            let status = command.status().map_err(super::not_started(&command))?;
            if status.success() { Ok(()) } else { Err(Error::Command { command: as_typed, status }) }
        };
        build(&["--release", "--config", "profile.release.strip=\"symbols\""], &["vestibule"])?;
        let packages: Vec<_> = plugins.iter().map(|plugin| plugin.package.as_str()).collect();
        build(&["--profile", "plugin"], &packages)?;
        let built = Self::at(&target.join("release"), &target.join("plugin"), &plugins)?;
        for binary in built.all() {
            let bytes = std::fs::read(binary).map_err(Error::file("read", binary))?;
            if let Some((path, _)) = replaced.iter().find(|(path, _)| freeze::has(&bytes, path)) {
                let problem = format!("the path `{}` of this machine is in it", path.display());
                return Err(Error::Configuration { place: binary.display().to_string(), problem });
            }
        }
        Ok(built)
    }

    /// What cargo left in a folder, `target/debug` for instance.
    pub(super) fn in_folder(workspace: &Workspace, folder: &Path) -> Result<Self> {
        Self::at(folder, folder, &workspace.plugins()?)
    }

    fn at(program: &Path, libraries: &Path, plugins: &[Plugin]) -> Result<Self> {
        let library = |plugin: &Plugin| libraries.join(format!("lib{}.so", plugin.package.replace('-', "_")));
        let found =
            Self { program: program.join("vestibule"), plugins: plugins.iter().map(library).collect() };
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
