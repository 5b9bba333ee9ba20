//! `cargo xtask debian-root`: a small Debian in a tar file, in which tests install the package. Made once, by debootstrap,
//! from where this machine gets its own packages; a later run finds it and does nothing.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::{Error, Result};
use crate::workspace::{Workspace, shown};

/// Where the tests find it, below the target folder.
pub(crate) const TAR: &str = "xtask/debian-root.tar";

/// What the package depends on: tests have no network to fetch it from.
const INCLUDED: &str = "ca-certificates,systemd";

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let tar = workspace.target.join(TAR);
    if tar.is_file() {
        println!("{} is there; remove it to have it made again", workspace.shown(&tar));
        return Ok(());
    }
    if !rustix::process::geteuid().is_root() {
        let problem = "a root file system is made by root: run it as root".to_owned();
        return Err(Error::Configuration { place: "cargo xtask debian-root".to_owned(), problem });
    }
    let suite = suite()?;
    let mirror = mirror(&suite)?;
    let root = workspace.target.join("xtask/debian-root");
    if root.exists() {
        std::fs::remove_dir_all(&root).map_err(Error::file("remove", &root))?;
    }
    std::fs::create_dir_all(&root).map_err(Error::file("make the folder", &root))?;
    let mut debootstrap = Command::new("debootstrap");
    debootstrap.arg("--variant=minbase").arg(format!("--include={INCLUDED}"));
    shout(debootstrap.arg(&suite).arg(&root).arg(&mirror), "apt-get install debootstrap")?;
    for fetched in ["var/cache/apt/archives", "var/lib/apt/lists"] {
        let folder = root.join(fetched);
        std::fs::remove_dir_all(&folder).map_err(Error::file("remove", &folder))?;
    }
    // Under another name until it is whole.
    let part = tar.with_extension("part");
    let mut pack = Command::new("tar");
    pack.args(["--create", "--numeric-owner", "--one-file-system", "--file"]).arg(&part);
    shout(pack.arg("--directory").arg(&root).arg("."), "apt-get install tar")?;
    std::fs::rename(&part, &tar).map_err(Error::file("rename", &part))?;
    std::fs::remove_dir_all(&root).map_err(Error::file("remove", &root))?;
    println!("{}: {suite} from {mirror}", workspace.shown(&tar));
    Ok(())
}

/// The release of Debian that this machine is.
fn suite() -> Result<String> {
    let path = Path::new("/etc/os-release");
    let text = std::fs::read_to_string(path).map_err(Error::file("read", path))?;
    let name = text.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    name.map(|name| name.trim_matches('"').to_owned()).ok_or_else(|| Error::Configuration {
        place: path.display().to_string(),
        problem: "no `VERSION_CODENAME`: this needs a released Debian".to_owned(),
    })
}

/// Where apt gets that release from.
fn mirror(suite: &str) -> Result<String> {
    let mut apt = Command::new("apt-get");
    apt.args(["indextargets", "--format", "$(SITE)", "Created-By: Packages"]);
    apt.arg(format!("Release: {suite}")).arg("Component: main");
    let output = apt.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.map_err(start_error("apt-get", "this needs a Debian"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().next().map(str::to_owned).ok_or_else(|| Error::Configuration {
        place: "/etc/apt/sources.list".to_owned(),
        problem: format!("apt has no source of `{suite}`, section main"),
    })
}

/// Runs a program whose output is the person's.
fn shout(command: &mut Command, cure: &'static str) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    // debootstrap stands where only root looks, and needs what stands there.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    command.env("PATH", std::env::join_paths(folders).unwrap_or(path.clone()));
    let status = command.stdin(Stdio::null()).status().map_err(start_error(&program, cure))?;
    if status.success() { Ok(()) } else { Err(Error::Command { command: shown(command), status }) }
}

fn start_error(program: &str, cure: &'static str) -> impl FnOnce(std::io::Error) -> Error + use<> {
    let program = program.to_owned();
    move |source| Error::Start { program, cure: cure.to_owned(), source }
}
