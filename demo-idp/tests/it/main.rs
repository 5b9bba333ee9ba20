//! The demo provider over real sockets: each personality as it is documented, every fault, the visitor, the programs.

#![expect(clippy::unwrap_used, reason = "a test's own steps fail by panicking, outside of its function too")]

mod api;
mod authorize;
mod faults;
mod gitlab;
mod oidc;
mod openid_faults;
mod openid_judge;
mod openid_party;
mod programs;
mod relying_party;
mod server;
mod token;
mod toy_server;
mod visitor;
mod wire_faults;
