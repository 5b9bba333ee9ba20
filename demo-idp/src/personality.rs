//! Which provider a running one plays, and who carries that out. Knows the personalities by name, and no protocol.

use std::fmt;
use std::str::FromStr;

use http::Method;

use crate::answer::Answer;
use crate::fault::{Endpoint, Fault};
use crate::ledger::Client;
use crate::openid::{self, Flavour};
use crate::request::Request;
use crate::state::State;
use crate::{github, gitlab, oidc};

/// Whom a provider plays. `Display` and `FromStr` speak the names of the command line: `github`, `oidc`, `gitlab`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Personality {
    /// GitHub Enterprise Server: OAuth 2.0 and a REST API.
    #[default]
    GitHub,
    /// An OpenID provider as the specifications describe it, with the choices that they leave open as options.
    Oidc,
    /// GitLab, also below a relative URL root: OpenID Connect, and `/api/v4/user`.
    GitLab,
}

/// Text that names no personality.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown personality `{0}`; write one of github, oidc, gitlab")]
pub struct UnknownPersonality(String);

impl Personality {
    /// Every personality.
    pub const ALL: [Personality; 3] = [Personality::GitHub, Personality::Oidc, Personality::GitLab];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Personality::GitHub => "github",
            Personality::Oidc => "oidc",
            Personality::GitLab => "gitlab",
        }
    }

    /// The endpoints that it has, in the order in which a sign-in meets them.
    pub fn endpoints(self) -> &'static [Endpoint] {
        match self {
            Personality::GitHub => github::ENDPOINTS,
            Personality::Oidc => oidc::ENDPOINTS,
            Personality::GitLab => gitlab::ENDPOINTS,
        }
    }

    /// Whom it plays, in a sentence.
    pub(crate) fn played(self) -> &'static str {
        match self {
            Personality::GitHub => "GitHub",
            Personality::Oidc => "your OpenID provider",
            Personality::GitLab => "GitLab",
        }
    }

    /// How it speaks OpenID Connect, if it does.
    pub(crate) fn flavour(self) -> Option<&'static Flavour> {
        match self {
            Personality::GitHub => None,
            Personality::Oidc => Some(&oidc::FLAVOUR),
            Personality::GitLab => Some(&gitlab::FLAVOUR),
        }
    }

    /// Which endpoint a request meets; the path is the one below the base path.
    pub(crate) fn endpoint(self, method: &Method, path: &str) -> Option<Endpoint> {
        match self {
            Personality::GitHub => github::endpoint(method, path),
            Personality::Oidc => oidc::endpoint(method, path),
            Personality::GitLab => gitlab::endpoint(method, path),
        }
    }

    /// The answer, with whatever part of a fault only this personality can do.
    pub(crate) fn answer(self, state: &State, request: &Request, fault: Option<Fault>) -> Answer {
        match self {
            Personality::GitHub => github::answer(state, request, fault),
            Personality::Oidc => openid::answer(&oidc::FLAVOUR, state, request, fault),
            Personality::GitLab => gitlab::answer(state, request, fault),
        }
    }

    /// The client that a request is made for, known by its credentials or by its token.
    pub(crate) fn client(self, state: &State, request: &Request) -> Option<Client> {
        match self {
            Personality::GitHub => github::client(state, request),
            Personality::Oidc | Personality::GitLab => openid::client(state, request),
        }
    }
}

impl fmt::Display for Personality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Personality {
    type Err = UnknownPersonality;

    fn from_str(text: &str) -> Result<Self, UnknownPersonality> {
        let found = Personality::ALL.into_iter().find(|personality| personality.name() == text);
        found.ok_or_else(|| UnknownPersonality(text.to_owned()))
    }
}
