//! Which system calls a worker may make: two filters, of which the second one is added when the library is linked.
//!
//! A call that is not listed kills the process. So does one of a foreign architecture (i386, x32): its numbers are none of
//! these. The filter for aarch64 is compiled wherever the tests run, and compared with its golden file; nobody has run it.

mod numbers;

use std::collections::BTreeMap;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

use numbers::Call;

/// How far a worker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The library is being linked: its initialisers run, and the linker opens files and maps code.
    Linking,
    /// It is linked. No new code comes in from here on.
    Running,
}

/// What computing, allocating memory and talking over descriptors that are there takes, and an abort.
const ALWAYS: [Call; 18] = [
    Call::Read,
    Call::Write,
    Call::Munmap,
    Call::Brk,
    Call::RtSigprocmask,
    Call::RtSigreturn,
    Call::SchedYield,
    Call::Mremap,
    Call::Madvise,
    Call::Getpid,
    Call::Exit,
    Call::Sigaltstack,
    Call::Gettid,
    Call::Futex,
    Call::RestartSyscall,
    Call::ClockGettime,
    Call::ExitGroup,
    Call::Getrandom,
];
/// What the dynamic linker needs beside: Landlock says which files it may open.
const WHILE_LINKING: [Call; 10] = [
    Call::Close,
    Call::Fstat,
    Call::Newfstatat,
    Call::Statx,
    Call::Lseek,
    Call::Pread64,
    Call::Getcwd,
    Call::Readlink,
    Call::Readlinkat,
    Call::RtSigaction,
];

/// Whether the kernel filters system calls and can kill a process for one (Linux 4.14).
pub(super) fn is_available() -> bool {
    let action = libc::SECCOMP_RET_KILL_PROCESS;
    // SAFETY: the call reads the four bytes that the pointer is for, and answers.
    let answer =
        unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_GET_ACTION_AVAIL, 0, &raw const action) };
    answer == 0
}

/// Adds the filter of this phase to this process, which has one thread.
pub(super) fn confine(phase: Phase) -> Result<(), String> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(|e| format!("seccomp: {e}"))?;
    let me = rustix::process::getpid().as_raw_nonzero().get();
    let program = compile(phase, arch, me.unsigned_abs()).map_err(|e| format!("seccomp: {e}"))?;
    seccompiler::apply_filter(&program).map_err(|e| format!("seccomp cannot be used: {e}"))
}

/// The filter of a phase as the kernel takes it. `me` is the one process that may be sent a signal: the worker itself.
fn compile(phase: Phase, arch: TargetArch, me: u32) -> Result<BpfProgram, BackendError> {
    const EXEC: u64 = libc::PROT_EXEC as u64;
    const WRITE: u64 = libc::PROT_WRITE as u64;
    const ANONYMOUS: u64 = libc::MAP_ANONYMOUS as u64;
    // The same values on every architecture.
    const NOT_READING: u64 = (libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC | libc::O_APPEND) as u64;
    let without = |argument, bits| masked(argument, bits, 0);
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    let mut allow = |call: Call, when: Vec<SeccompRule>| {
        if let Some(number) = call.number(arch) {
            rules.insert(number, when);
        }
    };
    for call in ALWAYS {
        allow(call, Vec::new());
    }
    allow(Call::Tgkill, vec![SeccompRule::new(vec![equal(0, u64::from(me))?])?]);
    match phase {
        Phase::Linking => {
            for call in WHILE_LINKING {
                allow(call, Vec::new());
            }
            allow(Call::Openat, vec![SeccompRule::new(vec![without(2, NOT_READING)?])?]);
            // Code is mapped from files, and never where it can be written.
            let (plain, code) = (vec![without(2, EXEC)?], vec![without(2, WRITE)?]);
            allow(Call::Mmap, vec![SeccompRule::new(plain)?, SeccompRule::new(code)?]);
            allow(Call::Mprotect, vec![SeccompRule::new(vec![without(2, EXEC)?])?]);
            // The way to the second filter.
            let no_new_privs = u64::from(libc::PR_SET_NO_NEW_PRIVS.unsigned_abs());
            allow(Call::Prctl, vec![SeccompRule::new(vec![equal(0, no_new_privs)?])?]);
            let filter = vec![equal(0, u64::from(libc::SECCOMP_SET_MODE_FILTER))?, equal(1, 0)?];
            allow(Call::Seccomp, vec![SeccompRule::new(filter)?]);
        }
        Phase::Running => {
            let memory = vec![without(2, EXEC)?, masked(3, ANONYMOUS, ANONYMOUS)?];
            allow(Call::Mmap, vec![SeccompRule::new(memory)?]);
        }
    }
    SeccompFilter::new(rules, SeccompAction::KillProcess, SeccompAction::Allow, arch)?.try_into()
}

fn equal(argument: u8, value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

fn masked(argument: u8, bits: u64, value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(bits), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One instruction a line: code, jumps, value, as `bpf_dbg` and others show them.
    fn listing(phase: Phase, arch: TargetArch) -> String {
        let program = compile(phase, arch, 4711).unwrap();
        program.iter().map(|i| format!("{:#06x} {:3} {:3} {:#010x}\n", i.code, i.jt, i.jf, i.k)).collect()
    }

    /// A change of a filter is a change of this file, which somebody reads. The new text is printed.
    #[test]
    fn the_filters_are_those_of_the_golden_files_on_both_architectures() {
        for (name, golden, phase, arch) in [
            (
                "x86_64-linking",
                include_str!("seccomp/x86_64-linking.bpf"),
                Phase::Linking,
                TargetArch::x86_64,
            ),
            (
                "x86_64-running",
                include_str!("seccomp/x86_64-running.bpf"),
                Phase::Running,
                TargetArch::x86_64,
            ),
            (
                "aarch64-linking",
                include_str!("seccomp/aarch64-linking.bpf"),
                Phase::Linking,
                TargetArch::aarch64,
            ),
            (
                "aarch64-running",
                include_str!("seccomp/aarch64-running.bpf"),
                Phase::Running,
                TargetArch::aarch64,
            ),
        ] {
            let listing = listing(phase, arch);
            assert!(listing == golden, "{name}.bpf is to be:\n{listing}");
        }
    }

    #[test]
    fn what_the_second_filter_allows_the_first_one_does_too() {
        for call in ALWAYS {
            for arch in [TargetArch::x86_64, TargetArch::aarch64] {
                assert!(call.number(arch).is_some(), "{call:?}");
            }
        }
    }
}
