//! The identity provider as a program: started, started again, ended. Knows nothing of Vestibule.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use super::SECRET;

/// It ends with this.
pub(super) struct Issuer {
    /// Its issuer identifier, and its address: `http://127.0.0.1:PORT`.
    pub(super) url: String,
    redirect_uri: String,
    arguments: &'static [&'static str],
    child: Child,
    /// Kept open: it would be ended by its next line otherwise.
    said: BufReader<ChildStdout>,
}

impl Issuer {
    /// Starts it for a client that may send people back to there, and waits until it listens.
    pub(super) fn start(redirect_uri: &str, arguments: &'static [&'static str]) -> Self {
        let (child, said, url) = spawn("0", redirect_uri, arguments);
        Self { url, redirect_uri: redirect_uri.to_owned(), arguments, child, said }
    }

    /// Ends it.
    pub(super) fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it once more at the same address: with new keys, and without memory of anybody.
    pub(super) fn starts_again(&mut self) {
        self.stop();
        let (_, port) = self.url.rsplit_once(':').unwrap();
        let (child, said, url) = spawn(port, &self.redirect_uri, self.arguments);
        assert_eq!(url, self.url);
        (self.child, self.said) = (child, said);
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(port: &str, redirect_uri: &str, arguments: &[&str]) -> (Child, BufReader<ChildStdout>, String) {
    let node = std::env::var_os("VESTIBULE_TEST_NODE").unwrap_or_else(|| {
        panic!(
            "VESTIBULE_TEST_NODE is not set: run `cargo xtask test`, or set it to a Node.js of 22 or newer"
        )
    });
    // Its standard input stays open as long as the child is held: its end is the child's, should this process be killed.
    let mut child = Command::new(node)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../interop/oidc-provider/server.mjs"))
        .args(["--port", port, "--redirect-uri", redirect_uri])
        .args(arguments)
        .env("INTEROP_CLIENT_SECRET", SECRET)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    said.read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("listening on ");
    let url = url.unwrap_or_else(|| panic!("it ended before it listened: {line:?}")).to_owned();
    (child, said, url)
}
