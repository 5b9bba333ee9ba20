//! Resources and privileges of a worker: how much it may take, and that nothing it does can give it more.

use rustix::io::Result;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities, set_no_new_privs};

/// Address space, in bytes: the program itself, the library, and what it allocates.
const ADDRESS_SPACE: u64 = 256 << 20;
/// Descriptors. Five are used while the library is linked, four afterwards.
const DESCRIPTORS: u64 = 16;
/// The size of a core file, in bytes. Not 0, which holds for files only: where `core_pattern` is a pipe, the kernel looks
/// for the value 1 and nothing else (core(5), `fs/coredump.c`). No file is ever that short, so none is written either.
const CORE: u64 = 1;
/// The size of a file that is written, in bytes.
const FILE: u64 = 0;

/// Sets them all. A worker lives for days, so there is no limit on its processor time: each step has a deadline.
///
/// The process can be looked at by its own user (it stays "dumpable"): so can the server, which knows much more, and core
/// files are off by their limit.
pub(super) fn set() -> Result<()> {
    // The one that was set before this program began may have been taken away with a change of credentials.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    set_no_new_privs(true)?;
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?;
    for (resource, most) in [
        (Resource::As, ADDRESS_SPACE),
        (Resource::Nofile, DESCRIPTORS),
        (Resource::Core, CORE),
        (Resource::Fsize, FILE),
    ] {
        let most = within(most, getrlimit(resource).maximum);
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}

/// What is wanted, or the server's own hard limit where that is lower: nobody without privileges may raise one.
fn within(wanted: u64, hard: Option<u64>) -> u64 {
    hard.map_or(wanted, |hard| wanted.min(hard))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lower_limit_of_the_server_holds_for_its_workers() {
        assert_eq!(within(CORE, Some(0)), 0);
        assert_eq!(within(CORE, Some(1 << 30)), CORE);
        assert_eq!(within(CORE, None), CORE);
    }
}
