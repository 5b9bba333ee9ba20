//! Where libraries out of archives lie: one file for each version and content, so that an upgrade leaves the one before it
//! where it is. It must not know the configuration.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;

use super::Failure;
use super::target::Locked;
use crate::plugin::file::{self, Examined};

/// What a library is called: `github-1.2.0-9c1f2e3d4b5a.so`.
pub(super) fn name(library: &Examined) -> String {
    let plain =
        |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '_') { c } else { '_' };
    let version: String = library.descriptor.version.chars().map(plain).collect();
    format!("{}-{version}-{}.so", library.descriptor.name, &HEXLOWER.encode(&library.sha256)[..12])
}

/// Puts a library into a folder, which is made if only it is missing. `held` is locked already.
pub(super) fn place(folder: &Path, library: &Examined, held: &Locked) -> Result<PathBuf, Failure> {
    let name = name(library);
    let path = folder.join(&name);
    let failed = |error: io::Error| {
        Failure::other(format!("{}: cannot be written: {error}; nothing was changed", path.display()))
    };
    match DirBuilder::new().mode(0o755).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
        _ => {}
    }
    let own =
        if held.is(folder).map_err(failed)? { None } else { Some(Locked::folder(folder).map_err(failed)?) };
    // There from an earlier time, and whole: its content decides, not its name.
    if file::content(&path).is_ok_and(|bytes| bytes == library.bytes) {
        return Ok(path);
    }
    if fs::symlink_metadata(&path).is_ok_and(|there| there.is_dir()) {
        return Err(failed(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    let readable = |file: &File| file.set_permissions(Permissions::from_mode(0o644));
    own.as_ref().unwrap_or(held).put(&name, &library.bytes, readable, || Ok(())).map_err(failed)?;
    Ok(path)
}
