//! `vestibule plugin …`: what it writes into a configuration, what it says, and what it refuses without touching anything.

use std::os::unix::fs::{MetadataExt as _, symlink};

use super::refusals::without_root_rights;
use super::*;

mod archives;
mod corpus;
mod editing;
mod ends;

/// A folder with a configuration of two plugins and one provider.
struct Folder(TempDir);

const CONFIG: &str = "# Ours.\n\n[server]\npublic_url = \"http://localhost:8080\"\n\n[plugin.other]\npath = \"other.so\" # theirs\n\n\
                      [provider.github]\nlabel = \"GitHub\"\n";

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("config.toml", CONFIG);
        fs::copy(library("github"), folder.path("new.so")).unwrap();
        fs::write(folder.path("old.so"), old()).unwrap();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    fn read(&self) -> String {
        fs::read_to_string(self.path("config.toml")).unwrap()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
        command.env_clear().current_dir(self.0.path()).arg("plugin").args(words);
        command
    }

    /// Exit code and all that is said, digests as `NEW` and `OLD`.
    fn run(&self, words: &[&str]) -> (Option<i32>, String) {
        said(&self.command(words).output().unwrap())
    }

    fn done(&self, words: &[&str]) -> String {
        let (code, said) = self.run(words);
        assert_eq!(code, Some(0), "{said}");
        said
    }

    /// Refused with that code, and nothing was written.
    fn refused(&self, code: i32, words: &[&str]) -> String {
        let before = (self.read(), self.names());
        let (found, said) = self.run(words);
        assert_eq!(found, Some(code), "{said}");
        assert_eq!((self.read(), self.names()), before, "{said}");
        said
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.0.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

/// The plugin `github` as another build of it, which is kept.
pub(super) fn old() -> Vec<u8> {
    fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/epoch-1/libvestibule_plugin_github.so"))
        .unwrap()
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&sha256(bytes))
}

fn shown(text: &str) -> String {
    let (new, old) = (pin(), hex(&old()));
    text.replace(&new, "NEW").replace(&old, "OLD").replace(&new[..12], "NEW12").replace(&old[..12], "OLD12")
}

fn said(output: &Output) -> (Option<i32>, String) {
    let text =
        [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
    (output.status.code(), shown(&text))
}

#[test]
fn a_library_is_added_upgraded_and_rolled_back_and_all_else_stays() {
    let folder = Folder::new();
    assert_eq!(
        folder.done(&["add", "old.so"]),
        "added github 0.1.0 (ABI epoch 1) to config.toml:10, pinned by SHA-256\nlibrary: old.so\nnext: `vestibule reload`\n"
    );
    let added = CONFIG.replace(
        "# theirs\n",
        &format!("# theirs\n\n[plugin.github]\npath = \"old.so\"\nsha256 = [\"{}\"]\n", hex(&old())),
    );
    assert_eq!(folder.read(), added);
    // Again, and it is there already.
    assert_eq!(
        folder.done(&["add", "old.so"]),
        "github 0.1.0 is there already, pinned by SHA-256; config.toml:10 is unchanged\nlibrary: old.so\n"
    );
    assert_eq!(
        folder.done(&["add", "new.so"]),
        "changed github from 0.1.0 to 0.1.0 (ABI epoch 1) in config.toml:10, pinned by SHA-256\n\
         kept: github 0.1.0, for `vestibule plugin rollback github`\nlibrary: new.so\nnext: `vestibule reload`\n"
    );
    let section = "[plugin.github]\npath = \"new.so\"\nsha256 = [\"NEW\"]\nprevious = { path = \"old.so\", sha256 = [\"OLD\"] }\n";
    assert!(shown(&folder.read()).contains(section), "{}", folder.read());
    assert_eq!(
        folder.done(&["rollback", "github"]),
        "rolled github back from 0.1.0 to 0.1.0 in config.toml:10, pinned by SHA-256\n\
         kept: github 0.1.0; the same command goes forward again\nlibrary: old.so\nnext: `vestibule reload`\n"
    );
    let section = "[plugin.github]\npath = \"old.so\"\nsha256 = [\"OLD\"]\nprevious = { path = \"new.so\", sha256 = [\"NEW\"] }\n";
    assert!(shown(&folder.read()).contains(section), "{}", folder.read());
    assert_eq!(folder.names(), ["config.toml", "new.so", "old.so"]);
}

#[test]
fn a_server_starts_with_what_the_verbs_wrote() {
    let installation = Installation::new();
    installation.configure(&provider("github", "http://localhost:1"));
    installation.write("old.so", old());
    for file in [installation.path("old.so"), library("github")] {
        let mut add = Command::new(env!("CARGO_BIN_EXE_vestibule"));
        add.arg("plugin").arg("add").arg(file).arg("--config").arg(installation.path("config.toml"));
        assert_eq!(add.output().unwrap().status.code(), Some(0));
    }
    let mut process = Process::spawn(&mut installation.command());
    process.wait_for("ready: github; generation 1");
    assert_eq!(process.terminate().0, Some(0));
}

#[test]
fn a_library_that_differs_is_named_with_place_expected_found_and_cure() {
    let folder = Folder::new();
    folder.done(&["add", "old.so"]);
    folder.write("old.so", fs::read(folder.path("new.so")).unwrap());
    assert_eq!(
        folder.refused(5, &["verify", "github"]),
        "error    config.toml:11: old.so differs from its pin: expected `OLD`, found `NEW`; if you replaced it on purpose, \
         run `vestibule plugin add old.so`\n"
    );
    assert_eq!(
        folder.done(&["list"]),
        "NAME    VERSION  EPOCH  PINNED  FILE                  PREVIOUS  PROVIDERS\n\
         github  -        -      yes     differs from its pin  -         github\n\
         other   -        -      no      missing               -         -\n"
    );
    let said = folder.done(&["add", "old.so"]);
    assert!(
        said.contains("not kept: the library before it was overwritten; there is nothing to roll back to\n"),
        "{said}"
    );
    assert_eq!(folder.done(&["verify", "github"]), "ok       github 0.1.0  old.so\n");
    let said = folder.refused(1, &["rollback", "github"]);
    assert!(said.starts_with("error: config.toml:10: `[plugin.github]` has no `previous`"), "{said}");
}

#[test]
fn a_rollback_to_what_is_gone_is_refused_and_warned_of_before() {
    let folder = Folder::new();
    folder.done(&["add", "old.so"]);
    folder.done(&["add", "new.so"]);
    fs::remove_file(folder.path("old.so")).unwrap();
    assert_eq!(
        folder.done(&["verify", "github"]),
        "ok       github 0.1.0  new.so\nwarning  config.toml:12: github cannot be rolled back: old.so is missing\n"
    );
    let said = folder.refused(5, &["rollback", "github"]);
    assert!(said.starts_with("error: config.toml:12: old.so cannot be read: No such file"), "{said}");
}

#[test]
fn a_plugin_that_a_provider_uses_is_not_removed() {
    let folder = Folder::new();
    folder.done(&["add", "old.so"]);
    folder.done(&["add", "new.so"]);
    assert_eq!(
        folder.refused(78, &["remove", "github"]),
        "error: config.toml:14: `[provider.github]` uses the plugin `github`; remove that provider, or give it another \
         plugin, first\n"
    );
    folder.write("config.toml", folder.read().replace("\n[provider.github]\nlabel = \"GitHub\"\n", ""));
    let said = folder.done(&["remove", "github", "--delete-file"]);
    assert_eq!(
        said,
        "removed github from config.toml\ndeleted: new.so\ndeleted: old.so\nnext: `vestibule reload`\n"
    );
    assert_eq!(folder.read(), CONFIG.replace("\n[provider.github]\nlabel = \"GitHub\"\n", ""));
    assert_eq!(folder.names(), ["config.toml"]);
}

#[test]
fn an_unknown_plugin_is_refused_with_those_that_are_there() {
    let folder = Folder::new();
    for verb in ["verify", "rollback", "remove", "info"] {
        let said = folder.refused(78, &[verb, "githbu"]);
        assert!(
            said.starts_with("error: config.toml: there is no `[plugin.githbu]`; there are `other`"),
            "{said}"
        );
    }
    assert_eq!(folder.run(&["rollback", "Not-A-Name"]).0, Some(2));
}

#[test]
fn every_verb_answers_in_json() {
    let folder = Folder::new();
    let json = |code, words: &[&str]| -> serde_json::Value {
        let (found, said) = folder.run(words);
        assert_eq!(found, Some(code), "{said}");
        serde_json::from_str(&said).unwrap()
    };
    assert_eq!(json(0, &["add", "old.so", "--json"])["did"], "added");
    let added = json(0, &["add", "new.so", "--json"]);
    assert_eq!(
        (&added["did"], &added["sha256"], &added["line"]),
        (&"changed".into(), &"NEW".into(), &10.into())
    );
    assert_eq!(json(0, &["list", "--json"])["plugins"][0]["file"], "ok");
    assert_eq!(json(5, &["verify", "--json"])["plugins"][1]["file"], "missing");
    assert_eq!(json(0, &["info", "github", "--json"])["providers"][0]["line"], 14);
    assert_eq!(json(0, &["info", "./old.so", "--json"])["abi_epoch"], 1);
    assert_eq!(json(0, &["rollback", "github", "--json"])["path"], "old.so");
    let refused = json(78, &["remove", "github", "--json"]);
    assert_eq!(refused["error"]["code"], 78);
    assert!(refused["error"]["messages"][0].as_str().unwrap().contains("`[provider.github]`"));
}
