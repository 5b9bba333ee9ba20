//! What can go wrong with the database, and nothing of what was in it: no message carries a bound value.

use std::path::PathBuf;

use crate::count::Closed;
use crate::name::ProviderName;

/// The kind of a failure; the caller decides by it what the person is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// Others held the database for too long: trying again helps.
    Busy,
    /// Others changed the same rows at once, one time after another: trying again helps.
    Conflict,
    /// It cannot be reached, or reading or writing it failed.
    Unavailable,
    /// It can be read and not written.
    ReadOnly,
    /// There is no room left.
    Full,
    /// The role has not the right to do it.
    Denied,
    /// A constraint refused a row that no race explains.
    Constraint,
    /// It holds what this host cannot read.
    Corrupt,
    /// Anything else.
    Other,
}

impl Closed for StoreErrorKind {
    const ALL: &'static [Self] = &[
        Self::Busy,
        Self::Conflict,
        Self::Unavailable,
        Self::ReadOnly,
        Self::Full,
        Self::Denied,
        Self::Constraint,
        Self::Corrupt,
        Self::Other,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Conflict => "conflict",
            Self::Unavailable => "unavailable",
            Self::ReadOnly => "read_only",
            Self::Full => "full",
            Self::Denied => "denied",
            Self::Constraint => "constraint",
            Self::Corrupt => "corrupt",
            Self::Other => "other",
        }
    }
}

impl StoreErrorKind {
    const fn says(self) -> &'static str {
        match self {
            Self::Busy | Self::Conflict => "the database is busy",
            Self::Unavailable => "the database cannot be reached",
            Self::ReadOnly => "the database cannot be written",
            Self::Full => "the database has no room left",
            Self::Denied => "the database does not permit it",
            Self::Constraint => "the database refused a row",
            Self::Corrupt => "the database holds what cannot be read",
            Self::Other => "the database failed",
        }
    }
}

/// A statement failed. The text is for the log: it names the statement and the database's reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} (`{statement}`): {reason}", .kind.says())]
pub struct StoreError {
    kind: StoreErrorKind,
    statement: &'static str,
    reason: String,
}

impl StoreError {
    pub(super) fn new(kind: StoreErrorKind, statement: &'static str, reason: impl Into<String>) -> Self {
        Self { kind, statement, reason: reason.into() }
    }

    /// The kind.
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// Whether the same request can succeed a little later: 503 and not 500.
    pub fn is_temporary(&self) -> bool {
        use StoreErrorKind::{Busy, Conflict, Full, ReadOnly, Unavailable};
        matches!(self.kind, Busy | Conflict | Unavailable | ReadOnly | Full)
    }
}

/// Why the database cannot be used at all. Each text names the file and what to change.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder is missing.
    #[error(
        "the database `{path}` cannot be created: the folder `{folder}` does not exist; create it, or change `[database] url`"
    )]
    NoFolder {
        /// The database file.
        path: PathBuf,
        /// Its folder.
        folder: PathBuf,
    },
    /// The path is a folder.
    #[error("the database `{0}` is a folder; name a file in `[database] url`")]
    IsFolder(PathBuf),
    /// The file, or the folder that its `-wal` and `.lock` files go to, cannot be written.
    #[error(
        "the database `{path}` cannot be written: {reason}; let the server's user write `{denied}` and its folder, or change `[database] url`"
    )]
    NotWritable {
        /// The database file.
        path: PathBuf,
        /// The file that was refused.
        denied: PathBuf,
        /// The system's or SQLite's reason.
        reason: String,
    },
    /// The file is something else.
    #[error("`{0}` is not an SQLite database; move it away, or change `[database] url`")]
    NotADatabase(PathBuf),
    /// Another process holds the database.
    #[error(
        "the database `{0}` is locked by another process; end it (`fuser` with that path shows it), then start again"
    )]
    Locked(PathBuf),
    /// A newer host has changed the schema in a way that this one does not understand.
    #[error(
        "the database `{database}` needs vestibule `{needed}` or newer, this is `{own}`; start the newer one, or restore the backup from before the upgrade"
    )]
    TooOld {
        /// The database.
        database: String,
        /// `min_host` in the database.
        needed: String,
        /// This host's version.
        own: &'static str,
    },
    /// A core migration failed or is not what once ran.
    #[error("the schema of the database `{database}` cannot be brought up to date: {reason}")]
    Migration {
        /// The database.
        database: String,
        /// The reason.
        reason: String,
    },
    /// Something is missing, and `[database] migrate = "manual"`.
    #[error(
        "the database `{database}` lacks {lacks}, and `[database] migrate` is `manual`; run `vestibule migrate` first"
    )]
    Behind {
        /// The database.
        database: String,
        /// What it lacks.
        lacks: String,
    },
    /// The server does not answer, or does not let us in.
    #[error("the database `{database}` cannot be used: {reason}; {cure}")]
    Unreachable {
        /// The database, without its password.
        database: String,
        /// The server's or the system's reason.
        reason: String,
        /// What to do.
        cure: &'static str,
    },
    /// Anything else.
    #[error("the database `{path}` cannot be opened: {reason}")]
    Other {
        /// The database file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
}

/// Why a provider cannot have its table. It stops that provider, not the server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdoptError {
    /// The settings lead to other people's account ids than those in the table.
    #[error(
        "`oauth_{provider}` belongs to realm `{stored}`, the settings say `{configured}`: account ids of one mean other \
         people in the other; restore the settings, or give the provider a new name"
    )]
    RealmChanged {
        /// The provider.
        provider: ProviderName,
        /// The realm that the table was filled from.
        stored: String,
        /// The realm that the settings lead to.
        configured: String,
    },
    /// It wants to reach more than an operator has accepted.
    #[error(
        "`{provider}` asks for more than was accepted: {}; look at it, and if it is right, accept it with `vestibule check \
         --accept {provider}`",
        .more.join(", ")
    )]
    Beyond {
        /// The provider.
        provider: ProviderName,
        /// What is new, as phrases.
        more: Vec<String>,
    },
    /// The table is missing or behind, and changing the schema is left to the operator.
    #[error(
        "`oauth_{provider}` is {what}, and `[database] migrate` is `manual`; run `vestibule migrate`, then start again"
    )]
    Manual {
        /// The provider.
        provider: ProviderName,
        /// Missing, or behind.
        what: &'static str,
    },
    /// A newer host has changed the schema meanwhile in a way that this one does not understand.
    #[error(
        "`oauth_{provider}` was left as it is: the database needs vestibule `{needed}` or newer, this is `{own}`; start \
         the newer one"
    )]
    TooOld {
        /// The provider.
        provider: ProviderName,
        /// `min_host` in the database.
        needed: String,
        /// This host's version.
        own: &'static str,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
