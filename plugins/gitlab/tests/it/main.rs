//! Sign-in with GitLab against answers of the documented shapes, through the plugin's function table.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod account;
mod fake;
mod groups;
mod library;
mod settings;
mod sign_in;
mod token;
