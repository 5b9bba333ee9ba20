//! The endpoints at which a request arrives and a fault is set. Knows only their names.

use std::fmt;
use std::str::FromStr;

use super::FaultError;

macro_rules! endpoints {
    ($($variant:ident, $name:literal, $text:literal;)*) => {
        /// Where a request goes, and where a fault is set.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Endpoint { $(#[doc = $text] $variant,)* }

        impl Endpoint {
            /// Every endpoint of every personality, and `all`.
            pub const ALL: &'static [Endpoint] = &[$(Endpoint::$variant),*];

            /// The name on the command line.
            pub fn name(self) -> &'static str {
                match self { $(Endpoint::$variant => $name,)* }
            }
        }
    };
}

endpoints! {
    Discovery, "discovery", "The provider's metadata.";
    Jwks, "jwks", "The public keys.";
    Authorize, "authorize", "The page on which a person decides, and the redirect back.";
    Token, "token", "Code for token.";
    UserInfo, "userinfo", "The claims about whoever an access token speaks for.";
    User, "user", "The account, in a REST API.";
    Emails, "emails", "The account's addresses.";
    Orgs, "orgs", "The account's organisations.";
    Teams, "teams", "The account's teams.";
    Revoke, "revoke", "The end of a token.";
    Trap, "trap", "Where only the header of a forged token points: nobody may ask there, and no fault can be set.";
    All, "all", "Only for setting a fault: each endpoint to which it applies.";
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Endpoint {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let found = Endpoint::ALL.iter().find(|endpoint| endpoint.name() == text);
        found.copied().ok_or_else(|| FaultError::Endpoint(text.to_owned()))
    }
}

/// For messages: `authorize, token, user`.
pub(super) fn list(endpoints: &[Endpoint]) -> String {
    endpoints.iter().map(|endpoint| endpoint.name()).collect::<Vec<_>>().join(", ")
}
