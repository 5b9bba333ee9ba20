//! The program itself: what it says on its command line, what it ends with, and what survives when it is ended.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, remove_capability_from_bounding_set, set_capabilities,
};
use tempfile::TempDir;
use vestibule::random::sha256;
use vestibule_demo_idp::visitor::Visitor;
use vestibule_demo_idp::{DemoIdp, Endpoint, Fault, Options};

use crate::database::Look;
use crate::world::{CLIENT_ID, CLIENT_SECRET, library, plain_client};

mod check;
mod command_line;
mod doctor;
mod ends;
mod killed;
mod log;
pub(crate) mod manager;
mod migrate;
mod outside;
mod plugin_files;
mod provider_verbs;
mod providers;
mod refusals;
mod reload;
mod silence;
mod under_load;
mod workers;

/// A folder with a configuration, and the port that it names.
struct Installation {
    folder: TempDir,
    port: u16,
}

impl Installation {
    fn new() -> Self {
        let installation = Self { folder: tempfile::tempdir().unwrap(), port: free_port() };
        installation.write("client-secret", CLIENT_SECRET);
        installation
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
        fs::set_permissions(self.path(name), Permissions::from_mode(0o600)).unwrap();
    }

    fn url(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// `[server]`, three lines, and whatever else.
    fn configure(&self, rest: &str) {
        let server =
            format!("[server]\npublic_url = \"{}\"\nlisten = \"127.0.0.1:{}\"\n", self.url(), self.port);
        self.write("config.toml", server + rest);
    }

    /// One provider, `github`, at a demo-idp that knows its redirect URI.
    fn configure_for(&self, idp: &DemoIdp, rest: &str) {
        assert!(idp.register_redirect_uri(CLIENT_ID, &format!("{}/auth/github/callback", self.url())));
        self.configure(&format!("{rest}\n{}{}", plugin(&pin()), provider("github", idp.base_url())));
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
        command.env_clear().arg("serve").arg("--config").arg(self.path("config.toml"));
        command
    }

    /// Runs to its end: what it says, without the folder's name.
    fn refused(&self) -> (Option<i32>, String) {
        self.ended(&self.command().output().unwrap())
    }

    fn ended(&self, output: &Output) -> (Option<i32>, String) {
        assert_eq!(String::from_utf8_lossy(&output.stdout), "");
        (output.status.code(), self.shortened(&String::from_utf8(output.stderr.clone()).unwrap()))
    }

    fn shortened(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.folder.path().display()), "")
    }

    /// Starts and waits until it serves.
    fn start(&self) -> Process {
        let mut process = Process::spawn(self.command().arg("--verbose"));
        process.wait_for("ready: ");
        process
    }

    fn visitor(&self) -> Visitor {
        Visitor::new(&self.url()).unwrap()
    }

    async fn database(&self) -> Look {
        Look::into_file(&self.path("vestibule.db")).await
    }

    async fn count(&self, table: &str) -> i64 {
        self.database().await.count(table).await
    }

    async fn me(&self, session: &str) -> u16 {
        let cookie = format!("__Host-vestibule_session={session}");
        let me = plain_client().get(format!("{}/api/v1/me", self.url())).header("cookie", cookie);
        me.send().await.unwrap().status().as_u16()
    }
}

/// A port below the range from which systems give out free ones: nobody else gets it between the look and the start.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + u16::try_from(std::process::id() % 2_000).unwrap() * 10;
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed);
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

pub(crate) fn pin() -> String {
    data_encoding::HEXLOWER.encode(&sha256(&fs::read(library("github")).unwrap()))
}

pub(crate) fn plugin(pin: &str) -> String {
    format!("[plugin.github]\npath = \"{}\"\nsha256 = [\"{pin}\"]\n", library("github").display())
}

fn provider(name: &str, base_url: &str) -> String {
    format!(
        "[provider.{name}]\nplugin = \"github\"\ntransport = \"worker\"\n[provider.{name}.settings]\n\
         base_url = \"{base_url}\"\nclient_id = \"{CLIENT_ID}\"\nclient_secret_file = \"client-secret\"\n"
    )
}

/// A running server. It is killed when a test ends before it does.
pub(crate) struct Process {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Process {
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (line, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for read in stderr.lines() {
                let _ = line.send(read.unwrap());
            }
        });
        Self { child, lines, seen: Vec::new() }
    }

    /// The next line with this text in it.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        loop {
            match self.lines.recv_timeout(Duration::from_secs(60)) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(_) => panic!("never said `{text}`:\n{}", self.seen.join("\n")),
            }
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end: the exit code, none if a signal ended it, and all that was said.
    pub(crate) fn end(mut self) -> (Option<i32>, Vec<String>) {
        let code = self.child.wait().unwrap().code();
        let mut stdout = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        assert_eq!(stdout, "");
        self.seen.extend(self.lines.iter());
        (code, std::mem::take(&mut self.seen))
    }

    fn terminate(self) -> (Option<i32>, Vec<String>) {
        self.signal(Signal::TERM);
        self.end()
    }

    pub(crate) fn kill(self) {
        self.signal(Signal::KILL);
        assert_eq!(self.end().0, None);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until something is so that nobody announces.
pub(crate) async fn until(mut is_so: impl FnMut() -> bool) {
    let mut look = tokio::time::interval(Duration::from_millis(5));
    while !is_so() {
        look.tick().await;
    }
}
