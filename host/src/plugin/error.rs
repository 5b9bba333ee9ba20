//! The three ways a plugin can fail: while it is loaded, while a provider is made of it, during an operation.
//!
//! Texts are for the operator: nothing in here is shown to the person who signs in, and nothing in here holds a secret.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use vestibule_abi as abi;

use super::file::Exposed;
use crate::name::PluginName;

/// Why a file was not loaded. Each text says what to do, where something can be done.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", path.display())]
pub struct LoadError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub why: Refusal,
}

/// What is wrong with a plugin's file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It cannot be opened or read.
    #[error("cannot be read: {0}; put the plugin's library there, or change `path`")]
    Unreadable(#[source] std::io::Error),
    /// A symbolic link: whoever may change the link may change what is loaded.
    #[error("is a symbolic link; give the path of the file itself")]
    Symlink,
    /// A folder, a FIFO, a device.
    #[error("is {0}; a plugin is a regular file")]
    NotAFile(&'static str),
    /// Everybody may write to it.
    #[error("is writable by everybody (mode {mode:04o}); run `chmod o-w` on it")]
    Writable {
        /// Its permission bits.
        mode: u32,
    },
    /// Without a pin: somebody else could exchange it.
    #[error("has no pin, {0}")]
    Exposed(Exposed),
    /// Larger than any plugin.
    #[error("is larger than {} MiB, the limit of a plugin's file", limit >> 20)]
    TooLarge {
        /// In bytes.
        limit: u64,
    },
    /// There is no pin.
    #[error(
        "has no pin, and a plugin that runs in this process needs one; if this file is the one you mean, \
         write `sha256 = [\"{found}\"]` in `[plugin.{name}]`"
    )]
    Unpinned {
        /// The plugin, as configured.
        name: PluginName,
        /// The SHA-256 of what is there, in lower-case hexadecimal digits.
        found: String,
    },
    /// Its SHA-256 is none of the pins.
    #[error(
        "differs from its pin: expected {}, found `{found}`; it was not loaded; if you replaced it on purpose, \
         write `sha256 = [\"{found}\"]` in `[plugin.{name}]`",
        expected.iter().map(|pin| format!("`{pin}`")).collect::<Vec<_>>().join(" or ")
    )]
    WrongPin {
        /// The plugin, as configured.
        name: PluginName,
        /// The pins.
        expected: Vec<String>,
        /// The SHA-256 of what is there.
        found: String,
    },
    /// It is no ELF file at all.
    #[error("is not a shared library: {0}")]
    NotALibrary(&'static str),
    /// It is for another machine.
    #[error("was built for {found}; this host runs on {}", std::env::consts::ARCH)]
    WrongArchitecture {
        /// As ELF names it.
        found: String,
    },
    /// Its headers point behind its end.
    #[error("is cut short or damaged: {0}; copy it again")]
    Damaged(String),
    /// The linker would load something else along with it.
    #[error(
        "brings along what its pin does not cover: {0}; link it statically, against the system's libraries only"
    )]
    Dependency(String),
    /// A library, but none of ours.
    #[error("is a shared library, but no plugin of vestibule: {0}")]
    NotAPlugin(String),
    /// For another epoch.
    #[error(
        "{name} {version} needs plugin ABI epoch {epoch}; this host speaks {}. The file was not loaded; use a {name} built for epoch {}",
        abi::EPOCH,
        abi::EPOCH
    )]
    WrongEpoch {
        /// The plugin, by its section.
        name: String,
        /// Its version.
        version: String,
        /// Its epoch.
        epoch: u32,
    },
    /// Built with `panic = "abort"`.
    #[error(
        "{name} {version} was built with panic = \"abort\": a panic in it would end the server; build it with panic = \"unwind\""
    )]
    Aborts {
        /// The plugin, by its section.
        name: String,
        /// Its version.
        version: String,
    },
    /// It is another plugin than the configuration says.
    #[error("is the plugin `{found}`, not `{configured}`; name the section [plugin.{found}]")]
    WrongName {
        /// By the configuration.
        configured: PluginName,
        /// By the file's section.
        found: String,
    },
    /// The copy in memory could not be made.
    #[error("cannot be copied into sealed memory: {0}")]
    Sealed(#[source] std::io::Error),
    /// This machine cannot close a worker in.
    #[error("is not loaded: {0}")]
    NoSandbox(String),
    /// The worker that was to link it was lost.
    #[error("could not be loaded in a worker: {0}")]
    Worker(String),
    /// The dynamic linker refused it.
    #[error("cannot be linked: {0}")]
    Linker(String),
    /// Its root symbol or its function table is not what this host expects.
    #[error("does not fit this host: {cause}")]
    Layout {
        /// In one line; the rest went to the log at debug level.
        cause: String,
    },
    /// What it says about itself cannot be used.
    #[error("describes itself in a way that cannot be used: {0}")]
    Description(String),
    /// It needs what this host does not have.
    #[error("{name} {version} needs {}, which this version of vestibule does not offer; use a newer vestibule or an older {name}", missing.join(", "))]
    Unmet {
        /// The plugin.
        name: String,
        /// Its version.
        version: String,
        /// By the names of `vestibule_abi::record::requirement`.
        missing: Vec<String>,
    },
}

/// Why a provider could not be made of its settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateError {
    /// A secret that cannot be guarded, or a setting on the wrong side.
    #[error("setting `{key}`: {why}")]
    Setting {
        /// The setting's key.
        key: String,
        /// What is wrong with it, and what to change.
        why: String,
    },
    /// The plugin refused the settings.
    #[error("the plugin refuses the settings: {0}")]
    Refused(String),
    /// The plugin failed while it was asked to create or to inspect.
    #[error("the plugin failed in `{stage}`: {error}")]
    Plugin {
        /// `create` or `inspect`.
        stage: &'static str,
        /// How.
        error: OperationError,
    },
    /// What the plugin says about the provider cannot be used.
    #[error("the plugin's `inspect` cannot be used: {0}")]
    Inspect(String),
    /// No HTTP client.
    #[error(transparent)]
    Http(#[from] StartError),
}

/// Why the services that all providers share cannot work.
#[derive(Debug, thiserror::Error)]
#[error(
    "no HTTPS client can be made: {0}; install the package `ca-certificates`, or point SSL_CERT_FILE at a bundle"
)]
pub struct StartError(pub(crate) String);

/// Why an operation has no result: what kind of failure it is, and what the log gets.
#[derive(Clone, PartialEq, Eq)]
pub struct OperationError {
    /// What decides about status and page.
    pub kind: OperationErrorKind,
    /// For the log: one line of at most 1 KiB, control characters escaped, no secret and no handle in it.
    pub message: String,
}

/// What kind of failure ended an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OperationErrorKind {
    /// The person said no at the provider.
    Denied,
    /// The authorization code is expired, used, or was never issued.
    CodeExpired,
    /// The provider refuses this client.
    ClientMisconfigured,
    /// The operator's settings contradict what the provider says about itself.
    BadSettings,
    /// The operator's settings do not let this account in.
    RefusedByPolicy,
    /// The provider asks to wait.
    RateLimited {
        /// For so long, where it says so.
        retry_after: Option<Duration>,
    },
    /// The provider cannot be reached, or says that it is out of order.
    ProviderDown,
    /// The provider's answer is not what it should be.
    BadAnswer,
    /// The plugin panicked.
    Panic,
    /// The plugin waits for what will never come.
    Stuck,
    /// A step or the whole operation took too long.
    TimedOut,
    /// So many operations run at this provider that no other is begun.
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// The process in which the plugin runs ended, or was ended.
    WorkerLost,
    /// That process ended so often that no other one is started for a while.
    Paused {
        /// When to try again.
        retry_after: Duration,
    },
    /// The plugin asked for what the host does not do for this provider.
    Forbidden,
    /// A secret's handle stood where none may, or a provider sent a secret back.
    SecretLeak,
    /// What the plugin said breaks the protocol of the boundary.
    Protocol,
    /// A code that this host is too old to know.
    Unknown(u32),
}

impl OperationError {
    /// An error of the host's own making: the text is known to be safe.
    pub(crate) fn new(kind: OperationErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: one_line(&message.into()) }
    }

    pub(crate) fn protocol(message: impl Into<String>) -> Self {
        Self::new(OperationErrorKind::Protocol, message)
    }

    /// What a plugin reported. That no handle is in it has been checked before.
    pub(crate) fn from_failure(failure: &abi::record::Failure) -> Self {
        use OperationErrorKind as Kind;
        use abi::record::code;
        let kind = match failure.code {
            code::DENIED => Kind::Denied,
            code::CODE_EXPIRED => Kind::CodeExpired,
            code::CLIENT_MISCONFIGURED => Kind::ClientMisconfigured,
            code::BAD_SETTINGS => Kind::BadSettings,
            code::REFUSED_BY_POLICY => Kind::RefusedByPolicy,
            code::RATE_LIMITED => {
                let wait = failure.retry_after_s.map(|s| Duration::from_secs(s).min(MAX_RETRY_AFTER));
                Kind::RateLimited { retry_after: wait }
            }
            code::PROVIDER_DOWN => Kind::ProviderDown,
            code::BAD_ANSWER => Kind::BadAnswer,
            code::PANIC => Kind::Panic,
            code::STUCK => Kind::Stuck,
            code::UNSUPPORTED | code::PROTOCOL => Kind::Protocol,
            code::FORBIDDEN => Kind::Forbidden,
            other => Kind::Unknown(other),
        };
        Self::new(kind, failure.message.clone())
    }
}

impl fmt::Display for OperationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            OperationErrorKind::Denied => "denied by the person",
            OperationErrorKind::CodeExpired => "authorization code expired or used",
            OperationErrorKind::ClientMisconfigured => "the provider refuses this client",
            OperationErrorKind::BadSettings => "the settings do not fit the provider",
            OperationErrorKind::RefusedByPolicy => "refused by the provider's settings",
            OperationErrorKind::RateLimited { .. } => "the provider asks to wait",
            OperationErrorKind::ProviderDown => "the provider cannot be reached",
            OperationErrorKind::BadAnswer => "the provider's answer cannot be used",
            OperationErrorKind::Panic => "the plugin panicked",
            OperationErrorKind::Stuck => "the plugin is stuck",
            OperationErrorKind::TimedOut => "took too long",
            OperationErrorKind::Busy { .. } => "too many operations at once",
            OperationErrorKind::WorkerLost => "the plugin's worker was lost",
            OperationErrorKind::Paused { .. } => "the plugin's worker is not started again yet",
            OperationErrorKind::Forbidden => "not allowed to this provider",
            OperationErrorKind::SecretLeak => "a secret nearly leaked",
            OperationErrorKind::Protocol => "the plugin breaks the protocol",
            OperationErrorKind::Unknown(code) => return write!(f, "error {code}: {}", self.message),
        };
        write!(f, "{kind}: {}", self.message)
    }
}

impl fmt::Debug for OperationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OperationError({:?}: {})", self.kind, self.message)
    }
}

impl std::error::Error for OperationError {}

/// The longest wait that a provider is believed to ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
/// How much of a plugin's text is kept.
pub(super) const MAX_TEXT: usize = 1024;

/// Text of a stranger, made fit for a log: control characters (a terminal's escapes, line ends), the marks that turn the
/// direction of reading and characters that nobody sees are spelled out, and it is cut at 1 KiB.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(MAX_TEXT));
    for c in text.chars() {
        let from = line.len();
        if c.is_control()
            || matches!(
                c,
                '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            )
        {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
        if line.len() > MAX_TEXT {
            line.truncate(from);
            break;
        }
    }
    line
}

/// An error with all that stands behind it; libloading and reqwest say the useful part in their sources only.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        next = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_of_a_failure_has_its_kind_and_an_unknown_one_is_kept() {
        use OperationErrorKind as Kind;
        let kind = |code, retry_after_s| {
            let failure = abi::record::Failure { code, message: "why".to_owned(), retry_after_s };
            OperationError::from_failure(&failure).kind
        };
        let kinds = [
            (1, Kind::Denied),
            (2, Kind::CodeExpired),
            (3, Kind::ClientMisconfigured),
            (4, Kind::RefusedByPolicy),
            (5, Kind::RateLimited { retry_after: None }),
            (6, Kind::ProviderDown),
            (7, Kind::BadAnswer),
            (8, Kind::Panic),
            (9, Kind::Stuck),
            (10, Kind::Protocol),
            (11, Kind::Protocol),
            (12, Kind::Forbidden),
            (13, Kind::BadSettings),
            (0, Kind::Unknown(0)),
            (4711, Kind::Unknown(4711)),
        ];
        for (code, expected) in kinds {
            assert_eq!(kind(code, None), expected, "{code}");
        }
        let wait = Some(Duration::from_secs(30));
        assert_eq!(kind(5, Some(30)), Kind::RateLimited { retry_after: wait });
        for endless in [u64::MAX, 86_401] {
            assert_eq!(kind(5, Some(endless)), Kind::RateLimited { retry_after: Some(MAX_RETRY_AFTER) });
        }
    }

    #[test]
    fn settings_that_do_not_fit_are_not_reported_as_a_refusal_by_the_provider() {
        let text = |code| {
            let failure = abi::record::Failure { code, message: "why".to_owned(), retry_after_s: None };
            OperationError::from_failure(&failure).to_string()
        };
        assert_eq!(text(abi::record::code::BAD_SETTINGS), "the settings do not fit the provider: why");
        assert_eq!(text(abi::record::code::CLIENT_MISCONFIGURED), "the provider refuses this client: why");
    }

    #[test]
    fn a_strangers_text_becomes_one_harmless_line_of_at_most_1_kib() {
        assert_eq!(one_line("a\r\nb\u{1b}[31m\u{0}\u{202e}"), "a\\r\\nb\\u{1b}[31m\\u{0}\\u{202e}");
        for c in "\u{200b}\u{200d}\u{200e}\u{200f}\u{61c}\u{2060}\u{2066}\u{feff}".chars() {
            assert_eq!(one_line(&c.to_string()), c.escape_default().to_string());
        }
        assert_eq!(one_line(&"é".repeat(4000)).len(), MAX_TEXT);
        assert!(one_line(&"\u{1b}".repeat(4000)).ends_with("\\u{1b}"));
    }
}
