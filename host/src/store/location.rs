//! Where the database is. The configuration reads it from `[database]`; here it is only opened.

use std::path::PathBuf;

/// A database's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// An SQLite file, made at the first start; relative to the process's folder or absolute.
    Sqlite(PathBuf),
}
