//! `cargo xtask freeze`: the binary that later test runs load, to show that a plugin of this ABI epoch still works. Owns
//! how it is built and what is written beside it; what must hold of it is in the host's tests.
//!
//! Run once in an epoch, from a commit. The binary has no path of this machine in it, so that another machine builds the
//! same one from the same commit with the same compiler.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};
use crate::workspace::{Workspace, cargo, shown};

const FOLDER: &str = "host/tests/fixtures/epoch-1";
const PACKAGE: &str = "vestibule-plugin-github";
const LIBRARY: &str = "libvestibule_plugin_github.so";

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let folder = workspace.root.join(FOLDER);
    if folder.exists() {
        let problem = "the plugin of this epoch is there and stays as it is; if a decision says otherwise, remove the folder first";
        return Err(Error::Configuration { place: FOLDER.to_owned(), problem: problem.to_owned() });
    }
    let commit = commit(&workspace.root)?;
    let rustc = text_of(Command::new("rustc").arg("--version"))?;
    let replaced = replaced(workspace)?;
    let flags = replaced.iter().map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()));
    let flags = flags.collect::<Vec<_>>().join(" ");

    let target = workspace.target.join("freeze");
    let mut build = cargo();
    build.current_dir(&workspace.root).args([
        "build",
        "--locked",
        "--profile",
        "plugin",
        "--package",
        PACKAGE,
    ]);
    let command = shown(&build);
    build.arg("--target-dir").arg(&target).env("RUSTFLAGS", &flags).env_remove("CARGO_ENCODED_RUSTFLAGS");
    let status = build.stdin(Stdio::null()).status().map_err(start_error("cargo"))?;
    if !status.success() {
        return Err(Error::Command { command, status });
    }

    let built = target.join("plugin").join(LIBRARY);
    let bytes = std::fs::read(&built).map_err(Error::file("read", &built))?;
    if let Some((path, _)) = replaced.iter().find(|(path, _)| has(&bytes, path)) {
        let problem = format!("the path `{}` of this machine is in it", path.display());
        return Err(Error::Configuration { place: built.display().to_string(), problem });
    }
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let remapped = replaced.iter().map(|(_, to)| *to).collect::<Vec<_>>().join(", ");
    let origin = format!(
        "The plugin `github` of ABI epoch 1, as it was when the epoch was frozen. It is not built again: docs/abi.md.\n\n\
         commit   {commit}\n\
         command  cargo xtask freeze\n\
         build    {command}\n\
         paths    replaced by --remap-path-prefix with {remapped}\n\
         rustc    {rustc}\n\
         target   {}-unknown-linux-gnu\n\
         bytes    {}\n\
         sha256   {digest}\n",
        std::env::consts::ARCH,
        bytes.len(),
    );
    std::fs::create_dir_all(&folder).map_err(Error::file("make the folder", &folder))?;
    for (name, content) in [(LIBRARY, &bytes[..]), ("ORIGIN", origin.as_bytes())] {
        let path = folder.join(name);
        std::fs::write(&path, content).map_err(Error::file("write", &path))?;
    }
    println!("{origin}\nfrozen in {FOLDER}: commit it");
    Ok(())
}

/// What stands for the paths of this machine, which rustc would write into the messages of panics. The last one that fits
/// counts, so the workspace comes after the home folder in which it may lie.
pub(crate) fn replaced(workspace: &Workspace) -> Result<Vec<(PathBuf, &'static str)>> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo_home = cargo_home.or_else(|| home.as_ref().map(|home| home.join(".cargo")));
    let sysroot = PathBuf::from(text_of(Command::new("rustc").args(["--print", "sysroot"]))?);
    let home = home.filter(|home| home.components().count() > 1).map(|home| (home, "/home"));
    let cargo_home = cargo_home.map(|folder| (folder, "/cargo"));
    let rest = [(sysroot, "/rust"), (workspace.root.clone(), "/vestibule")];
    Ok(home.into_iter().chain(cargo_home).chain(rest).collect())
}

/// The commit of a checkout without changes: else nobody could build the same again.
fn commit(root: &Path) -> Result<String> {
    let changes = text_of(Command::new("git").current_dir(root).args(["status", "--porcelain"]))?;
    if let Some(first) = changes.lines().next() {
        let problem = format!("`{}` is not committed; commit or undo what was changed first", first.trim());
        return Err(Error::Configuration { place: root.display().to_string(), problem });
    }
    text_of(Command::new("git").current_dir(root).args(["rev-parse", "HEAD"]))
}

/// Whether a path is in a binary.
pub(crate) fn has(bytes: &[u8], path: &Path) -> bool {
    let path = path.as_os_str().as_encoded_bytes();
    bytes.windows(path.len()).any(|window| window == path)
}

fn text_of(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.map_err(start_error("git or rustc"))?;
    if !output.status.success() {
        return Err(Error::Command { command: shown(command), status: output.status });
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

fn start_error(program: &'static str) -> impl FnOnce(std::io::Error) -> Error {
    move |source| Error::Start { program: program.to_owned(), cure: "is it in PATH?".to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_in_a_binary() {
        assert!(has(b"\0/home/ada/vestibule/src/lib.rs\0", Path::new("/home/ada/vestibule")));
        assert!(!has(b"\0/vestibule/src/lib.rs\0", Path::new("/home/ada")));
    }
}
