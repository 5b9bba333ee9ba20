//! Every sentence that a person reads, by key and language: Fluent messages in `locales/<tag>/*.ftl`.
//!
//! It knows neither templates nor pages. Nothing is guessed: a key that does not exist and an argument that is missing
//! are errors, which the tests meet before a person does.

use std::borrow::Cow;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use fluent_langneg::{NegotiationStrategy, negotiate_languages};
use rust_embed::Embed;
use unic_langid::{CharacterDirection, LanguageIdentifier};

/// The language that is complete: the others fall back to it, message by message.
pub const REFERENCE: &str = "en";

/// How much of an `Accept-Language` header is looked at: real ones have a handful of entries.
const MAX_HEADER_BYTES: usize = 1024;

/// Fluent puts these around an argument inside a sentence, so that a right-to-left name does not disturb it.
pub(crate) const FIRST_STRONG_ISOLATE: char = '\u{2068}';
/// Ends what [`FIRST_STRONG_ISOLATE`] began.
pub(crate) const POP_DIRECTIONAL_ISOLATE: char = '\u{2069}';

#[derive(Embed)]
#[folder = "locales/"]
struct Shipped;

/// The messages of one language, as they are written.
pub struct Locale {
    /// BCP 47 tag: `en`, `pt-BR`.
    pub tag: String,
    /// Fluent source.
    pub source: String,
    /// Applied to each stretch of text, not to arguments: what makes a pseudo-language.
    pub transform: Option<fn(&str) -> Cow<'_, str>>,
}

impl Locale {
    /// The languages inside the program, the complete one first.
    pub fn shipped() -> Vec<Locale> {
        let mut locales: Vec<Locale> = Vec::new();
        for path in Shipped::iter() {
            let (Some((tag, _)), Some(file)) = (path.split_once('/'), Shipped::get(&path)) else { continue };
            let source = String::from_utf8_lossy(&file.data);
            match locales.iter_mut().find(|locale| locale.tag == tag) {
                Some(locale) => {
                    locale.source.push('\n');
                    locale.source.push_str(&source);
                }
                None => {
                    locales.push(Locale {
                        tag: tag.to_owned(),
                        source: source.into_owned(),
                        transform: None,
                    });
                }
            }
        }
        locales.sort_by_key(|locale| locale.tag != REFERENCE);
        locales
    }
}

/// What is wrong with a language, or with the use of one of its messages.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No language at all was given.
    #[error("there is no language to write pages in")]
    NoLanguage,
    /// A tag that is not BCP 47.
    #[error("`{0}` is no language tag: use one such as `en` or `pt-BR`")]
    Tag(String),
    /// A file that Fluent cannot read, or a key that stands in it twice.
    #[error("the messages of `{tag}` cannot be read: {faults}")]
    Source {
        /// The language.
        tag: String,
        /// What Fluent says.
        faults: String,
    },
    /// A key that no language has.
    #[error("there is no message `{0}`")]
    MissingMessage(String),
    /// A message that does not fit its arguments.
    #[error("the message `{key}` cannot be written: {faults}")]
    Arguments {
        /// The message.
        key: String,
        /// What Fluent says.
        faults: String,
    },
}

/// One language that pages can be written in. It belongs to the [`Languages`] that it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Language(usize);

impl Language {
    /// The complete one, for whoever has no request to read a wish from.
    pub const REFERENCE: Language = Language(0);
}

/// All languages, ready for use.
pub struct Languages {
    tags: Vec<LanguageIdentifier>,
    bundles: Vec<FluentBundle<FluentResource>>,
}

impl Languages {
    /// Reads the messages. The first language is the complete one.
    ///
    /// # Errors
    /// On a bad tag, unreadable messages, a key that stands twice, or no language at all.
    pub fn new(locales: Vec<Locale>) -> Result<Self, Error> {
        let mut languages = Languages { tags: Vec::new(), bundles: Vec::new() };
        for Locale { tag, source, transform } in locales {
            let id: LanguageIdentifier = tag.parse().map_err(|_| Error::Tag(tag.clone()))?;
            let resource = FluentResource::try_new(source)
                .map_err(|(_, faults)| Error::Source { tag: tag.clone(), faults: format!("{faults:?}") })?;
            let mut bundle = FluentBundle::new_concurrent(vec![id.clone()]);
            bundle.set_use_isolating(true);
            bundle.set_transform(transform);
            bundle
                .add_resource(resource)
                .map_err(|faults| Error::Source { tag, faults: format!("{faults:?}") })?;
            languages.tags.push(id);
            languages.bundles.push(bundle);
        }
        if languages.tags.is_empty() { Err(Error::NoLanguage) } else { Ok(languages) }
    }

    /// Every language.
    pub fn all(&self) -> impl Iterator<Item = Language> + use<> {
        (0..self.tags.len()).map(Language)
    }

    /// The best one for an `Accept-Language` header (RFC 9110 §12.5.4); the complete one if nothing fits.
    pub fn negotiate(&self, accept_language: Option<&str>) -> Language {
        let wanted = accept_language.map(wishes).unwrap_or_default();
        let found = negotiate_languages(&wanted, &self.tags, self.tags.first(), NegotiationStrategy::Lookup);
        let found = found.first().and_then(|tag| self.tags.iter().position(|known| known == *tag));
        found.map_or(Language::REFERENCE, Language)
    }

    /// The BCP 47 tag, for the attribute `lang`.
    pub fn tag(&self, language: Language) -> String {
        self.tags.get(language.0).map_or_else(|| REFERENCE.to_owned(), ToString::to_string)
    }

    /// The writing direction, for the attribute `dir`.
    pub fn direction(&self, language: Language) -> &'static str {
        match self.tags.get(language.0).map(LanguageIdentifier::character_direction) {
            Some(CharacterDirection::RTL) => "rtl",
            _ => "ltr",
        }
    }

    /// One message. Arguments inside a sentence stand between U+2068 and U+2069.
    ///
    /// # Errors
    /// If no language has the key, or an argument that the message names was not given.
    pub fn translate(&self, language: Language, key: &str, args: &FluentArgs<'_>) -> Result<String, Error> {
        let asked = self.bundles.get(language.0);
        for bundle in asked.into_iter().chain(self.bundles.first()) {
            let Some(pattern) = bundle.get_message(key).and_then(|message| message.value()) else { continue };
            let mut faults = Vec::new();
            let mut text = String::new();
            let written = bundle.write_pattern(&mut text, pattern, Some(args), &mut faults);
            if written.is_err() || !faults.is_empty() {
                return Err(Error::Arguments { key: key.to_owned(), faults: format!("{faults:?}") });
            }
            return Ok(text);
        }
        Err(Error::MissingMessage(key.to_owned()))
    }
}

/// The tags of an `Accept-Language` header, the most wanted first; what cannot be read is left out.
fn wishes(header: &str) -> Vec<LanguageIdentifier> {
    if header.len() > MAX_HEADER_BYTES {
        return Vec::new();
    }
    let mut weighed: Vec<(f32, LanguageIdentifier)> = header
        .split(',')
        .filter_map(|entry| {
            let mut parts = entry.split(';').map(str::trim);
            let tag = parts.next()?.parse().ok()?;
            let weight =
                parts.find_map(|part| part.strip_prefix("q=")).map_or(Ok(1.0), str::parse::<f32>).ok()?;
            (weight > 0.0 && weight <= 1.0).then_some((weight, tag))
        })
        .collect();
    // Stable, so that equal weights keep the order in which they were written.
    weighed.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    weighed.into_iter().map(|(_, tag)| tag).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locale(tag: &str, source: &str) -> Locale {
        Locale { tag: tag.to_owned(), source: source.to_owned(), transform: None }
    }

    fn languages() -> Languages {
        Languages::new(vec![
            locale("en", "hello = Hello { $name }!\nonly = Only here"),
            locale("de", "hello = Hallo { $name }!"),
            locale("pt-BR", "hello = Oi, { $name }!"),
            locale("ar", "hello = مرحبا { $name }"),
        ])
        .unwrap()
    }

    #[test]
    fn the_most_wanted_language_that_exists_is_taken() {
        let languages = languages();
        for (header, tag) in [
            (None, "en"),
            (Some(""), "en"),
            (Some("*"), "en"),
            (Some("xx"), "en"),
            (Some("de"), "de"),
            (Some("de-CH, en;q=0.5"), "de"),
            (Some("en;q=0.5, de;q=0.9"), "de"),
            (Some("de;q=0, en"), "en"),
            (Some("fr, pt-BR;q=0.8, en;q=0.2"), "pt-BR"),
            (Some("de;q=NaN, ar;q=0.1"), "ar"),
            (Some("\u{fffd};;;,,q=1;de"), "en"),
        ] {
            assert_eq!(languages.tag(languages.negotiate(header)), tag, "{header:?}");
        }
        let endless = "de,".repeat(100_000);
        assert_eq!(languages.tag(languages.negotiate(Some(&endless))), "en");
    }

    #[test]
    fn the_writing_direction_follows_the_language() {
        let languages = languages();
        assert_eq!(languages.direction(languages.negotiate(Some("ar"))), "rtl");
        assert_eq!(languages.direction(languages.negotiate(Some("de"))), "ltr");
    }

    #[test]
    fn an_argument_is_isolated_and_a_missing_one_is_an_error() {
        let languages = languages();
        let german = languages.negotiate(Some("de"));
        let mut args = FluentArgs::new();
        args.set("name", "Ada");
        let text = languages.translate(german, "hello", &args).unwrap();
        assert_eq!(text, "Hallo \u{2068}Ada\u{2069}!");
        let error = languages.translate(german, "hello", &FluentArgs::new()).unwrap_err();
        assert!(matches!(error, Error::Arguments { .. }), "{error}");
    }

    #[test]
    fn a_missing_message_comes_from_the_complete_language_or_is_an_error() {
        let languages = languages();
        let german = languages.negotiate(Some("de"));
        assert_eq!(languages.translate(german, "only", &FluentArgs::new()).unwrap(), "Only here");
        let error = languages.translate(german, "none", &FluentArgs::new()).unwrap_err();
        assert!(matches!(error, Error::MissingMessage(_)), "{error}");
    }

    #[test]
    fn faulty_messages_are_refused() {
        assert!(matches!(Languages::new(vec![]), Err(Error::NoLanguage)));
        assert!(matches!(Languages::new(vec![locale("no tag!", "")]), Err(Error::Tag(_))));
        let twice = Languages::new(vec![locale("en", "a = 1\na = 2")]);
        assert!(matches!(twice, Err(Error::Source { .. })));
        assert!(matches!(Languages::new(vec![locale("en", "a = { $x")]), Err(Error::Source { .. })));
    }

    #[test]
    fn every_shipped_language_holds_only_keys_of_the_complete_one() {
        let shipped = Locale::shipped();
        assert_eq!(shipped[0].tag, REFERENCE);
        let complete = Languages::new(vec![locale(REFERENCE, &shipped[0].source)]).unwrap();
        for other in &shipped {
            for line in other.source.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))
            {
                let key = line.split([' ', '=']).next().unwrap();
                assert!(complete.bundles[0].has_message(key), "`{key}` of `{}`", other.tag);
            }
        }
    }
}
