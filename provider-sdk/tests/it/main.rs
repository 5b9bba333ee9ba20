//! What an author sees: the macro's errors, and the way of an OAuth 2.0 provider through the lowering.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod export;
mod oauth;
mod services;
