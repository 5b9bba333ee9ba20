//! The demo's configuration: the root's `config.toml` with pins, ports and lookalikes filled in, comments kept. Knows which
//! keys those are, and starts nothing.
//!
//! Every provider's `base_url`, `client_id` and secret are set, whatever its plugin, so that a new provider needs no change
//! here; what else its section says stays.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml_edit::{Array, DocumentMut, Item, Table, TableLike, Value};

use super::lookalike::{Personality, Provider};
use crate::error::{Error, Result};

/// `config.toml` as read.
pub(super) struct Configuration {
    document: DocumentMut,
    name: String,
}

/// What is known only once everything is built and the lookalikes run.
pub(super) struct Values {
    pub(super) port: u16,
    /// Below the derived file's folder.
    pub(super) database: &'static str,
    /// Below the derived file's folder.
    pub(super) admin_socket: &'static str,
    pub(super) pins: BTreeMap<String, Pinned>,
    pub(super) lookalikes: BTreeMap<String, Lookalike>,
}

/// A built plugin.
pub(super) struct Pinned {
    pub(super) path: PathBuf,
    /// 64 lower-case hexadecimal digits.
    pub(super) sha256: String,
}

/// Who plays a provider.
pub(super) struct Lookalike {
    pub(super) address: String,
    pub(super) personality: &'static Personality,
    pub(super) client_id: &'static str,
    /// Below the derived file's folder.
    pub(super) secret_file: String,
}

/// The result, and the keys that differ from the original.
pub(super) struct Derived {
    pub(super) text: String,
    pub(super) changed: Vec<String>,
}

/// The ports of the demo before.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Earlier {
    pub(super) server: u16,
    pub(super) lookalikes: BTreeMap<String, u16>,
}

impl Configuration {
    pub(super) fn read(folder: &Path, name: &str) -> Result<Self> {
        let path = folder.join(name);
        let text = std::fs::read_to_string(&path).map_err(Error::file("read", &path))?;
        Self::parse(name, &text)
    }

    fn parse(name: &str, text: &str) -> Result<Self> {
        let document = text.parse().map_err(|error: toml_edit::TomlError| {
            let before = error.span().map_or("", |span| text.get(..span.start).unwrap_or(text));
            let place = format!("{name}:{}", before.matches('\n').count() + 1);
            Error::Configuration { place, problem: error.message().to_owned() }
        })?;
        Ok(Self { document, name: name.to_owned() })
    }

    /// The providers that people can sign in with, in the file's order.
    pub(super) fn providers(&self) -> Result<Vec<Provider>> {
        let providers = self.section("provider").into_iter().flat_map(TableLike::iter);
        let enabled = providers.filter(|(_, provider)| {
            let state = provider.get("state").and_then(Item::as_str);
            state.is_none_or(|state| state == "enabled")
        });
        let providers: Vec<_> = enabled.map(provider).collect::<Result<_>>()?;
        if providers.is_empty() {
            return Err(self.fault("no `[provider.*]` is enabled, so there is nothing to sign in with"));
        }
        Ok(providers)
    }

    /// The port that the file listens on.
    pub(super) fn port(&self) -> Option<u16> {
        let listen = self.document.get("server")?.get("listen")?.as_str()?;
        listen.rsplit_once(':')?.1.parse().ok().filter(|port| *port != 0)
    }

    pub(super) fn derive(&self, values: &Values) -> Result<Derived> {
        let mut edit = Edit { document: self.document.clone(), changed: Vec::new() };
        let port = values.port;
        edit.set(&["server", "public_url"], format!("http://localhost:{port}").into());
        edit.set(&["server", "listen"], format!("127.0.0.1:{port}").into());
        edit.set(&["server", "admin_socket"], values.admin_socket.into());
        edit.remove(&["database", "url_file"]);
        edit.remove(&["database", "url_env"]);
        edit.set(&["database", "url"], format!("sqlite:{}", values.database).into());

        for (name, _) in self.section("plugin").into_iter().flat_map(TableLike::iter) {
            let Some(pinned) = values.pins.get(name) else {
                return Err(self.fault(&format!("`[plugin.{name}]` has no folder `plugins/{name}` to build")));
            };
            edit.set(&["plugin", name, "path"], pinned.path.to_string_lossy().as_ref().into());
            edit.set(&["plugin", name, "sha256"], Array::from_iter([pinned.sha256.as_str()]).into());
        }
        for (name, lookalike) in &values.lookalikes {
            let settings = |key| ["provider", name.as_str(), "settings", key];
            edit.remove(&settings("client_secret"));
            edit.remove(&settings("client_secret_env"));
            edit.set(&settings(lookalike.personality.address_key), lookalike.address.as_str().into());
            edit.set(&settings("client_id"), lookalike.client_id.into());
            edit.set(&settings("client_secret_file"), lookalike.secret_file.as_str().into());
            if !lookalike.personality.allowed_groups.is_empty() {
                let groups = Array::from_iter(lookalike.personality.allowed_groups.iter().copied());
                edit.set(&settings("allowed_groups"), groups.into());
            }
        }
        let heading = format!(
            "# Derived from {} by `cargo xtask demo`, which writes it anew each time: change that file instead.\n\n",
            self.name
        );
        Ok(Derived { text: heading + &edit.document.to_string(), changed: edit.changed })
    }

    fn section(&self, name: &str) -> Option<&dyn TableLike> {
        self.document.get(name)?.as_table_like()
    }

    fn fault(&self, problem: &str) -> Error {
        Error::Configuration { place: self.name.clone(), problem: problem.to_owned() }
    }
}

impl Earlier {
    /// `None` if no demo has been here.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>> {
        if !folder.join("config.toml").exists() {
            return Ok(None);
        }
        Self::of(&Configuration::read(folder, "config.toml")?).map(Some)
    }

    fn of(configuration: &Configuration) -> Result<Self> {
        let server = configuration.port().ok_or_else(|| configuration.fault("no port in `server.listen`"))?;
        let providers = configuration.section("provider").into_iter().flat_map(TableLike::iter);
        let port = |(name, item): (&str, &Item)| -> Option<(String, u16)> {
            let provider = provider((name, item)).ok()?;
            let address = item.get("settings")?.get(provider.personality.address_key)?.as_str()?;
            Some((provider.name, address.rsplit_once(':')?.1.parse().ok()?))
        };
        let lookalikes = providers.filter_map(port).collect();
        Ok(Self { server, lookalikes })
    }
}

/// A provider's section: its plugin has its name, or the one that it says.
fn provider((name, section): (&str, &Item)) -> Result<Provider> {
    let plugin = section.get("plugin").and_then(Item::as_str).unwrap_or(name);
    Ok(Provider { name: name.to_owned(), personality: Personality::of(plugin, name)? })
}

struct Edit {
    document: DocumentMut,
    changed: Vec<String>,
}

impl Edit {
    /// Sets one key and makes the tables on the way; a comment behind the old value stays.
    fn set(&mut self, path: &[&str], value: Value) {
        self.changed.push(path.join("."));
        let Some((key, tables)) = path.split_last() else { return };
        let mut table: &mut dyn TableLike = self.document.as_table_mut();
        for name in tables {
            let item = table.entry(name).or_insert_with(|| Item::Table(Table::new()));
            if item.as_table_like().is_none() {
                *item = Item::Table(Table::new());
            }
            let Some(inner) = item.as_table_like_mut() else { return };
            table = inner;
        }
        if let Some(Item::Value(old)) = table.get_mut(key) {
            let decor = old.decor().clone();
            *old = value;
            *old.decor_mut() = decor;
        } else {
            table.insert(key, Item::Value(value));
        }
    }

    fn remove(&mut self, path: &[&str]) {
        let Some((key, tables)) = path.split_last() else { return };
        let mut table: &mut dyn TableLike = self.document.as_table_mut();
        for name in tables {
            let Some(inner) = table.get_mut(name).and_then(Item::as_table_like_mut) else { return };
            table = inner;
        }
        table.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGINAL: &str = r#"# What a server needs.
[server]
public_url = "https://login.example.org"   # as people type it
listen = "127.0.0.1:8080"
log = "text"

[plugin.github]
path = "plugins/libvestibule_plugin_github.so"
# Written by `plugin add`.
sha256 = ["00"]

[provider.github]

[provider.github.settings]
client_id = "Iv1.0123456789abcdef"
client_secret_env = "GITHUB_SECRET"
# base_url = "https://github.example.org"

[provider.work]
plugin = "github"
state = "hidden"
"#;

    fn values() -> Values {
        let pinned =
            Pinned { path: "/t/debug/libvestibule_plugin_github.so".into(), sha256: "ab".repeat(32) };
        let lookalike = Lookalike {
            address: "http://127.0.0.1:4000".to_owned(),
            personality: Personality::of("github", "github").unwrap(),
            client_id: "demo",
            secret_file: "github.secret".to_owned(),
        };
        Values {
            port: 3000,
            database: "demo.db",
            admin_socket: "admin.sock",
            pins: BTreeMap::from([("github".to_owned(), pinned)]),
            lookalikes: BTreeMap::from([("github".to_owned(), lookalike)]),
        }
    }

    fn original() -> Configuration {
        Configuration::parse("config.toml", ORIGINAL).unwrap()
    }

    #[test]
    fn fills_in_pins_ports_and_lookalikes_and_keeps_the_rest() {
        let derived = original().derive(&values()).unwrap();
        let expected = format!(
            r#"# Derived from config.toml by `cargo xtask demo`, which writes it anew each time: change that file instead.

# What a server needs.
[server]
public_url = "http://localhost:3000"   # as people type it
listen = "127.0.0.1:3000"
log = "text"
admin_socket = "admin.sock"

[plugin.github]
path = "/t/debug/libvestibule_plugin_github.so"
# Written by `plugin add`.
sha256 = ["{}"]

[provider.github]

[provider.github.settings]
client_id = "demo"
base_url = "http://127.0.0.1:4000"
client_secret_file = "github.secret"
# base_url = "https://github.example.org"

[provider.work]
plugin = "github"
state = "hidden"

[database]
url = "sqlite:demo.db"
"#,
            "ab".repeat(32)
        );
        assert_eq!(derived.text, expected);
        assert!(derived.changed.contains(&"plugin.github.sha256".to_owned()), "{:?}", derived.changed);
    }

    #[test]
    fn only_enabled_providers_are_signed_in_through() {
        let names: Vec<_> = original().providers().unwrap().into_iter().map(|found| found.name).collect();
        assert_eq!(names, ["github"]);
        let none = Configuration::parse("config.toml", "[server]\n").unwrap();
        let refused = none.providers().unwrap_err().to_string();
        assert!(refused.starts_with("config.toml: no `[provider.*]` is enabled"), "{refused}");
    }

    #[test]
    fn a_provider_of_another_name_is_played_by_its_plugins_lookalike_and_lets_in_its_group() {
        let text = "[provider.work]\nplugin = \"oidc\"\n[provider.work.settings]\n";
        let configuration = Configuration::parse("config.toml", text).unwrap();
        let [work] = configuration.providers().unwrap().try_into().unwrap();
        let lookalike = Lookalike {
            address: "http://127.0.0.1:4000".to_owned(),
            personality: work.personality,
            client_id: "demo",
            secret_file: "work.secret".to_owned(),
        };
        let lookalikes = BTreeMap::from([(work.name, lookalike)]);
        let derived = configuration.derive(&Values { lookalikes, ..values() }).unwrap();
        assert!(derived.text.contains("\nissuer = \"http://127.0.0.1:4000\"\n"), "{}", derived.text);
        assert!(derived.text.contains("\nallowed_groups = [\"acme\"]\n"), "{}", derived.text);
    }

    #[test]
    fn a_plugin_without_a_folder_is_named() {
        let values = Values { pins: BTreeMap::new(), ..values() };
        let refused = original().derive(&values).err().unwrap().to_string();
        assert_eq!(refused, "config.toml: `[plugin.github]` has no folder `plugins/github` to build");
    }

    #[test]
    fn a_syntax_error_names_its_line() {
        let refused = Configuration::parse("config.toml", "[server]\nlisten = \n").err().unwrap().to_string();
        assert!(refused.starts_with("config.toml:2: "), "{refused}");
    }

    #[test]
    fn the_next_demo_can_find_the_ports_of_this_one() {
        assert_eq!(original().port(), Some(8080));
        let derived = original().derive(&values()).unwrap();
        let earlier = Earlier::of(&Configuration::parse("config.toml", &derived.text).unwrap()).unwrap();
        assert_eq!(earlier.server, 3000);
        assert_eq!(earlier.lookalikes, BTreeMap::from([("github".to_owned(), 4000)]));
    }
}
