//! The TOML text as a tree in which every value knows its line. It must not know what any key means.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::fault::{Fault, Scope, Severity};

/// Where each line of a text begins.
struct Lines {
    /// Byte offsets of the line feeds.
    feeds: Vec<usize>,
    last: u32,
}

impl Lines {
    fn of(text: &str) -> Self {
        let feeds = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect();
        let last = u32::try_from(text.lines().count()).unwrap_or(u32::MAX).max(1);
        Self { feeds, last }
    }

    /// The line of a byte offset, from 1; the end of the text belongs to its last line.
    fn at(&self, offset: usize) -> u32 {
        let before = self.feeds.partition_point(|feed| *feed < offset);
        u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1).min(self.last)
    }
}

/// A parsed file.
pub(crate) struct Document<'t> {
    file: Arc<Path>,
    root: DeTable<'t>,
    lines: Lines,
    /// What TOML itself says against the text.
    syntax: Vec<Fault>,
    /// Lines of which TOML could make nothing: whatever else would be said about them is noise.
    broken: BTreeSet<u32>,
}

impl<'t> Document<'t> {
    /// Parses as much as can be parsed.
    pub(crate) fn parse(file: Arc<Path>, text: &'t str) -> Self {
        let lines = Lines::of(text);
        let (root, mut errors) = DeTable::parse_recoverable(text);
        errors.sort_by_key(|error| error.span().map_or(0, |span| span.start));
        let mut syntax: Vec<Fault> = Vec::new();
        let mut broken = BTreeSet::new();
        for error in errors {
            let line = lines.at(error.span().map_or(0, |span| span.start));
            // The parser stumbles on over the rest of a line; the first stumble says what is wrong.
            if broken.insert(line) {
                syntax.push(Fault {
                    file: Arc::clone(&file),
                    line: Some(line),
                    scope: Scope::Core,
                    severity: Severity::Error,
                    message: format!("not TOML: {}", error.message()),
                    // What a word without quotes is taken for.
                    cure: error
                        .message()
                        .starts_with("invalid boolean")
                        .then(|| "put text into quotes".to_owned()),
                });
            }
        }
        Self { file, root: root.into_inner(), lines, syntax, broken }
    }

    pub(crate) fn file(&self) -> &Arc<Path> {
        &self.file
    }

    pub(crate) fn root(&self) -> &DeTable<'t> {
        &self.root
    }

    pub(crate) fn line(&self, span: &Range<usize>) -> u32 {
        self.lines.at(span.start)
    }

    /// Whether something may be missing from the tree that is in the text: then nothing is reported as missing.
    pub(crate) fn is_broken(&self) -> bool {
        !self.broken.is_empty()
    }

    /// All faults, of the syntax and of the meaning, in the order of the file.
    pub(crate) fn all_faults(&self, meaning: impl IntoIterator<Item = Fault>) -> Vec<Fault> {
        let unbroken = |fault: &Fault| fault.line.is_none_or(|line| !self.broken.contains(&line));
        let mut faults = self.syntax.clone();
        faults.extend(meaning.into_iter().filter(unbroken));
        faults.sort_by_key(|fault| fault.line);
        faults
    }
}

/// What a value is, for a message.
pub(crate) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_offset_is_on_a_line_of_the_text() {
        let lines = Lines::of("a\nbc\n");
        assert_eq!([0, 1, 2, 3, 4, 5, 99].map(|at| lines.at(at)), [1, 1, 2, 2, 2, 2, 2]);
        assert_eq!(Lines::of("").at(0), 1);
        assert_eq!(Lines::of("\n\n").at(2), 2);
    }
}
