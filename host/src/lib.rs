//! Vestibule, a login server whose identity providers are plugins.
//!
//! The modules stand in the order in which a request meets them; `docs/architecture.md` walks one sign-in through them.
#![deny(unsafe_code)]

pub mod clock;
pub mod config;
pub mod name;
#[expect(unsafe_code, reason = "calls into loaded libraries; which files may is said there")]
pub mod plugin;
pub mod random;
pub mod store;
pub mod web;
