//! Why a measurement stopped, in one line for the person who started it.

use std::fmt::Display;
use std::path::Path;

pub(crate) type Result<T> = std::result::Result<T, Error>;

/// What was being done, and why it could not be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Error(String);

impl Error {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// For `map_err`: what could not be done.
pub(crate) fn doing<E: Display>(what: &str) -> impl FnOnce(E) -> Error {
    move |why| Error(format!("cannot {what}: {why}"))
}

/// For `map_err`: which file it could not be done to.
pub(crate) fn at<E: Display>(what: &'static str, path: &Path) -> impl FnOnce(E) -> Error {
    move |why| Error(format!("cannot {what} `{}`: {why}", path.display()))
}
