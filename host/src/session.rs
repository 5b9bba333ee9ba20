//! Signed-in browsers: the cookie and what stands behind it.

pub mod cookie;
mod current;

pub use current::Sessions;
