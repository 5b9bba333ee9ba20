//! `manifest.toml` of an archive: what the packager says about a plugin that its section has no room for.

use serde::{Deserialize, Serialize};

/// The manifest. Keys that this version does not know are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Manifest {
    /// The plugin's name, as in the section.
    pub(super) name: String,
    /// Its version, as in the section.
    pub(super) version: String,
    /// Its ABI epoch, as in the section.
    pub(super) abi_epoch: u32,
    /// The library's file name in the archive.
    pub(super) library: String,
    /// What it cannot do without, by the names of `vestibule_abi::record::requirement`.
    #[serde(default)]
    pub(super) requires: Vec<String>,
    /// An SPDX expression.
    pub(super) licence: Option<String>,
    /// The oldest glibc that has what the library needs, as `2.34`.
    pub(super) glibc: Option<String>,
    /// Rust's name of the platform.
    pub(super) target: Option<String>,
    /// JSON Schema of the settings, as JSON.
    pub(super) settings_schema: Option<String>,
}
