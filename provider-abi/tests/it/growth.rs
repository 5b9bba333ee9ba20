//! Either side may be older: records grow by fields, and what a reader does not know is his to refuse.

use serde_json::{Value, json};
use vestibule_abi::message::Message;
use vestibule_abi::record::{Description, Failure, LogLine, Reply, StartRequest, StepAnswer, code};

use crate::golden::all;

/// Values whose members are data and not fields of a record.
const DATA: [&str; 8] =
    ["arguments", "fields", "params", "request", "response", "result", "settings", "settings_schema"];

/// The same record from a newer side: a field more in every object.
fn newer(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: serde_json::Map<_, _> = fields
                .iter()
                .map(|(name, value)| {
                    let value = match value {
                        data if DATA.contains(&name.as_str()) => data.clone(),
                        // A map by key: its values are records, itself it is none.
                        Value::Object(map) if name == "secrets" => {
                            map.iter().map(|(key, value)| (key.clone(), newer(value))).collect()
                        }
                        value => newer(value),
                    };
                    (name.clone(), value)
                })
                .collect();
            fields.insert("of_a_later_version".to_owned(), json!({ "nested": [1, "two", null] }));
            Value::Object(fields)
        }
        Value::Array(items) => items.iter().map(newer).collect(),
        other => other.clone(),
    }
}

#[test]
fn a_field_that_is_unknown_is_ignored_everywhere() {
    for golden in all() {
        let newer = newer(&golden.full);
        assert_ne!(newer, golden.full);
        assert_eq!((golden.again)(&newer), Ok(golden.full), "{}", golden.name);
    }
}

#[test]
fn a_field_that_is_missing_is_defaulted() {
    for golden in all() {
        assert_eq!((golden.again)(&golden.least), Ok(golden.defaulted), "{}", golden.name);
    }
}

#[test]
fn every_optional_field_may_be_missing_by_itself() {
    for golden in all() {
        let full = golden.full.as_object().unwrap();
        let least = golden.least.as_object().unwrap();
        for name in full.keys().filter(|name| !least.contains_key(*name)) {
            let mut older = full.clone();
            older.remove(name);
            assert!((golden.again)(&older.into()).is_ok(), "{} without {name}", golden.name);
        }
    }
}

#[test]
fn a_field_that_must_be_there_is_missed() {
    for golden in all() {
        // `null` is what these fields hold where nothing is said.
        let free = ["settings_schema", "settings", "arguments"];
        for name in golden.least.as_object().unwrap().keys().filter(|name| !free.contains(&name.as_str())) {
            let mut broken = golden.full.clone();
            broken.as_object_mut().unwrap().remove(name);
            assert!((golden.again)(&broken).is_err(), "{} without {name}", golden.name);
            broken[name] = Value::Null;
            assert!((golden.again)(&broken).is_err(), "{} with {name} null", golden.name);
        }
    }
}

#[test]
fn an_operation_that_is_unknown_arrives_by_its_name() {
    let start =
        json!({ "operation": "rotate", "now_us": 0, "entropy": "", "request": { "a": [1] }, "deadline": 5 });
    let start: StartRequest = Message::new(&start).unwrap().record().unwrap();
    assert_eq!((start.operation.as_str(), start.request), ("rotate", json!({ "a": [1] })));
}

#[test]
fn a_state_a_service_and_a_level_that_are_unknown_arrive_by_their_names() {
    let answer: StepAnswer = serde_json::from_value(json!({
        "state": "sleeping",
        "requests": [{ "id": 1, "service": "sign_jwt", "arguments": { "alg": "ES256" } }],
        "log": [{ "level": "trace", "message": "m" }],
    }))
    .unwrap();
    assert_eq!(answer.state, "sleeping");
    assert_eq!(answer.requests[0].service, "sign_jwt");
    assert_eq!(answer.log[0].level, "trace");
}

#[test]
fn an_error_code_that_is_unknown_passes_through() {
    for code in [0, 14, 977, u32::MAX] {
        let failure: Failure = serde_json::from_value(json!({ "code": code, "message": "m" })).unwrap();
        assert_eq!(failure.code, code);
        assert_eq!(serde_json::to_value(failure).unwrap()["code"], code);
    }
}

#[test]
fn a_requirement_that_is_unknown_arrives_for_the_host_to_refuse() {
    let description: Description = serde_json::from_value(json!({
        "name": "x", "version": "1", "settings_schema": {}, "operations": ["inspect", "rotate"],
        "requires": ["http/1", "sign_jwt/2"],
    }))
    .unwrap();
    assert_eq!(description.requires, ["http/1", "sign_jwt/2"]);
    assert_eq!(description.operations, ["inspect", "rotate"]);
}

#[test]
fn a_reply_is_a_record_or_a_failure_and_not_both() {
    let reply = |json: Value| serde_json::from_value::<Reply<LogLine>>(json).unwrap().into_result();
    let line = json!({ "level": "info", "message": "m" });
    let failure = json!({ "code": 977, "message": "m" });
    assert_eq!(reply(json!({ "ok": line })).unwrap().message, "m");
    assert_eq!(reply(json!({ "error": failure })).unwrap_err().code, 977);
    assert_eq!(reply(json!({ "ok": line, "error": failure })).unwrap_err().code, code::PROTOCOL);
    assert_eq!(reply(json!({})).unwrap_err().code, code::PROTOCOL);
}
