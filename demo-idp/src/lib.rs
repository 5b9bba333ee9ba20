//! Identity providers on loopback, with the quirks of the real ones, for the demo and the tests.

#![forbid(unsafe_code)]

mod clock;
mod lock;
pub mod visitor;
