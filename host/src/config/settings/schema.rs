//! A plugin's settings schema, made safe to run. The one file that names `jsonschema`'s builder. It must not know what the
//! settings are.
//!
//! The schema comes from the plugin before anything is known about it, so it may be made to hurt: it must not reach out
//! (a remote `$ref`), not run for ever (a `$ref` in a circle, references that double at each step, a backtracking
//! pattern), and not put a secret where the host does not look for one. What honest schemas of settings do without is
//! therefore refused: other references than `#/$defs/NAME`, circles, anchors, ids, dynamic references.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Map, Value};

/// The largest schema, in bytes of JSON.
const MAX_LEN: usize = 64 * 1024;
/// The deepest.
const MAX_DEPTH: usize = 32;
/// The most subschemas, each reference counted as what it refers to.
const MAX_NODES: u64 = 10_000;
/// The most patterns; each is compiled.
const MAX_PATTERNS: u64 = 64;
/// The largest compiled pattern, in bytes.
const MAX_PATTERN_LEN: usize = 1024 * 1024;

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
/// Keywords that change what a reference means.
const REFUSED: [&str; 8] = [
    "$id",
    "$anchor",
    "$dynamicRef",
    "$dynamicAnchor",
    "$recursiveRef",
    "$recursiveAnchor",
    "$vocabulary",
    "definitions",
];
const ONE: [&str; 11] = [
    "items",
    "contains",
    "additionalProperties",
    "propertyNames",
    "if",
    "then",
    "else",
    "not",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentSchema",
];
const LIST: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];
const NAMED: [&str; 3] = ["properties", "patternProperties", "dependentSchemas"];

/// A schema that may be run.
#[derive(Debug)]
pub(super) struct Schema {
    pub(super) validator: Validator,
    names: BTreeSet<String>,
    secrets: BTreeSet<String>,
}

impl Schema {
    /// Reads a plugin's schema; the error says why it is refused.
    pub(super) fn read(schema: &Value) -> Result<Self, String> {
        let Value::Object(root) = schema else { return Err("it is not an object".to_owned()) };
        if depth_exceeds(schema, MAX_DEPTH) {
            return Err(format!("it is nested deeper than {MAX_DEPTH} levels"));
        }
        if serde_json::to_vec(schema).map_or(usize::MAX, |text| text.len()) > MAX_LEN {
            return Err(format!("it is larger than {} KiB", MAX_LEN / 1024));
        }
        if root.get("$schema").is_some_and(|dialect| dialect != DIALECT) {
            return Err(format!("`$schema` is not `{DIALECT}`"));
        }
        let definitions = match root.get("$defs") {
            None => &Map::new(),
            Some(Value::Object(definitions)) => definitions,
            Some(_) => return Err("`$defs` is not an object".to_owned()),
        };
        let mut survey = Survey { definitions, known: BTreeMap::new() };
        // Those that nothing refers to are compiled as well.
        for name in definitions.keys() {
            survey.definition(name)?;
        }
        let sum = survey.node(schema, true)?;
        if sum.nodes > MAX_NODES {
            return Err(format!("it unfolds to more than {MAX_NODES} subschemas"));
        }
        if sum.patterns > MAX_PATTERNS {
            return Err(format!("it has more than {MAX_PATTERNS} patterns"));
        }

        let properties = root.get("properties").and_then(Value::as_object);
        let names: BTreeSet<String> =
            properties.into_iter().flatten().map(|(name, _)| name.clone()).collect();
        // The same answer as the boundary's, which puts handles in the place of these.
        let secrets: BTreeSet<String> = crate::plugin::secret_keys(schema)?.into_iter().collect();
        for name in &secrets {
            if let Some(taken) =
                [format!("{name}_file"), format!("{name}_env")].iter().find(|key| names.contains(*key))
            {
                return Err(format!("`{taken}` is also how the secret `{name}` is written"));
            }
        }
        let validator = compile(&closed(root))?;
        Ok(Self { validator, names, secrets })
    }

    /// All top-level settings, in alphabetical order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().map(String::as_str)
    }

    pub(super) fn is_secret(&self, name: &str) -> bool {
        self.secrets.contains(name)
    }

    /// How an operator writes a setting, for a message.
    pub(super) fn spelling(&self, name: &str) -> String {
        use crate::config::fault::quoted;
        if self.is_secret(name) {
            format!("{} or {}", quoted(&format!("{name}_file")), quoted(&format!("{name}_env")))
        } else {
            quoted(name)
        }
    }

    /// All settings as an operator writes them.
    pub(super) fn spellings(&self) -> Vec<String> {
        self.names().map(|name| self.spelling(name)).collect()
    }
}

/// The schema with unknown keys refused where it does not say: a slip of the keyboard must never be taken and ignored.
fn closed(root: &Map<String, Value>) -> Value {
    const SAYS: [&str; 10] = [
        "additionalProperties",
        "unevaluatedProperties",
        "patternProperties",
        "propertyNames",
        "allOf",
        "anyOf",
        "oneOf",
        "if",
        "dependentSchemas",
        "$ref",
    ];
    let mut root = root.clone();
    if !SAYS.iter().any(|keyword| root.contains_key(*keyword)) {
        root.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
    root.insert("type".to_owned(), "object".into());
    Value::Object(root)
}

fn compile(schema: &Value) -> Result<Validator, String> {
    // A panic in the compiler would take every other provider's start with it.
    let built = catch_unwind(AssertUnwindSafe(|| {
        jsonschema::options()
            .with_draft(Draft::Draft202012)
            .offline()
            .should_validate_formats(true)
            .with_pattern_options(
                PatternOptions::regex().size_limit(MAX_PATTERN_LEN).dfa_size_limit(MAX_PATTERN_LEN),
            )
            .build(schema)
    }));
    match built {
        Ok(Ok(validator)) => Ok(validator),
        Ok(Err(error)) => {
            let place = error.instance_path().to_string();
            let why = error.masked_with("a value").to_string();
            Err(if place.is_empty() { why } else { format!("at `{place}`: {why}") })
        }
        Err(_) => Err("it cannot be compiled".to_owned()),
    }
}

fn depth_exceeds(value: &Value, levels: usize) -> bool {
    let deeper = |value: &Value| levels == 0 || depth_exceeds(value, levels - 1);
    match value {
        Value::Array(items) => items.iter().any(deeper),
        Value::Object(members) => members.values().any(deeper),
        _ => false,
    }
}

/// What running a subschema can cost; references count as what they refer to.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    nodes: u64,
    patterns: u64,
}

impl Sum {
    fn add(&mut self, other: Sum) {
        self.nodes = self.nodes.saturating_add(other.nodes);
        self.patterns = self.patterns.saturating_add(other.patterns);
    }
}

struct Survey<'s> {
    definitions: &'s Map<String, Value>,
    /// Sums of definitions; `None` while one is being added up.
    known: BTreeMap<String, Option<Sum>>,
}

impl<'s> Survey<'s> {
    fn definition(&mut self, name: &str) -> Result<Sum, String> {
        match self.known.get(name) {
            Some(Some(sum)) => return Ok(*sum),
            Some(None) => return Err(format!("`#/$defs/{name}` refers to itself")),
            None => {}
        }
        let definitions = self.definitions;
        let Some(definition) = definitions.get(name) else {
            return Err(format!("`#/$defs/{name}` does not exist"));
        };
        self.known.insert(name.to_owned(), None);
        let sum = self.node(definition, false)?;
        self.known.insert(name.to_owned(), Some(sum));
        Ok(sum)
    }

    fn node(&mut self, node: &Value, is_root: bool) -> Result<Sum, String> {
        let mut sum = Sum { nodes: 1, ..Sum::default() };
        let Value::Object(node) = node else { return Ok(sum) };
        for (keyword, value) in node {
            let keyword = keyword.as_str();
            if REFUSED.contains(&keyword) || (!is_root && matches!(keyword, "$defs" | "$schema")) {
                return Err(format!("`{keyword}` is not taken here"));
            }
            match (keyword, value) {
                ("$ref", reference) => sum.add(self.definition(target(reference)?)?),
                ("pattern", _) => sum.patterns += 1,
                (_, value) if ONE.contains(&keyword) => sum.add(self.node(value, false)?),
                (_, Value::Array(items)) if LIST.contains(&keyword) => {
                    for item in items {
                        sum.add(self.node(item, false)?);
                    }
                }
                (_, Value::Object(members)) if NAMED.contains(&keyword) => {
                    for member in members.values() {
                        sum.add(self.node(member, false)?);
                    }
                    if keyword == "patternProperties" {
                        sum.patterns = sum.patterns.saturating_add(members.len() as u64);
                    }
                }
                _ => {}
            }
        }
        Ok(sum)
    }
}

/// The definition that a reference names.
fn target(reference: &Value) -> Result<&str, String> {
    let text = reference.as_str().unwrap_or_default();
    match text.strip_prefix("#/$defs/") {
        Some(name) if !name.is_empty() && !name.contains(['/', '~', '%']) => Ok(name),
        _ => Err(format!("{} is not a reference to `#/$defs/NAME`", crate::config::fault::quoted(text))),
    }
}

#[cfg(test)]
mod tests;
