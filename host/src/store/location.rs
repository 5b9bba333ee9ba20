//! Where the database is. The configuration reads it from `[database]`; here it is only opened.

use std::fmt;
use std::path::PathBuf;

use secrecy::{ExposeSecret as _, SecretString};

/// A database's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// An SQLite file, made at the first start; relative to the process's folder or absolute.
    Sqlite(PathBuf),
    /// A PostgreSQL server, or a pooler in front of one.
    Postgres(Box<PostgresLocation>),
}

/// One database of a PostgreSQL server. Shown without its password.
#[derive(Debug, Clone)]
pub struct PostgresLocation {
    /// The server.
    pub host: PostgresHost,
    /// 5432 unless said; a socket's file is named by it, too.
    pub port: u16,
    /// The role.
    pub user: String,
    /// Its password, if it needs one.
    pub password: Option<SecretString>,
    /// The database.
    pub database: String,
    /// How the connection is protected.
    pub tls: PostgresTls,
}

/// Where a PostgreSQL server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostgresHost {
    /// A name or an address.
    Network(String),
    /// The folder of its Unix socket.
    Socket(PathBuf),
}

/// The protection of a connection, and the files that it takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PostgresTls {
    /// What is asked of the server.
    pub mode: PostgresTlsMode,
    /// PEM certificates that are trusted beside the public ones.
    pub root_certificate: Option<PathBuf>,
    /// Our own PEM certificate and its key, for a server that asks for one.
    pub client: Option<(PathBuf, PathBuf)>,
}

/// What is asked of the server. Everything but the last is for a server on this machine alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PostgresTlsMode {
    /// Nothing.
    Off,
    /// TLS, whoever answers.
    Encrypted,
    /// TLS, and a certificate that somebody vouches for.
    Vouched,
    /// TLS, and a certificate of that host.
    #[default]
    Full,
}

impl PartialEq for PostgresLocation {
    fn eq(&self, other: &Self) -> bool {
        let password =
            |location: &Self| location.password.as_ref().map(|text| text.expose_secret().to_owned());
        (&self.host, self.port, &self.user, &self.database, &self.tls)
            == (&other.host, other.port, &other.user, &other.database, &other.tls)
            && password(self) == password(other)
    }
}

impl Eq for PostgresLocation {}

impl fmt::Display for PostgresLocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, user, database, .. } = self;
        match host {
            PostgresHost::Network(host) if host.contains(':') => {
                write!(formatter, "postgres://{user}@[{host}]:{port}/{database}")
            }
            PostgresHost::Network(host) => write!(formatter, "postgres://{user}@{host}:{port}/{database}"),
            PostgresHost::Socket(folder) => {
                write!(formatter, "postgres://{user}@/{database}?host={}&port={port}", folder.display())
            }
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(formatter, "{}", path.display()),
            Self::Postgres(location) => location.fmt(formatter),
        }
    }
}
