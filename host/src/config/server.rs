//! The sections of the server itself: `[server]`, `[signup]`, `[session]`. It must not know providers.
//!
//! A fault in one of these stops the start: without them no provider could be served safely.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;

use super::fault::quoted;
use super::network::networks;
use super::public_url::PublicUrl;
use super::quantity::{PerMinute, duration, shown};
use super::section::{Found, Keys, Section};
use crate::name::ProviderName;

/// `[server]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The address under which browsers reach the server.
    pub public_url: PublicUrl,
    /// Where it listens; `127.0.0.1:8080` unless said.
    pub listen: SocketAddr,
    /// The Unix socket at which `vestibule reload` and `vestibule status` reach the server; none unless said.
    pub admin_socket: Option<PathBuf>,
    /// The proxies whose `X-Forwarded-For` is believed; nobody's unless said.
    pub trusted_proxies: Vec<IpNet>,
    /// The provider that the sign-in page puts first; it is configured, though it may be unavailable.
    pub default_provider: Option<ProviderName>,
    /// Sign-ins that one client address may begin; 30 a minute unless said.
    pub begin_rate: PerMinute,
    /// The shape of log lines.
    pub log: LogFormat,
    /// Where it shows its metrics; nowhere unless said.
    pub metrics_listen: Option<SocketAddr>,
}

/// The shape of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// `[signup]`: what happens to a proven account that has no user yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signup {
    /// Whether a user is made.
    pub mode: SignupMode,
}

/// Whether accounts that nobody knows get a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignupMode {
    /// A user is made, with a username like the account's handle.
    Auto,
    /// Only who has a user signs in.
    Closed,
}

/// `[session]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// A session ends when it was not used for so long; 7 days unless said.
    pub idle: Duration,
    /// A session ends so long after the sign-in, however busy; 30 days unless said. Not shorter than `idle`.
    pub absolute: Duration,
}

pub(crate) const SERVER: Keys = Keys {
    taken: &[
        "public_url",
        "listen",
        "admin_socket",
        "trusted_proxies",
        "default_provider",
        "begin_rate",
        "log",
        "metrics_listen",
    ],
    later: &[],
};
pub(crate) const SIGNUP: Keys = Keys { taken: &["mode"], later: &[] };
pub(crate) const SESSION: Keys = Keys { taken: &["idle", "absolute"], later: &[] };

/// `[server]` before it is known which providers there are.
pub(crate) struct ServerDraft<'d> {
    pub(crate) server: Option<Server>,
    pub(crate) default_provider: Option<Found<&'d str>>,
}

pub(crate) fn server<'d>(section: &mut Section<'d>, folder: &Path) -> ServerDraft<'d> {
    let public_url = section.text("public_url").and_then(|found| match found.value.parse::<PublicUrl>() {
        Ok(url) => Some(url),
        Err(error) => {
            section.fault(found.line, error.message, error.cure);
            None
        }
    });
    let header = section.header().to_owned();
    section.missing(
        "public_url",
        format!("`{header}` has no `public_url`"),
        "write the address that people open, as in `public_url = \"https://id.example.org\"`",
    );
    let listen = address(section, "listen")
        .map_or(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080), |found| found.value);
    let admin_socket = admin_socket(section, folder);
    let metrics_listen = metrics_listen(section, listen);
    let trusted_proxies = networks(section, "trusted_proxies");
    if let Some(everybody) = trusted_proxies.iter().find(|network| network.prefix_len() == 0) {
        let line = section.key_line("trusted_proxies");
        section.warning(
            line,
            format!("`trusted_proxies` holds `{everybody}`: everybody can then claim any address"),
            "name the proxies alone",
        );
    }
    let log = section.choice("log", &[("text", LogFormat::Text), ("json", LogFormat::Json)], &[]);
    let begin_rate = begin_rate(section);
    let default_provider = section.text("default_provider");
    let server = public_url.map(|public_url| Server {
        public_url,
        listen,
        admin_socket,
        trusted_proxies,
        default_provider: None,
        begin_rate,
        log: log.map_or(LogFormat::Text, |found| found.value),
        metrics_listen,
    });
    ServerDraft { server, default_provider }
}

fn metrics_listen(section: &mut Section<'_>, listen: SocketAddr) -> Option<SocketAddr> {
    let found = address(section, "metrics_listen")?;
    if found.value == listen {
        section.fault(
            found.line,
            format!("`metrics_listen` is `{listen}`, where the server itself listens"),
            "give the metrics a port of their own, as in `127.0.0.1:9100`",
        );
    }
    Some(found.value)
}

fn address(section: &mut Section<'_>, key: &str) -> Option<Found<SocketAddr>> {
    let found = section.text(key)?;
    if let Ok(address) = found.value.parse() {
        return Some(found.map(|_| address));
    }
    let cure = match found.value.rsplit_once(':') {
        Some(("localhost", port)) if port.parse::<u16>().is_ok() => format!("write `127.0.0.1:{port}`"),
        Some(("" | "*", port)) if port.parse::<u16>().is_ok() => {
            format!("write `127.0.0.1:{port}`, or `[::]:{port}` for every network")
        }
        _ => "write an address and a port, as in `127.0.0.1:8080`".to_owned(),
    };
    section.fault(found.line, format!("{} is not a socket address", quoted(found.value)), cure);
    None
}

/// The longest path of a Unix socket, in bytes (unix(7), `sun_path`, without its final NUL).
const LONGEST_SOCKET: usize = 107;

fn admin_socket(section: &mut Section<'_>, folder: &Path) -> Option<PathBuf> {
    let found = section.text("admin_socket")?;
    let path = folder.join(found.value);
    if found.value.is_empty() || found.value.ends_with('/') || found.value.contains('\0') {
        let cure = "write the path of a socket, as in `/run/vestibule/admin.sock`";
        section.fault(found.line, format!("{} is not the path of a file", quoted(found.value)), cure);
        return None;
    }
    let length = path.as_os_str().as_bytes().len();
    if length > LONGEST_SOCKET {
        let message = format!("`admin_socket` has {length} bytes with its folder");
        section.fault(found.line, message, format!("choose a path of at most {LONGEST_SOCKET} bytes"));
        return None;
    }
    Some(path)
}

fn begin_rate(section: &mut Section<'_>) -> PerMinute {
    const DEFAULT: PerMinute = PerMinute::new(NonZeroU32::MIN.saturating_add(29));
    let Some(found) = section.text("begin_rate") else { return DEFAULT };
    PerMinute::parse(found.value).unwrap_or_else(|| {
        let cure = "write how many sign-ins one address may begin in a minute, as in `30/min`";
        section.fault(found.line, format!("{} is not a rate", quoted(found.value)), cure);
        DEFAULT
    })
}

pub(crate) fn signup(section: &mut Section<'_>) -> Signup {
    let choices = [("auto", SignupMode::Auto), ("closed", SignupMode::Closed)];
    let mode = section.choice("mode", &choices, &["ask"]);
    Signup { mode: mode.map_or(SignupMode::Auto, |found| found.value) }
}

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);
/// When a session was last used is written at most once a minute, so shorter ones would end while in use.
const SHORTEST: Duration = MINUTE.saturating_mul(5);
/// Browsers drop cookies after 400 days (RFC 6265bis §5.5).
const LONGEST: Duration = DAY.saturating_mul(400);

pub(crate) fn session(section: &mut Section<'_>) -> Session {
    let idle = life(section, "idle");
    let absolute = life(section, "absolute");
    let session = Session {
        idle: idle.map_or(DAY.saturating_mul(7), |found| found.value),
        absolute: absolute.map_or(DAY.saturating_mul(30), |found| found.value),
    };
    if session.idle > session.absolute && !section.is_faulty() {
        let line = idle.or(absolute).map_or(section.line(), |found| found.line);
        section.fault(
            line,
            format!(
                "`idle` ({}) is longer than `absolute` ({})",
                shown(session.idle),
                shown(session.absolute)
            ),
            "make `idle` shorter or `absolute` longer",
        );
    }
    session
}

fn life(section: &mut Section<'_>, key: &str) -> Option<Found<Duration>> {
    let found = section.text(key)?;
    let Some(duration) = duration(found.value) else {
        let cure = "write one like `7d`, `8h 30m` or `30 days`";
        section.fault(found.line, format!("{} is not a duration", quoted(found.value)), cure);
        return None;
    };
    if !(SHORTEST..=LONGEST).contains(&duration) {
        section.fault(
            found.line,
            format!("`{key}` is {}", quoted(found.value)),
            format!("write something between {} and {}", shown(SHORTEST), shown(LONGEST)),
        );
        return None;
    }
    Some(found.map(|_| duration))
}
