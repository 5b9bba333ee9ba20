//! The checked bytes, in memory that nobody can change any more, under a path that the dynamic linker can open.
//!
//! A file could be overwritten while it is mapped, which ends the process, or be exchanged between check and load. The
//! copy can be neither.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::PathBuf;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

/// Copies the bytes into a sealed file of memory.
pub(super) fn seal(name: &str, bytes: &[u8]) -> io::Result<OwnedFd> {
    let mut file = File::from(create(name)?);
    file.write_all(bytes)?;
    fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    Ok(file.into())
}

/// The path of a sealed copy for this process's own linker. The descriptor stays open for the life of the process: glibc
/// knows libraries by their path, so a number used again would give the library that was loaded first under it.
pub(super) fn path_for_good(sealed: OwnedFd) -> PathBuf {
    let path = PathBuf::from(format!("/proc/self/fd/{}", sealed.as_raw_fd()));
    std::mem::forget(sealed);
    path
}

/// Linux 6.3 and later want to be told that the memory will be executed, and may be set to refuse what does not say so;
/// earlier ones do not know the word.
fn create(name: &str) -> rustix::io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    match memfd_create(name, flags | MemfdFlags::EXEC) {
        Err(rustix::io::Errno::INVAL) => memfd_create(name, flags),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn sealed_bytes_can_be_read_and_never_written() {
        let path = path_for_good(seal("test", b"content").unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), b"content");
        let written = std::fs::OpenOptions::new().write(true).open(&path).and_then(|mut f| f.write_all(b"x"));
        assert!(written.is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"content");
    }

    #[test]
    fn each_copy_has_a_path_of_its_own_for_good() {
        let [one, two] = [b"one", b"two"].map(|bytes| path_for_good(seal("test", bytes).unwrap()));
        assert_ne!(one, two);
        assert_eq!(std::fs::read(one).unwrap(), b"one");
    }
}
