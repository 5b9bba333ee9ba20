//! What the validator says, put into words for an operator. Values of secrets are never among them.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use serde_json::Value;

use super::schema::Schema;
use super::{Check, Severity, quoted, raw};
use crate::config::fault::listed;
use crate::config::typo::nearest;

/// Of a plugin's long list of values, so many are repeated.
const MOST_OPTIONS: usize = 20;

/// What a value is, for a message.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a number with a point",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

/// A schema's type, for a message.
fn type_name(name: &str) -> &'static str {
    match name {
        "string" => "a string",
        "integer" => "an integer",
        "number" => "a number",
        "boolean" => "a boolean",
        "array" => "a list",
        "object" => "a table",
        _ => "absent",
    }
}

impl Check<'_> {
    /// Validates, and reports each thing once.
    pub(super) fn judge(&mut self, schema: &Schema, instance: &Value) {
        let errors: Vec<ValidationError<'_>> = schema.validator.iter_errors(instance).collect();
        // Unknown keys first: what they were meant to be is not missing.
        for error in &errors {
            if error.instance_path().is_empty() {
                for key in unknown_keys(schema, instance, error) {
                    self.unknown_key(schema, instance, &key);
                }
            }
        }
        self.say_all(schema, &errors);
    }

    fn say_all(&mut self, schema: &Schema, errors: &[ValidationError<'_>]) {
        for error in errors {
            let at = error.instance_path().as_str();
            match error.kind() {
                // Those of the whole were said by `judge`, which knows their spellings.
                Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected }
                    if !at.is_empty() =>
                {
                    for key in unexpected {
                        self.unknown_inside(errors, at, key);
                    }
                }
                Kind::Required { property } if !at.is_empty() => {
                    let property = property.as_str().unwrap_or_default();
                    if !is_meant(errors, at, property) {
                        let line = self.provider.settings.line(at);
                        let message = format!("{} is missing in {}", quoted(property), quoted(&dotted(at)));
                        self.report(Severity::Error, line, message, None);
                    }
                }
                Kind::Required { property } => self.required(schema, property.as_str().unwrap_or_default()),
                _ => self.say(schema, error),
            }
        }
    }

    /// An unknown key inside a setting: what is missing beside it may be what was meant.
    fn unknown_inside(&mut self, errors: &[ValidationError<'_>], parent: &str, key: &str) {
        let line = self.provider.settings.line(&raw::pointer(parent, key));
        let cure =
            nearest(key, missing(errors, parent)).map(|near| format!("did you mean {}?", quoted(near)));
        let message = format!("unknown key {} in {}", quoted(key), quoted(&dotted(parent)));
        self.report(Severity::Error, line, message, cure);
    }

    fn say(&mut self, schema: &Schema, error: &ValidationError<'_>) {
        let at = error.instance_path().as_str();
        let value = error.instance();
        match error.kind() {
            Kind::AdditionalProperties { .. } | Kind::UnevaluatedProperties { .. } => {}
            Kind::FalseSchema if is_closed_and_empty(error) => {}
            Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
                // With one alternative of the right type, what is wrong inside it is what matters.
                let fits = |errors: &&Vec<ValidationError<'static>>| {
                    !errors.iter().any(|error| {
                        matches!(error.kind(), Kind::Type { .. }) && error.instance_path().as_str() == at
                    })
                };
                let mut likely = context.iter().filter(fits);
                match (likely.next(), likely.next()) {
                    (Some(errors), None) => self.say_all(schema, errors),
                    _ => self.say_at(schema, at, "has a form that is not taken".to_owned(), None),
                }
            }
            Kind::Type { kind: wanted } => {
                let wanted: Vec<&str> = match wanted {
                    TypeKind::Single(one) => vec![type_name(&one.to_string())],
                    TypeKind::Multiple(set) => set.iter().map(|one| type_name(&one.to_string())).collect(),
                };
                let wanted: Vec<&str> = wanted.into_iter().filter(|name| *name != "absent").collect();
                self.say_at(
                    schema,
                    at,
                    format!("must be {}, not {}", wanted.join(" or "), kind(value)),
                    None,
                );
            }
            Kind::Enum { options } => {
                let options = options.as_array().into_iter().flatten().filter(|option| !option.is_null());
                let options = listed(options.map(plain).take(MOST_OPTIONS));
                self.say_at(
                    schema,
                    at,
                    self.cannot_be(schema, at, value),
                    Some(format!("write one of {options}")),
                );
            }
            Kind::Constant { expected_value } => {
                let cure = format!("write {}", quoted(&plain(expected_value)));
                self.say_at(schema, at, self.cannot_be(schema, at, value), Some(cure));
            }
            Kind::Pattern { pattern } => {
                let cure = format!("it must match {}", quoted(pattern));
                self.say_at(schema, at, self.cannot_be(schema, at, value), Some(cure));
            }
            Kind::Format { format } => {
                let cure = format!("it must be of the format {}", quoted(format));
                self.say_at(schema, at, self.cannot_be(schema, at, value), Some(cure));
            }
            Kind::MinLength { limit: 1 } => self.say_at(schema, at, "is empty".to_owned(), None),
            Kind::MinLength { limit } => {
                self.say_at(schema, at, format!("is shorter than {limit} characters"), None)
            }
            Kind::MaxLength { limit } => {
                self.say_at(schema, at, format!("is longer than {limit} characters"), None)
            }
            Kind::MinItems { limit: 1 } => self.say_at(schema, at, "is an empty list".to_owned(), None),
            Kind::MinItems { limit } => {
                self.say_at(schema, at, format!("has fewer than {limit} items"), None)
            }
            Kind::MaxItems { limit } => self.say_at(schema, at, format!("has more than {limit} items"), None),
            Kind::Minimum { limit } => self.say_at(schema, at, format!("is less than {limit}"), None),
            Kind::Maximum { limit } => self.say_at(schema, at, format!("is more than {limit}"), None),
            Kind::UniqueItems => self.say_at(schema, at, "has an item twice".to_owned(), None),
            // The rest is rare; its text is the validator's, with the value masked.
            _ => {
                let text = error.masked_with("the value").to_string();
                self.say_at(schema, at, format!("is not taken: {}", text.trim_end_matches('.')), None);
            }
        }
    }

    fn required(&mut self, schema: &Schema, property: &str) {
        if !self.unusable.contains(property) && !self.meant.contains(property) {
            let line = self.provider.settings.header_line();
            let cure = format!("add it to `[provider.{}.settings]`", self.provider.name);
            self.fault(line, format!("{} is missing", schema.spelling(property)), cure);
        }
    }

    /// `cannot be VALUE`, without the value where it is a secret.
    fn cannot_be(&self, schema: &Schema, at: &str, value: &Value) -> String {
        if is_within_secret(schema, at) {
            "holds a value that is not taken".to_owned()
        } else {
            format!("cannot be {}", quoted(&plain(value)))
        }
    }

    /// Reports `NAME WHAT`, the name as the operator wrote it.
    fn say_at(&mut self, schema: &Schema, at: &str, what: String, cure: Option<String>) {
        let settings = &self.provider.settings;
        if at.is_empty() {
            // A rule about the whole: while a part of it is wrong, it says nothing new.
            if self.faults.is_empty() && self.unusable.is_empty() {
                let name = format!("`[provider.{}.settings]`", self.provider.name);
                self.report(Severity::Error, settings.header_line(), format!("{name} {what}"), cure);
            }
            return;
        }
        let top = at.trim_start_matches('/');
        let (name, line) = match self.spelling.get(top) {
            Some(spelling) if schema.is_secret(top) => {
                (spelling.clone(), settings.line(&raw::pointer("", spelling)))
            }
            _ => (dotted(at), settings.line(at)),
        };
        self.report(Severity::Error, line, format!("{} {what}", quoted(&name)), cure);
    }
}

/// The keys of the whole that an error is about, if it is about unknown ones.
fn unknown_keys(schema: &Schema, instance: &Value, error: &ValidationError<'_>) -> Vec<String> {
    match error.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            unexpected.clone()
        }
        Kind::FalseSchema if is_closed_and_empty(error) => {
            let keys = instance.as_object().into_iter().flat_map(|settings| settings.keys());
            keys.filter(|key| !schema.has(key)).cloned().collect()
        }
        _ => Vec::new(),
    }
}

/// The validator's way of saying that a schema without any property has no additional ones either.
fn is_closed_and_empty(error: &ValidationError<'_>) -> bool {
    error.schema_path().as_str() == "/additionalProperties"
}

/// What is missing at a place, by these errors.
fn missing<'e>(errors: &'e [ValidationError<'_>], at: &str) -> impl Iterator<Item = &'e str> {
    errors.iter().filter(move |error| error.instance_path().as_str() == at).filter_map(|error| {
        match error.kind() {
            Kind::Required { property } => property.as_str(),
            _ => None,
        }
    })
}

/// Whether an unknown key at a place was probably meant to be this one.
fn is_meant(errors: &[ValidationError<'_>], at: &str, property: &str) -> bool {
    errors.iter().filter(|error| error.instance_path().as_str() == at).any(|error| match error.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            unexpected.iter().any(|key| nearest(key, missing(errors, at)) == Some(property))
        }
        _ => false,
    })
}

fn is_within_secret(schema: &Schema, at: &str) -> bool {
    let top = at.trim_start_matches('/').split('/').next().unwrap_or_default();
    at.is_empty() || schema.is_secret(top)
}

/// A JSON pointer as people write it: `/groups/1` → `groups.1`.
fn dotted(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".").replace("~1", "/").replace("~0", "~")
}

/// A value without the quotes of JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
