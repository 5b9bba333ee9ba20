//! One table of the file, read key by key: types, unknown keys with the one that was meant, missing keys.
//! It must not know which sections exist.

use std::collections::BTreeSet;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::document::{Document, kind};
use super::fault::{Fault, Scope, Severity, listed, quoted};
use super::typo::nearest;

/// The keys of a kind of section.
pub(crate) struct Keys {
    /// Those that this version takes.
    pub(crate) taken: &'static [&'static str],
    /// Those that belong to features of later versions: refused, never taken and ignored.
    pub(crate) later: &'static [&'static str],
}

/// A value and its line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found<T> {
    pub(crate) value: T,
    pub(crate) line: u32,
}

impl<T> Found<T> {
    pub(crate) fn map<U>(self, f: impl FnOnce(T) -> U) -> Found<U> {
        Found { value: f(self.value), line: self.line }
    }
}

/// A table being read. Faults gather in it until [`Section::finish`].
pub(crate) struct Section<'d> {
    document: &'d Document<'d>,
    table: Option<&'d DeTable<'d>>,
    /// The header as written: `[server]`.
    header: String,
    /// The line of the header; 1 if there is none.
    line: u32,
    scope: Scope,
    faults: Vec<Fault>,
    /// Known keys that an unknown one was probably meant to be: they are not missing as well.
    meant: BTreeSet<&'static str>,
    is_unreadable: bool,
}

impl<'d> Section<'d> {
    /// Opens a table, absent or not, and looks at its keys.
    pub(crate) fn open(
        document: &'d Document<'d>,
        table: Option<Found<&'d DeTable<'d>>>,
        header: String,
        scope: Scope,
        keys: &Keys,
    ) -> Self {
        let line = table.as_ref().map_or(1, |found| found.line);
        let table = table.map(|found| found.value);
        let mut section = Self {
            document,
            table,
            header,
            line,
            scope,
            faults: Vec::new(),
            meant: BTreeSet::new(),
            is_unreadable: false,
        };
        section.check_keys(keys);
        section
    }

    fn check_keys(&mut self, keys: &Keys) {
        for (key, _) in self.table.into_iter().flatten() {
            let line = self.document.line(&key.span());
            let name: &str = key.get_ref();
            if keys.taken.contains(&name) {
                continue;
            }
            if keys.later.contains(&name) {
                self.fault(line, format!("{} is not in this version", quoted(name)), "remove it");
                continue;
            }
            let absent = keys.taken.iter().copied().filter(|key| !self.has(key));
            let cure = match nearest(name, absent) {
                Some(known) => {
                    if let Some(key) = keys.taken.iter().find(|key| **key == known) {
                        self.meant.insert(key);
                    }
                    format!("did you mean {}?", quoted(known))
                }
                None => format!("`{}` takes: {}", self.header, listed(keys.taken)),
            };
            self.fault(line, format!("unknown key {}", quoted(name)), cure);
        }
    }

    /// A table in this one, as a section of its own; what it gathers comes back by [`Section::absorb`].
    pub(crate) fn inner(&self, table: Found<&'d DeTable<'d>>, key: &str, keys: &Keys) -> Self {
        let header = format!("{}.{key}]", self.header.trim_end_matches(']'));
        Self::open(self.document, Some(table), header, self.scope.clone(), keys)
    }

    /// Takes over the faults of an inner section.
    pub(crate) fn absorb(&mut self, inner: Self) {
        self.faults.extend(inner.finish());
    }

    /// For a section that is there, but is no table: that was said already.
    pub(crate) fn say_nothing_missing(&mut self) {
        self.is_unreadable = true;
    }

    /// The line of the header.
    pub(crate) fn line(&self) -> u32 {
        self.line
    }

    pub(crate) fn document(&self) -> &'d Document<'d> {
        self.document
    }

    pub(crate) fn header(&self) -> &str {
        &self.header
    }

    /// The line of a key; that of the header if the key is absent.
    pub(crate) fn key_line(&self, key: &str) -> u32 {
        self.value(key).map_or(self.line, |found| found.line)
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    /// Reports an error.
    pub(crate) fn fault(&mut self, line: u32, message: impl Into<String>, cure: impl Into<String>) {
        self.report(Severity::Error, line, message.into(), Some(cure.into()));
    }

    /// Reports something that works all the same.
    pub(crate) fn warning(&mut self, line: u32, message: impl Into<String>, cure: impl Into<String>) {
        self.report(Severity::Warning, line, message.into(), Some(cure.into()));
    }

    /// Reports that something is not there, unless it may well be there.
    pub(crate) fn missing(&mut self, key: &str, message: impl Into<String>, cure: impl Into<String>) {
        let unsure = self.document.is_broken() || self.is_unreadable;
        if !unsure && !self.has(key) && !self.meant.contains(key) {
            self.fault(self.line, message, cure);
        }
    }

    fn report(&mut self, severity: Severity, line: u32, message: String, cure: Option<String>) {
        self.faults.push(Fault {
            file: Arc::clone(self.document.file()),
            line: Some(line),
            scope: self.scope.clone(),
            severity,
            message,
            cure,
        });
    }

    /// Whether an error was found so far.
    pub(crate) fn is_faulty(&self) -> bool {
        self.faults.iter().any(Fault::is_error)
    }

    /// The faults that were found.
    pub(crate) fn finish(self) -> Vec<Fault> {
        self.faults
    }

    fn value(&self, key: &str) -> Option<Found<&'d DeValue<'d>>> {
        let (key, value) = self.table?.get_key_value(key)?;
        Some(Found { value: value.get_ref(), line: self.document.line(&key.span()) })
    }

    fn wrong_type(&mut self, key: &str, line: u32, found: &DeValue<'_>, wanted: &str) {
        self.report(
            Severity::Error,
            line,
            format!("{} must be {wanted}, not {}", quoted(key), kind(found)),
            None,
        );
    }

    /// A string, or nothing; another type is a fault.
    pub(crate) fn text(&mut self, key: &str) -> Option<Found<&'d str>> {
        let found = self.value(key)?;
        match found.value {
            DeValue::String(text) => Some(found.map(|_| text.as_ref())),
            other => {
                self.wrong_type(key, found.line, other, "a string");
                None
            }
        }
    }

    /// A whole number, or nothing.
    pub(crate) fn integer(&mut self, key: &str) -> Option<Found<i64>> {
        let found = self.value(key)?;
        let DeValue::Integer(integer) = found.value else {
            self.wrong_type(key, found.line, found.value, "an integer");
            return None;
        };
        match i64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) => Some(found.map(|_| number)),
            Err(_) => {
                self.fault(found.line, format!("{} is out of range", quoted(key)), "write a smaller number");
                None
            }
        }
    }

    /// A list of strings, each with its own line, or nothing. The line of the whole is that of the key.
    pub(crate) fn texts(&mut self, key: &str) -> Option<Found<Vec<Found<&'d str>>>> {
        let found = self.value(key)?;
        let DeValue::Array(items) = found.value else {
            self.wrong_type(key, found.line, found.value, "a list of strings");
            return None;
        };
        let mut texts = Vec::with_capacity(items.len());
        for item in items.iter() {
            let line = self.document.line(&item.span());
            match item.get_ref() {
                DeValue::String(text) => texts.push(Found { value: text.as_ref(), line }),
                other => self.wrong_type(key, line, other, "a list of strings"),
            }
        }
        Some(found.map(|_| texts))
    }

    /// A table, or nothing.
    pub(crate) fn table(&mut self, key: &str) -> Option<Found<&'d DeTable<'d>>> {
        let (_, value) = self.table?.get_key_value(key)?;
        match table(self.document, value) {
            Ok(found) => Some(found),
            Err(line) => {
                self.wrong_type(key, line, value.get_ref(), "a table");
                None
            }
        }
    }

    /// A string out of a fixed set. `later` holds those whose feature is not here yet.
    pub(crate) fn choice<T: Copy>(
        &mut self,
        key: &str,
        choices: &[(&str, T)],
        later: &[&str],
    ) -> Option<Found<T>> {
        let found = self.text(key)?;
        if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == found.value) {
            return Some(found.map(|_| *choice));
        }
        let names = || choices.iter().map(|(name, _)| *name);
        if later.contains(&found.value) {
            let message = format!("`{key} = \"{}\"` is not in this version", found.value);
            let cures: Vec<String> = names().map(|name| format!("`{key} = \"{name}\"`")).collect();
            self.fault(found.line, message, format!("write {}", cures.join(" or ")));
            return None;
        }
        let cure = match nearest(found.value, names()) {
            Some(name) => format!("did you mean {}?", quoted(name)),
            None => format!("write one of {}", listed(names())),
        };
        self.fault(found.line, format!("{} cannot be {}", quoted(key), quoted(found.value)), cure);
        None
    }
}

/// The value as a table with the line of its header, or the line of what is there instead.
pub(crate) fn table<'d>(
    document: &Document<'_>,
    value: &'d Spanned<DeValue<'d>>,
) -> Result<Found<&'d DeTable<'d>>, u32> {
    let line = document.line(&value.span());
    match value.get_ref() {
        DeValue::Table(table) => Ok(Found { value: table, line }),
        _ => Err(line),
    }
}
