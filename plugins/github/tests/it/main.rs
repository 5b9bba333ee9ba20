//! Sign-in with GitHub against answers of the documented shapes, through the plugin's function table.

#![forbid(unsafe_code)]

mod email;
mod fake;
mod limits;
mod organizations;
mod settings;
mod sign_in;
mod token;
