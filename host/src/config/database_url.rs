//! A PostgreSQL URL, as libpq reads it (https://www.postgresql.org/docs/current/libpq-connect.html, 34.1.1.2): the parts
//! that make sense here, and a fault for every other. Repeats nothing of a URL but the names of parameters.

use std::net::IpAddr;
use std::path::Path;

use secrecy::SecretString;

use super::secret;
use crate::store::{PostgresHost, PostgresLocation, PostgresTls, PostgresTlsMode};

/// What is wrong, and the cure.
type Wrong = (String, String);

const PARAMETERS: [&str; 9] =
    ["host", "port", "user", "password", "dbname", "sslmode", "sslrootcert", "sslcert", "sslkey"];
const ENCODE: &str = "write what is special in a name or a password percent-encoded: `%40` for an `@`, `%2F` for a `/`, \
                      `%23` for a `#`";

/// What the URL says, before it is known whether it is enough.
#[derive(Default)]
struct Parts {
    values: [Option<String>; PARAMETERS.len()],
    /// Whether the query may be the rest of a password: then no name in it is shown.
    hides_names: bool,
}

impl Parts {
    fn set(&mut self, name: &str, value: String) -> Result<(), Wrong> {
        let Some(slot) = PARAMETERS.iter().position(|known| *known == name) else {
            // What stands there may be anything, a piece of a password too.
            let usual = !self.hides_names
                && name.len() <= 32
                && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            let shown = if usual { format!("the parameter `{name}`") } else { "a parameter".to_owned() };
            let message = format!("{shown} of the database URL is unknown");
            return Err((message, format!("it takes: {}", PARAMETERS.join(", "))));
        };
        if self.values[slot].is_some() {
            let shown = if self.hides_names { "something" } else { &*format!("its {name}") };
            return Err((format!("the database URL says {shown} twice"), "keep one of them".to_owned()));
        }
        self.values[slot] = Some(value);
        Ok(())
    }

    /// A value that is there and not empty.
    fn take(&mut self, name: &str) -> Option<String> {
        let slot = PARAMETERS.iter().position(|known| *known == name)?;
        self.values[slot].take().filter(|value| !value.is_empty())
    }
}

/// Reads what follows `postgres:`. Relative paths of certificates start from `folder`.
pub(crate) fn postgres(rest: &str, folder: &Path) -> Result<PostgresLocation, Wrong> {
    let mut parts = split(rest)?;
    let missing = |what: &str| {
        let cure = "write `postgres://ROLE@HOST/DATABASE`, or `postgres://ROLE@/DATABASE?host=/run/postgresql` for a socket";
        (format!("the database URL names no {what}"), cure.to_owned())
    };
    let port = match parts.take("port") {
        None => 5432,
        Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or_else(|| {
            ("the database URL's port is no number from 1 to 65535".to_owned(), ENCODE.to_owned())
        })?,
    };
    let host = match parts.take("host").ok_or_else(|| missing("host"))? {
        folder if folder.starts_with('/') => PostgresHost::Socket(folder.into()),
        host if host.contains(',') => {
            let cure = "name one host; a pooler or a DNS name can lead to whichever is the primary";
            return Err(("the database URL names several hosts".to_owned(), cure.to_owned()));
        }
        host => PostgresHost::Network(host),
    };
    Ok(PostgresLocation {
        // Without one the driver would make one up.
        user: parts.take("user").ok_or_else(|| missing("user"))?,
        password: parts.take("password").map(SecretString::from),
        database: parts.take("dbname").ok_or_else(|| missing("database"))?,
        tls: tls(&mut parts, &host, folder)?,
        host,
        port,
    })
}

/// Pulls a URL apart and decodes its pieces.
fn split(rest: &str) -> Result<Parts, Wrong> {
    let malformed = |what: &str| (format!("the database URL {what}"), ENCODE.to_owned());
    let rest = rest.strip_prefix("//").ok_or_else(|| {
        let cure = "write `postgres://ROLE@HOST/DATABASE`".to_owned();
        ("the database URL has no `//` behind its scheme".to_owned(), cure)
    })?;
    if rest.contains(['#', ' ', '\n', '\0']) {
        return Err(malformed("holds a character that none may hold"));
    }
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if path.contains(['@', '/']) {
        return Err(malformed("has an `@` or a `/` where none may be"));
    }
    let decoded =
        |text: &str| decode(text).ok_or_else(|| malformed("is not percent-encoded as it should be"));
    let mut parts = Parts { hides_names: query.contains('@'), ..Parts::default() };
    let mut set = |name: &str, value: &str| match value {
        "" => Ok(()),
        value => parts.set(name, decoded(value)?),
    };
    let host = match authority.rsplit_once('@') {
        Some((login, host)) => {
            let (user, password) = login.split_once(':').unwrap_or((login, ""));
            set("user", user)?;
            set("password", password)?;
            host
        }
        None => authority,
    };
    // An IPv6 address stands in brackets.
    let (host, port) = match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        Some((address, port)) => (address, port.strip_prefix(':').unwrap_or(port)),
        None => host.rsplit_once(':').unwrap_or((host, "")),
    };
    set("host", host)?;
    set("port", port)?;
    set("dbname", path)?;
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        parts.set(name, decoded(value)?)?;
    }
    Ok(parts)
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

/// Over a network the server proves who it is; only on this machine is less enough.
fn tls(parts: &mut Parts, host: &PostgresHost, folder: &Path) -> Result<PostgresTls, Wrong> {
    let (is_socket, is_local) = match host {
        PostgresHost::Socket(_) => (true, true),
        PostgresHost::Network(host) => (false, is_loopback(host)),
    };
    let asked = match parts.take("sslmode").as_deref() {
        None if is_local => PostgresTlsMode::Off,
        None | Some("verify-full") => PostgresTlsMode::Full,
        Some("disable" | "allow" | "prefer") => PostgresTlsMode::Off,
        Some("require") => PostgresTlsMode::Encrypted,
        Some("verify-ca") => PostgresTlsMode::Vouched,
        Some(_) => {
            let cure = "write `sslmode=verify-full`, or leave it out".to_owned();
            return Err(("the database URL's `sslmode` is none that there is".to_owned(), cure));
        }
    };
    if !is_local && asked != PostgresTlsMode::Full {
        let message =
            "the database URL's `sslmode` lets any server on the way pose as the database".to_owned();
        let cure =
            "write `sslmode=verify-full`, with `sslrootcert=FILE` for an authority of your own".to_owned();
        return Err((message, cure));
    }
    let mut file = |name: &str| {
        let Some(path) = parts.take(name) else { return Ok(None) };
        let path = folder.join(path);
        match std::fs::File::open(&path) {
            Ok(_) => Ok(Some(path)),
            Err(error) => {
                let message =
                    format!("the file that `{name}` names cannot be read: {}", secret::reason(&error));
                Err((message, format!("let `{name}` name a file that this process can read")))
            }
        }
    };
    let root_certificate = file("sslrootcert")?;
    let client = match (file("sslcert")?, file("sslkey")?) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => {
            let message = "the database URL has one of `sslcert` and `sslkey`".to_owned();
            return Err((message, "write both, or none".to_owned()));
        }
    };
    // No TLS is spoken over a socket, whatever is asked.
    let mode = if is_socket { PostgresTlsMode::Off } else { asked };
    if mode == PostgresTlsMode::Off && (root_certificate.is_some() || client.is_some()) {
        let message =
            "the database URL names a certificate or a key, and the connection is without TLS".to_owned();
        let cure = if is_socket {
            "leave out `sslrootcert`, `sslcert` and `sslkey`: a socket has no TLS"
        } else {
            "add `sslmode=verify-full`, or leave out `sslrootcert`, `sslcert` and `sslkey`"
        };
        return Err((message, cure.to_owned()));
    }
    Ok(PostgresTls { mode, root_certificate, client })
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn read(rest: &str) -> PostgresLocation {
        postgres(rest, Path::new("/etc/vestibule")).unwrap_or_else(|(message, _)| panic!("{rest}: {message}"))
    }

    fn wrong(rest: &str) -> String {
        let (message, cure) = postgres(rest, Path::new("/etc/vestibule")).map(drop).unwrap_err();
        format!("{message}; {cure}")
    }

    #[test]
    fn reads_every_part() {
        let location = read("//vesti%40bule:p%40ss%2Fw%23rd@db.example.org:6432/id%20s");
        assert_eq!(location.host, PostgresHost::Network("db.example.org".to_owned()));
        assert_eq!((location.port, &*location.user, &*location.database), (6432, "vesti@bule", "id s"));
        assert_eq!(location.password.unwrap().expose_secret(), "p@ss/w#rd");
        assert_eq!(location.tls, PostgresTls { mode: PostgresTlsMode::Full, ..PostgresTls::default() });
        let location = read("//v@db/v");
        assert_eq!((location.port, location.password.is_none()), (5432, true));
        let parameters = read("///?host=db&port=6432&user=v&password=a%26b+c&dbname=ids");
        assert_eq!(parameters.password.as_ref().unwrap().expose_secret(), "a&b+c");
        assert_eq!(parameters.to_string(), "postgres://v@db:6432/ids");
        assert!(!format!("{parameters:?}").contains("a&b"));
    }

    #[test]
    fn reads_sockets_and_addresses() {
        let socket = PostgresHost::Socket("/run/postgresql".into());
        for rest in
            ["//v@/v?host=/run/postgresql", "///v?host=/run/postgresql&user=v", "//v@%2Frun%2Fpostgresql/v"]
        {
            let location = read(rest);
            assert_eq!((location.host, location.tls.mode), (socket.clone(), PostgresTlsMode::Off), "{rest}");
        }
        let location = read("//v@[::1]:6432/v");
        assert_eq!((&location.host, location.port), (&PostgresHost::Network("::1".to_owned()), 6432));
        assert_eq!(location.to_string(), "postgres://v@[::1]:6432/v");
    }

    #[test]
    fn asks_a_server_elsewhere_who_it_is() {
        let mode = |rest: &str| read(rest).tls.mode;
        for host in ["localhost", "127.0.0.1", "127.9.9.9", "[::1]"] {
            assert_eq!(mode(&format!("//v@{host}/v")), PostgresTlsMode::Off);
            assert_eq!(mode(&format!("//v@{host}/v?sslmode=require")), PostgresTlsMode::Encrypted);
            assert_eq!(mode(&format!("//v@{host}/v?sslmode=verify-full")), PostgresTlsMode::Full);
        }
        for host in ["db", "10.0.0.1", "[fe80::1]", "localhost.example.org", "127.0.0.1.example.org"] {
            assert_eq!(mode(&format!("//v@{host}/v")), PostgresTlsMode::Full);
            for weak in ["disable", "allow", "prefer", "require", "verify-ca"] {
                assert_eq!(
                    wrong(&format!("//v@{host}/v?sslmode={weak}")),
                    "the database URL's `sslmode` lets any server on the way pose as the database; write \
                     `sslmode=verify-full`, with `sslrootcert=FILE` for an authority of your own"
                );
            }
        }
        assert!(
            wrong("//v@db/v?sslmode=off").starts_with("the database URL's `sslmode` is none that there is")
        );
        assert!(wrong("//v@db/v?sslrootcert=nowhere.pem").contains("`sslrootcert` names cannot be read"));
        assert!(wrong("//v@db/v?sslcert=/dev/null").contains("one of `sslcert` and `sslkey`"));
    }

    #[test]
    fn a_certificate_without_tls_is_a_fault() {
        for rest in [
            "//v@localhost/v?sslrootcert=/dev/null",
            "//v@127.0.0.1/v?sslcert=/dev/null&sslkey=/dev/null",
            "//v@127.0.0.1/v?sslmode=disable&sslrootcert=/dev/null",
        ] {
            assert!(
                wrong(rest).ends_with(
                    "the connection is without TLS; add `sslmode=verify-full`, or leave out \
                `sslrootcert`, `sslcert` and `sslkey`"
                ),
                "{rest}"
            );
        }
        let socket = wrong("//v@/v?host=/run/postgresql&sslmode=verify-full&sslrootcert=/dev/null");
        assert!(socket.ends_with("a socket has no TLS"), "{socket}");
        read("//v@localhost/v?sslmode=verify-full&sslrootcert=/dev/null");
    }

    #[test]
    fn says_what_is_missing_and_never_what_is_there() {
        for (rest, said) in [
            ("//db/v", "names no user"),
            ("//:hunter2@db/v", "names no user"),
            ("//v:hunter2@/v", "names no host"),
            ("//v:hunter2@db", "names no database"),
            ("v:hunter2@db/v", "has no `//`"),
            ("//v:hun/ter2@db/v", "has an `@` or a `/` where none may be"),
            ("//v:hun@ter2/hunter2@db", "has an `@` or a `/` where none may be"),
            ("//v@db/hunter2@db", "has an `@` or a `/` where none may be"),
            ("//v:hunter#2@db/v", "holds a character that none may hold"),
            ("//v:hunter%2@db/v", "is not percent-encoded"),
            ("//v:hunter2@db:port/v", "port is no number"),
            ("//v:hunter2@db:0/v", "port is no number"),
            ("//v:hunter2@a,b/v", "names several hosts"),
            ("//v:hunter2@db/v?pool=hunter2", "the parameter `pool` of the database URL is unknown"),
            ("//v:x?hunter=a@db/v", "a parameter of the database URL is unknown"),
            ("//v:hunter2@db/v?user=@", "says something twice"),
            ("//v:x?hunter2@db/v", "a parameter of the database URL is unknown"),
            ("//v:hunter2@db/v?user=w", "says its user twice"),
        ] {
            let wrong = wrong(rest);
            assert!(wrong.contains(said), "{rest}: {wrong}");
            assert!(!wrong.contains("hunter") && !wrong.contains("ter2"), "{rest}: {wrong}");
        }
    }
}
