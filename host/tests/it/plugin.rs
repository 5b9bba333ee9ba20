//! Real libraries, loaded as a server loads them: good ones, damaged ones, and two that misbehave on request.
//!
//! Whatever an operation does is tried over each transport by the same test.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in what it calls as well")]

mod behaviour;
mod egress;
mod faults;
mod files;
mod hostile;
pub(crate) mod idp;
mod openid;
mod protocol;
mod rig;
mod secrets;
mod worker;
