//! A plugin's archive, `.tar.zst`, from a stranger: read in memory under limits, never unpacked. What comes out is a checked
//! library and a manifest that agrees with it; nothing in here writes.

use std::collections::BTreeMap;
use std::io::Read as _;

use data_encoding::HEXLOWER;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use super::manifest::Manifest;
use crate::plugin::Refusal;
use crate::plugin::error::one_line;
use crate::plugin::file::{self, Examined, MAX_FILE};
use crate::random::sha256;

/// The first bytes of a Zstandard frame (RFC 8878 §3.1.1).
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// What an archive may hold besides its library.
const MAX_BESIDES: u64 = 2 << 20;
/// The most memory that a frame may ask for: what `zstd` takes at its highest ordinary level is 8 MiB.
const MAX_WINDOW: u64 = 64 << 20;
const MAX_ENTRIES: usize = 16;
const MAX_MANIFEST: usize = 256 << 10;
const BLOCK: usize = 512;

const MANIFEST: &str = "manifest.toml";
const SUMS: &str = "SHA256SUMS";

/// A whole archive.
pub(super) struct Package {
    pub(super) library: Examined,
    pub(super) manifest: Manifest,
}

/// Why an archive is refused. The texts go on where its name ends.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unfit {
    #[error("is cut short or damaged: {0}; copy it again")]
    Damaged(String),
    #[error("holds more than {} MiB, the limit of a plugin's archive", (MAX_FILE + MAX_BESIDES) >> 20)]
    TooLarge,
    #[error("holds more than {MAX_ENTRIES} files, the limit of a plugin's archive")]
    TooMany,
    #[error(
        "holds `{name}`, which is {kind}; a plugin's archive has regular files only (write it with `tar --format=ustar`, naming each file)"
    )]
    Kind { name: String, kind: &'static str },
    #[error(
        "holds `{0}`; a name in a plugin's archive is letters, digits, `.`, `_`, `+` and `-`, without a folder"
    )]
    Name(String),
    #[error("holds `{0}` twice")]
    Twice(String),
    #[error("has no `{0}`; `cargo xtask package --plugin NAME` shows what an archive needs")]
    Missing(String),
    #[error("`SHA256SUMS` line {line} is not a digest, two spaces and a name")]
    Sums { line: usize },
    #[error(
        "`{name}` differs from `SHA256SUMS`: expected `{expected}`, found `{found}`; copy the archive again, or ask whoever made it"
    )]
    Sum { name: String, expected: String, found: String },
    #[error("`{0}` is not in `SHA256SUMS`; ask whoever made the archive")]
    Unsummed(String),
    #[error("`manifest.toml`: {0}")]
    Manifest(String),
    #[error(
        "`manifest.toml` says {key} `{manifest}`, the library's section says `{section}`; ask whoever made the archive"
    )]
    Disagrees { key: &'static str, manifest: String, section: String },
    #[error("`{name}` {why}")]
    Library { name: String, why: Refusal },
}

/// Whether the bytes begin as an archive does.
pub(super) fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// Reads and checks everything.
pub(super) fn read(bytes: &[u8]) -> Result<Package, Unfit> {
    let mut files = files(&unpacked(bytes)?)?;
    check_sums(&files)?;
    let manifest = manifest(&files)?;
    let library =
        files.remove(&manifest.library).ok_or_else(|| Unfit::Missing(one_line(&manifest.library)))?;
    let library =
        file::examine(library).map_err(|why| Unfit::Library { name: manifest.library.clone(), why })?;
    let section = &library.descriptor;
    let pairs = [
        ("name", manifest.name.clone(), section.name.clone()),
        ("version", manifest.version.clone(), section.version.clone()),
        ("abi_epoch", manifest.abi_epoch.to_string(), section.epoch.to_string()),
    ];
    for (key, manifest, section) in pairs {
        if manifest != section {
            return Err(Unfit::Disagrees { key, manifest: one_line(&manifest), section });
        }
    }
    Ok(Package { library, manifest })
}

/// The tar inside: one frame, to its end, and nothing behind it.
fn unpacked(bytes: &[u8]) -> Result<Vec<u8>, Unfit> {
    let damaged = |why: String| Unfit::Damaged(one_line(&why));
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(MAX_WINDOW);
    let mut frame = StreamingDecoder::new_with_decoder(bytes, decoder).map_err(|e| damaged(e.to_string()))?;
    let mut content = Vec::new();
    let limit = MAX_FILE + MAX_BESIDES;
    (&mut frame).take(limit + 1).read_to_end(&mut content).map_err(|e| damaged(e.to_string()))?;
    if content.len() as u64 > limit {
        return Err(Unfit::TooLarge);
    }
    let (rest, decoder) = frame.into_parts();
    if let Some(sum) = decoder.get_checksum_from_data()
        && decoder.get_calculated_checksum() != Some(sum)
    {
        return Err(damaged("its checksum is wrong".to_owned()));
    }
    if rest.is_empty() { Ok(content) } else { Err(damaged("something follows its end".to_owned())) }
}

/// The files of a tar. Extended headers, which could give an entry another name or size, are entries here, and refused.
fn files(tar: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, Unfit> {
    let damaged = |error: std::io::Error| Unfit::Damaged(one_line(&error.to_string()));
    let mut archive = tar::Archive::new(tar);
    let mut files = BTreeMap::new();
    let mut end = 0;
    for entry in archive.entries().map_err(damaged)?.raw(true) {
        let mut entry = entry.map_err(damaged)?;
        let name = one_line(&String::from_utf8_lossy(&entry.path_bytes()));
        if files.len() == MAX_ENTRIES {
            return Err(Unfit::TooMany);
        }
        if let Some(kind) = special(entry.header().entry_type()) {
            return Err(Unfit::Kind { name, kind });
        }
        if !is_plain(&name) {
            return Err(Unfit::Name(name));
        }
        let size = entry.header().entry_size().map_err(damaged)?;
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(damaged)?;
        // The reader of an entry that is cut short says nothing.
        if content.len() as u64 != size {
            return Err(Unfit::Damaged(format!("`{name}` is cut short")));
        }
        let at = usize::try_from(entry.raw_file_position()).unwrap_or(usize::MAX);
        end = at.saturating_add(content.len().next_multiple_of(BLOCK));
        if files.insert(name.clone(), content).is_some() {
            return Err(Unfit::Twice(name));
        }
    }
    match tar.get(end..) {
        Some(rest) if rest.len() >= 2 * BLOCK && rest.iter().all(|byte| *byte == 0) => Ok(files),
        Some(rest) if rest.iter().any(|byte| *byte != 0) => {
            Err(Unfit::Damaged("something follows the end of its tar".to_owned()))
        }
        _ => Err(Unfit::Damaged("its tar has no end".to_owned())),
    }
}

/// What an entry is, if it is no regular file.
fn special(kind: tar::EntryType) -> Option<&'static str> {
    use tar::EntryType as Type;
    match kind {
        Type::Regular => None,
        Type::Link => Some("a hard link"),
        Type::Symlink => Some("a symbolic link"),
        Type::Directory => Some("a folder"),
        Type::Char | Type::Block => Some("a device"),
        Type::Fifo => Some("a FIFO"),
        Type::XHeader | Type::XGlobalHeader => Some("an extended header"),
        Type::GNULongName | Type::GNULongLink => Some("a long name"),
        _ => Some("of a kind of its own"),
    }
}

fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'+' | b'-');
    (1..=100).contains(&name.len()) && !name.starts_with(['.', '-']) && name.bytes().all(plain)
}

/// Every file but the sums has its sum, and it is right; every sum has its file.
fn check_sums(files: &BTreeMap<String, Vec<u8>>) -> Result<(), Unfit> {
    let sums = files.get(SUMS).ok_or_else(|| Unfit::Missing(SUMS.to_owned()))?;
    let mut summed = BTreeMap::new();
    for (at, line) in sums.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty()) {
        let bad = || Unfit::Sums { line: at + 1 };
        let line = std::str::from_utf8(line).map_err(|_| bad())?;
        // sha256sum(1): a digest, a space, a space or an asterisk, a name.
        let (digest, name) = line.split_at_checked(64).ok_or_else(bad)?;
        let name = name.strip_prefix("  ").or_else(|| name.strip_prefix(" *")).ok_or_else(bad)?;
        let digest = HEXLOWER.decode(digest.as_bytes()).map_err(|_| bad())?;
        let file = files.get(name).ok_or_else(|| Unfit::Missing(one_line(name)))?;
        let found = sha256(file);
        if found != *digest {
            let (expected, found) = (HEXLOWER.encode(&digest), HEXLOWER.encode(&found));
            return Err(Unfit::Sum { name: name.to_owned(), expected, found });
        }
        summed.insert(name, ());
    }
    match files.keys().find(|name| *name != SUMS && !summed.contains_key(name.as_str())) {
        Some(name) => Err(Unfit::Unsummed(name.clone())),
        None => Ok(()),
    }
}

fn manifest(files: &BTreeMap<String, Vec<u8>>) -> Result<Manifest, Unfit> {
    let bytes = files.get(MANIFEST).ok_or_else(|| Unfit::Missing(MANIFEST.to_owned()))?;
    if bytes.len() > MAX_MANIFEST {
        return Err(Unfit::Manifest("is larger than 256 KiB".to_owned()));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Unfit::Manifest("is not UTF-8".to_owned()))?;
    toml::from_str(text).map_err(|error| Unfit::Manifest(one_line(error.message())))
}
