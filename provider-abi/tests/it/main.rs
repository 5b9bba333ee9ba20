//! The boundary's two contracts: what bytes mean, and how records may grow.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod codec;
mod fields;
mod frozen;
mod golden;
mod growth;
mod messages;
mod names;
mod section;
mod sensitive;
mod table;
