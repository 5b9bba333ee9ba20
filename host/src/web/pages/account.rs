//! The account page: who is signed in, and which accounts elsewhere lead here.

use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::Serialize;

use crate::clock::Timestamp;
use crate::name::ProviderName;
use crate::web::headers::FORGET;
use crate::web::icons::Icon;
use crate::web::text::{AvatarUrl, Text};

/// Whether the provider says that the e-mail address belongs to the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EmailVerified {
    /// It says that it does not know so: 0 in the database.
    No,
    /// It does: 1.
    Yes,
    /// It says nothing: 2.
    Unknown,
}

impl EmailVerified {
    /// From the database's number; any other than 0 and 1 claims nothing.
    pub fn from_number(number: i64) -> Self {
        match number {
            0 => Self::No,
            1 => Self::Yes,
            _ => Self::Unknown,
        }
    }
}

/// One account at one provider, as the account page shows it.
#[derive(Debug, Clone, Serialize)]
pub struct IdentityCard {
    /// The provider.
    pub provider: ProviderName,
    /// What people call it; the name if it is no longer configured.
    pub label: Text,
    /// Its picture.
    pub icon: Icon,
    /// The handle there.
    pub login: Option<Text>,
    /// The displayed name there.
    pub name: Option<Text>,
    /// The e-mail address there.
    pub email: Option<Text>,
    /// What is known about that address.
    pub email_verified: EmailVerified,
    /// Since when it belongs to this user.
    pub since: Timestamp,
    /// When the provider was last asked.
    pub last_sync: Timestamp,
    /// Whether the displayed name and picture come from here.
    pub primary: bool,
}

/// The account page.
#[derive(Debug, Clone, Serialize)]
pub struct AccountPage {
    /// The user's number, which never changes.
    pub user_id: i64,
    /// The username here.
    pub username: Text,
    /// The displayed name.
    pub name: Option<Text>,
    /// The picture; made by [`super::Pages::avatar`].
    pub avatar_url: Option<AvatarUrl>,
    /// In the order in which they are shown.
    pub identities: Vec<IdentityCard>,
}

impl AccountPage {
    pub(super) fn context(&self) -> Value {
        let named = self.name.as_ref().filter(|name| !name.is_blank()).unwrap_or(&self.username);
        let letter: String = named.as_str().chars().find(|c| c.is_alphanumeric()).into_iter().collect();
        context! {
            page => Value::from(Serde(self)),
            named => named.as_str(),
            letter => letter.to_uppercase(),
            script => Value::from_safe_string(FORGET.to_owned()),
        }
    }
}
