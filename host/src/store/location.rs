//! Where the database is: `[database] url` as a type.

use std::path::{Path, PathBuf};

/// A database's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// An SQLite file.
    Sqlite(PathBuf),
}

/// Why an address names no database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotALocation {
    /// PostgreSQL. The address is not repeated: it may hold a password.
    #[error("PostgreSQL is not in this version; write `sqlite:` and a path")]
    Postgres,
    /// A database that would be gone with the process.
    #[error("`{0}` would forget everybody when the server ends; write `sqlite:` and a path")]
    Memory(String),
    /// An address with `?`.
    #[error("an SQLite address takes no `?` options; write `sqlite:` and a path alone")]
    Options,
    /// Anything else.
    #[error(
        "the address names no database that is known here; write `sqlite:` and a path, such as `sqlite:vestibule.db`"
    )]
    Unknown,
}

impl Location {
    /// Reads an address: `sqlite:PATH` or `sqlite://PATH`, a relative path counting from `folder`.
    ///
    /// # Errors
    /// If it names no database that this version can keep.
    pub fn parse(url: &str, folder: &Path) -> Result<Self, NotALocation> {
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            return Err(NotALocation::Postgres);
        }
        let path = url.strip_prefix("sqlite:").ok_or(NotALocation::Unknown)?;
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.contains('?') {
            return Err(NotALocation::Options);
        }
        if path.contains(":memory:") {
            return Err(NotALocation::Memory(url.to_owned()));
        }
        if path.is_empty() || path.ends_with('/') || path.contains('\0') {
            return Err(NotALocation::Unknown);
        }
        Ok(Self::Sqlite(folder.join(path)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_path_relative_to_the_configuration() {
        let folder = Path::new("/etc/vestibule");
        for (url, path) in [
            ("sqlite:vestibule.db", "/etc/vestibule/vestibule.db"),
            ("sqlite://data/v.db", "/etc/vestibule/data/v.db"),
            ("sqlite:/var/lib/v.db", "/var/lib/v.db"),
            ("sqlite:///var/lib/v.db", "/var/lib/v.db"),
        ] {
            assert_eq!(Location::parse(url, folder), Ok(Location::Sqlite(path.into())), "{url}");
        }
    }

    #[test]
    fn refuses_what_it_could_not_keep() {
        let parse = |url: &str| Location::parse(url, Path::new("/")).unwrap_err();
        assert_eq!(parse("postgres://u:secret@h/d"), NotALocation::Postgres);
        assert!(!parse("postgres://u:secret@h/d").to_string().contains("secret"));
        assert_eq!(parse("sqlite::memory:"), NotALocation::Memory("sqlite::memory:".to_owned()));
        assert_eq!(parse("sqlite:v.db?mode=ro"), NotALocation::Options);
        for url in ["", "sqlite:", "sqlite://", "mysql://h", "vestibule.db", "sqlite:dir/"] {
            assert_eq!(parse(url), NotALocation::Unknown, "{url}");
        }
    }
}
