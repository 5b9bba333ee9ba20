//! What a plugin says about itself, checked before anything rests on it.

use serde_json::Value;
use vestibule_abi as abi;

use super::error::Refusal;

/// The largest settings schema, in bytes of compact JSON.
const MAX_SCHEMA: usize = 64 * 1024;

/// What this host offers to plugins, by the names of `vestibule_abi::record::requirement`.
pub(super) const PROVIDED: &[&str] = {
    use abi::record::requirement::{DISCOVER, HTTP, VERIFY_JWT};
    &[HTTP, DISCOVER, VERIFY_JWT]
};

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
    /// What it cannot do without; this host has all of it.
    pub requires: Vec<String>,
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
    if !described.settings_schema.is_object() {
        return Err(bad("its settings schema is no object".to_owned()));
    }
    let secret_keys =
        secret_keys(&described.settings_schema).map_err(|why| bad(format!("its settings schema: {why}")))?;
    Ok(Description {
        name: described.name,
        version: described.version,
        settings_schema: described.settings_schema,
        secret_keys,
        operations: described.operations,
        requires: described.requires,
    })
}

/// The properties marked `x-secret`, each a string directly under the schema's own `properties`. Whoever reads settings
/// asks here, so that there is one answer to what is a secret. A mark anywhere else, behind a reference above all, is an
/// error and not ignored: one definition can be referred to from the top and from below, and there nobody would swap the
/// secret for a handle.
pub(crate) fn secret_keys(schema: &Value) -> Result<Vec<String>, String> {
    const ELSEWHERE: &str = "only strings at the top level can be `x-secret`";
    let mut keys = Vec::new();
    for (key, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        match property.get("x-secret") {
            None | Some(Value::Bool(false)) => {}
            Some(Value::Bool(true)) if is_text(property.get("type")) => keys.push(key.clone()),
            Some(Value::Bool(true)) => return Err(ELSEWHERE.to_owned()),
            Some(_) => return Err("`x-secret` is neither true nor false".to_owned()),
        }
    }
    if marks(schema) > keys.len() {
        return Err(ELSEWHERE.to_owned());
    }
    Ok(keys)
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
            .map(|(key, value)| usize::from(key == "x-secret" && value != &Value::Bool(false)) + marks(value))
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
    }

    #[test]
    fn a_secret_that_nobody_would_swap_for_a_handle_is_refused() {
        let nested = refused(|r| {
            r["settings_schema"]["properties"]["deep"] =
                json!({"type": "object", "properties": {"key": {"type": "string", "x-secret": true}}});
        });
        assert!(nested.contains("only strings at the top level"), "{nested}");
        let number = refused(|r| {
            r["settings_schema"]["properties"]["client_secret"]["type"] = json!("integer");
        });
        assert!(number.contains("only strings at the top level"), "{number}");
        let shared = refused(|r| {
            r["settings_schema"]["properties"]["client_secret"] = json!({"$ref": "#/$defs/Secret"});
            r["settings_schema"]["properties"]["deep"] =
                json!({"type": "object", "properties": {"key": {"$ref": "#/$defs/Secret"}}});
            r["settings_schema"]["$defs"] = json!({"Secret": {"type": "string", "x-secret": true}});
        });
        assert!(shared.contains("only strings at the top level"), "{shared}");
        let word =
            refused(|r| r["settings_schema"]["properties"]["client_secret"]["x-secret"] = json!("yes"));
        assert!(word.contains("neither true nor false"), "{word}");
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
