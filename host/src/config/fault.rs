//! What is wrong with a configuration, and where. It must not know any key: only how a fault is said.

use std::fmt::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

/// Whether a fault takes something away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// What the fault is in cannot be used.
    Error,
    /// It can, but somebody should look.
    Warning,
}

/// What a fault takes away.
///
/// The names are as the file has them, so they may be no names at all; they are escaped when printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// The server: it does not start.
    Core,
    /// Every provider of this plugin.
    Plugin(String),
    /// This provider, and no other.
    Provider(String),
}

/// One thing that is wrong, with what to do about it.
///
/// `Display` gives one line: ``config.toml:39: unknown key `base_ulr`; did you mean `base_url`?``
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The configuration file, as it was named on the command line.
    pub file: Arc<Path>,
    /// The line, from 1; `None` only if the file could not be read at all.
    pub line: Option<u32>,
    /// What it takes away.
    pub scope: Scope,
    /// Error or warning.
    pub severity: Severity,
    /// What is wrong: lower case, no final stop, never a secret.
    pub message: String,
    /// What to change.
    pub cure: Option<String>,
}

impl Fault {
    /// Whether something is taken away.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.message)?;
        match &self.cure {
            Some(cure) => write!(f, "; {cure}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}

/// A value from the file, fit for a message: in backticks, on one line, cut at 64 characters.
///
/// Control and invisible direction characters are escaped: a message goes to a terminal and to a log.
pub(crate) fn quoted(value: &str) -> String {
    const LONGEST: usize = 64;
    if value.is_empty() {
        return "`\"\"`".to_owned();
    }
    let mut text = String::from("`");
    for (at, c) in value.chars().enumerate() {
        if at == LONGEST {
            text.push('…');
            break;
        }
        if c.is_control() || is_invisible(c) || c == '`' {
            let _ = write!(text, "{}", c.escape_unicode());
        } else {
            text.push(c);
        }
    }
    text.push('`');
    text
}

/// Characters that change what is seen without being seen (Unicode TR36 §3.1, bidirectional and zero-width).
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// ``"`a`, `b`, `c`"``.
pub(crate) fn listed<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| quoted(item.as_ref())).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_break_out_of_its_message() {
        assert_eq!(quoted("a`b\n\u{1b}[31m\u{202e}"), r"`a\u{60}b\u{a}\u{1b}[31m\u{202e}`");
        assert_eq!(quoted(&"é".repeat(80)), format!("`{}…`", "é".repeat(64)));
    }
}
