//! Closes a worker in, from inside, before any code of a plugin runs. Knows the kernel; it must not know what runs later.
//!
//! Four walls, of which each would have to fall for a plugin to reach anything: limits on resources and no privileges;
//! Landlock, which leaves the system's libraries readable and nothing else; a first system call filter while the library is
//! linked, since its initialisers run then; and a second one for good, under which it can compute, allocate memory, and
//! read and write the descriptors that it has.
//!
//! Against malice it is the first filter that counts: an initialiser may never come back, and then the second one is never
//! set. That one is for plugins that mean well and are made to run somebody else's code later.

mod landlock;
mod limits;
mod seccomp;

use seccomp::Phase;

/// What the running kernel offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kernel {
    /// The version of Landlock's interface; 0 where it is not built in, or turned off.
    pub landlock: u32,
    /// Whether system calls can be filtered, and whoever makes another one killed.
    pub seccomp: bool,
}

impl Kernel {
    /// The running one.
    pub fn probe() -> Self {
        Self { landlock: landlock::version(), seccomp: seccomp::is_available() }
    }

    /// What is missing for a worker, with the cure. The floor is Landlock 1 (Linux 5.13) and seccomp.
    pub(crate) fn below_floor(self) -> Option<String> {
        let missing = match (self.landlock, self.seccomp) {
            (1.., true) => return None,
            (0, true) => "Landlock",
            (1.., false) => "seccomp",
            (0, false) => "Landlock and seccomp",
        };
        Some(format!(
            "a worker needs {missing}, which this kernel does not offer; use Linux 5.13 or later with both built in and \
             `landlock` in its boot parameter `lsm=`, or, if the plugin may have the server's own rights, write \
             `transport = \"in-process\"` and pin it"
        ))
    }

    /// What Landlock of this version does not yet close, and the second filter does alone.
    pub(super) fn left_to_seccomp(self) -> Vec<&'static str> {
        const ADDED: [(u32, &str); 5] = [
            (3, "truncating files"),
            (4, "TCP"),
            (5, "device control"),
            (6, "signals and abstract sockets"),
            (10, "UDP"),
        ];
        ADDED.into_iter().filter(|(since, _)| self.landlock < *since).map(|(_, what)| what).collect()
    }
}

/// Everything up to the point where a plugin may be linked. The error names what the kernel refused.
pub(super) fn enter() -> Result<(), String> {
    limits::set().map_err(|e| format!("the limits cannot be set: {e}"))?;
    landlock::restrict()?;
    seccomp::confine(Phase::Linking)
}

/// The second filter, for good.
pub(super) fn finish() -> Result<(), String> {
    seccomp::confine(Phase::Running)
}
