//! Sign-in with GitHub against answers of the documented shapes, through the plugin's function table.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod email;
mod fake;
mod library;
mod limits;
mod organizations;
mod settings;
mod sign_in;
mod token;
