//! Who could put another file in the place of one that has no pin: nobody but its owner may, and that is root or the
//! server's own user. Looks at the file and at each folder above it.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Names the first thing that somebody else can write.
pub(super) fn check(path: &Path) -> Result<(), String> {
    let whole = path.canonicalize().map_err(|e| format!("its folder cannot be looked at: {e}"))?;
    let me = rustix::process::geteuid().as_raw();
    for part in whole.ancestors() {
        let shown = part.display();
        let metadata = part.symlink_metadata().map_err(|e| format!("`{shown}` cannot be looked at: {e}"))?;
        if let Some(what) = weakness(&metadata, me) {
            return Err(format!("`{shown}` {what}"));
        }
    }
    Ok(())
}

fn weakness(metadata: &Metadata, me: u32) -> Option<String> {
    let (owner, mode) = (metadata.uid(), metadata.mode());
    if owner != 0 && owner != me {
        return Some(format!("belongs to the user {owner}"));
    }
    (mode & 0o022 != 0).then(|| format!("is writable by others than its owner (mode {:04o})", mode & 0o7777))
}
