//! Real libraries, loaded as a server loads them: good ones, damaged ones, and two that misbehave on request.
//!
//! Whatever an operation does is tried over each transport by the same test.

mod behaviour;
mod egress;
mod faults;
mod files;
mod idp;
mod protocol;
mod rig;
mod secrets;
