//! The picture on a provider's button, read once at start. It must not know how it is served.

use std::fmt;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::fault::quoted;
use super::secret::reason;

/// The largest icon, in bytes.
const MAX_LEN: u64 = 256 * 1024;

/// An icon file. An SVG is the operator's, not checked for scripts: it may only be shown through `<img>`.
#[derive(Clone, PartialEq, Eq)]
pub struct Icon {
    /// The file.
    pub path: PathBuf,
    /// What it holds.
    pub kind: IconKind,
    /// Its content.
    pub content: Bytes,
}

/// The kinds of picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IconKind {
    /// `image/svg+xml`
    Svg,
    /// `image/png`
    Png,
}

impl IconKind {
    /// The media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Svg => "image/svg+xml",
            Self::Png => "image/png",
        }
    }
}

impl fmt::Debug for Icon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Icon({:?}, {:?}, {} bytes)", self.path, self.kind, self.content.len())
    }
}

/// Reads an icon; the error is a message and a cure.
pub(crate) fn read(written: &str, path: &Path) -> Result<Icon, (String, String)> {
    let refuse = |what: &str, cure: &str| Err((format!("{} {what}", quoted(written)), cure.to_owned()));
    let kind = match path.extension().and_then(|extension| extension.to_str()) {
        Some("svg") => IconKind::Svg,
        Some("png") => IconKind::Png,
        _ => return refuse("is neither `.svg` nor `.png`", "name an SVG or a PNG file"),
    };
    let unreadable = |error: std::io::Error| {
        let message = format!("{} cannot be read: {}", quoted(written), reason(&error));
        (message, "name an SVG or a PNG file that this process can read".to_owned())
    };
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return refuse("is not a regular file", "name an SVG or a PNG file");
    }
    let mut content = Vec::new();
    File::open(path).and_then(|file| file.take(MAX_LEN + 1).read_to_end(&mut content)).map_err(unreadable)?;
    if content.len() as u64 > MAX_LEN {
        return refuse("is larger than 256 KiB", "name a smaller picture");
    }
    let fits = match kind {
        IconKind::Png => content.starts_with(b"\x89PNG\r\n\x1a\n"),
        IconKind::Svg => str::from_utf8(&content).is_ok_and(|text| text.contains("<svg")),
    };
    if !fits {
        return refuse("does not hold what its name says", "name an SVG or a PNG file");
    }
    Ok(Icon { path: path.to_owned(), kind, content: content.into() })
}
