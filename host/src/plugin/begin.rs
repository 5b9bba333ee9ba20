//! Where a plugin wants to send the browser, checked before it goes there.
//!
//! The host made state, challenge and nonce, and it is the host that relies on them later; so it looks whether the plugin
//! really sent them along (RFC 9700 §2.1.1, §4.7.1).

use std::collections::BTreeSet;
use std::fmt;

use url::Url;
use vestibule_abi as abi;

use super::error::{OperationError, OperationErrorKind, one_line};
use super::inspected::{Inspected, Policy, Protocol, StateIn};
use super::places::may_carry;

const MAX_URL: usize = 8 * 1024;
const MAX_FIELDS: usize = 32 * 1024;
const MAX_CARRY: usize = 1024;

/// Where to send the browser, and what to keep for `complete`.
#[derive(Clone, PartialEq, Eq)]
pub struct Begin {
    /// At an origin that `inspect` names.
    pub to: To,
    /// For the login attempt: at most 1 KiB, no NUL.
    pub carry: Option<String>,
}

/// How the browser goes to the provider.
#[derive(Clone, PartialEq, Eq)]
pub enum To {
    /// By a redirect.
    Redirect(Url),
    /// By a form that posts itself.
    Post {
        /// The form's action.
        url: Url,
        /// Names and values of its hidden fields, in order.
        fields: Vec<(String, String)>,
    },
}

/// The way and the origin only: the URL holds state and nonce, and `carry` is the attempt's.
impl fmt::Debug for Begin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Begin").field("to", &self.to).finish_non_exhaustive()
    }
}

/// The same.
impl fmt::Debug for To {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (way, url) = match self {
            Self::Redirect(url) => ("Redirect", url),
            Self::Post { url, .. } => ("Post", url),
        };
        write!(f, "{way}({})", url.origin().ascii_serialization())
    }
}

/// Checks an answer to `begin` against what was asked and what `inspect` promised.
pub(super) fn check(
    answer: abi::record::BeginAnswer,
    asked: &abi::record::BeginRequest,
    inspected: &Inspected,
    origins: &BTreeSet<String>,
    loopback_allowed: bool,
) -> Result<Begin, OperationError> {
    let bad = |what: String| OperationError::new(OperationErrorKind::Protocol, what);
    let (text, fields) = match (answer.redirect, answer.post) {
        (Some(redirect), None) => (redirect.url, None),
        (None, Some(post)) => (post.url, Some(post.fields)),
        _ => return Err(bad("`begin` answers with either `redirect` or `post`".to_owned())),
    };
    if text.len() > MAX_URL {
        return Err(bad(format!("the authorize URL has {} bytes, the limit is {MAX_URL}", text.len())));
    }
    let size: usize = fields.iter().flatten().map(|(name, value)| name.len() + value.len()).sum();
    if size > MAX_FIELDS {
        return Err(bad(format!("the form's fields have {size} bytes, the limit is {MAX_FIELDS}")));
    }
    if let Some(carry) = &answer.carry
        && (carry.len() > MAX_CARRY || carry.contains('\0'))
    {
        return Err(bad(format!("`carry` has {} bytes or a NUL; the limit is {MAX_CARRY}", carry.len())));
    }
    let url = Url::parse(&text).map_err(|e| bad(format!("the authorize URL cannot be read: {e}")))?;
    // Parsing percent-encodes, which makes three bytes of one.
    let length = url.as_str().len();
    if length > MAX_URL {
        return Err(bad(format!("the authorize URL has {length} bytes, the limit is {MAX_URL}")));
    }
    check_destination(&url, origins, loopback_allowed)?;
    let mut parameters: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    parameters.extend(fields.iter().flatten().cloned());
    let parameters = Parameters(&parameters);
    match inspected.state_in {
        StateIn::AuthorizationRequest => parameters.hold("state", &asked.state)?,
        StateIn::ReturnUrl => parameters.hold_return_url(&asked.redirect_uri, &asked.state)?,
    }
    if inspected.pkce != Policy::Off {
        let challenge = asked.code_challenge.as_deref();
        let challenge = challenge.ok_or_else(|| bad("the host made no code challenge".to_owned()))?;
        parameters.hold("code_challenge", challenge)?;
        parameters.hold("code_challenge_method", "S256")?;
    }
    if inspected.nonce != Policy::Off {
        let nonce = asked.nonce.as_deref().ok_or_else(|| bad("the host made no nonce".to_owned()))?;
        parameters.hold("nonce", nonce)?;
    }
    // A provider that takes a request object (RFC 9101 §5) reads that, and not the parameters that are checked here.
    for object in ["request", "request_uri"] {
        if parameters.has(object) {
            return Err(bad(format!("the authorize URL has `{object}`, which nobody here can check")));
        }
    }
    if inspected.protocol == Protocol::OAuth2 {
        parameters.hold("redirect_uri", &asked.redirect_uri)?;
        if let Some(client_id) = inspected.client_id.as_deref().filter(|_| parameters.has("client_id")) {
            parameters.hold("client_id", client_id)?;
        }
        if parameters.has("response_type") {
            parameters.hold("response_type", "code")?;
        }
    } else if parameters.has("redirect_uri") {
        parameters.hold("redirect_uri", &asked.redirect_uri)?;
    }
    let to = match fields {
        None => To::Redirect(url),
        Some(fields) => To::Post { url, fields },
    };
    Ok(Begin { to, carry: answer.carry })
}

fn check_destination(
    url: &Url,
    origins: &BTreeSet<String>,
    loopback_allowed: bool,
) -> Result<(), OperationError> {
    let forbidden = |what: String| OperationError::new(OperationErrorKind::Forbidden, what);
    let origin = url.origin().ascii_serialization();
    if !may_carry(url, loopback_allowed) {
        return Err(forbidden(format!("the authorize URL begins with `{}:`", url.scheme())));
    }
    if !origins.contains(&origin) {
        let origin = one_line(&origin);
        return Err(forbidden(format!(
            "the authorize URL goes to `{origin}`, which `inspect` does not name"
        )));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(forbidden("the authorize URL holds credentials".to_owned()));
    }
    Ok(())
}

/// What the provider will read: the query's parameters and the form's fields.
struct Parameters<'a>(&'a [(String, String)]);

impl Parameters<'_> {
    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(n, _)| n == name)
    }

    /// Exactly one of this name, with this value. With two, the provider may read the other one.
    fn hold(&self, name: &str, value: &str) -> Result<(), OperationError> {
        let mut found = self.0.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str());
        let fault = match (found.next(), found.next()) {
            (Some(one), None) if one == value => return Ok(()),
            (Some(_), None) => "with another value than the host's",
            (Some(_), Some(_)) => "twice",
            _ => "nowhere",
        };
        Err(OperationError::protocol(format!("the authorize URL has `{name}` {fault}")))
    }

    /// A parameter that is the callback's URL with `state` in its query, and none that is that URL otherwise: the provider
    /// may read that one.
    fn hold_return_url(&self, redirect_uri: &str, state: &str) -> Result<(), OperationError> {
        let is_ours = |value: &str| {
            let rest = value.strip_prefix(redirect_uri)?;
            if !rest.starts_with(['?', '&']) {
                return None;
            }
            let url = Url::parse(value).ok()?;
            let mut states = url.query_pairs().filter(|(name, _)| name == "state");
            let (one, other) = (states.next()?, states.next());
            (one.1 == state && other.is_none()).then_some(())
        };
        let mut found = self.0.iter().filter(|(_, value)| value.starts_with(redirect_uri)).peekable();
        if found.peek().is_some() && found.all(|(_, value)| is_ours(value).is_some()) {
            return Ok(());
        }
        Err(OperationError::protocol(
            "the authorize URL has no return URL with `state` in it, or another one besides",
        ))
    }
}

#[cfg(test)]
mod tests {
    use abi::record::{BeginAnswer, BeginRequest, Hints, Post, Redirect};

    use super::*;
    use crate::plugin::inspected::ResponseMode;

    const CALLBACK: &str = "https://id.example.org/auth/x/callback";

    fn inspected(pkce: Policy, nonce: Policy, state_in: StateIn) -> Inspected {
        Inspected {
            realm: "r".to_owned(),
            client_id: Some("a".to_owned()),
            pkce,
            nonce,
            response_mode: ResponseMode::Query,
            state_in,
            protocol: Protocol::OAuth2,
            declaration: crate::plugin::places::Declaration::default(),
        }
    }

    fn check(
        answer: BeginAnswer,
        asked: &BeginRequest,
        inspected: &Inspected,
        loopback_allowed: bool,
    ) -> Result<Begin, OperationError> {
        let origins = ["https://idp.example", "http://127.0.0.1:9"].map(str::to_owned).into();
        super::check(answer, asked, inspected, &origins, loopback_allowed)
    }

    fn asked() -> BeginRequest {
        BeginRequest {
            redirect_uri: CALLBACK.to_owned(),
            state: "STATE".to_owned(),
            nonce: Some("NONCE".to_owned()),
            code_challenge: Some("CHALLENGE".to_owned()),
            locale: None,
            hints: Hints::default(),
        }
    }

    fn redirect(url: &str) -> BeginAnswer {
        BeginAnswer { redirect: Some(Redirect { url: url.to_owned() }), ..BeginAnswer::default() }
    }

    fn judge(url: &str) -> Result<Begin, OperationError> {
        let inspected = inspected(Policy::Sent, Policy::Sent, StateIn::AuthorizationRequest);
        check(redirect(url), &asked(), &inspected, false)
    }

    const GOOD: &str = "https://idp.example/authorize?client_id=a&state=STATE&nonce=NONCE&code_challenge=CHALLENGE&\
                        code_challenge_method=S256&response_type=code&\
                        redirect_uri=https%3A%2F%2Fid.example.org%2Fauth%2Fx%2Fcallback";

    #[test]
    fn a_url_with_all_that_was_promised_passes() {
        let begun = judge(GOOD).unwrap();
        assert_eq!(format!("{begun:?}"), "Begin { to: Redirect(https://idp.example), .. }");
        assert_eq!(begun.to, To::Redirect(GOOD.parse().unwrap()));
    }

    #[test]
    fn state_challenge_method_and_nonce_are_there_once_and_unchanged() {
        for (change, why) in [
            (("state=STATE&", ""), "`state` nowhere"),
            (("STATE", "OTHER"), "`state` with another value"),
            (("state=STATE", "state=STATE&state=STATE"), "`state` twice"),
            (("nonce=NONCE&", ""), "`nonce` nowhere"),
            (("CHALLENGE", "x"), "`code_challenge` with another value"),
            (("S256", "plain"), "`code_challenge_method` with another value"),
            (("id.example.org", "evil.example"), "`redirect_uri` with another value"),
            (("redirect_uri=", "redirect_uri=https://evil.example&redirect_uri="), "`redirect_uri` twice"),
            (("redirect_uri=", "redirect-uri="), "`redirect_uri` nowhere"),
            (("client_id=a", "client_id=b"), "`client_id` with another value"),
            (("response_type=code", "response_type=token"), "`response_type` with another value"),
            (("client_id=a", "client_id=a&request=eyJ.eyJ."), "has `request`"),
            (("client_id=a", "client_id=a&request_uri=urn:x"), "has `request_uri`"),
        ] {
            let error = judge(&GOOD.replace(change.0, change.1)).unwrap_err();
            assert!(error.message.contains(why), "{change:?}: {error}");
        }
    }

    #[test]
    fn what_inspect_turned_off_is_not_asked_for() {
        let inspected = inspected(Policy::Off, Policy::Off, StateIn::AuthorizationRequest);
        assert!(
            check(
                redirect(&format!("https://idp.example/?state=STATE&redirect_uri={CALLBACK}")),
                &asked(),
                &inspected,
                false
            )
            .is_ok()
        );
    }

    #[test]
    fn the_browser_goes_to_declared_origins_over_https_only() {
        let query = GOOD.split_once('?').unwrap().1;
        for url in [
            "http://idp.example/",
            "http://127.0.0.1:9/",
            "https://evil.example/",
            "https://idp.example.evil.example/",
            "https://idp.example:8443/",
            "https://user@idp.example/",
            "javascript:alert(1)//",
            "data:text/html,x",
        ] {
            let error = judge(&format!("{url}?{query}")).unwrap_err();
            assert_eq!(error.kind, OperationErrorKind::Forbidden, "{url}: {error}");
        }
        let inspected = inspected(Policy::Sent, Policy::Sent, StateIn::AuthorizationRequest);
        let demo = check(redirect(&format!("http://127.0.0.1:9/?{query}")), &asked(), &inspected, true);
        assert!(demo.is_ok());
    }

    #[test]
    fn fields_of_a_form_count_as_parameters() {
        let inspected = Inspected {
            protocol: Protocol::Other,
            ..inspected(Policy::Off, Policy::Off, StateIn::AuthorizationRequest)
        };
        let post = |fields: &[(&str, &str)]| {
            let fields = fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            let post = Post { url: "https://idp.example/sso".to_owned(), fields };
            check(BeginAnswer { post: Some(post), ..BeginAnswer::default() }, &asked(), &inspected, false)
        };
        assert!(matches!(post(&[("state", "STATE")]).unwrap().to, To::Post { .. }));
        assert!(post(&[("other", "STATE")]).is_err());
        assert!(post(&[("state", "STATE"), ("big", &"x".repeat(MAX_FIELDS))]).is_err());
    }

    #[test]
    fn state_in_the_return_url_is_looked_for_there() {
        let inspected = Inspected {
            protocol: Protocol::Other,
            ..inspected(Policy::Off, Policy::Off, StateIn::ReturnUrl)
        };
        let to = |return_to: &str| {
            let url =
                Url::parse_with_params("https://idp.example/", [("openid.return_to", return_to)]).unwrap();
            check(redirect(url.as_str()), &asked(), &inspected, false)
        };
        assert!(to(&format!("{CALLBACK}?state=STATE")).is_ok());
        for return_to in [
            CALLBACK.to_owned(),
            format!("{CALLBACK}?state=OTHER"),
            format!("{CALLBACK}?state=STATE&state=STATE"),
            format!("{CALLBACK}x?state=STATE"),
            "https://evil.example/?state=STATE".to_owned(),
        ] {
            assert!(to(&return_to).is_err(), "{return_to}");
        }
        let both = [("a", format!("{CALLBACK}?state=STATE")), ("b", format!("{CALLBACK}?state=OTHER"))];
        let url = Url::parse_with_params("https://idp.example/", both).unwrap();
        assert!(check(redirect(url.as_str()), &asked(), &inspected, false).is_err());
    }

    #[test]
    fn one_way_out_and_everything_within_its_limit() {
        assert!(judge(&format!("{GOOD}&x={}", "x".repeat(MAX_URL))).is_err());
        let widened = judge(&format!("{GOOD}&x={}", "é".repeat(MAX_URL / 4))).unwrap_err();
        assert!(widened.message.contains("the limit is 8192"), "{widened}");
        let inspected = inspected(Policy::Sent, Policy::Sent, StateIn::AuthorizationRequest);
        let judge = |answer| check(answer, &asked(), &inspected, false);
        assert!(judge(BeginAnswer::default()).is_err());
        let post = Some(Post { url: GOOD.to_owned(), fields: Vec::new() });
        assert!(judge(BeginAnswer { post, ..redirect(GOOD) }).is_err());
        let carry = |text: String| judge(BeginAnswer { carry: Some(text), ..redirect(GOOD) });
        assert!(carry("x".repeat(1024)).is_ok());
        assert!(carry("x".repeat(1025)).is_err());
        assert!(carry("a\0".to_owned()).is_err());
    }
}
