//! The two proxies, as programs of their own on a free port, without any right. Knows no request.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::tls::Certified;
use super::{NAME, page};

/// Which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Nginx,
    Caddy,
}

/// A proxy that serves until this is dropped.
pub(super) struct Front {
    pub(super) port: u16,
    child: Child,
}

impl Front {
    /// Starts it in `folder`, and waits until it listens on `port`. Behind it are the server and an application.
    pub(super) async fn start(
        kind: Kind,
        shown: &Certified,
        folder: &Path,
        port: u16,
        server: u16,
        application: u16,
    ) -> Self {
        let (certificate, key) = shown.write(folder);
        let ports = |text: &str| {
            let text = page::replaced(text, "127.0.0.1:8080", &format!("127.0.0.1:{server}"));
            page::replaced(&text, "127.0.0.1:3000", &format!("127.0.0.1:{application}"))
        };
        let mut command = match kind {
            Kind::Nginx => {
                nginx(&ports(&page::block_after("nginx:", "nginx")), folder, port, &certificate, &key)
            }
            Kind::Caddy => {
                caddy(&ports(&page::block_after("Caddy:", "caddyfile")), folder, port, &certificate, &key)
            }
        };
        // What they say is the test's output, which is shown where it fails.
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        let mut front = Self { port, child };
        let mut look = tokio::time::interval(Duration::from_millis(20));
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert_eq!(front.child.try_wait().unwrap(), None, "{kind:?} ended at once");
            look.tick().await;
        }
        front
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The page's block stands inside `http`. One process, which needs no second user and leaves none behind.
fn nginx(example: &str, folder: &Path, port: u16, certificate: &Path, key: &Path) -> Command {
    let example = page::replaced(example, "listen 443 ssl;", &format!("listen 127.0.0.1:{port} ssl;"));
    let example = page::replaced(&example, "/etc/ssl/id.example.org.pem", &certificate.display().to_string());
    let example = page::replaced(&example, "/etc/ssl/private/id.example.org.key", &key.display().to_string());
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|what| format!("{what}_temp_path {}/{what};\n", folder.display()))
        .collect();
    let text = format!(
        "daemon off;\nmaster_process off;\npid {}/nginx.pid;\nerror_log stderr;\n\
         events {{}}\nhttp {{\naccess_log off;\n{temporary}{example}\n}}\n",
        folder.display()
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, text).unwrap();
    let mut command = Command::new(program("VESTIBULE_TEST_NGINX"));
    command.args(["-e", "stderr", "-p"]).arg(folder).arg("-c").arg(file);
    command
}

/// The page's block is a whole site; certificates of its own would come from the network.
fn caddy(example: &str, folder: &Path, port: u16, certificate: &Path, key: &Path) -> Command {
    let site = format!("{NAME} {{\n\ttls {} {}\n", certificate.display(), key.display());
    let example = page::replaced(example, &format!("{NAME} {{\n"), &site);
    let text = format!(
        "{{\n\tadmin off\n\tauto_https disable_redirects\n\thttps_port {port}\n\tdefault_bind 127.0.0.1\n}}\n\
         {example}\n"
    );
    let file = folder.join("Caddyfile");
    fs::write(&file, text).unwrap();
    let mut command = Command::new(program("VESTIBULE_TEST_CADDY"));
    command.env_clear().env("HOME", folder).args(["run", "--adapter", "caddyfile", "--config"]).arg(file);
    command
}

/// A program that `cargo xtask test` has found. Without it the test fails: only that command may leave it out.
fn program(variable: &str) -> PathBuf {
    let path = std::env::var_os(variable).unwrap_or_else(|| {
        panic!("{variable} is not set: run `cargo xtask test`, or set it to the path of the program")
    });
    PathBuf::from(path)
}
