//! `begin`: where to send the browser.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What the provider is to be told by way of the browser. The host made all of it and checks that it is there.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeginRequest {
    /// The callback's absolute URL.
    pub redirect_uri: String,
    /// `state`: 43 characters of base64url, opaque.
    pub state: String,
    /// `nonce`, unless `inspect` says `off`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// `code_challenge` of method S256, unless `inspect` says `off` for PKCE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_challenge: Option<String>,
    /// The language of the page that the person came from (BCP 47), for `ui_locales` and the like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// What else the host knows.
    #[serde(default)]
    pub hints: Hints,
}

/// Wishes that a provider may follow.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hints {
    /// Who will probably sign in: a login or an e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_hint: Option<String>,
}

/// The answer: exactly one of `redirect` and `post` is there.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeginAnswer {
    /// Send the browser there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect: Option<Redirect>,
    /// Let the browser post a form there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post: Option<Post>,
    /// Kept in the login attempt and handed to `complete`: at most 1 KiB, no NUL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carry: Option<String>,
}

/// A redirect.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirect {
    /// Absolute, at an origin that `inspect` names, at most 8 KiB.
    pub url: String,
}

/// A form that posts itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post {
    /// Absolute, at an origin that `inspect` names, at most 8 KiB.
    pub url: String,
    /// Names and values of its hidden fields, in order; at most 32 KiB in all.
    pub fields: Vec<(String, String)>,
}

// State, nonce and carry are the login attempt's, and URLs and hints may hold them or a person's address.
impl fmt::Debug for BeginRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BeginRequest")
    }
}

impl fmt::Debug for Hints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hints")
    }
}

/// Which way, and not where.
impl fmt::Debug for BeginAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BeginAnswer")
            .field("redirect", &self.redirect)
            .field("post", &self.post)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Redirect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redirect")
    }
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Post")
    }
}
