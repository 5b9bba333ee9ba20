//! What a plugin says about itself, checked before anything rests on it.

use serde_json::Value;
use vestibule_abi as abi;

use super::error::Refusal;

/// The largest settings schema, in bytes of compact JSON.
const MAX_SCHEMA: usize = 64 * 1024;

/// What this host offers to plugins, by the names of `vestibule_abi::record::requirement`.
pub(super) const PROVIDED: &[&str] = &[abi::record::requirement::HTTP];

/// A plugin, as it describes itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// Its name, the same as in the file's section.
    pub name: String,
    /// Its version, the same as in the file's section.
    pub version: String,
    /// JSON Schema (2020-12) of its settings; an object, at most 64 KiB.
    pub settings_schema: Value,
    /// The settings that are secrets (`"x-secret": true`): top-level strings, in the schema's order.
    pub secret_keys: Vec<String>,
    /// The operations that it knows.
    pub operations: Vec<String>,
}

/// Reads the answer to `describe`.
pub(super) fn read(bytes: &[u8], section: &abi::section::Descriptor) -> Result<Description, Refusal> {
    let bad = |why: String| Refusal::Description(why);
    let message = abi::message::Message::decode(bytes).map_err(|e| bad(e.to_string()))?;
    let reply: abi::record::Reply<abi::record::Description> =
        message.record().map_err(|e| bad(e.to_string()))?;
    let described = reply.into_result().map_err(|f| bad(super::error::one_line(&f.message)))?;
    if described.name != section.name || described.version != section.version {
        return Err(bad(format!(
            "`describe` says {} {}, the file's section says {} {}",
            super::error::one_line(&described.name),
            super::error::one_line(&described.version),
            section.name,
            section.version
        )));
    }
    let missing: Vec<String> = described
        .requires
        .iter()
        .filter(|r| !PROVIDED.contains(&r.as_str()))
        .map(|r| format!("`{}`", super::error::one_line(r)))
        .collect();
    if !missing.is_empty() {
        return Err(Refusal::Unmet { name: section.name.clone(), version: section.version.clone(), missing });
    }
    use abi::record::operation::{BEGIN, COMPLETE, INSPECT};
    for needed in [INSPECT, BEGIN, COMPLETE] {
        if !described.operations.iter().any(|o| o == needed) {
            return Err(bad(format!("it lacks the operation `{needed}`")));
        }
    }
    let size = described.settings_schema.to_string().len();
    if size > MAX_SCHEMA {
        return Err(bad(format!("its settings schema has {size} bytes, the limit is {MAX_SCHEMA}")));
    }
    let secret_keys = secret_keys(&described.settings_schema).map_err(bad)?;
    Ok(Description {
        name: described.name,
        version: described.version,
        settings_schema: described.settings_schema,
        secret_keys,
        operations: described.operations,
    })
}

/// The top-level properties marked `x-secret`. A mark anywhere else would be a secret that nobody swaps for a handle, so
/// it is an error and not ignored.
fn secret_keys(schema: &Value) -> Result<Vec<String>, String> {
    if !schema.is_object() {
        return Err("its settings schema is no object".to_owned());
    }
    let mut keys = Vec::new();
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        for (key, property) in properties {
            let property = resolve(schema, property);
            if property.get("x-secret") != Some(&Value::Bool(true)) {
                continue;
            }
            if !is_text(property.get("type")) {
                return Err(format!(
                    "its setting `{}` is secret, but no string",
                    super::error::one_line(key)
                ));
            }
            keys.push(key.clone());
        }
    }
    let definitions = schema.get("$defs").map_or(0, marks);
    let elsewhere = marks(schema) - definitions;
    let direct = schema
        .get("properties")
        .and_then(Value::as_object)
        .map_or(0, |p| p.values().filter(|v| v.get("x-secret") == Some(&Value::Bool(true))).count());
    if elsewhere > direct || (definitions > 0 && keys.len() == direct) {
        return Err("its settings schema marks something other than a top-level string as secret".to_owned());
    }
    Ok(keys)
}

/// A property given as a reference into `$defs`, which is how a type with a name is written.
fn resolve<'a>(schema: &'a Value, property: &'a Value) -> &'a Value {
    let target = property.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix("#/$defs/"));
    target.and_then(|name| schema.get("$defs")?.get(name)).unwrap_or(property)
}

/// `"string"`, or a list of `"string"` and `"null"`.
fn is_text(kind: Option<&Value>) -> bool {
    match kind {
        Some(Value::String(kind)) => kind == "string",
        Some(Value::Array(kinds)) => {
            kinds.iter().any(|k| k == "string") && kinds.iter().all(|k| k == "string" || k == "null")
        }
        _ => false,
    }
}

/// How often something in there is marked. The depth was capped when the message was decoded.
fn marks(value: &Value) -> usize {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(key, value)| usize::from(key == "x-secret" && value == &Value::Bool(true)) + marks(value))
            .sum(),
        Value::Array(items) => items.iter().map(marks).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn section() -> abi::section::Descriptor {
        abi::section::Descriptor {
            epoch: 1,
            unwinds: true,
            name: "example".to_owned(),
            version: "1.0.0".to_owned(),
        }
    }

    fn described(change: impl FnOnce(&mut Value)) -> Result<Description, Refusal> {
        let mut record = json!({
            "name": "example", "version": "1.0.0",
            "settings_schema": {"type": "object", "properties": {
                "client_id": {"type": "string"}, "client_secret": {"type": "string", "x-secret": true}}},
            "operations": ["inspect", "begin", "complete"], "requires": ["http/1"],
        });
        change(&mut record);
        let message = abi::message::Message::new(&json!({ "ok": record })).unwrap().encode().unwrap();
        read(&message, &section())
    }

    fn refused(change: impl FnOnce(&mut Value)) -> String {
        described(change).unwrap_err().to_string()
    }

    #[test]
    fn secrets_are_the_marked_top_level_strings() {
        assert_eq!(described(|_| {}).unwrap().secret_keys, ["client_secret"]);
        let optional = described(|r| {
            r["settings_schema"]["properties"]["client_secret"]["type"] = json!(["string", "null"]);
        });
        assert_eq!(optional.unwrap().secret_keys, ["client_secret"]);
        let by_reference = described(|r| {
            r["settings_schema"]["properties"]["client_secret"] = json!({"$ref": "#/$defs/Secret"});
            r["settings_schema"]["$defs"] = json!({"Secret": {"type": "string", "x-secret": true}});
        });
        assert_eq!(by_reference.unwrap().secret_keys, ["client_secret"]);
    }

    #[test]
    fn a_secret_that_nobody_would_swap_for_a_handle_is_refused() {
        let nested = refused(|r| {
            r["settings_schema"]["properties"]["deep"] =
                json!({"type": "object", "properties": {"key": {"type": "string", "x-secret": true}}});
        });
        assert!(nested.contains("top-level string"), "{nested}");
        let number = refused(|r| {
            r["settings_schema"]["properties"]["client_secret"]["type"] = json!("integer");
        });
        assert!(number.contains("`client_secret` is secret, but no string"), "{number}");
    }

    #[test]
    fn an_unmet_requirement_is_named() {
        let text = refused(|r| r["requires"] = json!(["http/1", "teleport/3"]));
        assert_eq!(
            text,
            "example 1.0.0 needs `teleport/3`, which this version of vestibule does not offer; use a newer vestibule or \
             an older example"
        );
    }

    #[test]
    fn name_version_and_operations_must_fit() {
        assert!(refused(|r| r["name"] = json!("other")).contains("the file's section says example 1.0.0"));
        assert!(refused(|r| r["version"] = json!("2.0.0")).contains("says example 2.0.0"));
        let text = refused(|r| r["operations"] = json!(["inspect", "begin"]));
        assert!(text.contains("lacks the operation `complete`"), "{text}");
    }

    #[test]
    fn a_schema_of_more_than_64_kib_is_refused() {
        let text = refused(|r| r["settings_schema"]["title"] = json!("x".repeat(MAX_SCHEMA)));
        assert!(text.contains("the limit is 65536"), "{text}");
    }

    #[test]
    fn what_a_later_plugin_adds_is_ignored() {
        assert!(described(|r| r["icon"] = json!({"any": "thing"})).is_ok());
    }
}
