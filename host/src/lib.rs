//! Vestibule, a login server whose identity providers are plugins.
//!
//! The modules stand in the order in which a request meets them; `docs/architecture.md` walks one sign-in through them.
#![deny(unsafe_code)]

pub mod cli;
pub mod exit;

pub mod config;
pub mod startup;

pub mod server;

pub mod address;
pub mod router;
pub mod site;

pub mod api;
pub mod state;

pub mod begin_limit;
pub mod origin;

pub mod login;
#[expect(unsafe_code, reason = "loading a library and calling into it: each block says why it is sound")]
pub mod plugin;
pub mod registry;

pub mod account;
pub mod username;

pub mod session;
pub mod store;

pub mod problem;
pub mod web;

pub mod clock;
pub mod name;
pub mod random;
