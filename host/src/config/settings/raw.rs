//! A provider's settings as written: TOML turned into JSON, each value with its line. It must not know what they mean.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::DeValue;

use crate::config::document::Document;
use crate::config::fault::quoted;
use crate::config::section::Section;

/// Settings before their plugin told its schema.
///
/// Somebody may have written a secret into them, so they have no `Debug` of their content.
#[derive(Clone, PartialEq)]
pub struct RawSettings {
    values: Map<String, Value>,
    /// JSON pointer (RFC 6901) to line.
    lines: BTreeMap<String, u32>,
    header_line: u32,
}

impl RawSettings {
    /// Reads `settings` of a provider's section; absent is empty.
    pub(crate) fn read(section: &mut Section<'_>) -> Self {
        let mut settings = Self { values: Map::new(), lines: BTreeMap::new(), header_line: section.line() };
        let Some(table) = section.table("settings") else { return settings };
        settings.header_line = table.line;
        let document = section.document();
        let mut faults = Vec::new();
        for (key, value) in table.value {
            let at = pointer("", key.get_ref());
            settings.lines.insert(at.clone(), document.line(&key.span()));
            if let Some(value) = json(document, value, &at, &mut settings.lines, &mut faults) {
                settings.values.insert(key.get_ref().to_string(), value);
            }
        }
        for (line, message, cure) in faults {
            section.fault(line, message, cure);
        }
        settings
    }

    /// The settings as a JSON object. A date is a string in it.
    pub(crate) fn values(&self) -> &Map<String, Value> {
        &self.values
    }

    /// The line of `[provider.x.settings]`, or of the provider if that is absent.
    pub fn header_line(&self) -> u32 {
        self.header_line
    }

    /// The line of the value at a JSON pointer, or of the nearest value around it.
    pub fn line(&self, pointer: &str) -> u32 {
        let mut at = pointer;
        loop {
            if let Some(line) = self.lines.get(at) {
                return *line;
            }
            match at.rsplit_once('/') {
                Some((around, _)) => at = around,
                None => return self.header_line,
            }
        }
    }
}

impl fmt::Debug for RawSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

/// The pointer to a member.
pub(super) fn pointer(parent: &str, key: &str) -> String {
    format!("{parent}/{}", key.replace('~', "~0").replace('/', "~1"))
}

type Faults = Vec<(u32, String, String)>;

fn json(
    document: &Document<'_>,
    value: &Spanned<DeValue<'_>>,
    at: &str,
    lines: &mut BTreeMap<String, u32>,
    faults: &mut Faults,
) -> Option<Value> {
    let line = document.line(&value.span());
    let mut refuse = |what: &str, cure: &str| {
        let name = quoted(at.trim_start_matches('/'));
        faults.push((line, format!("{name} {what}"), cure.to_owned()));
        None
    };
    Some(match value.get_ref() {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) => Value::Number(number.into()),
            Err(_) => return refuse("is out of range", "write a smaller number"),
        },
        DeValue::Float(float) => match float.as_str().parse::<f64>().ok().and_then(Number::from_f64) {
            Some(number) => Value::Number(number),
            None => return refuse("is not a number", "write a finite one"),
        },
        DeValue::Boolean(boolean) => Value::Bool(*boolean),
        DeValue::Datetime(date) => Value::String(date.to_string()),
        DeValue::Array(items) => {
            let mut list = Vec::with_capacity(items.len());
            for (index, item) in items.iter().enumerate() {
                let at = format!("{at}/{index}");
                lines.insert(at.clone(), document.line(&item.span()));
                list.extend(json(document, item, &at, lines, faults));
            }
            Value::Array(list)
        }
        DeValue::Table(table) => {
            let mut object = Map::new();
            for (key, item) in table {
                let at = pointer(at, key.get_ref());
                lines.insert(at.clone(), document.line(&key.span()));
                if let Some(item) = json(document, item, &at, lines, faults) {
                    object.insert(key.get_ref().to_string(), item);
                }
            }
            Value::Object(object)
        }
    })
}
