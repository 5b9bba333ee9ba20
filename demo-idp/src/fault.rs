//! Faults by name: what can go wrong at an identity provider, where each can be set, and which are active now.
//! Knows no bytes: `spoil.rs` and the personalities carry them out.

use std::fmt;
use std::str::FromStr;
use std::sync::Mutex;

use crate::lock::lock;

/// Where a request goes, and where a fault is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// The page on which a person decides, and the redirect back.
    Authorize,
    /// Code for token.
    Token,
    /// The account.
    User,
    /// The account's addresses.
    Emails,
    /// The account's organisations.
    Orgs,
    /// The account's teams.
    Teams,
    /// The end of a token.
    Revoke,
    /// Only for setting a fault: each endpoint to which it applies.
    All,
}

impl Endpoint {
    /// Every endpoint, and `all`.
    pub const ALL: [Endpoint; 8] = [
        Endpoint::Authorize,
        Endpoint::Token,
        Endpoint::User,
        Endpoint::Emails,
        Endpoint::Orgs,
        Endpoint::Teams,
        Endpoint::Revoke,
        Endpoint::All,
    ];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Endpoint::Authorize => "authorize",
            Endpoint::Token => "token",
            Endpoint::User => "user",
            Endpoint::Emails => "emails",
            Endpoint::Orgs => "orgs",
            Endpoint::Teams => "teams",
            Endpoint::Revoke => "revoke",
            Endpoint::All => "all",
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Text that names no endpoint or no fault, or a pair that does not go together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// No such endpoint.
    #[error("unknown endpoint `{0}`; write one of authorize, token, user, emails, orgs, teams, revoke, all")]
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
}

impl FromStr for Endpoint {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        Endpoint::ALL
            .into_iter()
            .find(|endpoint| endpoint.name() == text)
            .ok_or_else(|| FaultError::Endpoint(text.to_owned()))
    }
}

const EVERY: &[Endpoint] = &[
    Endpoint::Authorize,
    Endpoint::Token,
    Endpoint::User,
    Endpoint::Emails,
    Endpoint::Orgs,
    Endpoint::Teams,
    Endpoint::Revoke,
];
const ANSWERS: &[Endpoint] =
    &[Endpoint::Token, Endpoint::User, Endpoint::Emails, Endpoint::Orgs, Endpoint::Teams];
const CALLBACK: &[Endpoint] = &[Endpoint::Authorize];
const TOKEN: &[Endpoint] = &[Endpoint::Token];
const USER: &[Endpoint] = &[Endpoint::User];
const PAGES: &[Endpoint] = &[Endpoint::Emails, Endpoint::Orgs, Endpoint::Teams];

macro_rules! faults {
    ($($variant:ident, $name:literal, $endpoints:ident, $text:literal;)*) => {
        /// Something that goes wrong, by name. `Display` and `FromStr` speak kebab-case: `gzip-bomb`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Fault { $(#[doc = $text] $variant,)* }

        impl Fault {
            /// Every fault, in the order of the list that `demo-idp --list-faults` prints.
            pub const ALL: &'static [Fault] = &[$(Fault::$variant),*];

            /// The name, in kebab-case.
            pub fn name(self) -> &'static str {
                match self { $(Fault::$variant => $name,)* }
            }

            /// What happens, in one line.
            pub fn description(self) -> &'static str {
                match self { $(Fault::$variant => $text,)* }
            }

            /// The endpoints at which it can be set; `all` sets it at each of them.
            pub fn endpoints(self) -> &'static [Endpoint] {
                match self { $(Fault::$variant => $endpoints,)* }
            }
        }
    };
}

faults! {
    Slow, "slow", EVERY, "the body comes one byte at a time, with a pause after each";
    Stall, "stall", EVERY, "the request is taken and never answered";
    Cut, "cut", EVERY, "the connection ends in the middle of the promised body";
    Reset, "reset", EVERY, "the connection is reset (RST) instead of an answer";
    Refused, "refused", EVERY, "nothing listens any more, at any endpoint, until the fault is cleared";
    Huge, "huge", EVERY, "the body never ends: valid JSON text in chunks, as fast as it is read";
    GzipBomb, "gzip-bomb", EVERY, "1 GiB of blanks, about 1 MiB on the wire, with `Content-Encoding: gzip`";
    DeepJson, "deep-json", EVERY, "100,000 opening brackets, and as many closing ones";
    BadJson, "bad-json", EVERY, "JSON that stops inside a value, with the right length";
    DuplicateKeys, "duplicate-keys", ANSWERS, "the key that matters most comes twice, first with another value";
    Bom, "bom", EVERY, "a byte order mark before the body";
    Html, "html", EVERY, "200 with a page of HTML";
    Empty, "empty", EVERY, "204 without a body";
    ServerError, "server-error", EVERY, "500 with a page of HTML";
    RateLimited, "rate-limited", EVERY, "429 with `Retry-After: 60`, as GitHub's secondary limits answer";
    RateLimited403, "rate-limited-403", EVERY, "403 with `x-ratelimit-remaining: 0` and the time of the reset, as GitHub's primary limit answers";
    ErrorIn200, "error-in-200", EVERY, "200 with a JSON object that holds `error` and nothing else of use";
    Redirect, "redirect", EVERY, "302 to http://169.254.169.254/latest/meta-data/";
    WrongState, "wrong-state", CALLBACK, "the callback carries another state";
    MissingState, "missing-state", CALLBACK, "the callback carries no state";
    WrongIss, "wrong-iss", CALLBACK, "the callback names another issuer";
    MissingIss, "missing-iss", CALLBACK, "the callback names no issuer";
    DuplicateParam, "duplicate-param", CALLBACK, "the callback carries `code` twice, with different values";
    MissingCode, "missing-code", CALLBACK, "the callback carries no code";
    NoToken, "no-token", TOKEN, "200 with JSON that lacks `access_token`";
    NullToken, "null-token", TOKEN, "200 with JSON whose `access_token` is null";
    TokenWithCrlf, "token-with-crlf", TOKEN, "the access token holds CR, LF and a forged header";
    ExpiresNegative, "expires-negative", TOKEN, "`expires_in` is -1";
    ExpiresOverflow, "expires-overflow", TOKEN, "`expires_in` is 1e400";
    ExpiresText, "expires-text", TOKEN, "`expires_in` is the text \"3600\"";
    EchoSecret, "echo-secret", ANSWERS, "the client secret comes back in the body as it is";
    EchoSecretPercent, "echo-secret-percent", ANSWERS, "the client secret comes back percent-encoded";
    EchoSecretBase64, "echo-secret-base64", ANSWERS, "the client secret comes back in Base64";
    EchoSecretBasic, "echo-secret-basic", ANSWERS, "`client_id:client_secret` comes back in Base64, as an echoed Authorization header would";
    EchoSecretJson, "echo-secret-json", ANSWERS, "the client secret comes back with JSON's short escapes (`\\/`, `\\\"`)";
    EchoSecretUnicode, "echo-secret-unicode", ANSWERS, "the client secret comes back with every character as `\\u00XX`";
    EchoSecretHeader, "echo-secret-header", ANSWERS, "the client secret comes back in the header `x-debug`";
    FloatId, "float-id", USER, "the id is 1.5";
    TextId, "text-id", USER, "the id is its digits as text";
    NullId, "null-id", USER, "the id is null";
    EmptyId, "empty-id", USER, "the id is the empty text";
    MissingId, "missing-id", USER, "there is no id";
    NegativeId, "negative-id", USER, "the id is -1";
    ExponentId, "exponent-id", USER, "the id is 1e3";
    BigId, "big-id", USER, "the id is 9223372036854775808, one more than 64 signed bits hold";
    NulInName, "nul-in-name", USER, "the name holds U+0000";
    InvalidUtf8, "invalid-utf8", USER, "the name holds the bytes FF FE";
    LoneSurrogate, "lone-surrogate", USER, "the name holds an escaped half of a surrogate pair";
    HugeName, "huge-name", USER, "the name is 1 MiB long";
    ScriptAvatar, "script-avatar", USER, "the avatar is a `javascript:` URL";
    ControlLogin, "control-login", USER, "the login holds CR, LF and an ANSI escape sequence";
    NextLinkElsewhere, "next-link-elsewhere", PAGES, "`Link: rel=next` names another origin: `localhost` instead of `127.0.0.1`";
    EndlessPages, "endless-pages", PAGES, "every page names a next one";
}

impl Fault {
    /// Whether it can be set at an endpoint; `all` is right for every fault.
    pub fn applies_to(self, endpoint: Endpoint) -> bool {
        endpoint == Endpoint::All || self.endpoints().contains(&endpoint)
    }

    /// The pair, if it goes together.
    pub fn at(self, endpoint: Endpoint) -> Result<(Endpoint, Fault), FaultError> {
        if self.applies_to(endpoint) {
            return Ok((endpoint, self));
        }
        let names: Vec<&str> = self.endpoints().iter().map(|endpoint| endpoint.name()).collect();
        Err(FaultError::NotHere { fault: self, endpoint, applies: names.join(", ") })
    }

    /// Reads `endpoint=fault`.
    pub fn parse_setting(text: &str) -> Result<(Endpoint, Fault), FaultError> {
        let (endpoint, fault) = text.split_once('=').ok_or_else(|| FaultError::Setting(text.to_owned()))?;
        fault.parse::<Fault>()?.at(endpoint.parse()?)
    }

    /// Whether it spoils the redirect back rather than the page before it.
    fn is_for_the_callback(self) -> bool {
        std::ptr::eq(self.endpoints(), CALLBACK)
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

struct Active {
    endpoint: Endpoint,
    fault: Fault,
    /// How many requests still pass unharmed.
    spared: u32,
    left: Option<u32>,
}

/// The faults that are set: at most one an endpoint, and one for `all`.
#[derive(Default)]
pub(crate) struct Faults {
    active: Mutex<Vec<Active>>,
}

impl Faults {
    /// Sets a fault, in place of the one that this endpoint had, after the requests that are `spared`; `times` of `None`
    /// is until it is cleared.
    pub(crate) fn set(&self, endpoint: Endpoint, fault: Fault, spared: u32, times: Option<u32>) {
        let mut active = lock(&self.active);
        active.retain(|other| other.endpoint != endpoint);
        active.push(Active { endpoint, fault, spared, left: times });
    }

    pub(crate) fn clear(&self) {
        lock(&self.active).clear();
    }

    /// The fault that this request meets, counting it. `deciding`: the person's choice, as against the page before it.
    pub(crate) fn take(&self, endpoint: Endpoint, deciding: bool) -> Option<Fault> {
        let mut active = lock(&self.active);
        let meets = |set: &Active, at: Endpoint| {
            set.endpoint == at
                && set.left != Some(0)
                && set.fault.applies_to(endpoint)
                && (deciding || !set.fault.is_for_the_callback())
        };
        let position = active
            .iter()
            .position(|set| meets(set, endpoint))
            .or_else(|| active.iter().position(|set| meets(set, Endpoint::All)))?;
        let set = active.get_mut(position)?;
        if set.spared > 0 {
            set.spared -= 1;
            return None;
        }
        set.left = set.left.map(|left| left - 1);
        Some(set.fault)
    }
}
