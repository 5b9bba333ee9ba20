//! How a template speaks one language: the functions `t`, `t_text` and `time`, and the page's `lang` and `dir`.
//!
//! It is the only way from a template to a text.

use std::sync::Arc;

use fluent_bundle::{FluentArgs, FluentValue};
use jiff::tz::TimeZone;
use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, ErrorKind, HtmlEscape, Value, context};

use crate::clock::Timestamp;
use crate::web::i18n::{FIRST_STRONG_ISOLATE, Language, Languages, POP_DIRECTIONAL_ISOLATE};
use crate::web::text::Text;

/// The functions of one language, made once.
pub(super) struct Voice {
    language: Language,
    context: Value,
}

impl Voice {
    pub(super) fn new(languages: &Arc<Languages>, language: Language) -> Self {
        let (content, plain, moment) = (languages.clone(), languages.clone(), languages.clone());
        let context = context! {
            lang => languages.tag(language),
            dir => languages.direction(language),
            t => Value::from_function(move |key: String, args: Kwargs| {
                translate(&content, language, &key, &args).map(|text| Value::from_safe_string(markup(&text)))
            }),
            t_text => Value::from_function(move |key: String, args: Kwargs| {
                translate(&plain, language, &key, &args).map(|text| unmarked(&text))
            }),
            time => Value::from_function(move |micros: i64, key: String| {
                time(&moment, language, micros, &key)
            }),
        };
        Self { language, context }
    }

    pub(super) fn language(&self) -> Language {
        self.language
    }

    pub(super) fn context(&self) -> Value {
        self.context.clone()
    }
}

fn failed(source: crate::web::i18n::Error) -> Error {
    Error::new(ErrorKind::InvalidOperation, source.to_string())
}

/// Refuses what Fluent would print as something, or the engine would hand over without a word: undefined, none, lists.
fn translate(languages: &Languages, language: Language, key: &str, args: &Kwargs) -> Result<String, Error> {
    let mut fluent = FluentArgs::new();
    for name in args.args() {
        let value: Value = args.get(name)?;
        let argument = match value.kind() {
            ValueKind::String => {
                FluentValue::from(Text::from(value.as_str().unwrap_or_default()).to_string())
            }
            ValueKind::Number => FluentValue::from(i64::try_from(value)?),
            kind => {
                let what = format!("`{name}` of the message `{key}` is {kind}, not a text or a whole number");
                return Err(Error::new(ErrorKind::InvalidOperation, what));
            }
        };
        fluent.set(name, argument);
    }
    languages.translate(language, key, &fluent).map_err(failed)
}

/// A message as content of an element: escaped, and its arguments, which came in [`Text`] and hold no such marks of
/// their own, in `<bdi>`.
fn markup(text: &str) -> String {
    HtmlEscape(text)
        .to_string()
        .replace(FIRST_STRONG_ISOLATE, "<bdi>")
        .replace(POP_DIRECTIONAL_ISOLATE, "</bdi>")
}

/// A message for an attribute or the title, where no element can isolate, and invisible marks would end up in bookmarks
/// and window lists: those texts are kept free of names.
fn unmarked(text: &str) -> String {
    text.replace([FIRST_STRONG_ISOLATE, POP_DIRECTIONAL_ISOLATE], "")
}

/// A `<time>` element in UTC: which zone the person is in, the server does not know.
fn time(languages: &Languages, language: Language, micros: i64, key: &str) -> Result<Value, Error> {
    let stamp = jiff::Timestamp::from_microsecond(micros)
        .map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))?;
    let utc = stamp.to_zoned_datetime(TimeZone::UTC);
    let mut args = FluentArgs::new();
    args.set("year", utc.year().to_string());
    args.set("month", i64::from(utc.month()));
    args.set("day", utc.day().to_string());
    args.set("clock", format!("{:02}:{:02}", utc.hour(), utc.minute()));
    let text = languages.translate(language, key, &args).map_err(failed)?;
    // The parts are digits: isolating them would only split the date.
    let text = unmarked(&text);
    let moment = Timestamp::from_micros(micros);
    Ok(Value::from_safe_string(format!("<time datetime=\"{moment}\">{}</time>", HtmlEscape(&text))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::i18n::Locale;
    use minijinja::{Environment, UndefinedBehavior};

    fn render(template: &str, context: Value) -> Result<String, Error> {
        let source = "hello = Hello { $name }!\nbare = No arguments".to_owned();
        let locale = Locale { tag: "en".to_owned(), source, transform: None };
        let languages = Arc::new(Languages::new(vec![locale]).unwrap());
        let mut env = Environment::new();
        env.set_undefined_behavior(UndefinedBehavior::Strict);
        env.render_named_str(
            "x.html",
            template,
            context! { ..context, ..Voice::new(&languages, Language::REFERENCE).context() },
        )
    }

    #[test]
    fn an_argument_is_escaped_and_isolated_in_content_and_only_escaped_in_an_attribute() {
        let name = || context! { name => "<b>\u{202e}\u{2069}&" };
        let content = render("<p>{{ t('hello', name=name) }}</p>", name()).unwrap();
        assert_eq!(content, "<p>Hello <bdi>&lt;b&gt;&amp;</bdi>!</p>");
        let attribute = render("<p title=\"{{ t_text('hello', name=name) }}\">", name()).unwrap();
        assert_eq!(attribute, "<p title=\"Hello &lt;b&gt;&amp;!\">");
    }

    #[test]
    fn what_is_not_there_is_an_error() {
        for template in [
            "{{ t('nothing') }}",
            "{{ t('hello') }}",
            "{{ t('hello', nam='x') }}",
            "{{ t('hello', name=undefined_variable) }}",
            "{{ t('hello', name=user.nickname) }}",
            "{{ t('hello', name=none) }}",
            "{{ t('hello', name=[1]) }}",
            "{{ t('hello', name=true) }}",
            "{{ t('hello', name=1.5) }}",
            "{{ t(undefined_variable) }}",
        ] {
            let user = context! { user => context! { name => "Ada" } };
            assert!(render(template, user).is_err(), "{template}");
        }
        assert_eq!(render("{{ t('bare') }}", context! {}).unwrap(), "No arguments");
    }
}
