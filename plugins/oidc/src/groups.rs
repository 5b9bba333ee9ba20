//! `allowed_groups`: who is let in. In doubt, nobody.

use vestibule_provider::openid::{Claims, Groups};
use vestibule_provider::prelude::*;

use crate::pointer;

/// The groups whose members are let in; none of them: everyone is.
pub(crate) struct AllowedGroups {
    names: Vec<String>,
    pointer: String,
}

impl AllowedGroups {
    /// Names as the issuer spells them: they are its own, so they are compared byte for byte and not taken apart.
    pub(crate) fn new(names: Vec<String>, pointer: &str) -> Result<Self> {
        if names.iter().any(String::is_empty) {
            return Err(Error::bad_settings(
                "`allowed_groups` holds an empty text, which is no group: leave it out",
            ));
        }
        let pointer = pointer::checked("groups", pointer)?;
        match pointer {
            None if !names.is_empty() => Err(Error::bad_settings(
                "`groups` is empty, and `allowed_groups` needs to know where groups are",
            )),
            pointer => Ok(Self { names, pointer: pointer.unwrap_or_default() }),
        }
    }

    /// Where groups are, if it matters.
    pub(crate) fn pointer(&self) -> Option<&str> {
        (!self.names.is_empty()).then_some(self.pointer.as_str())
    }

    /// Lets the person in, or not: by the first document that tells all groups.
    pub(crate) fn admit(&self, documents: &[Claims]) -> Result<()> {
        if self.names.is_empty() {
            return Ok(());
        }
        let complete = documents.iter().find_map(|claims| match claims.groups(&self.pointer) {
            Groups::Complete(theirs) => Some(theirs),
            Groups::Unknown => None,
        });
        let Some(theirs) = complete else {
            return Err(Error::refused(format_args!(
                "the issuer does not tell all of the person's groups at `{}`: have it add them to the ID token or the user \
                 info (a scope, a claim or a mapper there), or correct `groups`",
                self.pointer
            )));
        };
        if theirs.iter().any(|group| self.names.contains(group)) {
            return Ok(());
        }
        Err(Error::refused("the account is in none of `allowed_groups`"))
    }
}
