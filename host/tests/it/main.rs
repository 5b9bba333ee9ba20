//! Everything together: the real router, a real database, real plugins; only the provider's side is played by `demo-idp`.

#![expect(clippy::unwrap_used, reason = "what a test needs and does not get ends it")]

mod api;
mod begin;
mod browser;
mod callback;
mod canary;
mod cluster;
mod config;
mod database;
mod disk;
mod faults;
#[cfg(target_arch = "x86_64")]
mod frozen;
mod full;
mod headers;
mod health;
mod interop;
mod metrics;
mod openid;
mod package;
mod pages;
mod plugin;
mod postgres;
mod process;
mod proxies;
mod reload;
mod second_compiler;
mod server;
mod session;
mod sign_in;
mod store;
mod workers;
mod world;
