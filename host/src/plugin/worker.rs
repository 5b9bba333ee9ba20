//! The transport for a plugin in a process of its own, which can compute and answer and nothing else.
//!
//! ```text
//! supervisor   a provider's worker over time: start, restart within a budget, end when idle
//!   boot       spawn a process, wait until it has closed itself in, linked the library and described it
//!   connection operations by number over one socketpair; the watch over each step
//! child        the other side: the same program, run again
//!   sandbox    limits, Landlock, two system call filters
//! ```

#[forbid(unsafe_code)]
mod boot;
#[forbid(unsafe_code)]
mod budget;
mod child;
#[forbid(unsafe_code)]
mod connection;
#[forbid(unsafe_code)]
mod options;
#[forbid(unsafe_code)]
mod outgoing;
mod sandbox;
mod spawn;
#[forbid(unsafe_code)]
mod supervisor;
#[forbid(unsafe_code)]
mod tape;
#[forbid(unsafe_code)]
mod work;

pub use child::run_if_worker;
pub use options::Workers;
pub use sandbox::Kernel;
pub(super) use supervisor::{Worker, describe};
#[doc(hidden)]
pub use tape::Tape;
