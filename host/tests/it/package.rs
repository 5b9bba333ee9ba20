//! What a server is installed from: the Debian package and the tarball, made of the binaries of this test run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

mod contents;
mod debian;
mod systemd;

/// A package of these binaries, and the tarball.
struct Packages {
    folder: TempDir,
}

impl Packages {
    fn make() -> Self {
        let binaries = Path::new(env!("CARGO_BIN_EXE_vestibule")).parent().unwrap();
        let xtask = binaries.join("xtask");
        assert!(
            xtask.is_file(),
            "{} is missing: build it first, with `cargo build --workspace`",
            xtask.display()
        );
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(xtask);
        command
            .current_dir(workspace())
            .arg("package")
            .arg("--built")
            .arg(binaries)
            .arg("--out")
            .arg(folder.path());
        said(command.env_remove("SOURCE_DATE_EPOCH").env("CARGO_NET_OFFLINE", "true"));
        Self { folder }
    }

    fn ending_with(&self, end: &str) -> PathBuf {
        let mut files = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        files.find(|path| path.to_string_lossy().ends_with(end)).unwrap()
    }

    fn deb(&self) -> PathBuf {
        self.ending_with(".deb")
    }

    fn tarball(&self) -> PathBuf {
        self.ending_with(".tar.gz")
    }
}

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A program that `cargo xtask test` has found, or what else it has. Without it the test fails: only that command may
/// leave it out.
fn found(variable: &str) -> PathBuf {
    let path = std::env::var_os(variable);
    path.unwrap_or_else(|| {
        panic!("{variable} is not set: run `cargo xtask test`, which says what is missing")
    })
    .into()
}

fn run(command: &mut Command) -> (Output, String) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let both =
        [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said).into_owned()).concat();
    (output, both)
}

/// What a program says that has to end well.
fn said(command: &mut Command) -> String {
    let (output, both) = run(command);
    assert!(output.status.success(), "{command:?}: {}\n{both}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// The settings of the unit's file, each with its values in their order.
fn unit() -> BTreeMap<String, Vec<String>> {
    let text = fs::read_to_string(workspace().join("packaging/systemd/vestibule.service")).unwrap();
    let mut settings = BTreeMap::<_, Vec<_>>::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some((key, value)) = line.split_once('=') {
            settings.entry(key.to_owned()).or_default().push(value.to_owned());
        }
    }
    settings
}
