//! Vestibule, a login server whose identity providers are plugins.
//!
//! The modules stand in the order in which a request meets them; `docs/architecture.md` walks one sign-in through them.
#![deny(unsafe_code)]

pub mod account;
pub mod clock;
pub mod config;
pub mod exit;
pub mod name;
pub mod plugin;
pub mod random;
pub mod store;
pub mod username;
pub mod web;
