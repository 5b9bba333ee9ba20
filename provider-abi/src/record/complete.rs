//! `complete`: from the callback's parameters to an account.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Account, Tokens};
use crate::Sensitive;

/// A callback. The host has checked state, issuer, browser and provider before.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompleteRequest {
    /// Each parameter of the callback, once: `code` or `error`, and what else the provider sent. No `state`.
    pub params: BTreeMap<String, Sensitive>,
    /// What `begin` asked to be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carry: Option<String>,
    /// The same as at `begin`, to be repeated (RFC 6749 §4.1.3).
    pub redirect_uri: String,
    /// The `nonce` that was sent, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Sensitive>,
    /// The PKCE code verifier, if a challenge was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_verifier: Option<Sensitive>,
}

/// Who it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CompleteAnswer {
    /// The account.
    pub account: Account,
    /// The provider's tokens. The host drops them unless the operator wants them kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Tokens>,
}

/// The parameters' names only.
impl fmt::Debug for CompleteRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.params.keys().collect();
        f.debug_struct("CompleteRequest").field("params", &names).finish_non_exhaustive()
    }
}
