//! What a sign-in ends in: an account, and the provider's tokens.

use std::fmt;

use serde_json::Value;
use vestibule_abi::{Sensitive, record};

/// Whether the provider has seen proof of an e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verified {
    /// It says so, in the spelling that it documents.
    Yes,
    /// It says that it has not.
    No,
    /// It does not say, or its word means nothing.
    Unknown,
}

/// An account at the provider.
///
/// ```
/// # use vestibule_provider::{UserInfo, Verified};
/// let user = UserInfo::new("583231")
///     .login("octocat".to_owned())
///     .name(None)
///     .email("octocat@github.com", Verified::Yes);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct UserInfo {
    record: record::Account,
}

impl UserInfo {
    /// The account of this id: the provider's own and unchanging one, 1–255 bytes. Never an e-mail address or a login
    /// name, which people change and others then claim. Read a number with [`NumericId`](crate::NumericId).
    pub fn new(account_id: impl Into<String>) -> Self {
        Self { record: record::Account { account_id: account_id.into(), ..record::Account::default() } }
    }

    /// The handle, at most 255 bytes.
    #[must_use]
    pub fn login(mut self, login: impl Into<Option<String>>) -> Self {
        self.record.login = present(login.into());
        self
    }

    /// The displayed name.
    #[must_use]
    pub fn name(mut self, name: impl Into<Option<String>>) -> Self {
        self.record.name = present(name.into());
        self
    }

    /// The e-mail address, at most 320 bytes, and what the provider says about it.
    #[must_use]
    pub fn email(mut self, address: impl Into<String>, verified: Verified) -> Self {
        self.record.email = present(Some(address.into()));
        self.record.email_verified = match verified {
            Verified::Yes => record::verified::YES,
            Verified::No => record::verified::NO,
            Verified::Unknown => record::verified::UNKNOWN,
        };
        self
    }

    /// The address of a picture: `https`, at most 2048 bytes.
    #[must_use]
    pub fn avatar_url(mut self, url: impl Into<Option<String>>) -> Self {
        self.record.avatar_url = present(url.into());
        self
    }

    pub(crate) fn into_record(mut self) -> record::Account {
        if self.record.email.is_none() {
            self.record.email_verified = record::verified::UNKNOWN;
        }
        self.record
    }
}

/// Who it is, is personal: only the id is shown.
impl fmt::Debug for UserInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserInfo").field("account_id", &self.record.account_id).finish_non_exhaustive()
    }
}

/// An empty text says as much as none.
fn present(text: Option<String>) -> Option<String> {
    text.filter(|t| !t.is_empty())
}

/// What a token endpoint gave (RFC 6749 §5.1). The host drops it after the sign-in, unless the operator wants it kept.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TokenSet {
    /// `access_token`.
    pub access_token: Sensitive,
    /// `token_type`, as it came.
    pub token_type: Option<String>,
    /// `refresh_token`.
    pub refresh_token: Option<Sensitive>,
    /// `id_token`, not verified.
    pub id_token: Option<Sensitive>,
    /// `expires_in`, in seconds.
    pub expires_in_s: Option<u64>,
    /// The granted scope, as it came.
    pub scope: Option<String>,
    /// The claims of an ID token that `exchange_code` has verified, for `fetch_user_info`. They do not leave the plugin.
    pub claims: Option<Value>,
}

impl TokenSet {
    /// An access token and nothing else.
    pub fn new(access_token: impl Into<Sensitive>) -> Self {
        Self {
            access_token: access_token.into(),
            token_type: None,
            refresh_token: None,
            id_token: None,
            expires_in_s: None,
            scope: None,
            claims: None,
        }
    }

    pub(crate) fn into_record(self) -> record::Tokens {
        record::Tokens {
            access_token: self.access_token,
            token_type: self.token_type,
            refresh_token: self.refresh_token,
            id_token: self.id_token,
            expires_in_s: self.expires_in_s,
            scope: self.scope,
        }
    }
}

/// An answer that the `oauth2` crate has read.
impl<EF: oauth2::ExtraTokenFields, TT: oauth2::TokenType> From<&oauth2::StandardTokenResponse<EF, TT>>
    for TokenSet
{
    fn from(answer: &oauth2::StandardTokenResponse<EF, TT>) -> Self {
        use oauth2::TokenResponse as _;
        let token_type = serde_json::to_value(answer.token_type()).ok();
        let scopes = answer.scopes().map(|s| s.iter().map(|s| s.as_str()).collect::<Vec<_>>().join(" "));
        Self {
            token_type: token_type.and_then(|t| t.as_str().map(str::to_owned)),
            refresh_token: answer.refresh_token().map(|t| t.secret().as_str().into()),
            expires_in_s: answer.expires_in().map(|d| d.as_secs()),
            scope: scopes,
            ..Self::new(answer.access_token().secret().as_str())
        }
    }
}
