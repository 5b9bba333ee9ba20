//! A disk that is small enough to be filled: a file system in memory, seen by one test alone, and gone with it.
//!
//! The test's program runs itself once more, in a mount namespace of its own, and mounts the disk there: nothing is left
//! behind, however the test ends. A test that needs it is in a module `full`, by which `cargo xtask test` leaves it out
//! where nobody may mount.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The command that runs another one in a mount namespace, as words.
const NAMESPACE: &str = "VESTIBULE_TEST_MOUNTS";
/// Set for the test inside: where the disk is mounted.
const MOUNTED_AT: &str = "VESTIBULE_TEST_DISK";

/// A small disk.
pub(crate) struct Disk {
    folder: PathBuf,
}

/// Runs a test with a disk of that size. `test` is its whole name, since the program is told to run it alone.
pub(crate) fn on_a_disk_of(mib: u32, test: &str, body: impl AsyncFnOnce(Disk)) {
    match std::env::var_os(MOUNTED_AT) {
        None => run_inside(test),
        Some(folder) => {
            let disk = Disk::mount(PathBuf::from(folder), mib);
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            runtime.block_on(body(disk));
        }
    }
}

fn run_inside(test: &str) {
    let namespace = std::env::var(NAMESPACE).unwrap_or_else(|_| {
        panic!(
            "this test mounts a file system of its own: run `cargo xtask test`, or set {NAMESPACE} to `unshare --mount` \
             as root, to `unshare --map-current-user --keep-caps --mount` as somebody else"
        )
    });
    let folder = tempfile::tempdir().unwrap();
    let mut words = namespace.split(' ');
    let mut inside = Command::new(words.next().unwrap());
    inside.args(words).arg("--").arg(std::env::current_exe().unwrap());
    inside.args(["--exact", test, "--nocapture"]).env(MOUNTED_AT, folder.path());
    let output = inside.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "`{test}` failed inside, or is not its name:\n{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

impl Disk {
    fn mount(folder: PathBuf, mib: u32) -> Self {
        // The folder below is its owner's alone; a database server is somebody else.
        let options = format!("size={mib}m,mode=0711");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&folder);
        assert!(mount.status().unwrap().success());
        Self { folder }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }

    /// A folder on it, which belongs to somebody.
    pub(crate) fn folder(&self, name: &str, owner: (u32, u32)) -> PathBuf {
        let folder = self.folder.join(name);
        std::fs::create_dir(&folder).unwrap();
        chown(&folder, Some(owner.0), Some(owner.1)).unwrap();
        folder
    }

    fn ballast(&self) -> PathBuf {
        self.folder.join("ballast")
    }

    /// Leaves no room on it.
    pub(crate) fn fill(&self) {
        let mut ballast = File::options().append(true).create(true).open(self.ballast()).unwrap();
        for chunk in [&[b'.'; 256 * 1024][..], &[b'.'; 4096], b"."] {
            loop {
                match ballast.write(chunk) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }

    /// Gives the room back.
    pub(crate) fn make_room(&self) {
        std::fs::remove_file(self.ballast()).unwrap();
    }
}
