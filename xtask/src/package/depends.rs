//! What the binaries need of the system, read from the binaries: which libraries, and which glibc at least. Knows nothing
//! of what else a server needs.

use std::collections::BTreeSet;
use std::path::Path;

use object::LittleEndian;
use object::elf;
use object::read::elf::{Dyn as _, FileHeader as _};

use crate::error::{Error, Result};

/// Debian's packages with the libraries, by what the libraries' names begin with. Another one is an error: a dependency
/// that nobody has looked at must not come into a package unseen.
const PACKAGES: [(&str, &str); 7] = [
    ("libc.so.", "libc6"),
    ("libm.so.", "libc6"),
    ("libpthread.so.", "libc6"),
    ("libdl.so.", "libc6"),
    ("librt.so.", "libc6"),
    ("ld-linux", "libc6"),
    ("libgcc_s.so.1", "libgcc-s1"),
];

/// The field `Depends` for these files: `libc6 (>= 2.34), libgcc-s1 (>= 4.2)`.
pub(super) fn of<'a>(files: impl Iterator<Item = &'a Path>) -> Result<String> {
    let (mut packages, mut glibc) = (BTreeSet::new(), Version::default());
    for file in files {
        let bytes = std::fs::read(file).map_err(Error::file("read", file))?;
        let fault = |problem: String| Error::Configuration { place: file.display().to_string(), problem };
        let needs = Needs::of(&bytes).map_err(|error| fault(format!("it is no ELF file: {error}")))?;
        for library in &needs.libraries {
            let known = PACKAGES.iter().find(|(prefix, _)| library.starts_with(prefix));
            let (_, package) =
                known.ok_or_else(|| fault(format!("it needs `{library}`, of no known package")))?;
            packages.insert(*package);
        }
        glibc = glibc.max(needs.glibc);
    }
    let versioned = packages.iter().map(|package| match *package {
        // The unwinder's symbols are of that version; every Debian has a newer one.
        "libgcc-s1" => "libgcc-s1 (>= 4.2)".to_owned(),
        package => format!("{package} (>= {}.{})", glibc.0, glibc.1),
    });
    Ok(versioned.collect::<Vec<_>>().join(", "))
}

/// glibc's: major, minor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32);

impl Version {
    /// Of a symbol's version, `GLIBC_2.34`.
    fn of_symbol(version: &str) -> Option<Self> {
        let mut numbers = version.strip_prefix("GLIBC_")?.split('.').map(str::parse);
        Some(Self(numbers.next()?.ok()?, numbers.next()?.ok()?))
    }
}

#[derive(Debug)]
struct Needs {
    libraries: Vec<String>,
    glibc: Version,
}

impl Needs {
    fn of(bytes: &[u8]) -> object::read::Result<Self> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let header = elf::FileHeader64::<LittleEndian>::parse(bytes)?;
        let endian = header.endian()?;
        let sections = header.sections(endian, bytes)?;
        let mut needs = Self { libraries: Vec::new(), glibc: Version::default() };
        if let Some((entries, section)) = sections.dynamic(endian, bytes)? {
            let strings = sections.strings(endian, bytes, section)?;
            for entry in entries.iter().filter(|entry| entry.tag(endian) == elf::DT_NEEDED) {
                needs.libraries.push(text(entry.string(endian, strings)?));
            }
        }
        if let Some((versions, section)) = sections.gnu_verneed(endian, bytes)? {
            let strings = sections.strings(endian, bytes, section)?;
            for library in versions {
                for version in library?.1 {
                    let version = text(version?.name(endian, strings)?);
                    needs.glibc = needs.glibc.max(Version::of_symbol(&version).unwrap_or_default());
                }
            }
        }
        Ok(needs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers_and_no_words() {
        assert_eq!(Version::of_symbol("GLIBC_2.34"), Some(Version(2, 34)));
        assert_eq!(Version::of_symbol("GLIBC_2.2.5"), Some(Version(2, 2)));
        assert!(Version::of_symbol("GLIBC_2.9") < Version::of_symbol("GLIBC_2.34"));
        for other in ["GCC_3.3", "GLIBC_PRIVATE", "GLIBC_", ""] {
            assert_eq!(Version::of_symbol(other), None);
        }
    }

    #[test]
    fn a_program_of_ours_needs_a_glibc_and_the_unwinder() {
        let this = std::env::current_exe().unwrap();
        let depends = of([this.as_path()].into_iter()).unwrap();
        assert!(depends.starts_with("libc6 (>= 2."), "{depends}");
        assert!(depends.ends_with("libgcc-s1 (>= 4.2)"), "{depends}");
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("text");
        std::fs::write(&text, "no library").unwrap();
        assert!(of([text.as_path()].into_iter()).unwrap_err().to_string().contains("no ELF file"));
    }
}
