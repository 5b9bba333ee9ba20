//! What the dynamic linker would load along with a plugin. A pin is a sum over one file, so nothing else may come with it:
//! only the system's own libraries, which this process has already, and those from where the linker finds them itself.
//!
//! Reads what the linker reads: by addresses, through the segments that are mapped.

use object::LittleEndian;
use object::elf;
use object::read::elf::ProgramHeader as _;

use crate::plugin::error::{Refusal, one_line};

/// Libraries of the system that a plugin may name.
const SYSTEM: [&str; 6] =
    ["libc.so.6", "libm.so.6", "libgcc_s.so.1", "libpthread.so.0", "libdl.so.2", "librt.so.1"];
/// The dynamic linker, by what its name begins with on every machine.
const LINKER: &str = "ld-linux";
/// Entries that load something else, or say where to look for it.
const REFUSED: [(i64, &str); 6] = [
    (elf::DT_RPATH.0, "DT_RPATH"),
    (elf::DT_RUNPATH.0, "DT_RUNPATH"),
    (elf::DT_AUDIT.0, "DT_AUDIT"),
    (elf::DT_DEPAUDIT.0, "DT_DEPAUDIT"),
    (elf::DT_AUXILIARY.0, "DT_AUXILIARY"),
    (elf::DT_FILTER.0, "DT_FILTER"),
];

type Segment = elf::ProgramHeader64<LittleEndian>;

/// Refuses a library that brings something along.
pub(super) fn check(bytes: &[u8], segments: &[Segment]) -> Result<(), Refusal> {
    let damaged = |what: &str| Refusal::Damaged(what.to_owned());
    let endian = LittleEndian;
    let mut dynamic = segments.iter().filter(|s| s.p_type(endian) == elf::PT_DYNAMIC);
    let (Some(one), None) = (dynamic.next(), dynamic.next()) else {
        return Err(damaged("it has no dynamic segment, or two of them"));
    };
    let table = mapped(bytes, segments, one.p_vaddr(endian)).unwrap_or_default();
    let mut entries = Vec::new();
    for entry in table.as_chunks::<16>().0 {
        let [tag, value] = [0, 8].map(|at| word(entry, at));
        if tag == 0 {
            return check_entries(&entries, |at| mapped(bytes, segments, at));
        }
        entries.push((tag.cast_signed(), value));
    }
    Err(damaged("its dynamic segment has no end"))
}

fn check_entries<'a>(
    entries: &[(i64, u64)],
    mapped: impl Fn(u64) -> Option<&'a [u8]>,
) -> Result<(), Refusal> {
    let bad = |what: String| Refusal::Dependency(what);
    for (tag, name) in REFUSED {
        if entries.iter().any(|(t, _)| *t == tag) {
            return Err(bad(format!("its dynamic section has `{name}`")));
        }
    }
    // With two tables the linker reads one of them, and which is its own affair.
    let mut tables = entries.iter().filter(|(tag, _)| *tag == elf::DT_STRTAB.0);
    let names = match (tables.next(), tables.next()) {
        (Some((_, at)), None) => mapped(*at),
        _ => None,
    };
    for (_, offset) in entries.iter().filter(|(tag, _)| *tag == elf::DT_NEEDED.0) {
        let name = usize::try_from(*offset).ok().and_then(|offset| names?.get(offset..));
        let name = name.and_then(|rest| rest.split(|b| *b == 0).next());
        let Some(name) = name else {
            return Err(Refusal::Damaged(
                "the name of a library that it needs lies behind its end".to_owned(),
            ));
        };
        let name = String::from_utf8_lossy(name);
        let system = SYSTEM.contains(&&*name) || (name.starts_with(LINKER) && !name.contains('/'));
        if !system {
            return Err(bad(format!("it needs `{}`", one_line(&name))));
        }
    }
    Ok(())
}

/// The file's bytes from this address to the end of the one segment that maps it.
fn mapped<'a>(bytes: &'a [u8], segments: &[Segment], address: u64) -> Option<&'a [u8]> {
    let endian = LittleEndian;
    let mut found = segments.iter().filter(|s| {
        let start = s.p_vaddr(endian);
        s.p_type(endian) == elf::PT_LOAD && address >= start && address - start < s.p_memsz(endian)
    });
    let (Some(segment), None) = (found.next(), found.next()) else { return None };
    let content = segment.data(endian, bytes).ok()?;
    content.get(usize::try_from(address - segment.p_vaddr(endian)).ok()?..)
}

fn word(entry: &[u8; 16], at: usize) -> u64 {
    entry[at..at + 8].iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}
