//! nginx and Caddy in front of the program, by the very blocks that `docs/operator.md` prints: only names, ports and
//! certificates' paths are put in. TLS everywhere, by an authority that a test makes.
//!
//! Behind https no provider is reached on loopback. So the provider's side listens, behind TLS as well, at an address
//! that is opened by `allow_networks`, and the program trusts the authority by `SSL_CERT_FILE`: as in a company that has
//! an authority of its own. `cargo xtask test` names the address, in `VESTIBULE_TEST_ADDRESS`.

mod application;
mod browser;
mod forward_auth;
mod front;
mod limits;
mod page;
mod sign_in;
mod tls;

use std::fs::{self, Permissions};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use demo_idp::{DemoIdp, Options};
use tempfile::TempDir;
use tokio::net::TcpListener;
use vestibule_demo_idp as demo_idp;

use crate::process::{Process, free_port, pin, plugin};
use crate::world::{CLIENT_ID, CLIENT_SECRET, plain_client};
use application::Application;
use front::{Front, Kind};
use tls::{Answer, Authority, Certified};

/// The name in the page's examples.
const NAME: &str = "id.example.org";

/// Writes each test twice: what holds behind one proxy holds behind the other.
macro_rules! on_both_proxies {
    ($($(#[$attribute:meta])* async fn $name:ident($kind:ident) $body:block)*) => {
        mod nginx {
            $(
                $(#[$attribute])*
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    super::$name(crate::proxies::front::Kind::Nginx).await;
                }
            )*
        }
        mod caddy {
            $(
                $(#[$attribute])*
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    super::$name(crate::proxies::front::Kind::Caddy).await;
                }
            )*
        }
        $( async fn $name($kind: crate::proxies::front::Kind) $body )*
    };
}
use on_both_proxies;

/// A whole installation: provider, program, application, and the proxy in front.
struct Site {
    authority: Authority,
    idp: DemoIdp,
    application: Application,
    program: Process,
    front: Front,
    /// The proxy's certificate and that of the provider's front.
    shown: [Certified; 2],
    _folder: TempDir,
}

impl Site {
    async fn start(kind: Kind) -> Self {
        Self::with(kind, "").await
    }

    /// With these lines in `[server]`.
    async fn with(kind: Kind, server: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(folder.path());
        let (idp, idp_shown) = provider(&authority).await;
        let application = Application::start().await;
        let (inside, outside) = (free_port(), free_port());
        let origin = format!("https://{NAME}:{outside}");
        assert!(idp.register_redirect_uri(CLIENT_ID, &format!("{origin}/auth/github/callback")));
        let secret = folder.path().join("client-secret");
        fs::write(&secret, CLIENT_SECRET).unwrap();
        fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
        let server = format!("listen = \"127.0.0.1:{inside}\"\n{server}");
        let config = folder.path().join("config.toml");
        fs::write(&config, configuration(&origin, &server, idp.base_url())).unwrap();
        let mut program = Process::spawn(
            Command::new(env!("CARGO_BIN_EXE_vestibule"))
                .env_clear()
                .env("SSL_CERT_FILE", authority.file())
                .args(["serve", "--config"])
                .arg(&config),
        );
        let ready = program.wait_for("ready: ");
        assert!(ready.contains("ready: github;"), "{ready}");
        let shown = authority.certify(NAME);
        let front = Front::start(kind, &shown, folder.path(), outside, inside, application.port).await;
        Self { authority, idp, application, program, front, shown: [shown, idp_shown], _folder: folder }
    }

    /// What browsers have in their address line.
    fn origin(&self) -> String {
        format!("https://{NAME}:{}", self.front.port)
    }

    /// Sends these bytes over TLS, and reads to the end.
    async fn says(&self, request: &str) -> Answer {
        self.says_from("127.0.0.1", request).await
    }

    /// The same from another address of this machine's loopback.
    async fn says_from(&self, address: &str, request: &str) -> Answer {
        self.authority.ask(address.parse().unwrap(), self.front.port, NAME, request).await
    }

    /// `METHOD /path`, with further lines, each ended by CRLF.
    async fn asks(&self, line: &str, headers: &str) -> Answer {
        self.says(&self.request(line, headers)).await
    }

    fn request(&self, line: &str, headers: &str) -> String {
        let port = self.front.port;
        format!("{line} HTTP/1.1\r\nHost: {NAME}:{port}\r\nConnection: close\r\n{headers}\r\n")
    }

    /// Presses the button on the sign-in page, with further header lines.
    async fn begins_from(&self, address: &str, return_to: &str, headers: &str) -> Answer {
        let body =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("return_to", return_to).finish();
        let headers = format!(
            "Sec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n{headers}",
            body.len()
        );
        let head = self.request("POST /auth/github/begin", &headers);
        self.says_from(address, &format!("{head}{body}")).await
    }

    /// At the provider's page, this person says yes: the callback's path, to which nobody has gone yet.
    async fn callback(&self, begun: &Answer, person: &str) -> String {
        let authorize = url::Url::parse(begun.header("location").unwrap()).unwrap();
        assert_eq!(authorize.origin().ascii_serialization(), self.idp.base_url());
        let answer = plain_client()
            .post(format!("http://{}{}?{}", self.idp.address(), authorize.path(), authorize.query().unwrap()))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("person={person}"))
            .send()
            .await
            .unwrap();
        let callback = answer.headers()["location"].to_str().unwrap();
        callback.strip_prefix(&self.origin()).unwrap_or_else(|| panic!("{callback}")).to_owned()
    }

    /// All the way in; the header line `Cookie` of a signed-in browser.
    async fn signs_in(&self, person: &str) -> String {
        let begun = self.begins_from("127.0.0.1", "/", "").await;
        let browser = format!("Cookie: {}\r\n", begun.cookie("__Host-vestibule_browser"));
        let callback = self.callback(&begun, person).await;
        let answer = self.asks(&format!("GET {callback}"), &browser).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        format!("Cookie: {}\r\n", answer.cookie("__Host-vestibule_session"))
    }
}

/// A lookalike of GitHub behind TLS, at an address that is not loopback.
async fn provider(authority: &Authority) -> (DemoIdp, Certified) {
    let address: IpAddr = std::env::var("VESTIBULE_TEST_ADDRESS")
        .expect(
            "VESTIBULE_TEST_ADDRESS is not set: run `cargo xtask test`, or set it to this machine's address",
        )
        .parse()
        .unwrap();
    let listener = TcpListener::bind((address, 0)).await.unwrap();
    let shown_at = format!("https://{}", listener.local_addr().unwrap());
    let options = Options { shown_at: Some(shown_at), ..Options::default() };
    let idp = DemoIdp::start(options).await.unwrap();
    let shown = authority.certify(&address.to_string());
    Authority::put_in_front_of(idp.address(), listener, &shown);
    (idp, shown)
}

/// What the page says of `config.toml`, and a provider.
fn configuration(origin: &str, server: &str, idp: &str) -> String {
    let example = page::block_after("With either, in `config.toml`:", "toml");
    let example = page::replaced(&example, &format!("https://{NAME}"), origin);
    let address = url::Url::parse(idp).unwrap();
    let network = match address.host().unwrap() {
        url::Host::Ipv6(address) => format!("{address}/128"),
        host => format!("{host}/32"),
    };
    format!(
        "{example}\n{server}\n{}[provider.github]\ntransport = \"in-process\"\nlabel = \"GitHub\"\n\
         allow_networks = [\"{network}\"]\n[provider.github.settings]\nbase_url = \"{idp}\"\n\
         client_id = \"{CLIENT_ID}\"\nclient_secret_file = \"client-secret\"\n",
        plugin(&pin())
    )
}
