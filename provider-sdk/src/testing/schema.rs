//! What a settings schema should be, beyond being valid.

use serde_json::Value;

/// What is wrong with the schema of a plugin's settings: one line each, none where all is well.
///
/// It describes every key, refuses unknown ones (`#[serde(deny_unknown_fields)]`), marks what sounds like a secret, and
/// marks nothing below the top level.
pub fn schema_faults(description: &Value) -> Vec<String> {
    let schema = &description["settings_schema"];
    let mut faults = Vec::new();
    if schema["type"] != "object" {
        faults.push("the settings are no object".to_owned());
    }
    if schema["additionalProperties"] != false {
        faults.push("unknown keys are taken: write `#[serde(deny_unknown_fields)]`".to_owned());
    }
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        if property["description"].as_str().is_none_or(str::is_empty) {
            faults.push(format!("`{key}` has no description: write a doc comment"));
        }
        let secret = property["x-secret"] == true;
        let sounds_secret = ["secret", "password", "private_key", "api_key"].iter().any(|s| key.contains(s));
        if sounds_secret && !secret {
            faults.push(format!("`{key}` sounds like a secret: make it a `SecretHandle`"));
        }
        let mut inside = property.clone();
        if let Some(inside) = inside.as_object_mut() {
            inside.remove("x-secret");
        }
        if inside.to_string().contains("\"x-secret\":true") {
            faults.push(format!("`{key}` has a secret inside: only a setting at the top level can be one"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::schema_faults;
    use serde_json::json;

    #[test]
    fn names_every_fault() {
        let faults = schema_faults(&json!({ "settings_schema": {
            "type": "object",
            "properties": {
                "client_secret": { "type": "string", "description": "x" },
                "nested": { "description": "x", "properties": { "key": { "x-secret": true } } },
                "plain": { "type": "string" },
            },
        } }));
        assert_eq!(faults.len(), 4, "{faults:?}");
    }

    #[test]
    fn has_no_word_against_a_good_one() {
        let good = json!({ "settings_schema": {
            "type": "object",
            "additionalProperties": false,
            "properties": { "client_secret": { "type": "string", "x-secret": true, "description": "x" } },
        } });
        assert!(schema_faults(&good).is_empty());
    }
}
