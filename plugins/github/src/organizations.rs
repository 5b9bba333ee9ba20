//! `allowed_orgs`: who is let in. In doubt, nobody.

use vestibule_provider::prelude::*;

use crate::api::{Api, Organization};

/// The organizations whose members are let in, by id or by login in lower case; none of them: everyone is.
pub(crate) struct AllowedOrganizations(Vec<String>);

impl AllowedOrganizations {
    /// Organizations by their ids, or by their logins, which are ASCII and the same in any case.
    pub(crate) fn new(logins: Vec<String>) -> Result<Self> {
        for login in &logins {
            let plain = !login.is_empty()
                && login.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
            if !plain {
                return Err(Error::bad_settings(format_args!(
                    "`allowed_orgs` holds `{login}`, which is neither an organization's id nor its login: write it \
                     as in the organization's address"
                )));
            }
        }
        Ok(Self(logins.into_iter().map(|l| l.to_ascii_lowercase()).collect()))
    }

    /// The scope that is needed to know: none where everyone is let in.
    pub(crate) fn scope(&self) -> Option<&'static str> {
        (!self.0.is_empty()).then_some("read:org")
    }

    /// Lets the person in, or not. A list that cannot be read to its end lets nobody in.
    pub(crate) async fn admit(&self, api: &Api<'_>) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let theirs = api.organizations().await?;
        // A login may be of digits alone, and be somebody else's id: then digits are the id, which cannot be taken over.
        let listed = |organization: &Organization| {
            let login = organization.login.to_ascii_lowercase();
            let by_login = !is_id(&login) && self.0.contains(&login);
            by_login || self.0.contains(&organization.id.to_string())
        };
        if theirs.iter().any(listed) {
            return Ok(());
        }
        Err(Error::refused(
            "the account is in none of `allowed_orgs`, as far as github shows: an organization may also hide from an \
             app that it has not approved",
        ))
    }
}

fn is_id(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}
