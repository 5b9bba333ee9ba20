//! An account at a provider, in a shape that no provider owns.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Sensitive;

/// An account. The host checks every limit again; over one, the field counts as said there.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The provider's own, unchanging id, as text: 1–255 bytes, no NUL, byte-exact. Never an e-mail address or a login
    /// name, and never passed through a float. Out of bounds: the sign-in fails.
    pub account_id: String,
    /// The handle, which people rename: at most 255 bytes. Out of bounds: absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// The displayed name: cut at 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// An e-mail address: at most 320 bytes. Out of bounds: absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// One of [`verified`]; what is not known is not verified.
    #[serde(default)]
    pub email_verified: u8,
    /// `https`, at most 2048 bytes. Out of bounds: absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<String>,
}

/// Whether the provider has seen proof of the e-mail address.
pub mod verified {
    /// It says that it has not.
    pub const NO: u8 = 0;
    /// It says that it has.
    pub const YES: u8 = 1;
    /// It does not say, or its word means nothing.
    pub const UNKNOWN: u8 = 2;
}

/// What a token endpoint gave (RFC 6749 §5.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// `access_token`.
    pub access_token: Sensitive,
    /// `token_type`, as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_type: Option<String>,
    /// `refresh_token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<Sensitive>,
    /// `id_token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token: Option<Sensitive>,
    /// `expires_in`, in seconds from now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_s: Option<u64>,
    /// The granted scope, as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// Who it is, is personal: only the id is shown.
impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("account_id", &self.account_id).finish_non_exhaustive()
    }
}
