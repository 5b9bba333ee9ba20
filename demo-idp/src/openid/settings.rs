//! What the specifications leave to an OpenID provider, as options. Knows their names, and carries nothing out.

use std::fmt;
use std::str::FromStr;

/// An algorithm of ID tokens (RFC 7518 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256, a key of 2048 bits.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

/// How a client proves itself at the token endpoint (OpenID Connect Core 1.0 §9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenAuth {
    /// `Authorization: Basic`, both parts form-encoded first (RFC 6749 §2.3.1).
    Basic,
    /// `client_id` and `client_secret` in the body.
    Post,
}

/// Whether callbacks name the issuer (RFC 9207).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallbackIssuer {
    /// They do, and the metadata promises it.
    Announced,
    /// They do, and nothing promises it.
    Unannounced,
    /// They do not.
    Absent,
}

/// What becomes of a code challenge (RFC 7636).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pkce {
    /// S256 is held to when a challenge comes.
    Supported,
    /// A request without one is refused.
    Required,
    /// A request with one is refused, and the metadata names no method.
    Refused,
}

/// The choices of an OpenID provider.
#[derive(Debug, Clone)]
pub struct OpenIdOptions {
    /// Between the origin and every path: empty, or as `/realms/demo`, without a final slash. Part of base URL and issuer.
    pub base_path: String,
    /// Whether the issuer ends in a slash, as Auth0's does.
    pub issuer_slash: bool,
    /// The algorithms that the metadata lists; the first one signs.
    pub algorithms: Vec<Algorithm>,
    /// The ways in which a client may prove itself.
    pub token_auth: Vec<TokenAuth>,
    /// Whether callbacks name the issuer.
    pub callback_issuer: CallbackIssuer,
    /// What becomes of a code challenge.
    pub pkce: Pkce,
    /// Whether there is a userinfo endpoint; Apple has none.
    pub userinfo: bool,
    /// Whether ID tokens carry the claims of the scopes, which Core 1.0 §5.4 asks of userinfo alone. GitLab keeps to its
    /// own documentation.
    pub claims_in_id_token: bool,
}

impl Default for OpenIdOptions {
    /// The issuer is the origin, RS256 signs and ES256 is listed too, everything else is there and announced.
    fn default() -> Self {
        Self {
            base_path: String::new(),
            issuer_slash: false,
            algorithms: vec![Algorithm::Rs256, Algorithm::Es256],
            token_auth: vec![TokenAuth::Basic, TokenAuth::Post],
            callback_issuer: CallbackIssuer::Announced,
            pkce: Pkce::Supported,
            userinfo: true,
            claims_in_id_token: true,
        }
    }
}

impl OpenIdOptions {
    pub(crate) fn gitlab() -> Self {
        let callback_issuer = CallbackIssuer::Unannounced;
        Self { algorithms: vec![Algorithm::Rs256], callback_issuer, ..Self::default() }
    }

    /// Why a provider cannot start with these.
    pub(crate) fn fault(&self) -> Option<String> {
        let path = &self.base_path;
        let bytes = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
        if !path.is_empty()
            && (!path.starts_with('/')
                || path.ends_with('/')
                || path.contains("//")
                || !path.bytes().all(bytes))
        {
            return Some(format!("`{path}` is no base path; write one as `/realms/demo`, or nothing"));
        }
        if self.algorithms.is_empty() || self.token_auth.is_empty() {
            return Some(
                "a provider needs an algorithm and a way for clients to prove themselves".to_owned(),
            );
        }
        None
    }
}

macro_rules! names {
    ($type:ident, $what:literal, $($variant:ident = $name:literal),*) => {
        impl $type {
            /// Every one.
            pub const ALL: &'static [$type] = &[$($type::$variant),*];

            /// The name in metadata or on the command line.
            pub fn name(self) -> &'static str {
                match self { $($type::$variant => $name,)* }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        impl FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                let found = Self::ALL.iter().copied().find(|one| one.name() == text);
                found.ok_or_else(|| {
                    let names: Vec<_> = Self::ALL.iter().map(|one| one.name()).collect();
                    format!("unknown {} `{text}`; write one of {}", $what, names.join(", "))
                })
            }
        }
    };
}

names!(Algorithm, "algorithm", Rs256 = "RS256", Es256 = "ES256");
names!(TokenAuth, "client authentication", Basic = "client_secret_basic", Post = "client_secret_post");
names!(
    CallbackIssuer,
    "rule for the issuer in callbacks",
    Announced = "announced",
    Unannounced = "unannounced",
    Absent = "absent"
);
names!(Pkce, "rule for code challenges", Supported = "supported", Required = "required", Refused = "refused");
