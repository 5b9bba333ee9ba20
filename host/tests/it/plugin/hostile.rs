//! Plugins that mean harm, in workers: whatever one does and wherever, the host lives, that operation fails with a named
//! error, another provider notices nothing, and the worker is back (rows 79 to 83 of docs/security.md).
//!
//! The plugin `hostile` is told what to do. How often each deed is tried comes from the environment, for
//! `cargo xtask faults plugins`, which makes a table of what the tests report.

mod calls;
mod early;
mod ends;
mod frames;
mod ground;
mod hangs;
mod report;
