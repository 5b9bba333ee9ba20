//! The pages themselves: a struct for each, and the function that writes it.
//!
//! Templates see cleaned and checked values only ([`Text`], [`AvatarUrl`], local paths), and take every word from
//! [`super::i18n`] through `t(key, …)`. A template that names something that is not there fails, by the engine's strict
//! mode, and by fuel if it does not end.

mod error;
mod voice;

use std::fmt;
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};
use rust_embed::Embed;
use serde::Serialize;
use url::Url;

pub use self::error::{ErrorKind, ErrorPage};
use self::voice::Voice;
use super::headers::SEND_FORM;
use super::i18n::{self, Language, Languages, Locale};
use super::icons::{self, Icon};
use super::text::{AvatarUrl, Avatars, Text, is_local_path, is_loopback};
use super::{assets, i18n::Error as LanguageError};
use crate::clock::Timestamp;
use crate::name::ProviderName;

/// Instructions that one page may take: the largest real one, hundreds of providers, stays far below.
const FUEL: u64 = 2_000_000;

#[derive(Embed)]
#[folder = "templates/"]
struct Templates;

/// A finished page, to be sent as UTF-8.
#[derive(Clone, PartialEq, Eq)]
pub struct Html(String);

/// The size alone: a self-sending page holds an authorization code, which must not get into a log this way.
impl fmt::Debug for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Html({} bytes)", self.0.len())
    }
}

impl Html {
    /// The page.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The page.
    pub fn into_string(self) -> String {
        self.0
    }
}

/// Why a page could not be written. All of these are faults of the program or of its configuration, none is a person's.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The messages are unusable.
    #[error(transparent)]
    Language(#[from] LanguageError),
    /// The template is.
    #[error("the page `{page}` cannot be written: {source}")]
    Template {
        /// The template's name.
        page: &'static str,
        /// What the engine says, with the line.
        source: minijinja::Error,
    },
    /// A callback was to be sent again to something that is no path on this server. The value is not repeated: it may
    /// hold a code.
    #[error("a callback can be sent again to a path on this server only")]
    RepostTarget,
    /// A form was to be sent to something that is no provider's address. Scheme and host alone are repeated: the rest
    /// may hold the state.
    #[error("a form cannot be sent to `{0}`: use a provider's https address")]
    PostTarget(Text),
}

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

/// Whether the provider says that the e-mail address belongs to the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EmailVerified {
    /// It says that it does not know so: 0 in the database.
    No,
    /// It does: 1.
    Yes,
    /// It says nothing: 2.
    Unknown,
}

impl EmailVerified {
    /// From the database's number; any other than 0 and 1 claims nothing.
    pub fn from_number(number: i64) -> Self {
        match number {
            0 => Self::No,
            1 => Self::Yes,
            _ => Self::Unknown,
        }
    }
}

/// One account at one provider, as the account page shows it.
#[derive(Debug, Clone, Serialize)]
pub struct IdentityCard {
    /// The provider.
    pub provider: ProviderName,
    /// What people call it; the name if it is no longer configured.
    pub label: Text,
    /// Its picture.
    pub icon: Icon,
    /// The handle there.
    pub login: Option<Text>,
    /// The displayed name there.
    pub name: Option<Text>,
    /// The e-mail address there.
    pub email: Option<Text>,
    /// What is known about that address.
    pub email_verified: EmailVerified,
    /// Since when it belongs to this user.
    pub since: Timestamp,
    /// When the provider was last asked.
    pub last_sync: Timestamp,
    /// Whether the displayed name and picture come from here.
    pub primary: bool,
}

/// The account page.
#[derive(Debug, Clone, Serialize)]
pub struct AccountPage {
    /// The user's number, which never changes.
    pub user_id: i64,
    /// The username here.
    pub username: Text,
    /// The displayed name.
    pub name: Option<Text>,
    /// The picture; made by [`Pages::avatar`].
    pub avatar_url: Option<AvatarUrl>,
    /// In the order in which they are shown.
    pub identities: Vec<IdentityCard>,
}

/// A callback that came without the browser's cookie, because another site sent it: the page sends it once more, from
/// here, so that the cookie comes along. The template adds `again=1`.
pub struct RepostPage {
    /// The callback's path.
    pub action: String,
    /// The callback's parameters as they came. Browsers send line breaks in them as CR LF (HTML, "constructing the
    /// entry list").
    pub fields: Vec<(String, String)>,
}

/// A begin that has to arrive at the provider as a form (`begin` answered `post{url, fields}`).
pub struct PostPage {
    /// The provider's address.
    pub url: String,
    /// What it is sent.
    pub fields: Vec<(String, String)>,
    /// What people call the provider.
    pub provider: Text,
}

/// Writes pages.
pub struct Pages {
    env: Environment<'static>,
    languages: Arc<Languages>,
    voices: Vec<Voice>,
    avatars: Avatars,
}

impl Pages {
    /// With the languages and templates that are inside the program.
    ///
    /// # Errors
    /// Only if the program was built with faulty ones.
    pub fn new(avatars: Avatars) -> Result<Pages, Error> {
        Self::with_locales(avatars, Locale::shipped())
    }

    /// With other languages, the complete one first.
    ///
    /// # Errors
    /// If a language's messages are faulty, or a template is.
    pub fn with_locales(avatars: Avatars, locales: Vec<Locale>) -> Result<Pages, Error> {
        let languages = Arc::new(Languages::new(locales)?);
        let voices = languages.all().map(|language| Voice::new(&languages, language)).collect();
        let mut env = Environment::new();
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        env.set_syntax(syntax.map_err(|source| Error::Template { page: SIGN_IN, source })?);
        // Everything is HTML: no template's name can switch escaping off.
        env.set_auto_escape_callback(|_| AutoEscape::Html);
        env.set_undefined_behavior(UndefinedBehavior::Strict);
        env.set_fuel(Some(FUEL));
        env.set_loader(|name| {
            let file = Templates::get(name).map(|file| String::from_utf8_lossy(&file.data).into_owned());
            Ok(file)
        });
        env.add_function("asset", |name: String| {
            assets::path_of(&name).ok_or_else(|| missing(format!("no file `{name}`")))
        });
        env.add_function("drawing", |name: String| {
            let svg = icons::drawing(&name).ok_or_else(|| missing(format!("no drawing `{name}`")))?;
            Ok::<_, minijinja::Error>(Value::from_safe_string(svg))
        });
        let pages = Pages { env, languages, voices, avatars };
        for page in [SIGN_IN, ACCOUNT, ERROR, SEND] {
            pages.env.get_template(page).map_err(|source| Error::Template { page, source })?;
        }
        Ok(pages)
    }

    /// The language to answer in; `None` where the request has no `Accept-Language`.
    pub fn language(&self, accept_language: Option<&str>) -> Language {
        self.languages.negotiate(accept_language)
    }

    /// Checks a picture's address; `None` shows a letter instead.
    pub fn avatar(&self, url: &str) -> Option<AvatarUrl> {
        AvatarUrl::parse(url, self.avatars)
    }

    /// Which pictures pages load: decides the account page's headers.
    pub fn avatars(&self) -> Avatars {
        self.avatars
    }

    /// The sign-in page.
    ///
    /// # Errors
    /// If the template fails.
    pub fn sign_in(&self, language: Language, page: &SignInPage) -> Result<Html, Error> {
        let mut page = page.clone();
        let chosen =
            page.providers.iter().position(|button| button.preselected && button.unavailable.is_none());
        for (index, button) in page.providers.iter_mut().enumerate() {
            button.preselected = Some(index) == chosen;
        }
        page.providers.sort_by_key(|button| !button.preselected);
        self.write(language, SIGN_IN, context! { page => Value::from(Serde(page)) })
    }

    /// The account page.
    ///
    /// # Errors
    /// If the template fails.
    pub fn account(&self, language: Language, page: &AccountPage) -> Result<Html, Error> {
        let named = page.name.as_ref().filter(|name| !name.is_blank()).unwrap_or(&page.username);
        let letter: String = named.as_str().chars().find(|c| c.is_alphanumeric()).into_iter().collect();
        let ctx = context! {
            page => Value::from(Serde(page)),
            named => named.as_str(),
            letter => letter.to_uppercase(),
        };
        self.write(language, ACCOUNT, ctx)
    }

    /// An error page.
    ///
    /// # Errors
    /// If the template fails: then all that is left is the id in plain text.
    pub fn error(&self, language: Language, page: &ErrorPage) -> Result<Html, Error> {
        self.write(language, ERROR, page.context())
    }

    /// The page that sends a callback once more.
    ///
    /// # Errors
    /// If the action is no path on this server.
    pub fn repost(&self, language: Language, page: &RepostPage) -> Result<Html, Error> {
        if !is_local_path(&page.action) {
            return Err(Error::RepostTarget);
        }
        let fields: Vec<_> = page.fields.iter().filter(|(name, _)| name != "again").collect();
        let ctx = context! {
            action => page.action.as_str(),
            fields => Value::from(Serde(fields)),
            again => true,
            provider => (),
            script => script(),
        };
        self.write(language, SEND, ctx)
    }

    /// The page that sends a form to the provider.
    ///
    /// # Errors
    /// If the address is not `https`, or `http` on loopback where that is allowed.
    pub fn post_to_provider(&self, language: Language, page: &PostPage) -> Result<Html, Error> {
        let url =
            Url::parse(&page.url).map_err(|_| Error::PostTarget("an address that cannot be read".into()))?;
        let plain_http =
            url.scheme() == "http" && self.avatars == Avatars::HttpsAndLoopback && is_loopback(&url);
        if url.scheme() != "https" && !plain_http {
            let shown = format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default());
            return Err(Error::PostTarget(shown.into()));
        }
        let ctx = context! {
            action => url.as_str(),
            fields => Value::from(Serde(&page.fields)),
            again => false,
            provider => page.provider.as_str(),
            script => script(),
        };
        self.write(language, SEND, ctx)
    }

    fn write(&self, language: Language, page: &'static str, ctx: Value) -> Result<Html, Error> {
        let voice = self.voices.iter().find(|voice| voice.language() == language);
        let voice = voice.or(self.voices.first()).ok_or(i18n::Error::NoLanguage)?;
        let failed = |source| Error::Template { page, source };
        let template = self.env.get_template(page).map_err(failed)?;
        template.render(context! { ..ctx, ..voice.context() }).map(Html).map_err(failed)
    }
}

const SIGN_IN: &str = "sign_in.html";
const ACCOUNT: &str = "account.html";
const ERROR: &str = "error.html";
const SEND: &str = "send.html";

fn script() -> Value {
    Value::from_safe_string(SEND_FORM.to_owned())
}

fn missing(what: String) -> minijinja::Error {
    minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, what)
}
