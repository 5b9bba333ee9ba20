//! A provider from outside the tree: the guide for plugin authors is done as it is printed, in a folder of its own, and
//! what comes out of it signs in through the server that is already built.
//!
//! Two things differ from the page. Its ports are free ones here. And the server is not built again, since it is there
//! and other tests run it: the command that would is looked for and left out.

use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, symlink};
use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Row as _, SqlitePool};

use super::*;
use guide::{Block, Kind, blocks};

mod guide;

const BUILDS_THE_SERVER: &str =
    "cargo build --manifest-path ../vestibule/Cargo.toml -p vestibule -p vestibule-demo-idp\n";

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Where the server and the visitor are, which the page calls `../vestibule/target/debug`.
fn programs() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_vestibule")).parent().unwrap()
}

/// What the plugin must not change: the server, and what cargo reads when it builds the workspace.
fn core() -> Vec<[u8; 32]> {
    let files = ["Cargo.toml", "Cargo.lock", "config.toml"].map(|name| workspace().join(name));
    let server = Path::new(env!("CARGO_BIN_EXE_vestibule")).to_owned();
    files.into_iter().chain([server]).map(|path| sha256(&fs::read(path).unwrap())).collect()
}

/// A folder outside the workspace with the clone beside the plugin's folder, as the page wants it. Cargo knows a crate by
/// its path, so it is the same one at each run, and what was built stays in the workspace's target folder: only the first
/// run takes long. One run at a time.
struct Beside {
    folder: PathBuf,
    _lock: fs::File,
}

impl Beside {
    fn new() -> Self {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("outside");
        fs::create_dir_all(&target).unwrap();
        let lock = fs::File::create(target.join("lock")).unwrap();
        lock.lock().unwrap();
        let clone = data_encoding::HEXLOWER.encode(&sha256(workspace().as_os_str().as_encoded_bytes())[..8]);
        let beside = Self { folder: std::env::temp_dir().join(format!("vestibule-{clone}")), _lock: lock };
        match fs::DirBuilder::new().mode(0o700).create(&beside.folder) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => beside.is_ours(),
            made => made.unwrap(),
        }
        beside.clear();
        symlink(workspace(), beside.folder.join("vestibule")).unwrap();
        fs::create_dir(beside.plugin()).unwrap();
        symlink(&target, beside.plugin().join("target")).unwrap();
        beside
    }

    /// The name can be guessed, and others can write where it stands.
    fn is_ours(&self) {
        let found = fs::symlink_metadata(&self.folder).unwrap();
        let ours =
            found.is_dir() && found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o077 == 0;
        assert!(ours, "{} is not of these tests: remove it", self.folder.display());
    }

    fn clear(&self) {
        let _ = fs::remove_file(self.folder.join("vestibule"));
        // The link to what was built goes with it, what it points to stays.
        if self.plugin().exists() {
            fs::remove_dir_all(self.plugin()).unwrap();
        }
    }

    fn plugin(&self) -> PathBuf {
        self.folder.join("vestibule-plugin-forgejo")
    }

    fn shell(&self, commands: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-e", "-c", commands]).current_dir(self.plugin());
        let cargo = std::env::var_os("CARGO").map(PathBuf::from);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = cargo.iter().filter_map(|cargo| cargo.parent().map(Path::to_owned));
        let path = std::env::join_paths(folders.chain(std::env::split_paths(&path))).unwrap();
        command.env("PATH", path).env("CARGO_NET_OFFLINE", "true").env("CARGO_TERM_COLOR", "never");
        // Less to build and to keep; the code is the same.
        command.env("CARGO_PROFILE_DEV_DEBUG", "false").env("CARGO_INCREMENTAL", "0");
        // The page says `target/release`, wherever the person's own settings put it.
        for other in ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR", "CARGO_BUILD_TARGET"] {
            command.env_remove(other);
        }
        if commands.starts_with("cargo doc ") {
            // Not into the workspace's own, where the other tests' programs are.
            command.env("CARGO_TARGET_DIR", "target");
        }
        command
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Somebody who does what the page says, from the top to the bottom.
struct Author {
    beside: Beside,
    server: u16,
    lookalike: u16,
    /// What still runs, the server last.
    running: Vec<Process>,
    /// What the last commands have said, if they have ended.
    said: String,
    servers_left_out: usize,
    rows: usize,
}

impl Author {
    /// With the ports of this run in the place of the page's.
    fn here(&self, text: &str) -> String {
        let url = format!("http://localhost:{}", self.server);
        let public = format!("public_url = \"{url}\"\nlisten = \"127.0.0.1:{}\"\n", self.server);
        text.replace("public_url = \"http://localhost:8080\"\n\n", &public)
            .replace("http://localhost:8080", &url)
            .replace("127.0.0.1:8080", &format!("127.0.0.1:{}", self.server))
            .replace("127.0.0.1:8500", &format!("127.0.0.1:{}", self.lookalike))
            .replace("--provider forgejo", &format!("--provider forgejo --server {url}"))
            .replace("../vestibule/target/debug/", &format!("{}/", programs().display()))
    }

    async fn does(&mut self, block: &Block) {
        let text = self.here(&block.text);
        match &block.kind {
            Kind::File(path) => {
                let path = self.beside.plugin().join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            Kind::Commands => self.runs(&text).await,
            Kind::Output => self.sees(&text),
        }
    }

    async fn runs(&mut self, commands: &str) {
        self.servers_left_out += commands.matches(BUILDS_THE_SERVER).count();
        let commands = commands.replace(BUILDS_THE_SERVER, "");
        let announced = [("vestibule serve", "ready: "), ("lookalike -- ", "lookalike listening on ")];
        if let Some((_, announces)) = announced.iter().find(|(program, _)| commands.contains(program)) {
            let mut process =
                Process::spawn(&mut self.beside.shell(&format!("exec {} >&2", commands.trim_end())));
            process.wait_for(announces);
            self.said = process.seen.join("\n");
            self.running.push(process);
        } else if let Some(query) = commands.strip_prefix("sqlite3 ") {
            self.asks(query).await;
        } else {
            let output = self.beside.shell(&commands).output().unwrap();
            self.said = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap()).concat();
            assert!(output.status.success(), "{commands}\n{}", self.said);
        }
    }

    /// What `sqlite3 FILE 'QUERY'` would print, without the program.
    async fn asks(&mut self, arguments: &str) {
        let (file, query) = arguments.trim_end().split_once(' ').unwrap();
        let query: &'static str = query.trim_matches('\'').to_owned().leak();
        let options = SqliteConnectOptions::new().filename(self.beside.plugin().join(file));
        let database = SqlitePool::connect_with(options.read_only(true)).await.unwrap();
        let rows = sqlx::query(query).fetch_all(&database).await.unwrap();
        let text = |row: &sqlx::sqlite::SqliteRow, at: usize| {
            row.try_get::<String, _>(at)
                .or_else(|_| row.try_get::<i64, _>(at).map(|n| n.to_string()))
                .unwrap()
        };
        let line = |row| (0..sqlx::Row::len(row)).map(|at| text(row, at)).collect::<Vec<_>>().join("|");
        self.said = rows.iter().map(line).collect::<Vec<_>>().join("\n");
        self.rows += rows.len();
    }

    /// What the page shows is there, line by line.
    fn sees(&self, output: &str) {
        for line in output.lines() {
            assert!(
                self.said.contains(line.trim()),
                "the page shows `{line}`, and this came:\n{}",
                self.said
            );
        }
        let tests = |text: &str| {
            text.lines().filter(|line| line.starts_with("test ") && line.ends_with(" ok")).count()
        };
        assert_eq!(tests(output), tests(&self.said), "the page leaves out a test, or shows one that is gone");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plugin_of_the_guide_signs_in_through_the_server_that_is_already_built() {
    let page = fs::read_to_string(workspace().join("docs/plugin-author.md")).unwrap();
    let before = core();
    let beside = Beside::new();
    let mut author = Author {
        beside,
        server: free_port(),
        lookalike: free_port(),
        running: Vec::new(),
        said: String::new(),
        servers_left_out: 0,
        rows: 0,
    };
    let blocks = blocks(&page);
    let first = blocks.iter().position(|block| matches!(block.kind, Kind::File(_))).unwrap();
    for block in &blocks[first..] {
        author.does(block).await;
    }
    // The page has led to the end: a plugin, one person who signed in through it, and the row in the plugin's own table.
    assert_eq!((author.servers_left_out, author.rows), (1, 1));
    let (code, said) = author.running.pop().unwrap().terminate();
    assert_eq!(code, Some(0));
    assert!(said.iter().any(|line| line.contains("signed in provider=forgejo")), "{said:?}");
    assert!(before == core(), "the guide changes the server or the workspace");
}
