//! A plugin's file before anything in it runs: who may write it, what its SHA-256 is, whether it is a whole ELF library
//! for this machine, and what its section says.
//!
//! The file is read once, and everything after this works on those bytes: a check on a path would say nothing about what
//! the dynamic linker opens a moment later. Knows nothing of loading.

mod dynamic;
mod private;

use std::fs::{File, Metadata, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use data_encoding::HEXLOWER;
use object::elf;
use object::read::elf::{FileHeader as _, ProgramHeader as _, SectionHeader as _};
use vestibule_abi as abi;

use super::error::{LoadError, Refusal};
use crate::name::PluginName;

pub use private::Exposed;

/// The largest file that is read.
pub(crate) const MAX_FILE: u64 = 64 << 20;

type Header = elf::FileHeader64<object::LittleEndian>;

#[cfg(target_arch = "x86_64")]
const MACHINE: u16 = elf::EM_X86_64.0;
#[cfg(target_arch = "aarch64")]
const MACHINE: u16 = elf::EM_AARCH64.0;
#[cfg(target_arch = "riscv64")]
const MACHINE: u16 = elf::EM_RISCV.0;

/// Bytes that may be linked: pinned or private, whole, and by their section a plugin for this host.
#[derive(Debug)]
pub(super) struct CheckedFile {
    /// The file's content.
    pub(super) bytes: Vec<u8>,
    /// The SHA-256 of that content.
    pub(super) sha256: [u8; 32],
    /// What its section says.
    pub(super) descriptor: abi::section::Descriptor,
}

/// The SHA-256 of a file that could be a plugin's by what it is and who may write to it. Nothing in it is looked at.
pub(super) fn digest(path: &Path) -> Result<[u8; 32], LoadError> {
    let bytes = content(path).map_err(|why| LoadError { path: path.to_owned(), why })?;
    Ok(crate::random::sha256(&bytes))
}

/// What becomes of a file that has no pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unpinned {
    /// It is refused: what runs in this process has this process's rights.
    Refused,
    /// It is taken if nobody but root and this process's user could have changed it: it runs in a worker.
    Private,
}

/// Reads and checks a plugin's file. `pins` are SHA-256 sums, of which one must match; without any `unpinned` decides.
pub(super) fn check(
    path: &Path,
    pins: &[[u8; 32]],
    name: &PluginName,
    unpinned: Unpinned,
) -> Result<CheckedFile, LoadError> {
    let refuse = |why| LoadError { path: path.to_owned(), why };
    let (bytes, metadata) = read(path).map_err(refuse)?;
    let sha256 = match unpinned {
        Unpinned::Private if pins.is_empty() => {
            private::check(path, &metadata).map_err(refuse)?;
            crate::random::sha256(&bytes)
        }
        _ => check_pin(&bytes, pins, name).map_err(refuse)?,
    };
    let descriptor = check_elf(&bytes).and_then(fits_this_host).map_err(refuse)?;
    let descriptor = check_name(descriptor, name).map_err(refuse)?;
    Ok(CheckedFile { bytes, sha256, descriptor })
}

/// A plugin's file that was looked at and not loaded, whoever trusts it.
#[derive(Debug)]
pub(crate) struct Examined {
    /// The library's content.
    pub(crate) bytes: Vec<u8>,
    /// Its SHA-256, which is its pin.
    pub(crate) sha256: [u8; 32],
    /// What its section says.
    pub(crate) descriptor: abi::section::Descriptor,
}

/// The whole content of a regular file that not everybody may write.
pub(crate) fn content(path: &Path) -> Result<Vec<u8>, Refusal> {
    read(path).map(|(bytes, _)| bytes)
}

/// All that is said against these bytes without a name and a pin to compare them with.
pub(crate) fn examine(bytes: Vec<u8>) -> Result<Examined, Refusal> {
    let descriptor = check_elf(&bytes).and_then(fits_this_host)?;
    Ok(Examined { sha256: crate::random::sha256(&bytes), descriptor, bytes })
}

/// All that is said against a file by pins and name, without linking it. Without a pin it has to be private.
pub(crate) fn verify(path: &Path, pins: &[[u8; 32]], name: &PluginName) -> Result<Examined, Refusal> {
    let CheckedFile { bytes, sha256, descriptor } =
        check(path, pins, name, Unpinned::Private).map_err(|error| error.why)?;
    Ok(Examined { sha256, descriptor, bytes })
}

/// The whole content of a regular file. Opened without following a link and without waiting for a FIFO's other end, and
/// judged by the descriptor, so that nothing can be exchanged between the look and the reading.
fn read(path: &Path) -> Result<(Vec<u8>, Metadata), Refusal> {
    let (file, metadata) = open(path)?;
    Ok((read_capped(file)?, metadata))
}

fn open(path: &Path) -> Result<(File, Metadata), Refusal> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::CLOEXEC;
    let flags = i32::try_from(flags.bits()).unwrap_or(0);
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(|error| {
        match error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
            Some(rustix::io::Errno::LOOP) => Refusal::Symlink,
            Some(rustix::io::Errno::NXIO) => Refusal::NotAFile("a socket or a device"),
            _ => Refusal::Unreadable(error),
        }
    })?;
    let metadata = file.metadata().map_err(Refusal::Unreadable)?;
    let kind = metadata.file_type();
    if kind.is_dir() {
        return Err(Refusal::NotAFile("a folder"));
    }
    if kind.is_fifo() {
        return Err(Refusal::NotAFile("a FIFO"));
    }
    if !kind.is_file() {
        return Err(Refusal::NotAFile("a socket or a device"));
    }
    // Group-writable passes: with a pin it can only stop the plugin from loading, and a umask of 002 is common where
    // each user has a group of their own.
    if metadata.mode() & 0o002 != 0 {
        return Err(Refusal::Writable { mode: metadata.mode() & 0o7777 });
    }
    if metadata.len() > MAX_FILE {
        return Err(Refusal::TooLarge { limit: MAX_FILE });
    }
    Ok((file, metadata))
}

/// A file may grow while it is read, so its length is no limit.
fn read_capped(file: File) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(Refusal::Unreadable)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(Refusal::TooLarge { limit: MAX_FILE });
    }
    Ok(bytes)
}

fn check_pin(bytes: &[u8], pins: &[[u8; 32]], name: &PluginName) -> Result<[u8; 32], Refusal> {
    let found = crate::random::sha256(bytes);
    let (name, hex) = (name.clone(), HEXLOWER.encode(&found));
    if pins.is_empty() {
        return Err(Refusal::Unpinned { name, found: hex });
    }
    if !pins.contains(&found) {
        let expected = pins.iter().map(|pin| HEXLOWER.encode(pin)).collect();
        return Err(Refusal::WrongPin { name, expected, found: hex });
    }
    Ok(found)
}

/// The section of a whole ELF library for this machine. A segment that ends behind the file's end would be mapped all
/// the same, and a SIGBUS in the linker would end the process.
fn check_elf(bytes: &[u8]) -> Result<abi::section::Descriptor, Refusal> {
    let damaged = |what: &str| Refusal::Damaged(what.to_owned());
    match bytes {
        [] => return Err(Refusal::NotALibrary("the file is empty")),
        [0x7f, b'E', b'L', b'F', ..] => {}
        _ => return Err(Refusal::NotALibrary("it does not begin as an ELF file does")),
    }
    match bytes.get(4..6) {
        Some([2, 1]) => {}
        Some([1, _]) => return Err(Refusal::NotALibrary("it is a 32-bit ELF file")),
        Some([2, 2]) => return Err(Refusal::NotALibrary("it is a big-endian ELF file")),
        _ => return Err(damaged("its ELF header is not whole")),
    }
    // The headers are read in place, so they must lie where a u64 may lie; the vector's allocation does.
    let header = Header::parse(bytes).map_err(|_| damaged("its ELF header is not whole"))?;
    let endian = header.endian().map_err(|_| damaged("its ELF header is not whole"))?;
    if header.e_type(endian) != elf::ET_DYN {
        return Err(Refusal::NotALibrary("it is an object file or an executable"));
    }
    let machine = header.e_machine(endian);
    if machine.0 != MACHINE {
        return Err(Refusal::WrongArchitecture { found: machine_name(machine.0) });
    }
    let end = bytes.len() as u64;
    let outside = |offset: u64, size: u64| offset.checked_add(size).is_none_or(|e| e > end);
    let segments = header
        .program_headers(endian, bytes)
        .map_err(|_| damaged("its program headers lie behind its end"))?;
    for segment in segments {
        let (offset, size) = segment.file_range(endian);
        if outside(offset, size) {
            return Err(damaged("a segment ends behind its end"));
        }
        if segment.p_type(endian) == elf::PT_INTERP {
            return Err(Refusal::NotALibrary("it is an executable"));
        }
    }
    let sections =
        header.sections(endian, bytes).map_err(|_| damaged("its section headers lie behind its end"))?;
    let mut ours = None;
    for section in sections.iter() {
        if section.file_range(endian).is_some_and(|(offset, size)| outside(offset, size)) {
            return Err(damaged("a section ends behind its end"));
        }
        let name = sections.section_name(endian, section).map_err(|_| damaged("a section has no name"))?;
        if name != abi::section::NAME.as_bytes() {
            continue;
        }
        let content = section.data(endian, bytes).map_err(|_| damaged("a section ends behind its end"))?;
        if ours.replace(content).is_some() {
            return Err(Refusal::NotAPlugin(format!("it has two sections `{}`", abi::section::NAME)));
        }
    }
    let section =
        ours.ok_or_else(|| Refusal::NotAPlugin(format!("it has no section `{}`", abi::section::NAME)))?;
    let descriptor = abi::section::decode(section).map_err(|e| Refusal::NotAPlugin(e.to_string()))?;
    dynamic::check(bytes, segments)?;
    Ok(descriptor)
}

fn fits_this_host(descriptor: abi::section::Descriptor) -> Result<abi::section::Descriptor, Refusal> {
    let (name, version) = (descriptor.name.clone(), descriptor.version.clone());
    if descriptor.epoch != abi::EPOCH {
        return Err(Refusal::WrongEpoch { name, version, epoch: descriptor.epoch });
    }
    if !descriptor.unwinds {
        return Err(Refusal::Aborts { name, version });
    }
    Ok(descriptor)
}

fn check_name(
    descriptor: abi::section::Descriptor,
    configured: &PluginName,
) -> Result<abi::section::Descriptor, Refusal> {
    if descriptor.name == configured.as_str() {
        Ok(descriptor)
    } else {
        Err(Refusal::WrongName { configured: configured.clone(), found: descriptor.name })
    }
}

fn machine_name(machine: u16) -> String {
    match elf::Machine(machine) {
        elf::EM_X86_64 => "x86_64".to_owned(),
        elf::EM_AARCH64 => "aarch64".to_owned(),
        elf::EM_RISCV => "riscv64".to_owned(),
        elf::EM_386 => "x86".to_owned(),
        elf::EM_ARM => "arm".to_owned(),
        other => format!("ELF machine {}", other.0),
    }
}
