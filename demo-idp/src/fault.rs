//! Faults by name: what can go wrong at an identity provider, where each can be set, and which are active now.
//! Knows no bytes: `spoil.rs` and the personalities carry them out.

/// An enum of faults from a table: variant, name, endpoints, what happens.
macro_rules! faults {
    (
        $(#[$doc:meta])* pub enum $enum:ident $(or $outer:ident($inner:ident))?;
        $($variant:ident, $name:literal, $endpoints:ident, $text:literal;)*
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $enum {
            $(#[doc = $text] $variant,)*
            $(/// One that only an OpenID provider can have.
            $outer($inner),)?
        }

        impl $enum {
            /// The faults of this table, in its order.
            pub(super) const OWN: &'static [$enum] = &[$($enum::$variant),*];

            /// The name, in kebab-case.
            pub fn name(self) -> &'static str {
                match self {
                    $($enum::$variant => $name,)*
                    $($enum::$outer(inner) => inner.name(),)?
                }
            }

            /// What happens, in one line.
            pub fn description(self) -> &'static str {
                match self {
                    $($enum::$variant => $text,)*
                    $($enum::$outer(inner) => inner.description(),)?
                }
            }

            /// The endpoints at which it can be set; `all` sets it at each of them.
            pub fn endpoints(self) -> &'static [Endpoint] {
                match self {
                    $($enum::$variant => $endpoints,)*
                    $($enum::$outer(inner) => inner.endpoints(),)?
                }
            }
        }
    };
}

mod active;
mod endpoint;
mod list;
mod openid;

use std::fmt;
use std::str::FromStr;

pub(crate) use self::active::Faults;
pub use self::endpoint::Endpoint;
pub use self::list::Fault;
pub use self::openid::OpenIdFault;
use crate::personality::Personality;

/// Text that names no endpoint or no fault, or a pair that does not go together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// No such endpoint.
    #[error("unknown endpoint `{0}`; write one of {names}", names = endpoint::list(Endpoint::ALL))]
    Endpoint(String),
    /// No such fault.
    #[error("unknown fault `{0}`; `demo-idp --list-faults` prints them")]
    Fault(String),
    /// Not `endpoint=fault`.
    #[error("`{0}` is not a fault setting; write `endpoint=fault`, as in `token=slow`")]
    Setting(String),
    /// A fault that this endpoint cannot have.
    #[error("fault `{fault}` does nothing at `{endpoint}`; it applies to {applies}")]
    NotHere {
        /// The fault.
        fault: Fault,
        /// Where it was to be set.
        endpoint: Endpoint,
        /// Where it can be set, as text.
        applies: String,
    },
    /// A fault that this personality cannot have.
    #[error("fault `{fault}` at `{endpoint}` does nothing as `{personality}`")]
    NotPlayed {
        /// The fault.
        fault: Fault,
        /// Where it was to be set.
        endpoint: Endpoint,
        /// Who is played.
        personality: Personality,
    },
}

impl Fault {
    /// Whether it can be set at an endpoint of some personality; `all` is right for every fault.
    pub fn applies_to(self, endpoint: Endpoint) -> bool {
        endpoint == Endpoint::All || self.endpoints().contains(&endpoint)
    }

    /// The pair, if it goes together.
    pub fn at(self, endpoint: Endpoint) -> Result<(Endpoint, Fault), FaultError> {
        if self.applies_to(endpoint) {
            return Ok((endpoint, self));
        }
        let applies = endpoint::list(self.endpoints());
        Err(FaultError::NotHere { fault: self, endpoint, applies })
    }

    /// Whether a provider that plays this personality can have it there.
    pub(crate) fn played_by(self, personality: Personality, endpoint: Endpoint) -> Result<(), FaultError> {
        self.at(endpoint)?;
        let played = self.endpoints_of(personality);
        let somewhere =
            if endpoint == Endpoint::All { !played.is_empty() } else { played.contains(&endpoint) };
        if somewhere { Ok(()) } else { Err(FaultError::NotPlayed { fault: self, endpoint, personality }) }
    }

    /// The faults that this personality can have.
    pub fn of(personality: Personality) -> impl Iterator<Item = Fault> {
        Fault::ALL.iter().copied().filter(move |fault| !fault.endpoints_of(personality).is_empty())
    }

    /// The endpoints of this personality at which it can be set.
    pub fn endpoints_of(self, personality: Personality) -> Vec<Endpoint> {
        let speaks = personality.flavour().is_some() || !matches!(self, Fault::OpenId(_));
        let here = |endpoint: &Endpoint| speaks && self.endpoints().contains(endpoint);
        personality.endpoints().iter().copied().filter(here).collect()
    }

    /// The OpenID provider's fault in it, if it is one.
    pub(crate) fn openid(self) -> Option<OpenIdFault> {
        match self {
            Fault::OpenId(fault) => Some(fault),
            _ => None,
        }
    }

    /// Reads `endpoint=fault`.
    pub fn parse_setting(text: &str) -> Result<(Endpoint, Fault), FaultError> {
        let (endpoint, fault) = text.split_once('=').ok_or_else(|| FaultError::Setting(text.to_owned()))?;
        fault.parse::<Fault>()?.at(endpoint.parse()?)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let found = Fault::ALL.iter().find(|fault| fault.name() == text);
        found.copied().ok_or_else(|| FaultError::Fault(text.to_owned()))
    }
}

impl From<OpenIdFault> for Fault {
    fn from(fault: OpenIdFault) -> Self {
        Fault::OpenId(fault)
    }
}
