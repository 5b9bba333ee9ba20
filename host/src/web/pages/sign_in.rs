//! The sign-in page: every provider that people can choose, and those that are out of order.

use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::Serialize;

use crate::name::ProviderName;
use crate::web::icons::Icon;
use crate::web::text::Text;

/// Something the sign-in page says above its buttons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Notice {
    /// The person has signed out.
    SignedOut,
    /// The session has ended by itself, or was ended elsewhere.
    SessionEnded,
    /// What the person wanted to see is for people who are signed in.
    SignInFirst,
}

/// Why nobody can sign in with a provider at present. The log has the details, which are the operator's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unavailable {
    /// It is not set up rightly.
    Misconfigured,
    /// Its servers do not answer.
    Unreachable,
    /// Its servers answer no more requests for a while.
    RateLimited,
    /// Its plugin could not be loaded, or fails.
    Failing,
}

/// One way to sign in.
#[derive(Debug, Clone, Serialize)]
pub struct ProviderButton {
    /// Where the button leads: `/auth/<name>/begin`.
    pub name: ProviderName,
    /// What the person reads.
    pub label: Text,
    /// Its picture.
    pub icon: Icon,
    /// Offered first, and focused. Of several the first counts.
    pub preselected: bool,
    /// Shown, with the reason, but not to be pressed.
    pub unavailable: Option<Unavailable>,
    /// Where it is unavailable by what the last sign-ins met, and not by itself: a second, plain button tries all the
    /// same. They may have met what the next one will not.
    pub may_try: bool,
}

/// The sign-in page. With no provider it tells the operator what to do.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SignInPage {
    /// In the order in which they are shown; a preselected one is moved to the front.
    pub providers: Vec<ProviderButton>,
    /// Where the person goes afterwards: sent along as `return_to`.
    pub return_to: Option<String>,
    /// Said above the buttons.
    pub notice: Option<Notice>,
    /// Only people who have an account already can come in.
    pub signup_closed: bool,
}

impl SignInPage {
    pub(super) fn context(&self) -> Value {
        let mut page = self.clone();
        let usable = |button: &ProviderButton| button.preselected && button.unavailable.is_none();
        let chosen = page.providers.iter().position(usable);
        for (index, button) in page.providers.iter_mut().enumerate() {
            button.preselected = Some(index) == chosen;
        }
        page.providers.sort_by_key(|button| !button.preselected);
        context! { page => Value::from(Serde(page)) }
    }
}
