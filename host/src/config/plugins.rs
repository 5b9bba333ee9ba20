//! The sections `[plugin.x]`: where a plugin's file is, and by which digests it is known. It must not open the file as a
//! library: it is read only to print the pin that is missing.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::fault::{Fault, Severity, quoted};
use super::providers::Transport;
use super::secret::reason;
use super::section::{Keys, Section};
use crate::name::PluginName;

pub(crate) const PLUGIN: Keys = Keys { taken: &["path", "sha256", "previous"], later: &[] };
const PREVIOUS: Keys = Keys { taken: &["path", "sha256"], later: &[] };

/// `[plugin.x]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginConfig {
    /// The plugin's name, which its file must repeat.
    pub name: PluginName,
    /// The library, relative to the process's folder or absolute.
    pub path: PathBuf,
    /// The digests that the file may have; not empty where a provider runs in-process.
    pub sha256: Vec<Pin>,
    /// What it was before the last `vestibule plugin add`. The server never loads it.
    pub previous: Option<Previous>,
    /// The configuration file.
    pub file: Arc<Path>,
    /// The line of `path`: where another file is to be named.
    pub path_line: u32,
    /// The line of `sha256`, or of the header if there is none: where a pin is to be changed.
    pub pin_line: u32,
}

/// `previous`: where `vestibule plugin rollback` goes back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Previous {
    /// The library, as [`PluginConfig::path`].
    pub path: PathBuf,
    /// Its pins, at least one.
    pub sha256: Vec<Pin>,
    /// The line of the key.
    pub line: u32,
}

/// A SHA-256 digest, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Pin(pub [u8; 32]);

impl Pin {
    fn parse(text: &str) -> Option<Self> {
        let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?;
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reads one section.
pub(crate) fn plugin(section: &mut Section<'_>, name: PluginName, folder: &Path) -> Option<PluginConfig> {
    let path = path(section);
    let sha256 = pins(section);
    let previous = previous(section, folder);
    Some(PluginConfig {
        name,
        path: folder.join(path?),
        sha256,
        previous,
        file: Arc::clone(section.document().file()),
        path_line: section.key_line("path"),
        pin_line: section.key_line("sha256"),
    })
}

fn path<'d>(section: &mut Section<'d>) -> Option<&'d str> {
    let path = section.text("path");
    let header = section.header().to_owned();
    section.missing(
        "path",
        format!("`{header}` has no `path`"),
        "write the path of the plugin's library, relative to this file or absolute",
    );
    if let Some(path) = path
        && (path.value.is_empty() || path.value.contains('\0'))
    {
        section.fault(path.line, format!("{} is not a path", quoted(path.value)), "write the library's");
    }
    path.map(|found| found.value)
}

fn pins(section: &mut Section<'_>) -> Vec<Pin> {
    let mut sha256 = Vec::new();
    for text in section.texts("sha256").into_iter().flat_map(|found| found.value) {
        match Pin::parse(text.value) {
            Some(pin) => sha256.push(pin),
            None => section.fault(
                text.line,
                format!("{} is not a SHA-256 digest", quoted(text.value)),
                "write its 64 hexadecimal digits",
            ),
        }
    }
    sha256
}

/// What cannot be read here only takes the way back: it is a fault all the same, since it would be missed too late.
fn previous(section: &mut Section<'_>, folder: &Path) -> Option<Previous> {
    let found = section.table("previous")?;
    let line = section.key_line("previous");
    let mut inner = section.inner(found, "previous", &PREVIOUS);
    let (path, sha256) = (path(&mut inner), pins(&mut inner));
    let header = inner.header().to_owned();
    inner.missing(
        "sha256",
        format!("`{header}` has no `sha256`"),
        "write the digest of that library, or remove `previous`",
    );
    section.absorb(inner);
    Some(Previous { path: folder.join(path?), sha256, line })
}

/// Says that a plugin has no pin, and which one its file as found would have. Inside the server that is an error; in a
/// worker a warning, and the file's owner and mode decide when it is loaded.
pub(crate) fn report_missing_pin(
    plugin: &PluginConfig,
    transport: Transport,
    fault: impl FnOnce(u32, String, String) -> Fault,
) -> Fault {
    let (needs, severity) = match transport {
        Transport::InProcess => (
            format!("plugin `{}` has no pin, which `transport = \"in-process\"` needs", plugin.name),
            Severity::Error,
        ),
        Transport::Worker => (
            format!("plugin `{}` has no pin: whoever may replace its file decides who signs in", plugin.name),
            Severity::Warning,
        ),
    };
    let found = match digest(&plugin.path) {
        Ok(pin) => {
            fault(plugin.pin_line, needs, format!("if you trust the file, write `sha256 = [\"{pin}\"]`"))
        }
        Err(error) => fault(
            plugin.pin_line,
            format!(
                "{needs}; its file {} cannot be read: {}",
                quoted(&plugin.path.to_string_lossy()),
                reason(&error)
            ),
            "put the plugin's library there, or change `path`".to_owned(),
        ),
    };
    Fault { severity, ..found }
}

fn digest(path: &Path) -> io::Result<Pin> {
    // Looked at before it is opened: opening a pipe would wait for its other end, a device might never end.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut file = File::open(path)?;
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => context.update(&buffer[..read]),
        }
    }
    let mut pin = [0; 32];
    pin.copy_from_slice(context.finish().as_ref());
    Ok(Pin(pin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_64_hexadecimal_digits() {
        let text = "00ff".repeat(16);
        assert_eq!(Pin::parse(&text).unwrap().to_string(), text);
        assert_eq!(Pin::parse(&text.to_uppercase()), Pin::parse(&text));
        for text in ["", "00", &"0".repeat(63), &"0".repeat(66), &"g".repeat(64), &format!("sha256:{text}")] {
            assert_eq!(Pin::parse(text), None, "{text}");
        }
    }
}
