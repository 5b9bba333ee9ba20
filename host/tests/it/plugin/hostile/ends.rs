//! Deeds that end the process they run in.

use super::calls::REFUSED;
use super::ground::{Expected, Ground};
use super::report::crashes;
use crate::plugin::rig::run;

/// In every place of an operation: while it starts, in a step, in its clean-up.
pub(super) const PLACES: [&str; 3] = ["start", "step", "drop"];

/// What ends a process, and how the host says it.
pub(super) const ENDS: &[(&str, &str)] = &[
    ("abort", "was killed by SIGABRT"),
    ("exit_0", "ended by itself with status 0"),
    ("exit_7", "ended by itself with status 7"),
    ("null_write", "was killed by SIGSEGV"),
    ("null_read", "was killed by SIGSEGV"),
    ("jump_into_data", "was killed by SIGSEGV"),
    ("write_into_code", "was killed by SIGSEGV"),
    ("stack_overflow", "was killed by SIG"),
    ("memory_hog", "was killed by SIGABRT"),
    ("unmap_the_host", "was killed by SIGSEGV"),
];

/// Nobody catches it, and what the standard library prints before it aborts takes files that are not there to be read.
const PANIC: (&str, &str) = ("panic", REFUSED);

/// Of one machine's instructions.
#[cfg(target_arch = "x86_64")]
pub(super) const INSTRUCTIONS: &[(&str, &str)] = &[
    ("illegal_instruction", "was killed by SIGILL"),
    ("breakpoint", "was killed by SIGTRAP"),
    ("privileged_instruction", "was killed by SIGSEGV"),
    ("division_by_zero", "was killed by SIGFPE"),
    ("call_of_i386", "made a system call that plugins may not make (SIGSYS)"),
    ("call_of_x32", "made a system call that plugins may not make (SIGSYS)"),
];
#[cfg(not(target_arch = "x86_64"))]
pub(super) const INSTRUCTIONS: &[(&str, &str)] = &[];

#[test]
fn no_crash_of_a_plugin_ends_more_than_its_own_sign_in() {
    run(async {
        let ground = Ground::patient().await;
        for (deed, words) in ENDS.iter().chain([&PANIC]) {
            for place in PLACES {
                ground.tries(crashes(), place, deed, Expected::Ends(words)).await;
            }
        }
    });
}

#[test]
fn no_instruction_of_a_plugin_ends_more_than_its_own_sign_in() {
    run(async {
        let ground = Ground::patient().await;
        for (deed, words) in INSTRUCTIONS {
            ground.tries(crashes(), "step", deed, Expected::Ends(words)).await;
        }
    });
}
