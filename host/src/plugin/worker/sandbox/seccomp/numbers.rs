//! System call numbers, by name and architecture: the filter for one machine is compiled on another, so those of the C
//! library are not enough. From `arch/x86/entry/syscalls/syscall_64.tbl` and `include/uapi/asm-generic/unistd.h` of Linux.

use seccompiler::TargetArch;

macro_rules! calls {
    ($($name:ident $x86_64:literal $generic:tt $libc:ident)*) => {
        /// A system call that some filter allows.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Call { $($name,)* }

        impl Call {
            /// Its number; `None` where the architecture has no such call. aarch64 and riscv64 share the generic table.
            pub(super) fn number(self, arch: TargetArch) -> Option<i64> {
                match (self, arch) {
                    $((Self::$name, TargetArch::x86_64) => Some($x86_64),)*
                    $((Self::$name, TargetArch::aarch64 | TargetArch::riscv64) => calls!(@number $generic),)*
                }
            }
        }

        #[cfg(test)]
        #[cfg(target_arch = "x86_64")]
        const HERE: &[(Call, i64)] = &[$((Call::$name, libc::$libc),)*];
    };
    (@number none) => { None };
    (@number $number:literal) => { Some($number) };
}

calls! {
    Read             0   63 SYS_read
    Write            1   64 SYS_write
    Close            3   57 SYS_close
    Fstat            5   80 SYS_fstat
    Lseek            8   62 SYS_lseek
    Mmap             9  222 SYS_mmap
    Mprotect        10  226 SYS_mprotect
    Munmap          11  215 SYS_munmap
    Brk             12  214 SYS_brk
    RtSigaction     13  134 SYS_rt_sigaction
    RtSigprocmask   14  135 SYS_rt_sigprocmask
    RtSigreturn     15  139 SYS_rt_sigreturn
    Pread64         17   67 SYS_pread64
    SchedYield      24  124 SYS_sched_yield
    Mremap          25  216 SYS_mremap
    Madvise         28  233 SYS_madvise
    Getpid          39  172 SYS_getpid
    Exit            60   93 SYS_exit
    Getcwd          79   17 SYS_getcwd
    Readlink        89 none SYS_readlink
    Sigaltstack    131  132 SYS_sigaltstack
    Prctl          157  167 SYS_prctl
    Gettid         186  178 SYS_gettid
    Futex          202   98 SYS_futex
    RestartSyscall 219  128 SYS_restart_syscall
    ClockGettime   228  113 SYS_clock_gettime
    ExitGroup      231   94 SYS_exit_group
    Tgkill         234  131 SYS_tgkill
    Openat         257   56 SYS_openat
    Newfstatat     262   79 SYS_newfstatat
    Readlinkat     267   78 SYS_readlinkat
    Seccomp        317  277 SYS_seccomp
    Getrandom      318  278 SYS_getrandom
    Statx          332  291 SYS_statx
}

#[cfg(test)]
#[cfg(target_arch = "x86_64")]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_this_machine_are_those_of_its_c_library() {
        for (call, number) in HERE {
            assert_eq!(call.number(TargetArch::x86_64), Some(*number), "{call:?}");
        }
    }
}
