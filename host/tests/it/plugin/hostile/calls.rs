//! System calls, each made once the library is linked. The few that are allowed are not in here.

use super::ground::{Expected, Ground};
use super::report::crashes;
use crate::plugin::rig::run;

/// What the kernel says to a process that makes one.
pub(super) const REFUSED: &str = "made a system call that plugins may not make (SIGSYS)";

pub(super) const PROCESSES: &[&str] = &[
    "thread",
    "fork",
    "vfork",
    "clone3",
    "namespace",
    "exec",
    "exec_a_descriptor",
    "parent",
    "kill_everybody",
    "kill_a_neighbour",
    "kill_a_neighbours_thread",
    "kill_itself",
    "stop_itself",
    "trace_a_neighbour",
    "read_a_neighbours_memory",
    "write_a_neighbours_memory",
    "open_a_neighbour",
    "take_a_descriptor",
    "nice",
    "schedule",
    "affinity",
    "raise_a_limit",
    "timer",
    "alarm",
    "sleep",
];
pub(super) const FILES: &[&str] = &[
    "write_a_file",
    "truncate_a_file",
    "remove_a_file",
    "open_by_handle",
    "open2",
    "chroot",
    "mount",
    "put_something_over_the_socket",
    "control_a_device",
    "control_the_socket",
    "watch_files",
];
pub(super) const MEMORY: &[&str] = &[
    "map_code_to_write",
    "map_new_code",
    "map_shared_code",
    "make_code_writable",
    "make_data_code",
    "make_code_with_a_key",
    "code_from_memory",
    "lock_memory",
    "handle_faults",
    "remap_pages",
];
pub(super) const NETWORKS: &[&str] = &[
    "socket",
    "socket_of_this_machine",
    "socket_to_the_kernel",
    "socketpair",
    "connect",
    "send_a_descriptor",
    "receive_a_descriptor",
    "message_queue",
    "shared_memory",
    "semaphore",
    "posix_queue",
];
pub(super) const PRIVILEGES: &[&str] = &[
    "become_root",
    "take_capabilities",
    "survive_the_host",
    "become_dumpable",
    "let_itself_be_traced",
    "change_its_name",
    "personality",
    "filter_with_a_listener",
    "filter_by_prctl",
    "landlock_of_its_own",
    "new_session",
    "key",
    "host_name",
    "ring",
    "bpf",
    "measure",
    "module",
    "reboot",
    "set_the_clock",
    "unknown_call",
];
/// What the linker needs, and nobody afterwards.
const WHILE_LINKING: &[&str] = &[
    "read_passwd",
    "read_own_environment",
    "read_own_map",
    "read_own_memory",
    "read_first_process",
    "read_a_device",
    "read_a_library",
    "list_libraries",
    "size_of_passwd",
    "close_the_socket",
    "map_a_file",
    "catch_sigsys",
    "filter_of_its_own",
];

async fn each_is_refused(calls: &[&str]) {
    let ground = Ground::patient().await;
    for deed in calls {
        ground.tries(crashes(), "step", deed, Expected::Ends(REFUSED)).await;
    }
}

#[test]
fn no_plugin_makes_or_touches_a_process() {
    run(each_is_refused(PROCESSES));
}

#[test]
fn no_plugin_opens_or_changes_a_file() {
    run(each_is_refused(FILES));
}

#[test]
fn no_plugin_brings_in_new_code() {
    run(each_is_refused(MEMORY));
}

#[test]
fn no_plugin_reaches_a_network_or_another_process() {
    run(each_is_refused(NETWORKS));
}

#[test]
fn no_plugin_changes_what_it_may() {
    run(each_is_refused(PRIVILEGES));
}

#[test]
fn no_plugin_keeps_what_the_linker_may() {
    run(each_is_refused(WHILE_LINKING));
}

/// From `start` and from the clean-up it is no other.
#[test]
fn no_place_of_an_operation_has_more_rights_than_another() {
    run(async {
        let ground = Ground::patient().await;
        for deed in ["socket", "fork", "read_passwd"] {
            for place in ["start", "drop"] {
                ground.tries(crashes(), place, deed, Expected::Ends(REFUSED)).await;
            }
        }
    });
}

#[test]
fn a_plugin_finds_no_environment_no_descriptors_and_no_memory_without_end() {
    run(async {
        let ground = Ground::patient().await;
        for (deed, found) in
            [("environment", "nothing"), ("descriptors", "1 2 3 "), ("memory_that_is_refused", "errno 12")]
        {
            ground.tries(crashes(), "step", deed, Expected::Finds(found)).await;
        }
    });
}
