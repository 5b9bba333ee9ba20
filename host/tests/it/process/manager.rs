//! What a service manager hears: ready when requests are answered, stopping at SIGTERM, nothing of a start that fails.

use std::os::unix::net::UnixDatagram;

use super::*;

/// The socket that a manager listens on.
pub(crate) struct Manager {
    pub(crate) path: PathBuf,
    socket: UnixDatagram,
}

impl Manager {
    pub(crate) fn at(path: PathBuf) -> Self {
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self { path, socket }
    }

    /// The next message with this line; the ones before it are dropped.
    pub(crate) fn wait_for(&self, line: &str) -> String {
        let mut bytes = [0; 4096];
        loop {
            let length =
                self.socket.recv(&mut bytes).unwrap_or_else(|error| panic!("never `{line}`: {error}"));
            let message = String::from_utf8(bytes[..length].to_vec()).unwrap();
            if message.lines().any(|other| other == line) {
                return message;
            }
        }
    }

    /// Everything that came by now.
    fn all(&self) -> String {
        self.socket.set_nonblocking(true).unwrap();
        let (mut bytes, mut all) = ([0; 4096], String::new());
        while let Ok(length) = self.socket.recv(&mut bytes) {
            all.push_str(std::str::from_utf8(&bytes[..length]).unwrap());
        }
        all
    }
}

/// The status of one request.
pub(crate) async fn status_of(port: u16, path: &str) -> u16 {
    let url = format!("http://localhost:{port}{path}");
    plain_client().get(url).send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_hears_ready_when_requests_are_answered_and_stopping_at_sigterm() {
    let (installation, idp) = (Installation::new(), DemoIdp::start(Options::default()).await.unwrap());
    installation.configure_for(&idp, "");
    let manager = Manager::at(installation.path("notify"));
    let process = Process::spawn(installation.command().env("NOTIFY_SOCKET", &manager.path));
    let ready = manager.wait_for("READY=1");
    assert_eq!(status_of(installation.port, "/readyz").await, 200);
    let status = format!(
        "STATUS=ready: github; generation 1, {} on 127.0.0.1:{}",
        installation.url(),
        installation.port
    );
    assert!(ready.lines().any(|line| line == status), "{ready}");
    process.signal(Signal::TERM);
    let stopping = manager.wait_for("STOPPING=1");
    assert!(stopping.contains("STATUS=no new requests, running ones have 15 s to end"), "{stopping}");
    assert_eq!(process.end().0, Some(0));
}

/// What `Type=notify-reload` waits for: the start of the reload, with the time, and its end, whatever came of it.
#[tokio::test(flavor = "multi_thread")]
async fn it_hears_when_a_reload_begins_and_that_the_server_is_ready_again() {
    let installation = Installation::new();
    installation.configure("");
    let manager = Manager::at(installation.path("notify"));
    let process = Process::spawn(installation.command().env("NOTIFY_SOCKET", &manager.path));
    manager.wait_for("READY=1");
    for (rest, status) in
        [("", "STATUS=generation 1"), ("[provider.github]\ntransprot = 1\n", "STATUS=reload refused")]
    {
        installation.configure(rest);
        process.signal(Signal::HUP);
        let reloading = manager.wait_for("RELOADING=1");
        let time = reloading.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC=")).unwrap();
        assert!(time.parse::<u64>().unwrap() > 0);
        let ready = manager.wait_for("READY=1");
        assert!(ready.contains(status), "{ready}");
    }
    assert_eq!(process.terminate().0, Some(0));
}

#[test]
fn it_never_hears_ready_of_a_start_that_fails() {
    let installation = Installation::new();
    installation.configure("listne = 1\n");
    let manager = Manager::at(installation.path("notify"));
    let output = installation.command().env("NOTIFY_SOCKET", &manager.path).output().unwrap();
    assert_eq!((output.status.code(), manager.all().as_str()), (Some(78), ""));
    installation.configure("");
    installation.write("vestibule.db", "dear diary\n".repeat(1000));
    let output = installation.command().env("NOTIFY_SOCKET", &manager.path).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(manager.all(), "STATUS=opening the database and starting the providers\n");
}

#[test]
fn one_that_does_not_listen_keeps_nobody_from_signing_in() {
    let installation = Installation::new();
    installation.configure("");
    let mut process =
        Process::spawn(installation.command().env("NOTIFY_SOCKET", installation.path("nobody")));
    process.wait_for("ready: no provider");
    process.wait_for(" WARN the service manager cannot be told");
    assert_eq!(process.terminate().0, Some(0));
}
