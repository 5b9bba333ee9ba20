//! What an operator is told about a provider's settings, once its plugin has told its schema. No secret is among it.

use std::fs;

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use vestibule::config::{Scope, settings};

use super::{Folder, hub_schema, provider, with_provider};

#[test]
fn secrets_come_from_files_and_variables() {
    let mut folder = Folder::new();
    folder.file("hub.secret", "hunter2-hunter2\n");
    folder.environment.insert("HUB_SECRET".into(), "from-the-environment".into());
    for (line, secret) in [
        ("client_secret_file = \"hub.secret\"", "hunter2-hunter2"),
        ("client_secret_env = \"HUB_SECRET\"", "from-the-environment"),
    ] {
        let checked = folder.check(&format!("client_id = \"a\"\n{line}\n"), &hub_schema()).ok().unwrap();
        assert_eq!(Value::Object(checked.public), json!({"client_id": "a"}));
        assert_eq!(checked.secrets["client_secret"].expose_secret(), secret);
        assert_eq!(checked.secrets.len(), 1);
        assert!(checked.warnings.is_empty());
    }
}

#[test]
fn a_secret_file_that_others_can_read_is_warned_about() {
    let folder = Folder::new();
    folder.file_with_mode("hub.secret", "hunter2-hunter2", 0o640);
    let checked =
        folder.check("client_id = \"a\"\nclient_secret_file = \"hub.secret\"\n", &hub_schema()).ok().unwrap();
    assert_eq!(
        folder.said(&checked.warnings),
        [
            "config.toml:10: `client_secret_file` is readable by group (0640); take that away: `chmod 600 hub.secret`"
        ]
    );
}

#[test]
fn an_inline_secret_is_refused_and_never_printed() {
    let folder = Folder::new();
    let said = folder.refused("client_id = \"a\"\nclient_secret = \"hunter2-hunter2\"\n", &hub_schema());
    assert_eq!(
        said,
        [
            "config.toml:10: `client_secret` is a secret, which is never written into the configuration; write \
          `client_secret_file = \"…\"` with a file that holds it, or `client_secret_env` with the name of an \
          environment variable; take this one for known, and have the provider make a new one"
        ]
    );
    let (config, _) = folder.started_with(&with_provider("client_secret = \"hunter2-hunter2\"\n"));
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn a_syntax_error_does_not_repeat_the_secret_beside_it() {
    let folder = Folder::new();
    for line in [
        "client_secret = hunter2",
        "client_secret = \"hunter2",
        "client_secret = 'hunter2",
        "client_secret hunter2",
        "hunter2",
        "client_secret = 2024-hunter2",
        "client_secret = \"\\hunter2\"",
    ] {
        let said = folder.stopped_by(&with_provider(&format!("{line}\n"))).join("\n");
        assert!(said.contains("config.toml:9: not TOML: "), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_secret_that_cannot_be_had_says_why_and_is_not_also_missing() {
    let folder = Folder::new();
    folder
        .file("empty.secret", "\n")
        .file("bytes.secret", b"\xff\xfe")
        .file("big.secret", vec![b'a'; 70_000]);
    fs::create_dir(folder.path("folder.secret")).unwrap();
    let cure = "let `client_secret_file` name a file that this process can read";
    for (line, fault) in [
        (
            "client_secret_file = \"no.secret\"",
            format!("`no.secret` of `client_secret_file` cannot be read: no such file or directory; {cure}"),
        ),
        (
            "client_secret_file = \"folder.secret\"",
            "`folder.secret` of `client_secret_file` is not a regular file; let `client_secret_file` name a file that \
             holds the secret alone"
                .to_owned(),
        ),
        (
            "client_secret_file = \"empty.secret\"",
            "`empty.secret` of `client_secret_file` is empty; it must hold the secret alone".to_owned(),
        ),
        (
            "client_secret_file = \"bytes.secret\"",
            "`bytes.secret` of `client_secret_file` is not UTF-8; it must hold the secret alone".to_owned(),
        ),
        (
            "client_secret_file = \"big.secret\"",
            "`big.secret` of `client_secret_file` is larger than 64 KiB; it must hold the secret alone".to_owned(),
        ),
        ("client_secret_file = 5", "`client_secret_file` must be a string, not an integer".to_owned()),
        (
            "client_secret_env = \"HUB_SECRET\"",
            "the environment variable `HUB_SECRET` of `client_secret_env` is not set; set it, or name another variable \
             in `client_secret_env`"
                .to_owned(),
        ),
        (
            "client_secret_env = \"HUB_SECRET\"\nclient_secret_file = \"no.secret\"",
            "`client_secret_file` and `client_secret_env` are both written; keep one of them".to_owned(),
        ),
    ] {
        let said = folder.refused(&format!("client_id = \"a\"\n{line}\n"), &hub_schema());
        assert_eq!(said, [format!("config.toml:10: {fault}")]);
    }
}

#[test]
fn a_secret_is_validated_with_its_true_value_and_not_printed() {
    let folder = Folder::new();
    folder.file("hub.secret", "hunter2");
    let settings = "client_id = \"a\"\nclient_secret_file = \"hub.secret\"\n";
    assert_eq!(
        folder.refused(settings, &hub_schema()),
        ["config.toml:10: `client_secret_file` is shorter than 8 characters"]
    );
    for rule in [
        json!({"pattern": "^x"}),
        json!({"enum": ["a", "b"]}),
        json!({"const": "a"}),
        json!({"format": "uuid"}),
        json!({"not": {"minLength": 1}}),
        json!({"maxLength": 1}),
        json!({"anyOf": [{"pattern": "^x"}, {"const": "y"}]}),
    ] {
        let mut schema = hub_schema();
        let secret = schema["properties"]["client_secret"].as_object_mut().unwrap();
        secret.extend(rule.as_object().unwrap().clone());
        let said = folder.refused(settings, &schema).join("\n");
        assert!(said.contains("config.toml:10: `client_secret_file` "), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
        let mut schema = hub_schema();
        schema
            .as_object_mut()
            .unwrap()
            .extend(json!({"not": {"required": ["client_secret"]}}).as_object().unwrap().clone());
        let said = folder.refused(settings, &schema).join("\n");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn settings_are_held_against_the_schema_with_their_lines() {
    let folder = Folder::new();
    folder.file("hub.secret", "hunter2-hunter2");
    let settings = r#"client_id = ""
client_secret_file = "hub.secret"
base_url = "codeberg"
allowed_groups = [
    "eng",
    5,
    "",
]
level = 12
mode = "ajar"
[provider.hub.settings.proxy]
hst = "a"
"#;
    insta::assert_snapshot!(folder.refused(settings, &hub_schema()).join("\n"));
}

#[test]
fn an_unknown_setting_is_one_fault_with_what_was_meant() {
    let folder = Folder::new();
    let takes = "`hub` takes: `allowed_groups`, `base_url`, `client_id`, `client_secret_file` or `client_secret_env`, \
                 `level`, `mode`, `proxy`";
    assert_eq!(
        folder.refused(
            "base_ulr = \"https://a.example\"\nclient_ids = \"a\"\nclient_secrt_file = \"b\"\n",
            &hub_schema()
        ),
        [
            format!("config.toml:9: unknown key `base_ulr`; did you mean `base_url`? {takes}"),
            format!("config.toml:10: unknown key `client_ids`; did you mean `client_id`? {takes}"),
            format!(
                "config.toml:11: unknown key `client_secrt_file`; did you mean `client_secret_file`? {takes}"
            ),
        ]
    );
    assert_eq!(
        folder.refused("client_id_file = \"a\"\nclient_secrte = \"b\"\ncolour = 1\n", &hub_schema()),
        [
            "config.toml:9: unknown key `client_id_file`; `client_id` is not a secret: write `client_id` itself".to_owned(),
            format!(
                "config.toml:10: unknown key `client_secrte`; did you mean `client_secret_file` or `client_secret_env`? {takes}"
            ),
            format!("config.toml:11: unknown key `colour`; {takes}"),
        ]
    );
    assert_eq!(
        folder.refused("a = 1\n", &json!({"type": "object"})),
        ["config.toml:9: unknown key `a`; `hub` takes no settings"]
    );
}

#[test]
fn a_missing_setting_is_named_as_an_operator_writes_it() {
    let folder = Folder::new();
    assert_eq!(
        folder.refused("", &hub_schema()),
        [
            "config.toml:8: `client_id` is missing; add it to `[provider.hub.settings]`",
            "config.toml:8: `client_secret_file` or `client_secret_env` is missing; add it to `[provider.hub.settings]`",
        ]
    );
}

#[test]
fn a_schema_that_cannot_be_used_is_the_plugin_s_fault() {
    let folder = Folder::new();
    let (config, _) = folder.started_with(&with_provider(""));
    let faults =
        settings::check(provider(&config, "hub"), &json!({"$ref": "https://a.example"}), &folder.environment)
            .err()
            .unwrap();
    assert_eq!(
        folder.said(&faults),
        [
            "config.toml:8: plugin `hub` has a settings schema that cannot be used: `https://a.example` is not a \
          reference to `#/$defs/NAME`"
        ]
    );
    assert_eq!(faults[0].scope, Scope::Plugin("hub".into()));
}
