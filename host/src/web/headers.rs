//! The headers of each kind of answer. `Strict-Transport-Security` is the router's: it depends on `public_url`.
//!
//! No answer permits inline script or style, and the two scripts that exist are named by the hash of their own text. There
//! is **no `form-action`**: Chromium applies it to the redirects that follow a form, so `'self'` would silently stop
//! every sign-in on its way to the provider. `Referrer-Policy: same-origin` and not `no-referrer`, under which a form
//! arrives with `Origin: null` and begin would refuse it.

use std::sync::LazyLock;

use data_encoding::BASE64;

use super::text::Avatars;
use crate::random::sha256;

/// Sends the page's one form. Without it the person presses the button.
pub(crate) const SEND_FORM: &str = "document.forms[0].submit()";

/// Asks again for a page that the browser kept alive behind its "back" button: the next person at that screen would see
/// the account after sign-out. Chromium keeps pages in spite of `no-store`, and its own guard, to drop them when an
/// HttpOnly cookie changes, does not catch every sign-out; neither does `Clear-Site-Data` on it, since the page is kept
/// only afterwards.
pub(crate) const FORGET: &str = "addEventListener('pageshow',e=>{if(e.persisted){document.documentElement.hidden=true;location.reload()}})";

/// What is being answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseKind {
    /// The sign-in page and error pages: no script, and pictures from this server.
    Page,
    /// The account page: pictures of people come from their providers, and one script keeps it from outliving a session.
    Account(Avatars),
    /// A page whose form sends itself.
    SelfSending,
    /// A file of [`super::assets`]: kept for good, since its path changes with its content.
    Asset,
    /// An operator's icon: a picture at a path that stays when its content changes.
    OperatorIcon,
    /// Everything that is no document: JSON, redirects, empty answers.
    Data,
}

/// Name and value; a name stands once.
pub type Header = (&'static str, &'static str);

const NOSNIFF: Header = ("x-content-type-options", "nosniff");
const SAME_ORIGIN_REFERRER: Header = ("referrer-policy", "same-origin");
const ISOLATED: Header = ("cross-origin-opener-policy", "same-origin");
const NO_STORE: Header = ("cache-control", "no-store");
const SAME_ORIGIN_RESOURCE: Header = ("cross-origin-resource-policy", "same-origin");
const CSP: &str = "content-security-policy";
const HTML: Header = ("content-type", "text/html; charset=utf-8");
/// None of what pages do not use, should one ever be made to ask.
const NO_POWERS: Header =
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()");

/// A picture opened by itself is a document: it may load nothing and run nothing.
const PICTURE_POLICY: &str = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; sandbox";
const DATA_POLICY: &str = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'";
const PAGE_POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'";

static SENDING_POLICY: LazyLock<String> = LazyLock::new(|| with_script(SEND_FORM, "'self'"));
static ACCOUNT_POLICY: LazyLock<String> = LazyLock::new(|| with_script(FORGET, "'self' https:"));
/// A policy cannot name `[::1]` with any port (CSP Level 3 §2.3.1 has no IPv6 host-source); such avatars stay unseen.
static LOOPBACK_ACCOUNT_POLICY: LazyLock<String> =
    LazyLock::new(|| with_script(FORGET, "'self' https: http://localhost:* http://127.0.0.1:*"));

/// The policy of a page with one script and pictures from there.
fn with_script(script: &str, pictures: &str) -> String {
    let hash = BASE64.encode(&sha256(script.as_bytes()));
    format!(
        "default-src 'none'; script-src 'sha256-{hash}'; style-src 'self'; img-src {pictures}; base-uri 'none'; \
         frame-ancestors 'none'"
    )
}

const fn page(policy: &'static str) -> [Header; 7] {
    [HTML, (CSP, policy), SAME_ORIGIN_REFERRER, NOSNIFF, ISOLATED, NO_STORE, NO_POWERS]
}

static PAGE: [Header; 7] = page(PAGE_POLICY);
static ACCOUNT: LazyLock<[Header; 7]> = LazyLock::new(|| page(ACCOUNT_POLICY.as_str()));
static LOOPBACK_ACCOUNT: LazyLock<[Header; 7]> = LazyLock::new(|| page(LOOPBACK_ACCOUNT_POLICY.as_str()));
static SELF_SENDING: LazyLock<[Header; 7]> = LazyLock::new(|| page(SENDING_POLICY.as_str()));
static ASSET: [Header; 4] = [
    (CSP, PICTURE_POLICY),
    NOSNIFF,
    SAME_ORIGIN_RESOURCE,
    ("cache-control", "public, max-age=31536000, immutable"),
];
static OPERATOR_ICON: [Header; 4] =
    [(CSP, PICTURE_POLICY), NOSNIFF, SAME_ORIGIN_RESOURCE, ("cache-control", "public, no-cache")];
static DATA: [Header; 4] = [(CSP, DATA_POLICY), NOSNIFF, SAME_ORIGIN_RESOURCE, NO_STORE];

/// The headers for one kind of answer, names in lower case. Pages come with their `Content-Type`, everything else has
/// its own.
pub fn headers(kind: ResponseKind) -> &'static [Header] {
    match kind {
        ResponseKind::Page => &PAGE,
        ResponseKind::Account(Avatars::Https) => &*ACCOUNT,
        ResponseKind::Account(Avatars::HttpsAndLoopback) => &*LOOPBACK_ACCOUNT,
        ResponseKind::SelfSending => &*SELF_SENDING,
        ResponseKind::Asset => &ASSET,
        ResponseKind::OperatorIcon => &OPERATOR_ICON,
        ResponseKind::Data => &DATA,
    }
}
