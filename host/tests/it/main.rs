//! Everything together: the real router, a real database, real plugins; only the provider's side is played by `demo-idp`.

#![expect(clippy::unwrap_used, reason = "what a test needs and does not get ends it")]

mod begin;
mod callback;
mod config;
mod pages;
mod plugin;
mod sign_in;
mod store;
mod world;
