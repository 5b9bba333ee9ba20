//! The same files as a tarball, for machines without dpkg: unpacked over the root, it holds no folder of the system's.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::contents::{self, File};
use super::{Release, not_started};
use crate::error::{Error, Result};
use crate::workspace::shown;

pub(super) fn write(release: &Release, files: &[File], out: &Path) -> Result<PathBuf> {
    let name = format!("vestibule-{}-{}-linux", release.version, std::env::consts::ARCH);
    let stage = out.join(format!("{name}.stage"));
    if stage.exists() {
        std::fs::remove_dir_all(&stage).map_err(Error::file("remove", &stage))?;
    }
    contents::write(files, &stage.join(&name), release.time)?;

    let path = out.join(format!("{name}.tar.gz"));
    let mut command = Command::new("tar");
    command.current_dir(&stage).args(["--create", "--format=gnu", "--owner=root:0", "--group=root:0"]);
    command.arg(format!("--mtime=@{}", release.time)).arg("--file").arg(&path);
    // Without its time, which gzip would take from the clock.
    let gzip = if release.is_local { "gzip -n1" } else { "gzip -n9" };
    command.args([
        "--use-compress-program",
        gzip,
        "--no-recursion",
        "--verbatim-files-from",
        "--files-from=-",
    ]);
    let list: String = files.iter().map(|file| format!("{name}/{}\n", file.path)).collect();
    let mut child = command.stdin(Stdio::piped()).spawn().map_err(not_started(&command))?;
    let said = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(list.as_bytes()));
    let status = child.wait().map_err(not_started(&command))?;
    if !status.success() {
        return Err(Error::Command { command: shown(&command), status });
    }
    said.map_err(Error::file("write the list of files to", Path::new("tar")))?;
    std::fs::remove_dir_all(&stage).map_err(Error::file("remove", &stage))?;
    Ok(path)
}
