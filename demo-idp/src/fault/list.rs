//! The table of faults that need no OpenID provider: name, where it can be set, what happens. Knows no bytes.

use super::{Endpoint, OpenIdFault};

use Endpoint::{Authorize, Discovery, Emails, Jwks, Orgs, Revoke, Teams, Token, User, UserInfo};

const EVERY: &[Endpoint] = &[Discovery, Jwks, Authorize, Token, UserInfo, User, Emails, Orgs, Teams, Revoke];
const JSON: &[Endpoint] = &[Discovery, Jwks, Token, UserInfo, User, Emails, Orgs, Teams];
/// Those that get the client's secret, or a token that it led to.
const CLIENTS: &[Endpoint] = &[Token, UserInfo, User, Emails, Orgs, Teams];
const CALLBACK: &[Endpoint] = &[Authorize];
const TOKEN: &[Endpoint] = &[Token];
const USER: &[Endpoint] = &[User];
const ACCOUNT: &[Endpoint] = &[User, UserInfo];
const PAGES: &[Endpoint] = &[Emails, Orgs, Teams];

faults! {
    /// Something that goes wrong, by name. `Display` and `FromStr` speak kebab-case: `gzip-bomb`.
    pub enum Fault or OpenId(OpenIdFault);

    Slow, "slow", EVERY, "the body comes one byte at a time, with a pause after each";
    Stall, "stall", EVERY, "the request is taken and never answered";
    Cut, "cut", EVERY, "the connection ends in the middle of the promised body";
    Reset, "reset", EVERY, "the connection is reset (RST) instead of an answer";
    Refused, "refused", EVERY, "nothing listens any more, at any endpoint, until the fault is cleared";
    Huge, "huge", EVERY, "the body never ends: valid JSON text in chunks, as fast as it is read";
    GzipBomb, "gzip-bomb", EVERY, "1 GiB of blanks, about 1 MiB on the wire, with `Content-Encoding: gzip`";
    DeepJson, "deep-json", EVERY, "100,000 opening brackets, and as many closing ones";
    BadJson, "bad-json", EVERY, "JSON that stops inside a value, with the right length";
    DuplicateKeys, "duplicate-keys", JSON, "the key that matters most comes twice, first with another value";
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
    EchoSecret, "echo-secret", CLIENTS, "the client secret comes back in the body as it is";
    EchoSecretPercent, "echo-secret-percent", CLIENTS, "the client secret comes back percent-encoded";
    EchoSecretBase64, "echo-secret-base64", CLIENTS, "the client secret comes back in Base64";
    EchoSecretBasic, "echo-secret-basic", CLIENTS, "`client_id:client_secret` comes back in Base64, as an echoed Authorization header would";
    EchoSecretJson, "echo-secret-json", CLIENTS, "the client secret comes back with JSON's short escapes (`\\/`, `\\\"`)";
    EchoSecretUnicode, "echo-secret-unicode", CLIENTS, "the client secret comes back with every character as `\\u00XX`";
    EchoSecretHeader, "echo-secret-header", CLIENTS, "the client secret comes back in the header `x-debug`";
    FloatId, "float-id", USER, "the id is 1.5";
    TextId, "text-id", USER, "the id is its digits as text";
    NullId, "null-id", USER, "the id is null";
    EmptyId, "empty-id", USER, "the id is the empty text";
    MissingId, "missing-id", USER, "there is no id";
    NegativeId, "negative-id", USER, "the id is -1";
    ExponentId, "exponent-id", USER, "the id is 1e3";
    BigId, "big-id", USER, "the id is 9223372036854775808, one more than 64 signed bits hold";
    NulInName, "nul-in-name", ACCOUNT, "the name holds U+0000";
    InvalidUtf8, "invalid-utf8", ACCOUNT, "the name holds the bytes FF FE";
    LoneSurrogate, "lone-surrogate", ACCOUNT, "the name holds an escaped half of a surrogate pair";
    HugeName, "huge-name", ACCOUNT, "the name is 1 MiB long";
    ScriptAvatar, "script-avatar", ACCOUNT, "the avatar is a `javascript:` URL";
    ControlLogin, "control-login", ACCOUNT, "the login holds CR, LF and an ANSI escape sequence";
    NextLinkElsewhere, "next-link-elsewhere", PAGES, "`Link: rel=next` names another origin: `localhost` instead of `127.0.0.1`";
    EndlessPages, "endless-pages", PAGES, "every page names a next one";
}

impl Fault {
    /// Every fault, in the order of the list that `demo-idp --list-faults` prints.
    pub const ALL: &'static [Fault] = &{
        let (own, openid) = (Fault::OWN, OpenIdFault::OWN);
        let mut all = [Fault::Slow; Fault::OWN.len() + OpenIdFault::OWN.len()];
        let mut at = 0;
        while at < all.len() {
            all[at] = if at < own.len() { own[at] } else { Fault::OpenId(openid[at - own.len()]) };
            at += 1;
        }
        all
    };

    /// Whether it spoils the redirect back rather than the page before it.
    pub(super) fn is_for_the_callback(self) -> bool {
        match self {
            Fault::OpenId(fault) => fault.endpoints().contains(&Authorize),
            fault => fault.endpoints() == CALLBACK,
        }
    }
}
