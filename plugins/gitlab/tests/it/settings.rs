//! What the operator may write, and what is said where it cannot be used.

use serde_json::{Value, json};
use vestibule_plugin_gitlab::GitLab;
use vestibule_provider::testing;

use crate::fake::{gitlab, try_gitlab};

#[test]
fn describes_every_setting_and_marks_the_secret() {
    let description = testing::describe::<GitLab>().unwrap();
    assert_eq!(testing::schema_faults(&description), [""; 0]);
    assert_eq!(description["name"], "gitlab");
    assert_eq!(description["requires"], json!(["http/1", "verify_jwt/1"]));
    let schema = &description["settings_schema"];
    let keys: Vec<_> = schema["properties"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["allowed_groups", "base_url", "client_id", "client_secret", "email_domains"]);
    assert_eq!(schema["required"], json!(["client_id", "client_secret"]));
    assert_eq!(schema["properties"]["base_url"]["default"], "https://gitlab.com/");
}

fn realm(base: &str) -> Value {
    gitlab(json!({ "base_url": base })).inspect()["realm"].clone()
}

#[test]
fn an_instance_is_one_realm_in_any_spelling_and_another_instance_another_one() {
    for base in ["https://gitlab.com", "https://GitLab.com/", "https://gitlab.com:443"] {
        assert_eq!(realm(base), "https://gitlab.com;id=sub", "{base}");
    }
    assert_eq!(realm("https://git.corp.example/gitlab/"), "https://git.corp.example/gitlab;id=sub");
    assert_eq!(realm("http://127.0.0.1:4000"), "http://127.0.0.1:4000;id=sub");
}

#[test]
fn declares_what_the_host_is_to_enforce() {
    assert_eq!(
        gitlab(json!({ "base_url": "https://git.corp.example/gitlab" })).inspect(),
        json!({
            "realm": "https://git.corp.example/gitlab;id=sub",
            "client_id": "8fb6d2f7a4c0",
            "issuer": { "value": "https://git.corp.example/gitlab", "promised": false },
            "origins": ["https://git.corp.example"],
            "secrets": { "client_secret": [
                { "origin": "https://git.corp.example", "path_prefix": "/gitlab/oauth/token" },
            ] },
            "pkce": "required",
            "nonce": "required",
            "response_mode": "query",
            "state_in": "authorization_request",
            "protocol": "oauth2",
        })
    );
}

#[test]
fn says_which_setting_cannot_be_used_and_what_to_write() {
    for (settings, named, cure) in [
        (json!({ "base_url": "gitlab" }), "`base_url`", "relative URL"),
        (json!({ "base_url": "http://git.example" }), "`base_url`", "https://"),
        (json!({ "base_url": "https://user:hunter2@git.example" }), "`base_url`", "leave them out"),
        (json!({ "base_url": "https://git.example/?x" }), "`base_url`", "leave them out"),
        (json!({ "base_url": "https://git.example/api/v4" }), "`base_url`", "leave `/api/v4` out"),
        (json!({ "client_id": "" }), "`client_id`", "copy it"),
        (json!({ "allowed_groups": [""] }), "`allowed_groups`", "full path"),
        (json!({ "allowed_groups": ["/eng"] }), "`allowed_groups`", "without a `/`"),
        (json!({ "allowed_groups": ["eng/"] }), "`allowed_groups`", "without a `/`"),
        (json!({ "allowed_groups": ["https://gitlab.com/eng"] }), "`allowed_groups`", "without the host"),
        (json!({ "allowed_groups": ["eng team"] }), "`allowed_groups`", "full path"),
        (json!({ "email_domains": ["*.corp.example"] }), "`email_domains`", "wildcards"),
        (json!({ "base_ulr": "https://git.example" }), "`base_ulr`", "unknown"),
    ] {
        let error = try_gitlab(settings.clone()).err().unwrap_or_else(|| panic!("{settings} is taken"));
        assert_eq!(error.code(), 13, "{settings}");
        assert!(error.message().contains(named), "{settings}: {error}");
        assert!(error.message().contains(cure), "{settings}: {error}");
        assert!(!error.message().contains("hunter2"), "{error}");
    }
}
