//! The pages themselves: a struct for each, and the function that writes it.
//!
//! Templates see cleaned and checked values only ([`Text`], [`AvatarUrl`], local paths), and take every word from
//! [`super::i18n`] through `t(key, …)`. A template that names something that is not there fails, by the engine's strict
//! mode, and by fuel if it does not end.

mod account;
mod error;
mod send;
mod sign_in;
mod voice;

use std::fmt;
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};
use rust_embed::Embed;

pub use self::account::{AccountPage, EmailVerified, IdentityCard};
pub use self::error::{ErrorKind, ErrorPage};
pub use self::send::{PostPage, RepostPage};
pub use self::sign_in::{Notice, ProviderButton, SignInPage, Unavailable};
use self::voice::Voice;
use super::i18n::{self, Language, Languages, Locale};
use super::text::{AvatarUrl, Avatars, Text};
use super::{assets, icons};

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
    Language(#[from] i18n::Error),
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

    /// Its tag (BCP 47).
    pub fn language_tag(&self, language: Language) -> String {
        self.languages.tag(language)
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
        self.write(language, SIGN_IN, page.context())
    }

    /// The account page.
    ///
    /// # Errors
    /// If the template fails.
    pub fn account(&self, language: Language, page: &AccountPage) -> Result<Html, Error> {
        self.write(language, ACCOUNT, page.context())
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
        self.write(language, SEND, page.context()?)
    }

    /// The page that sends a form to the provider.
    ///
    /// # Errors
    /// If the address is not `https`, or `http` on loopback where that is allowed.
    pub fn post_to_provider(&self, language: Language, page: &PostPage) -> Result<Html, Error> {
        self.write(language, SEND, page.context(self.avatars)?)
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

fn missing(what: String) -> minijinja::Error {
    minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, what)
}
