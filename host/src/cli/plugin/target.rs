//! The configuration file that is about to be changed: locked against other changes by this program, compared with what is
//! there at the last moment, and replaced as a whole or not at all. It must not know what is in it.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Gid, Uid, XattrFlags};

use super::Failure;
use crate::cli::configuration::tell;
use crate::config;

/// What a file is called until it is whole. The lock is on the folder, so only one process uses the name at a time, and what
/// an ended process left there is taken away by the next.
const UNFINISHED: &str = ".vestibule-new";

/// A folder in which this process alone writes, as far as this program is concerned.
pub(super) struct Locked {
    path: PathBuf,
    folder: File,
}

impl Locked {
    /// Waits for whoever else has it.
    pub(super) fn folder(path: &Path) -> io::Result<Self> {
        let folder = File::open(path)?;
        if rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive).is_err() {
            tell(&format!("waiting for another `vestibule plugin` that writes to {}", path.display()));
            rustix::fs::flock(&folder, FlockOperation::LockExclusive)?;
        }
        Ok(Self { path: path.to_owned(), folder })
    }

    /// Whether that is the same folder.
    pub(super) fn is(&self, path: &Path) -> io::Result<bool> {
        let (one, other) = (self.folder.metadata()?, fs::metadata(path)?);
        Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
    }

    /// Puts a file into the folder, in the place of what has its name: at any moment there is the old one or the new one,
    /// whole. `prepare` gives it owner and mode; `still` has the last word.
    pub(super) fn put<E: From<io::Error>>(
        &self,
        name: &str,
        content: &[u8],
        prepare: impl FnOnce(&File) -> Result<(), E>,
        still: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        let unfinished = self.path.join(format!(".{name}{UNFINISHED}"));
        let write = || {
            match fs::remove_file(&unfinished) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(E::from(error)),
                _ => {}
            }
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
            file.write_all(content)?;
            prepare(&file)?;
            file.sync_all()?;
            still()?;
            fs::rename(&unfinished, self.path.join(name))?;
            Ok(())
        };
        let written = write();
        if written.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        written?;
        self.folder.sync_all()?;
        Ok(())
    }
}

/// A configuration file to be changed.
pub(super) struct Target {
    /// As it was named.
    config: PathBuf,
    /// Where it really is: a link stays a link.
    file: PathBuf,
    pub(super) locked: Locked,
    /// What it was when it was read.
    pub(super) text: String,
}

impl Target {
    pub(super) fn open(config: &Path) -> Result<Self, Failure> {
        // Looked at first, so that what is no file is said as everywhere else.
        config::text(config).map_err(|fault| vec![fault])?;
        let cannot =
            |error: io::Error| Failure::other(format!("{}: cannot be changed: {error}", config.display()));
        let file = fs::canonicalize(config).map_err(cannot)?;
        let locked = Locked::folder(file.parent().unwrap_or(Path::new("/"))).map_err(cannot)?;
        let text = config::text(config).map_err(|fault| vec![fault])?;
        Ok(Self { config: config.to_owned(), file, locked, text })
    }

    /// Writes it anew, with the owner, mode and attributes that it has.
    pub(super) fn replace(&self, text: &str) -> Result<(), Failure> {
        let shown = self.config.display();
        let unchanged = |error: Unwritten| match error {
            Unwritten::Io(error) => {
                Failure::other(format!("{shown}: cannot be written: {error}; it is unchanged"))
            }
            Unwritten::Other(line) => Failure::other(format!("{shown}: {line}; it is unchanged")),
        };
        let metadata = fs::metadata(&self.file).map_err(|error| unchanged(error.into()))?;
        let Some(name) = self.file.file_name().and_then(|name| name.to_str()) else {
            return Err(unchanged(Unwritten::Other("its name is not UTF-8".to_owned())));
        };
        let still = || match fs::read(&self.file) {
            Ok(now) if now == self.text.as_bytes() => Ok(()),
            Ok(_) => Err(Unwritten::Other(
                "was changed by somebody else meanwhile; look at it, then run the command again".to_owned(),
            )),
            Err(error) => Err(error.into()),
        };
        self.locked
            .put(name, text.as_bytes(), |new| keep(&self.file, &metadata, new), still)
            .map_err(unchanged)
    }
}

/// Why a file could not be replaced.
enum Unwritten {
    Io(io::Error),
    Other(String),
}

impl From<io::Error> for Unwritten {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Gives a new file what the old one has besides its content.
fn keep(old: &Path, metadata: &Metadata, new: &File) -> Result<(), Unwritten> {
    let fresh = new.metadata()?;
    if (fresh.uid(), fresh.gid()) != (metadata.uid(), metadata.gid()) {
        let owner = (Some(Uid::from_raw(metadata.uid())), Some(Gid::from_raw(metadata.gid())));
        rustix::fs::fchown(new, owner.0, owner.1).map_err(|_| {
            Unwritten::Other(format!(
                "belongs to user {} and group {}, which only root can give to a new file; run the command as root",
                metadata.uid(),
                metadata.gid()
            ))
        })?;
    }
    attributes(old, new)?;
    new.set_permissions(Permissions::from_mode(metadata.mode() & 0o7777))?;
    Ok(())
}

/// Extended attributes, among them access control lists (acl(5)). Those of the system's security modules are its own: it
/// labels what is made in a folder.
fn attributes(old: &Path, new: &File) -> Result<(), Unwritten> {
    let old = File::open(old)?;
    let mut names = vec![0; 64 * 1024];
    let length = match rustix::fs::flistxattr(&old, &mut names) {
        Ok(length) => length,
        Err(rustix::io::Errno::NOTSUP) => 0,
        Err(error) => return Err(io::Error::from(error).into()),
    };
    for name in names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        if name.starts_with(b"security.") {
            continue;
        }
        let mut value = vec![0; 64 * 1024];
        let length = rustix::fs::fgetxattr(&old, name, &mut value).map_err(io::Error::from)?;
        rustix::fs::fsetxattr(new, name, &value[..length], XattrFlags::empty()).map_err(io::Error::from)?;
    }
    Ok(())
}
