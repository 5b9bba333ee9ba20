//! Which files a server is installed from, and where they go. Knows nothing of the archives around them.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use super::build::Binaries;
use super::notices;
use crate::error::{Error, Result};
use crate::workspace::Workspace;

/// The configuration, which belongs to the operator once it is there.
pub(super) const CONFIGURATION: &str = "etc/vestibule/config.toml";
const DOC: &str = "usr/share/doc/vestibule";

/// One thing that is installed.
#[derive(Debug, Clone)]
pub(super) struct File {
    /// From the root, without the first slash.
    pub(super) path: String,
    pub(super) mode: u32,
    pub(super) what: What,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    Copy(PathBuf),
    Text(String),
    /// One of ours: the folders of the system are there.
    Folder,
}

/// Everything, in the order of the paths.
pub(super) fn files(workspace: &Workspace, binaries: &Binaries) -> Result<Vec<File>> {
    let mut files = Vec::new();
    let mut add = |path: String, mode, what| files.push(File { path, mode, what });
    let from = |path: &str| What::Copy(workspace.root.join(path));
    add("usr/bin/vestibule".to_owned(), 0o755, What::Copy(binaries.program.clone()));
    add("usr/lib/vestibule".to_owned(), 0o755, What::Folder);
    add("usr/lib/vestibule/plugins".to_owned(), 0o755, What::Folder);
    for plugin in &binaries.plugins {
        let name = plugin.file_name().unwrap_or_default().to_string_lossy();
        // Nobody runs it: it is read, and linked from memory.
        add(format!("usr/lib/vestibule/plugins/{name}"), 0o644, What::Copy(plugin.clone()));
    }
    add(
        "usr/lib/systemd/system/vestibule.service".to_owned(),
        0o644,
        from("packaging/systemd/vestibule.service"),
    );
    add("usr/lib/sysusers.d/vestibule.conf".to_owned(), 0o644, from("packaging/systemd/sysusers.conf"));
    add("etc/vestibule".to_owned(), 0o755, What::Folder);
    add("etc/vestibule/secrets".to_owned(), 0o700, What::Folder);
    add(CONFIGURATION.to_owned(), 0o644, from("packaging/etc/config.toml"));
    add(DOC.to_owned(), 0o755, What::Folder);
    for page in ["operator.md", "security.md", "abi.md", "plugin-author.md"] {
        add(format!("{DOC}/{page}"), 0o644, from(&format!("docs/{page}")));
    }
    add(format!("{DOC}/copyright"), 0o644, from("packaging/debian/copyright"));
    add(format!("{DOC}/third-party-notices.txt"), 0o644, What::Text(notices::text(workspace)?));
    add(format!("{DOC}/examples"), 0o755, What::Folder);
    add(format!("{DOC}/examples/notify-reload.conf"), 0o644, from("packaging/systemd/notify-reload.conf"));
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

/// Writes all of it below `root`, with the modes and the time that it is to have; owners are the archives' affair.
pub(super) fn write(files: &[File], root: &Path, time: u64) -> Result<()> {
    let mut folders = BTreeSet::from([root.to_owned()]);
    for file in files {
        let path = root.join(&file.path);
        folders.extend(path.ancestors().skip(1).take_while(|folder| *folder != root).map(Path::to_owned));
    }
    for folder in &folders {
        fs::create_dir_all(folder).map_err(Error::file("make the folder", folder))?;
        // Whatever the person's umask is.
        set_mode(folder, 0o755)?;
    }
    for file in files {
        let path = root.join(&file.path);
        match &file.what {
            What::Copy(from) => {
                fs::copy(from, &path).map_err(Error::file("copy", from))?;
            }
            What::Text(text) => fs::write(&path, text).map_err(Error::file("write", &path))?,
            What::Folder => fs::create_dir_all(&path).map_err(Error::file("make the folder", &path))?,
        }
        set_mode(&path, file.mode)?;
        set_time(&path, time)?;
    }
    // Last and from within, since a folder's time is that of the last file in it.
    folders.iter().rev().try_for_each(|folder| set_time(folder, time))
}

pub(super) fn set_mode(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(Error::file("set the mode of", path))
}

pub(super) fn set_time(path: &Path, time: u64) -> Result<()> {
    let file = fs::File::open(path).map_err(Error::file("open", path))?;
    file.set_modified(UNIX_EPOCH + Duration::from_secs(time)).map_err(Error::file("set the time of", path))
}
