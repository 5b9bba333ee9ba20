//! Who could exchange a file: where no pin tells one file from another, owner and mode are all there is to trust, its own
//! and those of each folder on the way to it. Knows nothing of what is in the file.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use crate::plugin::error::Refusal;

/// As many links as the kernel follows on one way (path_resolution(7)).
const MAX_LINKS: usize = 40;
/// The bits by which others than the owner may write. An access control list shows in those of the group (acl(5)).
const OTHERS_WRITE: u32 = 0o022;
const STICKY: u32 = 0o1000;

/// Somebody besides root and the server's user could exchange a file. The text goes on where "has no pin" ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposed {
    /// The file itself, or the folder on the way that lets it be exchanged.
    pub path: PathBuf,
    /// Whether that is a folder.
    pub is_folder: bool,
    /// Its permission bits.
    pub mode: u32,
    /// The user id of its owner.
    pub owner: u32,
    /// The user id of this process.
    pub user: u32,
}

impl fmt::Display for Exposed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mode, owner, user, .. } = *self;
        let path = self.path.display();
        if self.is_folder {
            write!(f, "and the folder `{path}` ")?;
        } else {
            write!(f, "and the file ")?;
        }
        let (fault, cure) = if is_foreign(owner, user) {
            let neither =
                if user == 0 { String::new() } else { format!(" and not to user {user}, the server's") };
            (
                format!("belongs to user {owner}, not to root{neither} (mode {mode:04o})"),
                format!("run `chown root {path}`"),
            )
        } else {
            let who = if mode & 0o002 == 0 { "its group" } else { "everybody" };
            let cure = if mode & STICKY == 0 {
                format!("run `chmod go-w {path}`")
            } else {
                "move the file to where only root or the server's user may write".to_owned()
            };
            (format!("is writable by {who} (mode {mode:04o}, owner {owner})"), cure)
        };
        write!(f, "{fault}; {cure}, or pin the file with `vestibule plugin add`")
    }
}

/// Whether only root and this process's user could put another file in the place of this one. `file` is what was opened.
pub(super) fn check(path: &Path, file: &Metadata) -> Result<(), Refusal> {
    let user = rustix::process::geteuid().as_raw();
    let (folders, end) = way_to(path).map_err(Refusal::Unreadable)?;
    for (folder, metadata) in &folders {
        judge(folder, true, metadata, user)?;
    }
    judge(path, false, file, user)?;
    // All that could make a difference has been ruled out; this is for a file that its owner replaces right now.
    if (end.dev(), end.ino()) != (file.dev(), file.ino()) {
        let exchanged = io::Error::other("it was exchanged while it was looked at");
        return Err(Refusal::Unreadable(exchanged));
    }
    Ok(())
}

fn is_foreign(owner: u32, user: u32) -> bool {
    owner != 0 && owner != user
}

fn judge(path: &Path, is_folder: bool, metadata: &Metadata, user: u32) -> Result<(), Refusal> {
    let (owner, mode) = (metadata.uid(), metadata.mode() & 0o7777);
    // A sticky folder keeps others from renaming what is ours, but they may be first to make what is not there yet.
    if is_foreign(owner, user) || mode & OTHERS_WRITE != 0 {
        return Err(Refusal::Exposed(Exposed { path: path.to_owned(), is_folder, mode, owner, user }));
    }
    Ok(())
}

/// Every folder that the kernel goes through on its way to a file, those behind links included, and the file itself.
fn way_to(path: &Path) -> io::Result<(BTreeMap<PathBuf, Metadata>, Metadata)> {
    let mut at = PathBuf::from("/");
    let mut end = fs::symlink_metadata(&at)?;
    let mut folders = BTreeMap::from([(at.clone(), end.clone())]);
    let mut ahead = steps(&std::path::absolute(path)?);
    let mut links = 0;
    while let Some(step) = ahead.pop() {
        if step == ".." {
            at.pop();
            continue;
        }
        let next = at.join(step);
        end = fs::symlink_metadata(&next)?;
        if end.is_symlink() {
            links += 1;
            if links > MAX_LINKS {
                return Err(io::Error::from_raw_os_error(rustix::io::Errno::LOOP.raw_os_error()));
            }
            let target = fs::read_link(&next)?;
            if target.is_absolute() {
                at = PathBuf::from("/");
            }
            ahead.extend(steps(&target));
            continue;
        }
        if end.is_dir() {
            folders.insert(next.clone(), end.clone());
        }
        at = next;
    }
    Ok((folders, end))
}

/// The names on a path, the next one last.
fn steps(path: &Path) -> Vec<OsString> {
    let name = |component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    };
    path.components().rev().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn said(path: &str, is_folder: bool, mode: u32, owner: u32, user: u32) -> String {
        Refusal::Exposed(Exposed { path: path.into(), is_folder, mode, owner, user }).to_string()
    }

    /// A library of the system's: root's, and in folders of root's, wherever the tests run.
    fn of_the_system() -> PathBuf {
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let mapped = maps.lines().filter_map(|line| line.split_whitespace().nth(5));
        mapped.map(PathBuf::from).find(|path| path.to_string_lossy().contains("/libc.so")).unwrap()
    }

    #[test]
    fn a_file_that_only_root_may_write_in_folders_of_roots_is_private() {
        let path = of_the_system();
        check(&path, &fs::metadata(&path).unwrap()).unwrap();
    }

    #[test]
    fn a_folder_that_everybody_may_write_to_exposes_what_is_below_it() {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let path = folder.path().join("plugin.so");
        fs::write(&path, "").unwrap();
        let Err(Refusal::Exposed(exposed)) = check(&path, &fs::metadata(&path).unwrap()) else {
            panic!("it passed")
        };
        assert_eq!((&*exposed.path, exposed.is_folder, exposed.mode), (Path::new("/tmp"), true, 0o1777));
    }

    #[test]
    fn without_a_pin_a_file_is_looked_at_only_if_it_is_private() {
        use crate::plugin::file::{Unpinned, check};
        let name = "github".parse().unwrap();
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let path = folder.path().join("plugin.so");
        fs::write(&path, "").unwrap();
        let refusal = |path: &Path, unpinned| check(path, &[], &name, unpinned).unwrap_err().why;
        assert!(matches!(refusal(&path, Unpinned::Private), Refusal::Exposed(_)));
        assert!(matches!(refusal(&path, Unpinned::Refused), Refusal::Unpinned { .. }));
        // What is said against the system's library is that it is no plugin: glibc's can be run as a program.
        let no_plugin = refusal(&of_the_system(), Unpinned::Private);
        assert!(matches!(no_plugin, Refusal::NotALibrary(_) | Refusal::NotAPlugin(_)), "{no_plugin}");
        assert!(matches!(refusal(&of_the_system(), Unpinned::Refused), Refusal::Unpinned { .. }));
    }

    #[test]
    fn the_way_goes_through_links_and_sees_the_folders_behind_them() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().canonicalize().unwrap();
        for name in ["real", "real/deep", "other"] {
            fs::create_dir(top.join(name)).unwrap();
        }
        fs::write(top.join("real/deep/plugin.so"), "").unwrap();
        symlink("../real/deep", top.join("other/relative")).unwrap();
        symlink(top.join("other/relative"), top.join("absolute")).unwrap();
        let way = |path: &str| {
            let (folders, end) = way_to(&top.join(path)).unwrap();
            assert!(end.is_file());
            let below = |path: &PathBuf| path.strip_prefix(&top).ok().map(|p| p.display().to_string());
            folders.keys().filter_map(below).collect::<Vec<_>>()
        };
        assert_eq!(way("real/deep/plugin.so"), ["", "real", "real/deep"]);
        assert_eq!(way("absolute/plugin.so"), ["", "other", "real", "real/deep"]);
        assert_eq!(way("other/../real/./deep/plugin.so"), ["", "other", "real", "real/deep"]);
        symlink("round", top.join("round")).unwrap();
        assert_eq!(way_to(&top.join("round/plugin.so")).unwrap_err().raw_os_error(), Some(40));
    }

    #[test]
    fn each_bit_that_lets_others_write_exposes_a_folder_and_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let of = |mode| {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
            let metadata = fs::metadata(folder.path()).unwrap();
            let user = metadata.uid();
            [true, false].map(|is_folder| judge(folder.path(), is_folder, &metadata, user).is_ok())
        };
        for mode in [0o700, 0o755, 0o555, 0o1755] {
            assert_eq!(of(mode), [true; 2], "{mode:o}");
        }
        for mode in [0o775, 0o757, 0o777, 0o1777, 0o720, 0o702] {
            assert_eq!(of(mode), [false; 2], "{mode:o}");
        }
    }

    #[test]
    fn what_belongs_to_root_or_to_the_server_is_nobody_elses() {
        assert!(!is_foreign(0, 999) && !is_foreign(999, 999) && !is_foreign(0, 0));
        assert!(is_foreign(1000, 999) && is_foreign(1000, 0));
    }

    #[test]
    fn the_message_names_path_mode_owner_and_cure() {
        assert_eq!(
            said("/srv/plugins", true, 0o775, 0, 999),
            "has no pin, and the folder `/srv/plugins` is writable by its group (mode 0775, owner 0); run `chmod go-w \
             /srv/plugins`, or pin the file with `vestibule plugin add`"
        );
        assert_eq!(
            said("/tmp", true, 0o1777, 0, 999),
            "has no pin, and the folder `/tmp` is writable by everybody (mode 1777, owner 0); move the file to where only \
             root or the server's user may write, or pin the file with `vestibule plugin add`"
        );
        assert_eq!(
            said("/srv/x.so", false, 0o644, 1000, 999),
            "has no pin, and the file belongs to user 1000, not to root and not to user 999, the server's (mode 0644); run \
             `chown root /srv/x.so`, or pin the file with `vestibule plugin add`"
        );
        assert_eq!(
            said("/home/ada", true, 0o755, 1000, 0),
            "has no pin, and the folder `/home/ada` belongs to user 1000, not to root (mode 0755); run `chown root \
             /home/ada`, or pin the file with `vestibule plugin add`"
        );
    }
}
