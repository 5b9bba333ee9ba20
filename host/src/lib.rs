//! Vestibule, a login server whose identity providers are plugins.
//!
//! The modules stand in the order in which a request meets them; `docs/architecture.md` walks one sign-in through them.
#![deny(unsafe_code)]

#[forbid(unsafe_code)]
pub mod cli;
#[forbid(unsafe_code)]
pub mod exit;

#[forbid(unsafe_code)]
pub mod config;
#[forbid(unsafe_code)]
pub mod startup;

#[forbid(unsafe_code)]
pub mod admin;
#[forbid(unsafe_code)]
pub mod server;

#[forbid(unsafe_code)]
pub mod address;
#[forbid(unsafe_code)]
pub mod router;
#[forbid(unsafe_code)]
pub mod site;

#[forbid(unsafe_code)]
pub mod api;
#[forbid(unsafe_code)]
pub mod metrics;
#[forbid(unsafe_code)]
pub mod state;

#[forbid(unsafe_code)]
pub mod begin_limit;
#[forbid(unsafe_code)]
pub mod origin;

#[forbid(unsafe_code)]
pub mod login;
#[expect(unsafe_code, reason = "loading a library and calling into it: each block says why it is sound")]
pub mod plugin;
#[forbid(unsafe_code)]
pub mod reach;
#[forbid(unsafe_code)]
pub mod registry;

#[forbid(unsafe_code)]
pub mod account;
#[forbid(unsafe_code)]
pub mod username;

#[forbid(unsafe_code)]
pub mod session;
#[forbid(unsafe_code)]
pub mod store;

#[forbid(unsafe_code)]
pub mod problem;
#[forbid(unsafe_code)]
pub mod web;

#[forbid(unsafe_code)]
pub mod clock;
#[forbid(unsafe_code)]
pub mod count;
#[forbid(unsafe_code)]
pub mod name;
#[forbid(unsafe_code)]
pub mod random;
#[forbid(unsafe_code)]
mod request_id;
