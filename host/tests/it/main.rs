//! Everything together: the real router, a real database, real plugins; only the provider's side is played by `demo-idp`.

#![expect(clippy::unwrap_used, reason = "what a test needs and does not get ends it")]

mod api;
mod begin;
mod browser;
mod callback;
mod canary;
mod config;
mod database;
mod faults;
#[cfg(target_arch = "x86_64")]
mod frozen;
mod headers;
mod interop;
mod openid;
mod pages;
mod plugin;
mod postgres;
mod process;
mod proxies;
mod reload;
mod server;
mod session;
mod sign_in;
mod store;
mod world;
