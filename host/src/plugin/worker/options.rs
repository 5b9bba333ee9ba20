//! What all workers of a server have in common.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::sandbox::Kernel;
use super::tape::Tape;

/// How workers are made.
#[derive(Debug, Clone)]
pub struct Workers {
    program: PathBuf,
    kernel: Option<Kernel>,
    tape: Option<&'static Tape>,
    reported: Arc<AtomicBool>,
}

impl Default for Workers {
    fn default() -> Self {
        Self::of("/proc/self/exe")
    }
}

impl Workers {
    /// Of this program: the running one, unless this process is another one than the server, as a test's is.
    pub fn of(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), kernel: None, tape: None, reported: Arc::default() }
    }

    /// On a kernel that is said to offer this. For tests.
    #[doc(hidden)]
    pub fn on(mut self, kernel: Kernel) -> Self {
        self.kernel = Some(kernel);
        self
    }

    /// Keeps what workers are told. For tests.
    #[doc(hidden)]
    pub fn recorded(mut self, tape: &'static Tape) -> Self {
        self.tape = Some(tape);
        self
    }

    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    pub(super) fn kernel(&self) -> Kernel {
        self.kernel.unwrap_or_else(Kernel::probe)
    }

    pub(super) fn tape(&self) -> Option<&'static Tape> {
        self.tape
    }

    /// Says once how workers are closed in here.
    pub(super) fn report(&self, kernel: Kernel) {
        if self.reported.swap(true, Ordering::SeqCst) {
            return;
        }
        let left = kernel.left_to_seccomp();
        let more = match left[..] {
            [] => String::new(),
            _ => format!("; this Landlock does not know of {}, which seccomp refuses", left.join(", ")),
        };
        tracing::info!("workers are closed in by Landlock {} and seccomp{more}", kernel.landlock);
    }
}
