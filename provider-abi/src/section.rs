//! The ELF section that tells what a file is before anything in it runs: `dlopen` already runs initialisers.
//!
//! [`LEN`] bytes, in a section named [`NAME`]:
//!
//! ```text
//!   0   8  magic, `VESTIBUL`
//!   8   4  ABI epoch, u32 little-endian
//!  12   1  panic strategy: 1 unwind, 0 abort
//!  13   1  length of the plugin's name
//!  14   1  length of its version
//!  15   1  zero
//!  16  40  name, zero-padded: `^[a-z][a-z0-9_]{0,39}$`
//!  56  64  version, zero-padded, printable ASCII
//! 120   8  zero
//! ```

/// The section's name.
pub const NAME: &str = ".vestibule";
/// The section's length in bytes.
pub const LEN: usize = 128;
/// Its first eight bytes.
pub const MAGIC: [u8; 8] = *b"VESTIBUL";

const NAME_AT: usize = 16;
const NAME_MAX: usize = 40;
const VERSION_AT: usize = 56;
const VERSION_MAX: usize = 64;

/// What the section says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// The ABI epoch that the plugin was built for.
    pub epoch: u32,
    /// Whether a panic unwinds, and can so be caught. A plugin that aborts would take the process with it.
    pub unwinds: bool,
    /// The plugin's name.
    pub name: String,
    /// The plugin's version.
    pub version: String,
}

/// Why a section cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DescriptorError {
    /// It is not [`LEN`] bytes long.
    Length(usize),
    /// It does not begin with [`MAGIC`].
    Magic,
    /// Name or version are not what the section's layout allows.
    Text,
    /// Something is written where this layout has zeros.
    Zero,
}

impl std::fmt::Display for DescriptorError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Length(n) => write!(f, "section `{NAME}` has {n} bytes instead of {LEN}"),
            Self::Magic => write!(f, "section `{NAME}` does not begin with `VESTIBUL`"),
            Self::Zero => write!(f, "section `{NAME}` is written to where it is to be zero"),
            Self::Text => write!(f, "section `{NAME}` holds a name or version that is not allowed"),
        }
    }
}

impl std::error::Error for DescriptorError {}

/// The section's bytes, made while the plugin is compiled.
///
/// # Panics
/// In a constant this is a compile error: where the name or the version is not allowed.
pub const fn encode(epoch: u32, unwinds: bool, name: &str, version: &str) -> [u8; LEN] {
    let (name, version) = (name.as_bytes(), version.as_bytes());
    assert!(is_name(name), "a plugin's NAME is a lower-case letter, then at most 39 of a-z, 0-9 and _");
    assert!(is_version(version), "a plugin's version is 1 to 64 printable ASCII characters without spaces");
    let mut bytes = [0; LEN];
    put(&mut bytes, 0, &MAGIC);
    put(&mut bytes, 8, &epoch.to_le_bytes());
    bytes[12] = unwinds as u8;
    bytes[13] = name.len() as u8;
    bytes[14] = version.len() as u8;
    put(&mut bytes, NAME_AT, name);
    put(&mut bytes, VERSION_AT, version);
    bytes
}

/// Reads a section of a file that is not trusted.
pub fn decode(bytes: &[u8]) -> Result<Descriptor, DescriptorError> {
    let bytes: &[u8; LEN] = bytes.try_into().map_err(|_| DescriptorError::Length(bytes.len()))?;
    if bytes[..8] != MAGIC {
        return Err(DescriptorError::Magic);
    }
    let text = |at: usize, len: u8, max: usize, allowed: fn(&[u8]) -> bool| {
        let len = usize::from(len);
        let text = bytes.get(at..at + len.min(max)).filter(|t| len <= max && allowed(t));
        text.and_then(|t| String::from_utf8(t.to_vec()).ok()).ok_or(DescriptorError::Text)
    };
    let descriptor = Descriptor {
        epoch: u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]),
        unwinds: bytes[12] == 1,
        name: text(NAME_AT, bytes[13], NAME_MAX, is_name)?,
        version: text(VERSION_AT, bytes[14], VERSION_MAX, is_version)?,
    };
    // All other bytes are zero. At 12 whatever is no one says that panics do not unwind.
    let Descriptor { epoch, unwinds, name, version } = &descriptor;
    let mut spelled = encode(*epoch, *unwinds, name, version);
    spelled[12] = bytes[12];
    if spelled != *bytes {
        return Err(DescriptorError::Zero);
    }
    Ok(descriptor)
}

const fn put(bytes: &mut [u8; LEN], at: usize, text: &[u8]) {
    let mut i = 0;
    while i < text.len() {
        bytes[at + i] = text[i];
        i += 1;
    }
}

const fn is_name(name: &[u8]) -> bool {
    if name.is_empty() || name.len() > NAME_MAX || !name[0].is_ascii_lowercase() {
        return false;
    }
    let mut i = 1;
    while i < name.len() {
        if !(name[i].is_ascii_lowercase() || name[i].is_ascii_digit() || name[i] == b'_') {
            return false;
        }
        i += 1;
    }
    true
}

const fn is_version(version: &[u8]) -> bool {
    if version.is_empty() || version.len() > VERSION_MAX {
        return false;
    }
    let mut i = 0;
    while i < version.len() {
        if !version[i].is_ascii_graphic() {
            return false;
        }
        i += 1;
    }
    true
}
