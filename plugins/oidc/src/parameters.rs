//! What the operator adds to the authorization request.

use std::collections::BTreeMap;

use vestibule_provider::prelude::*;

use crate::Config;

/// Parameters that are made elsewhere, or whose promise nobody here would check.
const RESERVED: &[(&str, &str)] = &[
    ("response_type", "which is always `code`"),
    ("response_mode", "which is always the query"),
    ("client_id", "which is a setting of its own"),
    ("client_secret", "which never goes through a browser"),
    ("redirect_uri", "which the server makes"),
    ("scope", "which is the setting `scopes`"),
    ("state", "which the server makes"),
    ("nonce", "which the server makes"),
    ("code_challenge", "which the server makes"),
    ("code_challenge_method", "which is always S256"),
    ("prompt", "which is a setting of its own"),
    ("login_hint", "which the server makes"),
    ("ui_locales", "which the server makes"),
    (
        "max_age",
        "which the person can take out, and whose answer `auth_time` is not checked: demand it in the issuer's own rules",
    ),
    (
        "acr_values",
        "which the person can take out, and whose answer `acr` is not checked: demand it in the issuer's own rules",
    ),
    ("id_token_hint", "which is about one person"),
    ("request", "which would replace all others"),
    ("request_uri", "which would replace all others"),
    ("registration", "which is for clients that are not registered"),
];

/// Scope, prompt and further parameters.
pub(crate) struct Parameters {
    scope: String,
    prompt: Option<String>,
    further: BTreeMap<String, String>,
}

impl Parameters {
    pub(crate) fn new(config: &Config) -> Result<Self> {
        Ok(Self {
            scope: scope(&config.scopes)?,
            prompt: config.prompt.as_deref().map(prompt).transpose()?,
            further: further(&config.authorize_params)?,
        })
    }

    /// The scopes in one text, `openid` first.
    pub(crate) fn scope(&self) -> &str {
        &self.scope
    }

    pub(crate) fn added_to(&self, mut url: Url) -> Url {
        let prompt = self.prompt.iter().map(|value| ("prompt", value.as_str()));
        let further = self.further.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        url.query_pairs_mut().extend_pairs(prompt.chain(further));
        url
    }
}

/// Scopes are words of printable ASCII without `"` and `\` (RFC 6749 §3.3).
fn scope(scopes: &[String]) -> Result<String> {
    let word = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
    };
    if let Some(bad) = scopes.iter().find(|scope| !word(scope)) {
        return Err(Error::bad_settings(format_args!(
            "`scopes` holds `{bad}`, which is no scope: write one word each"
        )));
    }
    let rest = scopes.iter().map(String::as_str).filter(|scope| *scope != "openid");
    Ok(std::iter::once("openid").chain(rest).collect::<Vec<_>>().join(" "))
}

/// Words; `none` would make every sign-in fail that is not the second one.
fn prompt(text: &str) -> Result<String> {
    let word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    if !text.split(' ').all(word) {
        return Err(Error::bad_settings(format_args!(
            "`prompt` is `{text}`: write `login`, `consent`, `select_account`, or several with a space between"
        )));
    }
    if text.split(' ').any(|word| word == "none") {
        return Err(Error::bad_settings(
            "`prompt` is `none`, with which nobody could sign in there: leave it out",
        ));
    }
    Ok(text.to_owned())
}

fn further(params: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
    for (name, value) in params {
        let fault =
            |why: &str| Err(Error::bad_settings(format_args!("`authorize_params` holds `{name}`, {why}")));
        if let Some((_, why)) = RESERVED.iter().find(|(reserved, _)| name.eq_ignore_ascii_case(reserved)) {
            return fault(why);
        }
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic()) {
            return fault("which is no parameter's name");
        }
        if value.len() > 1024 || value.chars().any(char::is_control) {
            return fault("whose value has control characters, or more than 1024 bytes");
        }
    }
    Ok(params.clone())
}
