//! Settings: their schema, and the handles that stand for secrets in them.

use std::fmt;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, Result};

/// What a provider holds instead of a secret.
///
/// The operator writes `client_secret_file` or `client_secret_env` for a setting `client_secret: SecretHandle`; the
/// plugin gets a placeholder, and the host puts the secret in its place while it sends a request, if
/// [`Inspect::secret`](crate::Inspect::secret) says that this secret may go there. So write it where the secret belongs:
/// in a `Basic` header, another header, a query, a form or a JSON value.
///
/// Only a setting at the top level can be secret.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct SecretHandle(String);

impl SecretHandle {
    /// The placeholder, to be written into a request.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A handle in a log line fails the operation, so none gets there by `{:?}`.
impl fmt::Debug for SecretHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret handle]")
    }
}

impl JsonSchema for SecretHandle {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SecretHandle".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "x-secret": true })
    }
}

/// The schema of a settings type (JSON Schema 2020-12), with everything in its place instead of behind `$ref`.
pub(crate) fn schema<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// Reads settings. The message names what is wrong in them, since they are the operator's own, but no handle: a handle
/// in an error would be taken for an attempt to leak it.
pub(crate) fn read<T: serde::de::DeserializeOwned>(settings: Value) -> Result<T> {
    serde_path_to_error::deserialize(settings).map_err(|error| {
        let (path, why) = (error.path().to_string(), without_handles(&error.inner().to_string()));
        // The path of a fault in the whole, an unknown key for instance, is a point: then the text names the key.
        if path == "." {
            Error::bad_settings(why)
        } else {
            Error::bad_settings(format_args!("`{path}`: {why}"))
        }
    })
}

fn without_handles(text: &str) -> String {
    let mut pieces = text.split("vsec_");
    let mut clean = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        clean.push_str("[secret handle]");
        clean.push_str(piece.trim_start_matches(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()));
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its schema and its errors are looked at")]
    struct Settings {
        /// The secret.
        client_secret: SecretHandle,
        /// A number.
        #[serde(default)]
        port: u16,
        /// Another secret.
        signing_key: Option<SecretHandle>,
    }

    #[test]
    fn a_handle_is_marked_as_secret_in_the_schema() {
        let schema = schema::<Settings>();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert_eq!(schema["properties"]["client_secret"]["x-secret"], true);
        assert_eq!(schema["properties"]["client_secret"]["type"], "string");
        assert_eq!(schema["properties"]["client_secret"]["description"], "The secret.");
        assert_eq!(schema["properties"]["signing_key"]["x-secret"], true);
        assert_eq!(schema["properties"]["signing_key"]["type"], serde_json::json!(["string", "null"]));
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["required"], serde_json::json!(["client_secret"]));
        assert!(schema.get("$defs").is_none());
    }

    #[test]
    fn a_handle_shows_in_no_message() {
        let handle = "vsec_0123456789abcdef0123456789abcdef";
        let error =
            read::<Settings>(serde_json::json!({ "client_secret": handle, "port": handle })).unwrap_err();
        assert!(error.message().starts_with("`port`: invalid type: string \"[secret handle]\""), "{error}");
        let settings: Settings = read(serde_json::json!({ "client_secret": handle })).unwrap();
        assert!(!format!("{settings:?}").contains("vsec_"));
        assert_eq!(settings.client_secret.as_str(), handle);
    }

    #[test]
    fn a_key_that_is_unknown_is_named() {
        let error = read::<Settings>(serde_json::json!({ "client_secrte": "x" })).unwrap_err();
        assert!(error.message().contains("`client_secrte`"), "{error}");
    }
}
