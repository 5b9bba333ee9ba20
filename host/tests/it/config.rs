//! What an operator is told about `config.toml`: the exact texts, the lines, and what each fault takes away.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use vestibule::config::settings::{self, CheckedSettings};
use vestibule::config::{
    Config, Fault, IconKind, Loaded, LogFormat, ProviderConfig, ProviderState, Scope, SignupMode, Transport,
};
use vestibule::name::{PluginName, ProviderName};
use vestibule::store::{Location, Migrate};

mod settings_check;

const PIN: &str = "9c1f9c1f9c1f9c1f9c1f9c1f9c1f9c1f9c1f9c1f9c1f9c1f9c1f9c1f9c1f9c1f";

/// A folder with a configuration in it.
struct Folder {
    folder: tempfile::TempDir,
    environment: BTreeMap<String, String>,
}

impl Folder {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), environment: BTreeMap::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        self.file_with_mode(name, content, 0o600)
    }

    fn file_with_mode(&self, name: &str, content: impl AsRef<[u8]>, mode: u32) -> &Self {
        fs::write(self.path(name), content).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    fn load(&self, text: &str) -> Result<Loaded, Vec<Fault>> {
        self.file("config.toml", text);
        Config::load(&self.path("config.toml"), &self.environment)
    }

    /// The faults as an operator reads them, without the folder.
    fn said(&self, faults: &[Fault]) -> Vec<String> {
        let folder = format!("{}/", self.folder.path().display());
        faults.iter().map(|fault| fault.to_string().replace(&folder, "")).collect()
    }

    /// Those that stop the start.
    fn stopped_by(&self, text: &str) -> Vec<String> {
        let faults = self.load(text).expect_err("a fault that stops the start");
        self.said(&faults)
    }

    /// Those with which the server starts all the same.
    fn started_with(&self, text: &str) -> (Config, Vec<String>) {
        match self.load(text) {
            Ok(Loaded { config, faults }) => {
                let said = self.said(&faults);
                (config, said)
            }
            Err(faults) => panic!("{:#?}", self.said(&faults)),
        }
    }

    /// Checks the settings of the provider `hub`.
    fn check(&self, settings_text: &str, schema: &Value) -> Result<CheckedSettings, Vec<String>> {
        let (config, _) = self.started_with(&with_provider(settings_text));
        let provider = provider(&config, "hub");
        settings::check(provider, schema, &self.environment).map_err(|faults| self.said(&faults))
    }

    fn refused(&self, settings_text: &str, schema: &Value) -> Vec<String> {
        match self.check(settings_text, schema) {
            Ok(_) => panic!("the settings were taken"),
            Err(said) => said,
        }
    }
}

fn provider<'c>(config: &'c Config, name: &str) -> &'c ProviderConfig {
    config.providers[name].config.as_ref().unwrap()
}

/// A sound configuration with the provider `hub`, whose settings begin on line 9.
fn with_provider(settings_text: &str) -> String {
    format!(
        "[server]\npublic_url = \"https://id.example.org\"\n\
         [plugin.hub]\npath = \"hub.so\"\nsha256 = [\"{PIN}\"]\n\
         [provider.hub]\ntransport = \"in-process\"\n\
         [provider.hub.settings]\n{settings_text}"
    )
}

/// `[server]` and some text, which begins on line 3.
fn with(text: &str) -> String {
    format!("[server]\npublic_url = \"https://id.example.org\"\n{text}")
}

fn hub_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "allowed_groups": {"type": "array", "items": {"type": "string", "minLength": 1}, "uniqueItems": true},
            "base_url": {"type": "string", "format": "uri"},
            "client_id": {"type": "string", "minLength": 1},
            "client_secret": {"type": "string", "minLength": 8, "x-secret": true},
            "level": {"type": "integer", "minimum": 0, "maximum": 9},
            "mode": {"enum": ["open", "shut"]},
            "proxy": {
                "anyOf": [
                    {"type": "object", "properties": {"host": {"type": "string"}}, "required": ["host"],
                     "additionalProperties": false},
                    {"type": "null"}
                ]
            }
        },
        "required": ["client_id", "client_secret"],
        "additionalProperties": false
    })
}

#[test]
fn every_fault_is_reported_at_once() {
    let folder = Folder::new();
    folder.file("hub.so", "a library").file("big.svg", vec![b' '; 300 * 1024]).file("fake.png", "<svg/>");
    let text = r#"
[server]
public_ulr = "https://id.example.org"
listen = "localhost:8080"
trusted_proxies = ["10.0.0.1/8", 7]
default_provider = "git_hub"
begin_rate = "30"
log = "jsn"
metrics_listen = "127.0.0.1:9090"

[database]
url = "postgres://vestibule:hunter2@db/vestibule?sslmode=require"
migrate = "by hand"

[signup]
mode = "ask"

[session]
idle = "60d"
absolute = "1 month"

[admin]
identities = []

[providers.x]

[plugin.hub]
path = "hub.so"

[plugin.forge]
pth = "forge.so"
sha256 = ["9c1f"]

[provider.hub]
transport = "worker"
label = ""
icon = "big.svg"
order = 99999999999
state = "hiden"
redirect_path = "/login/hub"
allow_networks = "10.0.0.0/8"
signup = false

[provider.git-hub]
plugin = "hub"
transport = "in-process"

[provider.github]
plugin = "hubb"
icon = "fake.png"
colour = "blue"

[provider.codeberg]
plugin = "forge"
transport = "in-process"
redirect_path = "/oauth/callback"

[provider.mine]
plugin = "hub"
transport = "in-process"
redirect_path = "/oauth/callback"
"#;
    insta::assert_snapshot!(folder.stopped_by(text).join("\n"));
}

#[test]
fn the_smallest_configuration_starts_with_the_defaults() {
    let folder = Folder::new();
    let (config, said) = folder.started_with(&with(""));
    assert_eq!(
        said,
        ["config.toml:1: no provider is configured, so nobody can sign in; add a section `[provider.…]`"]
    );
    assert_eq!(config.server.public_url.origin(), "https://id.example.org");
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert!(config.server.trusted_proxies.is_empty());
    assert_eq!(config.server.default_provider, None);
    assert_eq!(config.server.begin_rate.get().get(), 30);
    assert_eq!(config.server.log, LogFormat::Text);
    assert_eq!(config.database, Location::Sqlite(folder.path("vestibule.db")));
    assert_eq!(config.signup.mode, SignupMode::Auto);
    assert_eq!(config.session.idle, Duration::from_secs(7 * 86_400));
    assert_eq!(config.session.absolute, Duration::from_secs(30 * 86_400));
}

#[test]
fn every_key_is_taken() {
    let folder = Folder::new();
    folder.file("hub.png", b"\x89PNG\r\n\x1a\n").file("db-url", "sqlite:/var/lib/vestibule/main.db\n");
    let (config, said) = folder.started_with(&format!(
        r#"
[server]
public_url = "https://id.example.org/"
listen = "[::1]:9000"
trusted_proxies = ["127.0.0.1", "fd00::/8"]
default_provider = "corp"
begin_rate = "5/min"
log = "json"
[database]
url_file = "db-url"
migrate = "auto"
[signup]
mode = "closed"
[session]
idle = "8h 30m"
absolute = "30 days"
[plugin.hub]
path = "plugins/hub.so"
sha256 = ["{PIN}", "{}"]
[provider.corp]
plugin = "hub"
transport = "in-process"
label = "Corp Hub"
icon = "hub.png"
order = 30
state = "hidden"
redirect_path = "/oauth/callback"
allow_networks = ["10.0.0.0/8"]
[provider.corp.settings]
since = 2024-01-01
nested = {{ a = [1, 2.5, true] }}
"#,
        PIN.to_uppercase()
    ));
    assert_eq!(said, [""; 0]);
    assert_eq!(config.database, Location::Sqlite("/var/lib/vestibule/main.db".into()));
    assert_eq!(config.signup.mode, SignupMode::Closed);
    assert_eq!(config.session.idle, Duration::from_secs(30_600));
    assert_eq!(config.server.default_provider, Some("corp".parse().unwrap()));
    let plugin = config.plugins[&"hub".parse::<PluginName>().unwrap()].as_ref().unwrap();
    assert_eq!(plugin.path, folder.path("plugins/hub.so"));
    assert_eq!(plugin.sha256.iter().map(ToString::to_string).collect::<Vec<_>>(), [PIN, PIN]);
    assert_eq!(plugin.pin_line, 19);
    let shown = &config.providers["corp"];
    assert_eq!((shown.label.as_deref(), shown.order), (Some("Corp Hub"), 30));
    assert_eq!(shown.state, ProviderState::Hidden);
    assert_eq!(shown.icon.as_ref().map(|icon| icon.kind), Some(IconKind::Png));
    let provider = provider(&config, "corp");
    assert_eq!(provider.redirect_path, "/oauth/callback");
    assert_eq!(provider.allow_networks, ["10.0.0.0/8".parse().unwrap()]);
    let schema = json!({"properties": {"since": {"type": "string"}, "nested": {"type": "object"}}});
    let checked = settings::check(provider, &schema, &folder.environment).unwrap_or_else(|_| panic!("taken"));
    assert_eq!(
        Value::Object(checked.public),
        json!({"since": "2024-01-01", "nested": {"a": [1, 2.5, true]}})
    );
}

#[test]
fn the_shipped_configuration_is_sound_once_it_is_pinned() {
    let shipped = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../config.toml")).unwrap();
    let folder = Folder::new();

    let (config, said) = folder.started_with(&shipped);
    assert_eq!(said.len(), 3, "{said:#?}");
    for (said, plugin) in said.iter().zip(["github", "gitlab", "oidc"]) {
        assert!(said.contains(&format!("plugin `{plugin}` has no pin")), "{said}");
    }
    assert_eq!(config.providers["github"].label.as_deref(), Some("GitHub"));

    // With every key that is commented out written as it stands there, nothing changes but what the examples change.
    let (examples, another) = shipped.split_once("# Another provider").unwrap();
    let written: Vec<&str> = examples
        .lines()
        .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line))
        .collect();
    let (full, said) = folder.started_with(&written.join("\n").replace("icon = ", "#icon = "));
    assert_eq!(said, [""; 0]);
    assert_eq!(full.server.listen, config.server.listen);
    assert_eq!(full.server.begin_rate, config.server.begin_rate);
    assert_eq!(full.server.log, config.server.log);
    assert_eq!(full.database, config.database);
    assert_eq!(full.signup, config.signup);
    assert_eq!(full.session, config.session);
    assert_eq!(full.providers["github"].order, config.providers["github"].order);
    assert_eq!(full.providers["github"].state, config.providers["github"].state);
    assert_eq!(provider(&full, "github").redirect_path, "/auth/github/callback");
    assert_eq!(provider(&full, "github").plugin.as_str(), "github");

    let another: String =
        another.lines().skip(2).map(|line| line.trim_start_matches('#').to_owned() + "\n").collect();
    let (two, said) =
        folder.started_with(&format!("{}\n{another}", written.join("\n").replace("icon = ", "#icon = ")));
    assert_eq!(said, [""; 0]);
    assert_eq!(provider(&two, "github_corp").plugin.as_str(), "github");
}

#[test]
fn a_typo_is_not_also_missing() {
    let folder = Folder::new();
    assert_eq!(
        folder.stopped_by("[server]\npublic-url = \"https://id.example.org\"\n"),
        [
            "config.toml:1: no provider is configured, so nobody can sign in; add a section `[provider.…]`",
            "config.toml:2: unknown key `public-url`; did you mean `public_url`?",
        ]
    );
}

#[test]
fn what_is_missing_is_reported_at_the_header() {
    let folder = Folder::new();
    let said = folder.stopped_by("[signup]\nmode = \"auto\"\n[provider]\n\n[server]\nlog = \"text\"\n");
    assert_eq!(
        said,
        [
            "config.toml:5: `[server]` has no `public_url`; write the address that people open, as in `public_url = \
          \"https://id.example.org\"`"
        ]
    );
    assert_eq!(folder.stopped_by("[provider]\n").len(), 1);
}

#[test]
fn a_key_outside_its_section_is_sent_there() {
    let folder = Folder::new();
    assert_eq!(
        folder.stopped_by(
            "listen = \"127.0.0.1:80\"\ncolor = 1\n[provider]\n[server]\npublic_url = \"https://a.example\"\n"
        ),
        [
            "config.toml:1: unknown key `listen`; it belongs in `[server]`",
            "config.toml:2: unknown key `color`; no key stands before the first section",
        ]
    );
}

#[test]
fn a_section_that_is_no_table_is_reported_once() {
    let folder = Folder::new();
    assert_eq!(
        folder.stopped_by("server = 5\nprovider = []\nplugin = true\n"),
        [
            "config.toml:1: `server` must be a table, not an integer; write `[server]`",
            "config.toml:2: `provider` must be a table, not a list; write `[provider.NAME]`",
            "config.toml:3: `plugin` must be a table, not a boolean; write `[plugin.NAME]`",
        ]
    );
}

#[test]
fn every_syntax_error_is_reported_and_nothing_is_missing_for_it() {
    let folder = Folder::new();
    let said = folder.stopped_by(
        "[server]\npublic_url = \"https://id.example.org\nlisten = 1.2.3.4\nlog = text\nbegin_rate = 30\n[provider]\n\
         [session]\nidle 5\n[[[\n",
    );
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn a_section_or_key_that_stands_twice_is_reported() {
    let folder = Folder::new();
    assert_eq!(
        folder.stopped_by(&with("log = \"text\"\nlog = \"json\"\n[provider.a]\n[provider.a]\n")),
        ["config.toml:4: not TOML: duplicate key", "config.toml:6: not TOML: duplicate key"]
    );
}

#[test]
fn later_features_are_refused_and_not_ignored() {
    let folder = Folder::new();
    let text = with(
        "[database]\nmigrate = \"auto\"\n[signup]\nmode = \"ask\"\n\
         [admin]\n[tokens]\n[application.wiki]\n[plugin.hub]\npath = \"hub.so\"\n\
         sha256 = [\"0000000000000000000000000000000000000000000000000000000000000000\"]\n[provider.hub]\n\
         signup = true\ntokens = \"keep\"\n",
    );
    assert_eq!(
        folder.stopped_by(&text),
        [
            "config.toml:6: `mode = \"ask\"` is not in this version; write `mode = \"auto\"` or `mode = \"closed\"`",
            "config.toml:7: `[admin]` is not in this version; remove it",
            "config.toml:8: `[tokens]` is not in this version; remove it",
            "config.toml:9: `[application]` is not in this version; remove it",
            "config.toml:14: `signup` is not in this version; remove it",
            "config.toml:15: `tokens` is not in this version; remove it",
        ]
    );
}

#[test]
fn the_listener_of_the_metrics_is_an_address_of_its_own() {
    let folder = Folder::new();
    for (lines, fault) in [
        (
            "metrics_listen = \"9100\"\n",
            "config.toml:3: `9100` is not a socket address; write an address and a port, as in `127.0.0.1:8080`",
        ),
        (
            "metrics_listen = \"localhost:9100\"\n",
            "config.toml:3: `localhost:9100` is not a socket address; write `127.0.0.1:9100`",
        ),
        (
            "metrics_listen = \"127.0.0.1:8080\"\n",
            "config.toml:3: `metrics_listen` is `127.0.0.1:8080`, where the server itself listens; give the metrics a \
             port of their own, as in `127.0.0.1:9100`",
        ),
    ] {
        assert_eq!(folder.stopped_by(&with(lines)).last().unwrap(), fault, "{lines}");
    }
}

#[test]
fn the_admin_socket_is_off_unless_written_and_starts_from_the_files_folder() {
    let folder = Folder::new();
    assert_eq!(folder.load(&with("")).unwrap().config.server.admin_socket, None);
    let config = folder.load(&with("admin_socket = \"admin.sock\"\n")).unwrap().config;
    assert_eq!(config.server.admin_socket, Some(folder.path("admin.sock")));
    let config = folder.load(&with("admin_socket = \"/run/vestibule/admin.sock\"\n")).unwrap().config;
    assert_eq!(config.server.admin_socket.as_deref(), Some(Path::new("/run/vestibule/admin.sock")));
    let long = "x".repeat(108);
    assert_eq!(
        folder.stopped_by(&with(&format!("admin_socket = \"/{long}\"\n")))[1..],
        ["config.toml:3: `admin_socket` has 109 bytes with its folder; choose a path of at most 107 bytes"]
    );
    for path in ["", "/run/", "a\\u0000b"] {
        let stopped = folder.stopped_by(&with(&format!("admin_socket = \"{path}\"\n")));
        assert_eq!(stopped.len(), 2);
        assert!(stopped[1].contains("is not the path of a file"), "{stopped:?}");
    }
}

#[test]
fn the_admin_socket_is_found_in_a_file_with_faults() {
    let folder = Folder::new();
    let find = |text: &str| {
        let path = folder.path("broken.toml");
        std::fs::write(&path, text).unwrap();
        vestibule::config::admin_socket(&path)
    };
    let expected = Some(folder.path("admin.sock"));
    assert_eq!(find("[server]\nadmin_socket = \"admin.sock\"\nx = \n[provider"), expected);
    assert_eq!(find("[server]\nadmin_socket = \"admin.sock\"\nlisten = 7\n"), expected);
    for text in ["", "[server]\n", "server = 1", "[server]\nadmin_socket = 1\n"] {
        assert_eq!(find(text), None, "{text}");
    }
}

#[test]
fn the_database_is_named_once_and_its_password_never_printed() {
    let mut folder = Folder::new();
    folder.environment.insert("DATABASE_URL".into(), "postgresql://vestibule:hunter2@db".into());
    folder.file_with_mode("db-url", "mysql://vestibule:hunter2@db", 0o644);
    let said = |text: &str| folder.stopped_by(&with(&format!("[provider]\n[database]\n{text}\n")));
    let no_database = "config.toml:5: the database URL names no database; write `postgres://ROLE@HOST/DATABASE`, or \
                       `postgres://ROLE@/DATABASE?host=/run/postgresql` for a socket";
    assert_eq!(said("url = \"postgres://vestibule:hunter2@db\""), [no_database]);
    assert_eq!(said("url_env = \"DATABASE_URL\""), [no_database]);
    assert_eq!(
        said("url = \"postgres://vestibule:hunter2@db/vestibule?sslmode=require\""),
        [
            "config.toml:5: the database URL's `sslmode` lets any server on the way pose as the database; write \
          `sslmode=verify-full`, with `sslrootcert=FILE` for an authority of your own"
        ]
    );
    assert_eq!(
        said("url_file = \"./db-url\""),
        [
            "config.toml:5: `url_file` is readable by group and others (0644); take that away: `chmod 600 ./db-url`",
            "config.toml:5: no database is reached by `mysql:`; write `sqlite:` and the path of a file, as in \
             `sqlite:vestibule.db`, or `postgres://ROLE@HOST/DATABASE`",
        ]
    );
    assert_eq!(
        said("url = \"sqlite:a.db\"\nurl_env = \"DATABASE_URL\""),
        ["config.toml:4: `[database]` has `url` and `url_env`; keep one of them"]
    );
    assert_eq!(
        said("url_file = \"./nowhere\""),
        [
            "config.toml:5: `./nowhere` of `url_file` cannot be read: no such file or directory; let `url_file` name a \
          file that this process can read"
        ]
    );
    for text in ["sqlite:", "sqlite::memory:", "sqlite:a.db?mode=ro", "a.db"] {
        assert_eq!(said(&format!("url = \"{text}\"")).len(), 1, "{text}");
    }
}

#[test]
fn a_postgresql_server_is_read_and_a_password_in_the_configuration_itself_is_warned_of() {
    let folder = Folder::new();
    folder.file_with_mode("db-url", "postgres://vestibule:hunter2@db.example.org/ids\n", 0o600);
    let load = |text: &str| {
        Config::parse(
            &with(&format!("[provider]\n[database]\n{text}\n")),
            &folder.path("config.toml"),
            &folder.environment,
        )
        .unwrap()
    };
    let in_file = load("url_file = \"db-url\"\nmigrate = \"manual\"");
    assert!(in_file.faults.iter().all(|fault| !fault.to_string().contains("password")));
    assert_eq!(in_file.config.migrate, Migrate::Manual);
    let written = load("url = \"postgres://vestibule:hunter2@db.example.org/ids\"");
    assert_eq!(written.config.database, in_file.config.database);
    assert_eq!(written.config.migrate, Migrate::Auto);
    let said: Vec<_> = written.faults.iter().map(ToString::to_string).collect();
    assert!(
        said.iter().any(|fault| fault.ends_with(
            "config.toml:5: `url` holds a password; put the URL into a file of its own that the server alone can read, \
             and name it in `url_file`"
        )),
        "{said:?}"
    );
    assert_eq!(written.config.database.to_string(), "postgres://vestibule@db.example.org:5432/ids");
    assert!(!format!("{written:?}").contains("hunter2"));
}

#[test]
fn idle_is_not_longer_than_absolute() {
    let folder = Folder::new();
    assert_eq!(
        folder.stopped_by(&with("[provider]\n[session]\nidle = \"3d\"\nabsolute = \"36h\"\n")),
        [
            "config.toml:5: `idle` (3d) is longer than `absolute` (1d 12h); make `idle` shorter or `absolute` longer"
        ]
    );
    assert_eq!(
        folder.stopped_by(&with("[provider]\n[session]\nidle = \"10s\"\nabsolute = \"2 years\"\n")),
        [
            "config.toml:5: `idle` is `10s`; write something between 5m and 400d",
            "config.toml:6: `2 years` is not a duration; write one like `7d`, `8h 30m` or `30 days`",
        ]
    );
}

#[test]
fn a_plugin_that_runs_in_workers_alone_may_have_no_pin_and_gets_a_warning() {
    let folder = Folder::new();
    folder.file("hub.so", "not really a library");
    for transport in ["", "transport = \"worker\"\n"] {
        let text = with(&format!("[plugin.hub]\npath = \"hub.so\"\n[provider.hub]\n{transport}"));
        let loaded = folder.load(&text).unwrap();
        assert_eq!(
            folder.said(&loaded.faults),
            [
                "config.toml:3: plugin `hub` has no pin: whoever may replace its file decides who signs in; if you trust \
                 the file, write `sha256 = [\"8c94411e7c8b87bd238af6ff286f5e356e89b0b393364163b58e2ca433a40fe5\"]`"
            ]
        );
        assert!(loaded.faults.iter().all(|fault| !fault.is_error()));
        assert_eq!(provider(&loaded.config, "hub").transport, Transport::Worker);
    }
}

#[test]
fn a_plugin_without_a_pin_is_refused_with_the_line_to_paste() {
    let folder = Folder::new();
    folder.file("hub.so", "not really a library");
    let text = with(
        "[plugin.hub]\npath = \"hub.so\"\n[provider.hub]\ntransport = \"in-process\"\nlabel = \"Hub\"\n",
    );
    let (config, said) = folder.started_with(&text);
    assert_eq!(
        said,
        [
            "config.toml:3: plugin `hub` has no pin, which `transport = \"in-process\"` needs; if you trust the file, \
          write `sha256 = [\"8c94411e7c8b87bd238af6ff286f5e356e89b0b393364163b58e2ca433a40fe5\"]`"
        ]
    );
    let faults = config.providers["hub"].config.as_ref().unwrap_err();
    assert_eq!(folder.said(faults), said);
    assert_eq!(config.providers["hub"].label.as_deref(), Some("Hub"));

    // The line as printed is all that it takes.
    let line = said[0].rsplit_once("write `").unwrap().1.trim_end_matches('`');
    let (config, said) = folder.started_with(&text.replace("path = ", &format!("{line}\npath = ")));
    assert_eq!(said, [""; 0]);
    provider(&config, "hub");
}

#[test]
fn a_plugin_whose_file_is_not_there_says_so() {
    let folder = Folder::new();
    fs::create_dir(folder.path("folder.so")).unwrap();
    for (path, why) in [("hub.so", "no such file or directory"), ("folder.so", "it is not a regular file")] {
        let text =
            with(&format!("[plugin.hub]\npath = \"{path}\"\n[provider.hub]\ntransport = \"in-process\"\n"));
        assert_eq!(
            folder.started_with(&text).1,
            [format!(
                "config.toml:3: plugin `hub` has no pin, which `transport = \"in-process\"` needs; its file `{path}` \
                 cannot be read: {why}; put the plugin's library there, or change `path`"
            )]
        );
    }
}

#[test]
fn a_fault_in_one_provider_takes_away_that_one() {
    let folder = Folder::new();
    let text = format!(
        "{}\n[provider.other]\nplugin = \"hub\"\ntransport = \"in-process\"\ncolour = \"red\"\nlabel = \"Other\"\n\
         [provider.GitHub]\nplugin = \"hub\"\n[plugin.forge]\n[provider.forge]\n",
        with_provider("")
    );
    let loaded = folder.load(&text).unwrap();
    provider(&loaded.config, "hub");
    assert!(loaded.config.providers["other"].config.is_err());
    assert_eq!(loaded.config.providers["other"].label.as_deref(), Some("Other"));
    assert_eq!(loaded.config.providers.len(), 3);
    assert_eq!(
        folder.said(&loaded.faults),
        [
            "config.toml:13: unknown key `colour`; `[provider.other]` takes: `plugin`, `transport`, `label`, `icon`, \
             `order`, `state`, `redirect_path`, `allow_networks`, `settings`",
            "config.toml:15: `GitHub` is not a name: use a lower-case letter, then at most 39 of `a-z`, `0-9` and `_`; \
             write `[provider.github]`",
            "config.toml:17: `[plugin.forge]` has no `path`; write the path of the plugin's library, relative to this \
             file or absolute",
        ]
    );
    let scopes: Vec<_> = loaded.faults.into_iter().map(|fault| fault.scope).collect();
    assert_eq!(
        scopes,
        [Scope::Provider("other".into()), Scope::Provider("GitHub".into()), Scope::Plugin("forge".into()),]
    );
}

#[test]
fn a_provider_names_a_plugin_that_is_configured() {
    let folder = Folder::new();
    let text = format!(
        "{}\n[provider.corp]\nplugin = \"hup\"\ntransport = \"in-process\"\n[provider.codeberg]\ntransport = \"in-process\"\n",
        with_provider("")
    );
    assert_eq!(
        folder.started_with(&text).1,
        [
            "config.toml:11: there is no `[plugin.hup]`; did you mean `hub`?",
            "config.toml:13: `[provider.codeberg]` names no `plugin`, and there is no `[plugin.codeberg]`; add its \
             section, or name one of `hub`",
        ]
    );
    // Whatever stands for a plugin, a provider is either usable or says why not.
    for plugin in ["plugin.forge = 5", "[plugin.Forge]", "plugin = 5"] {
        let name = if plugin.contains("Forge") { "Forge" } else { "forge" };
        let text = format!(
            "{plugin}\n[server]\npublic_url = \"https://a.example\"\n[provider.forge]\nplugin = \"{name}\"\ntransport = \"in-process\"\n"
        );
        match folder.load(&text) {
            Ok(loaded) => assert!(!loaded.config.providers["forge"].config.as_ref().unwrap_err().is_empty()),
            Err(faults) => assert!(faults.len() == 2, "{:#?}", folder.said(&faults)),
        }
    }
}

#[test]
fn redirect_paths_are_safe_and_unique() {
    let folder = Folder::new();
    let with_path = |path: &str| {
        format!(
            "{}\n[provider.a]\nplugin = \"hub\"\ntransport = \"in-process\"\nredirect_path = \"/cb\"\n\
             [provider.b]\nplugin = \"hub\"\ntransport = \"in-process\"\nredirect_path = \"{path}\"\n",
            with_provider("")
        )
    };
    for (path, fault) in [
        ("/cb", "`/cb` is also the redirect path of `a`; give each provider its own"),
        (
            "/login/x",
            "`/login/x` is a path of the server itself; choose another path, as in `/oauth/callback`",
        ),
        (
            "/auth/hub/callback",
            "`/auth/hub/callback` is a path of the server itself; choose another path, as in `/oauth/callback`",
        ),
        ("cb2", "`cb2` cannot be a redirect path; begin it with `/`"),
        ("/{*x}", "`/{*x}` cannot be a redirect path; use letters, digits, `-`, `.`, `_`, `~` and `/` alone"),
    ] {
        assert_eq!(folder.started_with(&with_path(path)).1, [format!("config.toml:17: {fault}")]);
    }
    assert_eq!(folder.started_with(&with_path("/auth/b/callback")).1, [""; 0]);
}

#[test]
fn an_unreadable_configuration_says_why() {
    let folder = Folder::new();
    let load = |name: &str| {
        folder.said(&Config::load(&folder.path(name), &folder.environment).expect_err("unreadable"))
    };
    assert_eq!(
        load("nowhere.toml"),
        [
            "nowhere.toml: cannot be read: no such file or directory; name a configuration file with `--config FILE`"
        ]
    );
    folder.file("bytes.toml", b"a = 1\n\xff\n");
    assert_eq!(load("bytes.toml"), ["bytes.toml:2: not UTF-8; save the file as UTF-8"]);
    folder.file("big.toml", vec![b'#'; 1024 * 1024 + 1]);
    assert_eq!(load("big.toml"), ["big.toml: larger than 1 MiB; name the right file"]);
}

/// Pieces of a configuration, so that random texts get past the first line.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "[server]\n",
            "[database]\n",
            "[session]\n",
            "[signup]\n",
            "[plugin.a]\n",
            "[plugin.A]\n",
            "[plugin]\n",
            "[provider.a]\n",
            "[provider.a.settings]\n",
            "[[provider.a]]\n",
            "[provider]\n",
            "[provider.\"\"]\n",
            "public_url = \"https://a.example\"\n",
            "public_url = ",
            "path = \"a\"\n",
            "plugin = \"a\"\n",
            "plugin.a = 1\n",
            "transport = \"in-process\"\n",
            "transport = \"worker\"\n",
            "settings = {a = [1, {b = 2}]}\n",
            "sha256 = [\n\"a\",\n5]\n",
            "url = \"sqlite:x\"\n",
            "url_file = \"/dev/null\"\n",
            "idle = \"1d\"\n",
            "\"\"\"",
            "'''",
            "= [",
            "]\n",
            "{",
            "}\n",
            "\"",
            "\n",
            "\r\n",
            "\r",
            "#",
            ".",
            "é",
            "\u{0}",
            "\u{feff}",
            "1979-05-27T07:32:00Z\n",
            "0x\n",
            "nan\n",
            "order = 1\n",
            "label = \"\\u0000\"\n",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,8}",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn holds(text: &[u8]) -> Result<(), TestCaseError> {
    let folder = Folder::new();
    folder.file("config.toml", text);
    let lines = u32::try_from(text.iter().filter(|byte| **byte == b'\n').count()).unwrap() + 1;
    let (loaded, faults) = match Config::load(&folder.path("config.toml"), &folder.environment) {
        Ok(loaded) => (Some(loaded.config), loaded.faults),
        Err(faults) => {
            prop_assert!(faults.iter().any(Fault::is_error));
            (None, faults)
        }
    };
    for fault in &faults {
        let line = fault.line.expect("a line");
        prop_assert!((1..=lines).contains(&line), "{fault} of {lines} lines");
        prop_assert!(!fault.to_string().contains(char::is_control), "{fault:?}");
    }
    for (_, provider) in loaded.iter().flat_map(|config| &config.providers) {
        match &provider.config {
            Ok(provider) => {
                let plugins = loaded.as_ref().map(|config| &config.plugins).unwrap();
                prop_assert!(plugins[&provider.plugin].is_ok());
                let said =
                    settings::check(provider, &hub_schema(), &folder.environment).err().unwrap_or_default();
                for fault in said {
                    prop_assert!((1..=lines).contains(&fault.line.expect("a line")), "{fault}");
                }
            }
            Err(faults) => prop_assert!(faults.iter().any(Fault::is_error)),
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn bytes_of_any_kind_end_in_faults_with_lines(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        holds(&bytes)?;
    }

    #[test]
    fn pieces_in_any_order_end_in_faults_with_lines(text in pieces()) {
        holds(text.as_bytes())?;
    }
}

#[test]
fn names_are_typed_from_here_on() {
    let folder = Folder::new();
    let (config, _) = folder.started_with(&with_provider(""));
    let name: ProviderName = "hub".parse().unwrap();
    assert_eq!(config.providers[&name].name, name);
}
