//! `allowed_groups`: who is let in. In doubt, nobody.
//!
//! GitLab's membership goes down and not up: a member of `eng` is a member of `eng/backend`, which is so listed in
//! `groups`, and a member of `eng/backend` is none of `eng`. So full paths are compared as they are, and `eng` lets in
//! nobody who was invited to one of its subgroups alone.

use vestibule_provider::openid::{Claims, Groups};
use vestibule_provider::prelude::*;

/// The groups whose members are let in, by full path in lower case; none of them: everyone is.
pub(crate) struct AllowedGroups(Vec<String>);

impl AllowedGroups {
    /// Groups by their full paths, which are ASCII and the same in any case.
    pub(crate) fn new(paths: Vec<String>) -> Result<Self> {
        let segment =
            |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        if let Some(bad) = paths.iter().find(|path| !path.split('/').all(segment)) {
            return Err(Error::bad_settings(format_args!(
                "`allowed_groups` holds `{bad}`, which is no group's full path: write it as in the group's address, without \
                 the host and without a `/` before or after it"
            )));
        }
        Ok(Self(paths.into_iter().map(|path| path.to_ascii_lowercase()).collect()))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Lets the person in, or not, by `groups` of the user info.
    pub(crate) fn admit(&self, user_info: Option<&Claims>) -> Result<()> {
        match user_info.map_or(Groups::Unknown, |claims| claims.groups("/groups")) {
            Groups::Complete(theirs)
                if theirs.iter().any(|path| self.0.contains(&path.to_ascii_lowercase())) =>
            {
                Ok(())
            }
            Groups::Complete(_) => Err(Error::refused("the account is in none of `allowed_groups`")),
            Groups::Unknown => Err(Error::refused("gitlab does not tell the person's groups")),
        }
    }
}
