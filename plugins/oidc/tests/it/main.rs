//! Sign-in with an OpenID Connect issuer that the tests make up, through the plugin's function table.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod account;
mod authorize;
mod email;
mod errors;
mod fake;
mod groups;
mod id_token;
mod library;
mod settings;
mod token;
mod userinfo;
