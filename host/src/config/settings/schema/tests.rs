//! Honest schemas are taken, hurtful ones are refused before they run.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn refused(schema: Value) -> String {
    Schema::read(&schema).expect_err("refused")
}

#[test]
fn finds_the_secrets_that_the_boundary_finds() {
    let schema = json!({
        "$schema": DIALECT,
        "type": "object",
        "properties": {
            "client_id": {"type": "string"},
            "plain": {"type": "string", "x-secret": true},
            "optional": {"type": ["string", "null"], "x-secret": true},
            "public": {"type": "string", "x-secret": false}
        }
    });
    let read = Schema::read(&schema).unwrap();
    assert_eq!(read.secrets().collect::<Vec<_>>(), ["optional", "plain"]);
    assert!(!read.is_secret("client_id") && !read.is_secret("public"));
    // What the boundary puts handles in the place of.
    let mut keys = crate::plugin::secret_keys(&schema).unwrap();
    keys.sort();
    assert_eq!(keys, ["optional", "plain"]);
}

#[test]
fn refuses_secrets_that_the_host_would_not_look_for() {
    let secret = json!({"type": "string", "x-secret": true});
    let inside = [
        json!({"properties": {"a": {"type": "object", "properties": {"b": secret}}}}),
        json!({"properties": {"a": {"type": "array", "items": secret}}}),
        json!({"properties": {"a": {"type": "integer", "x-secret": true}}}),
        json!({"properties": {"a": {"x-secret": true}}}),
        json!({"properties": {"a": {"anyOf": [secret, {"type": "integer"}]}}}),
        json!({"allOf": [{"properties": {"a": secret}}]}),
        json!({"additionalProperties": secret}),
        json!({"properties": {"a": {"$ref": "#/$defs/A"}, "b": {"type": "array", "items": {"$ref": "#/$defs/A"}}},
               "$defs": {"A": secret}}),
        json!({"properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": secret}}),
        json!({"properties": {"a": {"anyOf": [secret, {"type": "null"}]}}}),
        json!({"properties": {"a": secret, "b": {"type": "object", "properties": {"c": {"$ref": "#/$defs/A"}}}},
               "$defs": {"A": secret}}),
    ];
    for schema in inside {
        let why = "only strings at the top level can be `x-secret`";
        assert_eq!(refused(schema.clone()), why, "{schema}");
        assert_eq!(crate::plugin::secret_keys(&schema).unwrap_err(), why, "{schema}");
    }
    assert_eq!(
        refused(json!({"properties": {"a": secret, "a_file": {"type": "string"}}})),
        "`a_file` is also how the secret `a` is written"
    );
    assert_eq!(
        refused(json!({"properties": {"a": {"type": "string", "x-secret": "yes"}}})),
        "`x-secret` is neither true nor false"
    );
}

#[test]
fn refuses_what_reaches_out_or_never_ends() {
    assert_eq!(
        refused(json!({"properties": {"a": {"$ref": "https://schemas.example/a.json"}}})),
        "`https://schemas.example/a.json` is not a reference to `#/$defs/NAME`"
    );
    assert_eq!(
        refused(json!({"properties": {"a": {"$ref": "file:///etc/passwd"}}})),
        "`file:///etc/passwd` is not a reference to `#/$defs/NAME`"
    );
    assert_eq!(refused(json!({"$ref": "#"})), "`#` is not a reference to `#/$defs/NAME`");
    assert_eq!(refused(json!({"$ref": 1})), "`\"\"` is not a reference to `#/$defs/NAME`");
    assert_eq!(
        refused(
            json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"not": {"$ref": "#/$defs/a"}}}})
        ),
        "`#/$defs/a` refers to itself"
    );
    assert_eq!(refused(json!({"$ref": "#/$defs/a"})), "`#/$defs/a` does not exist");
    assert_eq!(refused(json!({"$id": "https://a.example", "type": "object"})), "`$id` is not taken here");
    assert_eq!(
        refused(json!({"properties": {"a": {"$dynamicRef": "#a"}}})),
        "`$dynamicRef` is not taken here"
    );
    assert_eq!(
        refused(json!({"$schema": "http://json-schema.org/draft-07/schema#"})),
        "`$schema` is not `https://json-schema.org/draft/2020-12/schema`"
    );
}

#[test]
fn refuses_references_that_double_at_each_step() {
    let mut definitions = serde_json::Map::new();
    for step in 0..40 {
        let next = json!({"$ref": format!("#/$defs/s{}", step + 1)});
        definitions.insert(format!("s{step}"), json!({"allOf": [next, next]}));
    }
    definitions.insert("s40".to_owned(), json!({"type": "object"}));
    assert_eq!(
        refused(json!({"$ref": "#/$defs/s0", "$defs": definitions})),
        "it unfolds to more than 10000 subschemas"
    );
}

#[test]
fn refuses_patterns_that_are_too_many_too_large_or_backtrack() {
    let many: serde_json::Map<String, Value> =
        (0..65).map(|at| (format!("k{at}"), json!({"pattern": "a"}))).collect();
    assert_eq!(refused(json!({"properties": many})), "it has more than 64 patterns");
    for pattern in ["(((a{1000}){1000}){1000})", "(?=a)b", "(a)\\1", "("] {
        let why = refused(json!({"properties": {"a": {"type": "string", "pattern": pattern}}}));
        assert!(why.contains("at `/properties/a"), "{why}");
    }
    // Slow in a backtracking engine, linear in this one.
    let schema = json!({"properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}});
    let schema = Schema::read(&schema).unwrap();
    assert!(!schema.validator.is_valid(&json!({"a": format!("{}!", "a".repeat(50_000))})));
}

#[test]
fn refuses_what_is_too_large_or_too_deep() {
    assert_eq!(refused(json!({"description": "a".repeat(65 * 1024)})), "it is larger than 64 KiB");
    let mut deep = json!({});
    for _ in 0..40 {
        deep = json!({"not": deep});
    }
    assert_eq!(refused(deep), "it is nested deeper than 32 levels");
    assert_eq!(refused(json!(true)), "it is not an object");
    assert_eq!(refused(json!({"$defs": []})), "`$defs` is not an object");
}

#[test]
fn says_where_a_schema_is_wrong() {
    assert_eq!(
        refused(json!({"properties": {"a": {"type": "text"}}})),
        "at `/properties/a/type`: a value is not valid under any of the schemas listed in the 'anyOf' keyword"
    );
}

#[test]
fn closes_a_schema_that_does_not_say() {
    let open = Schema::read(&json!({"properties": {"a": {}}})).unwrap();
    assert!(!open.validator.is_valid(&json!({"b": 1})));
    let said =
        Schema::read(&json!({"properties": {"a": {}}, "additionalProperties": {"type": "integer"}})).unwrap();
    assert!(said.validator.is_valid(&json!({"b": 1})));
}

/// Any schema out of the keywords that have a meaning, well used or not.
fn schemas() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop_oneof!["string", "object", "[a-z(){}*+?0-9]{0,8}", "#/\\$defs/[ab]"].prop_map(Value::from),
    ];
    let keywords = prop_oneof![
        prop::sample::select(ONE.to_vec()),
        prop::sample::select(LIST.to_vec()),
        prop::sample::select(NAMED.to_vec()),
        prop::sample::select(vec![
            "$ref",
            "$defs",
            "a",
            "b",
            "type",
            "enum",
            "const",
            "required",
            "pattern",
            "format",
            "minLength",
            "maximum",
            "multipleOf",
            "uniqueItems",
            "minProperties",
            "dependentRequired",
            "x-secret",
            "contentEncoding",
        ]),
    ];
    leaf.prop_recursive(6, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((keywords.clone(), inner), 0..6).prop_map(|members| {
                Value::Object(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn no_schema_takes_the_host_down(schema in schemas(), definition in schemas(), instance in schemas()) {
        let mut schema = schema;
        if let Some(root) = schema.as_object_mut() {
            root.insert("$defs".to_owned(), json!({"a": definition, "b": {"type": "string"}}));
        }
        if let Ok(schema) = Schema::read(&schema) {
            schema.validator.iter_errors(&instance).count();
        }
    }
}
