//! The demo provider over real sockets: what GitHub documents, every fault, the visitor, and the two programs.

#![expect(clippy::unwrap_used, reason = "a test's own steps fail by panicking, outside of its function too")]

mod api;
mod authorize;
mod faults;
mod programs;
mod relying_party;
mod server;
mod token;
mod toy_server;
mod visitor;
mod wire_faults;
