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
        let email = self.email(documents, host);
        let (address, verified) = match &email {
            Some((address, verified)) => (Some(address.as_str()), *verified),
            None => (None, Verified::Unknown),
        };
        domains.admit(address, verified)?;
        if let Some((address, verified)) = email {
            info = info.email(address, verified);
        }
        Ok(info)
    }

    /// The address and what is said of it, both from one document: the flag of one address says nothing about another.
    fn email(&self, documents: &[Claims], host: &Host) -> Option<(String, Verified)> {
        let address = self.email.as_deref()?;
        let flag = self.email_verified.as_deref();
        let has = |claims: &&Claims| claims.text(address).is_some();
        let with_flag =
            documents.iter().filter(has).find(|claims| flag.is_some_and(|flag| claims.get(flag).is_some()));
        let claims = with_flag.or_else(|| documents.iter().find(has))?;
        // The empty pointer is the whole document, which is no flag.
        let email = claims.email(address, flag.unwrap_or_default());
        if email.is_none() {
            host.log(Level::Info, "the e-mail address is not a plain one: the account is taken without it");
        }
        email
    }
}
