//! From claims to an account.

use vestibule_provider::openid::{Claims, EmailDomains};
use vestibule_provider::prelude::*;

use crate::{Config, pointer};

/// Where in the documents things are; `None` is not taken.
pub(crate) struct Pointers {
    id: String,
    login: Option<String>,
    name: Option<String>,
    email: Option<String>,
    email_verified: Option<String>,
    avatar: Option<String>,
}

impl Pointers {
    pub(crate) fn new(config: &Config) -> Result<Self> {
        Ok(Self {
            id: pointer::checked_id(&config.id)?,
            login: pointer::checked("login", &config.login)?,
            name: pointer::checked("name", &config.name)?,
            email: pointer::checked("email", &config.email)?,
            email_verified: pointer::checked("email_verified", &config.email_verified)?,
            avatar: pointer::checked("avatar", &config.avatar)?,
        })
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// All that are to be found.
    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        let optional = [&self.login, &self.name, &self.email, &self.email_verified, &self.avatar];
        std::iter::once(self.id.as_str()).chain(optional.into_iter().filter_map(Option::as_deref))
    }

    /// The account, each part from the first document that has it.
    pub(crate) fn person(
        &self,
        documents: &[Claims],
        domains: &EmailDomains,
        host: &Host,
    ) -> Result<UserInfo> {
        let holder = documents.iter().find(|claims| claims.get(&self.id).is_some()).unwrap_or(&documents[0]);
        let text = |pointer: &Option<String>| {
            let pointer = pointer.as_deref()?;
            documents.iter().find_map(|claims| claims.owned_text(pointer))
        };
        let mut info = UserInfo::new(holder.account_id(&self.id)?)
            .login(text(&self.login))
            .name(text(&self.name))
            .avatar_url(text(&self.avatar));
        let Some((claims, address)) = self.email(documents) else {
            domains.admit(None, Verified::Unknown)?;
            return Ok(info);
        };
        // The empty pointer is the whole document, which is no flag.
        let flag = self.email_verified.as_deref().unwrap_or_default();
        // The address as it is written: of one that is not plain the rule says so.
        domains.admit(claims.text(address), claims.verified(flag))?;
        match claims.email(address, flag) {
            Some((address, verified)) => info = info.email(address, verified),
            None => {
                host.log(
                    Level::Info,
                    "the e-mail address is not a plain one: the account is taken without it",
                );
            }
        }
        Ok(info)
    }

    /// The document with the address, and where in it. What is said of the address is taken from the same one: the flag of
    /// one address says nothing about another.
    fn email<'a>(&'a self, documents: &'a [Claims]) -> Option<(&'a Claims, &'a str)> {
        let address = self.email.as_deref()?;
        let flag = self.email_verified.as_deref();
        let has = |claims: &&Claims| claims.text(address).is_some();
        let with_flag =
            documents.iter().filter(has).find(|claims| flag.is_some_and(|flag| claims.get(flag).is_some()));
        let claims = with_flag.or_else(|| documents.iter().find(has))?;
        Some((claims, address))
    }
}
