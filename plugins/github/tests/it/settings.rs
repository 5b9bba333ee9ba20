//! What the operator may write, and what is said where it cannot be used.

use serde_json::json;
use vestibule_plugin_github::GitHub;
use vestibule_provider::testing;

use crate::fake::{github, try_github};

#[test]
fn describes_every_setting_and_marks_the_secret() {
    let description = testing::describe::<GitHub>().unwrap();
    assert_eq!(testing::schema_faults(&description), [""; 0]);
    assert_eq!(description["name"], "github");
    assert_eq!(description["requires"], json!(["http/1"]));
    let schema = &description["settings_schema"];
    let keys: Vec<_> = schema["properties"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["allowed_orgs", "base_url", "client_id", "client_secret"]);
    assert_eq!(schema["required"], json!(["client_id", "client_secret"]));
    assert_eq!(schema["properties"]["base_url"]["default"], "https://github.com/");
}

#[test]
fn spells_an_instance_in_one_way() {
    for base in ["https://github.com", "https://GitHub.com/", "https://github.com:443"] {
        assert_eq!(github(json!({ "base_url": base })).inspect()["realm"], "https://github.com", "{base}");
    }
}

#[test]
fn says_which_setting_cannot_be_used() {
    for (settings, named) in [
        (json!({ "base_url": "codeberg" }), "`base_url`"),
        (json!({ "base_url": "http://git.example" }), "`base_url`"),
        (json!({ "base_url": "https://user:hunter2@git.example" }), "`base_url`"),
        (json!({ "base_url": "https://git.example/?x" }), "`base_url`"),
        (json!({ "client_id": "" }), "`client_id`"),
        (json!({ "base_ulr": "https://git.example" }), "`base_ulr`"),
    ] {
        let error = try_github(settings.clone()).err().unwrap_or_else(|| panic!("{settings} is taken"));
        assert_eq!(error.code(), 13, "{settings}");
        assert!(error.message().contains(named), "{settings}: {error}");
        assert!(!error.message().contains("hunter2"), "{error}");
    }
}

#[test]
fn takes_plain_http_on_loopback_only() {
    for base in ["http://127.0.0.1:4000", "http://[::1]:4000", "http://localhost:4000"] {
        assert_eq!(github(json!({ "base_url": base })).inspect()["realm"], base);
    }
    for base in ["http://127.0.0.1.example", "http://localhost.example", "http://128.0.0.1"] {
        assert!(try_github(json!({ "base_url": base })).is_err(), "{base}");
    }
}
