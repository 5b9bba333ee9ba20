//! System calls, by number. What each answers is told; those that are not allowed never answer.

use std::io::Error;

/// Makes a call.
pub(super) fn call(number: libc::c_long, arguments: [usize; 6]) -> String {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: none: whatever comes of it is what the tests look at. Pointers among the arguments are of live values.
    let answer = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    if answer < 0 {
        format!("errno {}", Error::last_os_error().raw_os_error().unwrap_or(0))
    } else {
        answer.to_string()
    }
}

/// Waits until a word changes, which it never does, or for so many seconds.
pub(super) fn wait(seconds: Option<i64>) -> String {
    let word = 0_u32;
    let time = libc::timespec { tv_sec: seconds.unwrap_or(0), tv_nsec: 0 };
    let time = if seconds.is_some() { (&raw const time).addr() } else { 0 };
    call(libc::SYS_futex, [(&raw const word).addr(), 0, 0, time, 0, 0])
}

/// Reads something.
pub(super) fn read(descriptor: usize) -> String {
    let mut buffer = [0_u8; 4096];
    call(libc::SYS_read, [descriptor, buffer.as_mut_ptr().addr(), buffer.len(), 0, 0, 0])
}

/// Asks for so much memory at once.
pub(super) fn reserve(length: usize) -> String {
    let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    call(libc::SYS_mmap, [0, length, at(protection), at(flags), usize::MAX, 0])
}

/// Which descriptors can be written to: not the first one, which is there to read. Nothing is written.
pub(super) fn descriptors() -> String {
    let open = |number: &usize| call(libc::SYS_write, [*number, 0, 0, 0, 0, 0]) != "errno 9";
    (0..64).filter(open).map(|number| format!("{number} ")).collect()
}

fn at(number: libc::c_int) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// A text for the kernel, left behind for good.
fn text(text: &str) -> usize {
    let text = std::ffi::CString::new(text).unwrap_or_default();
    text.into_raw().addr()
}

/// Bytes for the kernel to read or fill, left behind for good.
fn room() -> usize {
    Box::leak(Box::new([0_u64; 64])).as_mut_ptr().addr()
}

/// Opens a file to read, and tells what it says or why not.
fn open(path: &str) -> String {
    let opened = call(libc::SYS_openat, [HERE, text(path), at(libc::O_RDONLY | libc::O_CLOEXEC), 0, 0, 0]);
    match opened.parse() {
        Ok(descriptor) => format!("opened, and read {}", read(descriptor)),
        Err(_) => opened,
    }
}

const HERE: usize = usize::MAX - 99;

/// Makes the call of this name; none if no call has it. Each is made so that it would do no harm if it were allowed: the
/// tests look at whether it is answered at all.
pub(super) fn make(name: &str) -> Option<String> {
    processes(name)
        .or_else(|| files(name))
        .or_else(|| memory(name))
        .or_else(|| networks(name))
        .or_else(|| privileges(name))
        .or_else(|| kernel(name))
}

fn me() -> usize {
    usize::try_from(std::process::id()).unwrap_or_default()
}

fn processes(name: &str) -> Option<String> {
    let signal = |signal| at(signal);
    // The host made this worker shortly before, so it may well be the number before; 1 is there in any case.
    let neighbour = me().saturating_sub(1);
    Some(match name {
        "thread" => {
            std::thread::Builder::new().spawn(|| {}).map_or_else(|e| e.to_string(), |_| "made".to_owned())
        }
        "fork" => call(libc::SYS_clone, [signal(libc::SIGCHLD), 0, 0, 0, 0, 0]),
        "vfork" => {
            call(libc::SYS_clone, [at(libc::CLONE_VFORK | libc::CLONE_VM | libc::SIGCHLD), 0, 0, 0, 0, 0])
        }
        "clone3" => call(libc::SYS_clone3, [room(), 64, 0, 0, 0, 0]),
        "namespace" => call(libc::SYS_unshare, [at(libc::CLONE_NEWUSER), 0, 0, 0, 0, 0]),
        "exec" => call(libc::SYS_execve, [text("/bin/sh"), 0, 0, 0, 0, 0]),
        "exec_a_descriptor" => call(libc::SYS_execveat, [3, text(""), 0, 0, at(libc::AT_EMPTY_PATH), 0]),
        "parent" => call(libc::SYS_getppid, [0; 6]),
        // With the signal 0, which asks whether one may: where the wall is missing, nobody dies of the test.
        "kill_everybody" => call(libc::SYS_kill, [usize::MAX, 0, 0, 0, 0, 0]),
        "kill_a_neighbour" => call(libc::SYS_kill, [neighbour, 0, 0, 0, 0, 0]),
        "kill_a_neighbours_thread" => call(libc::SYS_tgkill, [neighbour, neighbour, 0, 0, 0, 0]),
        "kill_itself" => call(libc::SYS_tgkill, [me(), me(), signal(libc::SIGKILL), 0, 0, 0]),
        "stop_itself" => call(libc::SYS_tgkill, [me(), me(), signal(libc::SIGSTOP), 0, 0, 0]),
        "trace_a_neighbour" => call(libc::SYS_ptrace, [at(16), neighbour, 0, 0, 0, 0]),
        "read_a_neighbours_memory" => call(libc::SYS_process_vm_readv, [neighbour, room(), 1, room(), 1, 0]),
        "write_a_neighbours_memory" => {
            call(libc::SYS_process_vm_writev, [neighbour, room(), 1, room(), 1, 0])
        }
        "open_a_neighbour" => call(libc::SYS_pidfd_open, [neighbour, 0, 0, 0, 0, 0]),
        "take_a_descriptor" => call(libc::SYS_pidfd_getfd, [3, 3, 0, 0, 0, 0]),
        "nice" => call(libc::SYS_setpriority, [0, 0, usize::MAX - 19, 0, 0, 0]),
        "schedule" => call(libc::SYS_sched_setscheduler, [0, 1, room(), 0, 0, 0]),
        "affinity" => call(libc::SYS_sched_setaffinity, [0, 8, room(), 0, 0, 0]),
        "raise_a_limit" => call(libc::SYS_prlimit64, [0, at(7), room(), 0, 0, 0]),
        "timer" => call(libc::SYS_timer_create, [0, 0, room(), 0, 0, 0]),
        "alarm" => call(libc::SYS_setitimer, [0, room(), 0, 0, 0, 0]),
        "sleep" => call(libc::SYS_clock_nanosleep, [1, 0, room(), 0, 0, 0]),
        "catch_sigsys" => call(libc::SYS_rt_sigaction, [at(libc::SIGSYS), room(), 0, 8, 0, 0]),
        _ => return None,
    })
}

fn files(name: &str) -> Option<String> {
    Some(match name {
        "read_passwd" => open("/etc/passwd"),
        "read_own_environment" => open("/proc/self/environ"),
        "read_own_map" => open("/proc/self/maps"),
        "read_own_memory" => open("/proc/self/mem"),
        "read_first_process" => open("/proc/1/environ"),
        "read_a_device" => open("/dev/null"),
        "read_a_library" => open("/etc/ld.so.cache"),
        "list_libraries" => call(libc::SYS_openat, [HERE, text("/usr/lib"), at(libc::O_DIRECTORY), 0, 0, 0]),
        "write_a_file" => {
            let flags = at(libc::O_WRONLY | libc::O_CREAT);
            call(libc::SYS_openat, [HERE, text("/tmp/canary-hostile"), flags, 0o600, 0, 0])
        }
        "truncate_a_file" => call(libc::SYS_truncate, [text("/tmp/canary-hostile"), 0, 0, 0, 0, 0]),
        "remove_a_file" => call(libc::SYS_unlinkat, [HERE, text("/tmp/canary-hostile"), 0, 0, 0, 0]),
        "open_by_handle" => call(libc::SYS_open_by_handle_at, [3, room(), 0, 0, 0, 0]),
        "open2" => call(libc::SYS_openat2, [HERE, text("/etc/passwd"), room(), 24, 0, 0]),
        "chroot" => call(libc::SYS_chroot, [text("/tmp"), 0, 0, 0, 0, 0]),
        "mount" => call(libc::SYS_mount, [text("none"), text("/nonexistent"), text("tmpfs"), 0, 0, 0]),
        "close_the_socket" => call(libc::SYS_close, [3, 0, 0, 0, 0, 0]),
        "put_something_over_the_socket" => call(libc::SYS_dup3, [0, 3, 0, 0, 0, 0]),
        "control_a_device" => call(libc::SYS_ioctl, [0, 0x5412, room(), 0, 0, 0]),
        "control_the_socket" => call(libc::SYS_fcntl, [3, at(libc::F_SETFL), at(libc::O_NONBLOCK), 0, 0, 0]),
        "watch_files" => call(libc::SYS_inotify_init1, [0; 6]),
        "size_of_passwd" => {
            // A path and not a descriptor: what exists can be seen while the library is linked, and nothing of its content.
            let seen = call(libc::SYS_newfstatat, [HERE, text("/etc/passwd"), room(), 0, 0, 0]);
            format!("seen: {seen}")
        }
        _ => return None,
    })
}

fn memory(name: &str) -> Option<String> {
    let anonymous = at(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    let (read, write, execute) = (at(libc::PROT_READ), at(libc::PROT_WRITE), at(libc::PROT_EXEC));
    let code = (make as *const ()).addr() & !0xfff;
    Some(match name {
        "map_code_to_write" => {
            call(libc::SYS_mmap, [0, 4096, read | write | execute, anonymous, usize::MAX, 0])
        }
        "map_new_code" => call(libc::SYS_mmap, [0, 4096, read | execute, anonymous, usize::MAX, 0]),
        "map_shared_code" => {
            let shared = at(libc::MAP_SHARED | libc::MAP_ANONYMOUS);
            call(libc::SYS_mmap, [0, 4096, read | execute, shared, usize::MAX, 0])
        }
        "map_a_file" => call(libc::SYS_mmap, [0, 4096, read, at(libc::MAP_PRIVATE), 4, 0]),
        "make_code_writable" => call(libc::SYS_mprotect, [code, 4096, read | write | execute, 0, 0, 0]),
        "make_data_code" => {
            let page = reserve(4096).parse().unwrap_or(0);
            call(libc::SYS_mprotect, [page, 4096, read | execute, 0, 0, 0])
        }
        "make_code_with_a_key" => {
            call(libc::SYS_pkey_mprotect, [code, 4096, read | write | execute, 0, 0, 0])
        }
        "code_from_memory" => call(libc::SYS_memfd_create, [text("code"), 0, 0, 0, 0, 0]),
        "lock_memory" => call(libc::SYS_mlockall, [3, 0, 0, 0, 0, 0]),
        "handle_faults" => call(libc::SYS_userfaultfd, [0; 6]),
        "remap_pages" => call(libc::SYS_remap_file_pages, [code, 4096, 0, 0, 0, 0]),
        _ => return None,
    })
}

fn networks(name: &str) -> Option<String> {
    let (stream, unix) = (at(libc::SOCK_STREAM), at(libc::AF_UNIX));
    Some(match name {
        "socket" => call(libc::SYS_socket, [at(libc::AF_INET), stream, 0, 0, 0, 0]),
        "socket_of_this_machine" => call(libc::SYS_socket, [unix, stream, 0, 0, 0, 0]),
        "socket_to_the_kernel" => {
            call(libc::SYS_socket, [at(libc::AF_NETLINK), at(libc::SOCK_RAW), 0, 0, 0, 0])
        }
        "socketpair" => call(libc::SYS_socketpair, [unix, stream, 0, room(), 0, 0]),
        "connect" => call(libc::SYS_connect, [3, room(), 16, 0, 0, 0]),
        "send_a_descriptor" => call(libc::SYS_sendmsg, [3, room(), 0, 0, 0, 0]),
        "receive_a_descriptor" => call(libc::SYS_recvmsg, [3, room(), 0, 0, 0, 0]),
        "message_queue" => call(libc::SYS_msgget, [0, 0o1600, 0, 0, 0, 0]),
        "shared_memory" => call(libc::SYS_shmget, [0, 4096, 0o1600, 0, 0, 0]),
        "semaphore" => call(libc::SYS_semget, [0, 1, 0o1600, 0, 0, 0]),
        "posix_queue" => call(libc::SYS_mq_open, [text("canary"), 0o102, 0o600, 0, 0, 0]),
        _ => return None,
    })
}

fn privileges(name: &str) -> Option<String> {
    Some(match name {
        "become_root" => call(libc::SYS_setuid, [0; 6]),
        "take_capabilities" => call(libc::SYS_capset, [room(), room(), 0, 0, 0, 0]),
        "survive_the_host" => call(libc::SYS_prctl, [at(libc::PR_SET_PDEATHSIG), 0, 0, 0, 0, 0]),
        "become_dumpable" => call(libc::SYS_prctl, [at(libc::PR_SET_DUMPABLE), 1, 0, 0, 0, 0]),
        "let_itself_be_traced" => call(libc::SYS_prctl, [at(libc::PR_SET_PTRACER), usize::MAX, 0, 0, 0, 0]),
        "change_its_name" => call(libc::SYS_prctl, [at(libc::PR_SET_NAME), text("sshd"), 0, 0, 0, 0]),
        "personality" => call(libc::SYS_personality, [0x40_0000, 0, 0, 0, 0, 0]),
        "filter_of_its_own" => own_filter(0),
        "filter_with_a_listener" => own_filter(8),
        "filter_by_prctl" => call(libc::SYS_prctl, [at(libc::PR_SET_SECCOMP), 2, room(), 0, 0, 0]),
        "landlock_of_its_own" => call(libc::SYS_landlock_create_ruleset, [room(), 8, 0, 0, 0, 0]),
        "new_session" => call(libc::SYS_setsid, [0; 6]),
        "key" => call(libc::SYS_keyctl, [0, usize::MAX, 0, 0, 0, 0]),
        "host_name" => call(libc::SYS_sethostname, [text("canary"), usize::MAX, 0, 0, 0, 0]),
        _ => return None,
    })
}

/// A filter by which the call that adds the host's next one answers 0 and does nothing.
fn own_filter(flags: usize) -> String {
    let instruction = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let refused = u32::try_from(libc::SYS_seccomp).unwrap_or_default();
    let program = [
        instruction(0x20, 0, 0, 0),
        instruction(0x15, 0, 1, refused),
        instruction(0x06, 0, 0, libc::SECCOMP_RET_ERRNO),
        instruction(0x06, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = Box::leak(Box::new(program));
    let filter = Box::leak(Box::new(libc::sock_fprog { len: 4, filter: program.as_mut_ptr() }));
    call(libc::SYS_seccomp, [1, flags, std::ptr::from_mut(filter).addr(), 0, 0, 0])
}

fn kernel(name: &str) -> Option<String> {
    Some(match name {
        "ring" => call(libc::SYS_io_uring_setup, [8, room(), 0, 0, 0, 0]),
        "bpf" => call(libc::SYS_bpf, [0, room(), 128, 0, 0, 0]),
        "measure" => call(libc::SYS_perf_event_open, [room(), 0, usize::MAX, usize::MAX, 0, 0]),
        "module" => call(libc::SYS_finit_module, [3, text(""), 0, 0, 0, 0]),
        "reboot" => call(libc::SYS_reboot, [0, 0, 0, 0, 0, 0]),
        "set_the_clock" => call(libc::SYS_clock_settime, [99, room(), 0, 0, 0, 0]),
        "unknown_call" => call(4000, [0; 6]),
        _ => return None,
    })
}
