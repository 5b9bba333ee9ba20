//! The sections `[provider.x]`: which plugin a provider is made of, what its button looks like, where it returns.
//! It must not know what any plugin's settings mean: those wait in [`RawSettings`] until the plugin has told its schema.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use ipnet::IpNet;

use super::fault::{Fault, is_invisible, listed, quoted};
use super::icon::{self, Icon};
use super::network::networks;
use super::section::{Found, Keys, Section};
use super::settings::RawSettings;
use super::typo::nearest;
use crate::name::{PluginName, ProviderName};

pub(crate) const PROVIDER: Keys = Keys {
    taken: &[
        "plugin",
        "transport",
        "label",
        "icon",
        "order",
        "state",
        "redirect_path",
        "allow_networks",
        "settings",
    ],
    later: &["signup", "tokens"],
};

/// `[provider.x]`, usable or not: a faulty one is shown as unavailable.
#[derive(Debug, Clone)]
pub struct Provider {
    /// Its name: path segment, table and metrics label; fixed for life.
    pub name: ProviderName,
    /// The line of its header.
    pub line: u32,
    /// What its button says, if the file says so: 1–64 characters.
    pub label: Option<String>,
    /// The picture on its button.
    pub icon: Option<Icon>,
    /// Buttons stand in this order, then by name; 100 unless said.
    pub order: i32,
    /// Whether people see it.
    pub state: ProviderState,
    /// What it needs to start, or every fault that keeps it from starting, those of its plugin's section included.
    pub config: Result<ProviderConfig, Vec<Fault>>,
}

/// Whether people see a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderState {
    /// It is listed, and serves.
    Enabled,
    /// It is not listed and begins nothing, but callbacks are served: for a roll-out.
    Hidden,
    /// It is not loaded.
    Disabled,
}

/// How the host calls a provider's plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    /// In a process of its own, closed in: the rule.
    Worker,
    /// Inside the server's process: full trust, hence a pin.
    InProcess,
}

/// What a provider needs to start.
#[derive(Debug, Clone)]
pub struct ProviderConfig {
    /// Its name.
    pub name: ProviderName,
    /// The plugin that it is made of, which is configured.
    pub plugin: PluginName,
    /// How that plugin is called.
    pub transport: Transport,
    /// The path that the provider sends people back to; no other provider or page has it.
    pub redirect_path: String,
    /// Private networks that its requests may reach.
    pub allow_networks: Vec<IpNet>,
    /// Its settings, to be checked by [`super::settings::check`].
    pub settings: RawSettings,
    /// The configuration file.
    pub file: Arc<Path>,
}

impl ProviderConfig {
    /// The folder that relative paths in its settings start from: that of the configuration file.
    pub fn folder(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new(""))
    }
}

/// A provider as read, before it is compared with the others.
pub(crate) struct Draft {
    pub(crate) provider: Provider,
    /// The plugin that it would run and how, whatever else is wrong.
    pub(crate) runs: Option<(PluginName, Transport)>,
    /// Its own redirect path and the line, if one is written.
    pub(crate) redirect: Option<(String, u32)>,
}

/// Reads one section. `plugins` are the names of all sections `[plugin.x]`, faulty ones included.
pub(crate) fn provider(
    section: &mut Section<'_>,
    name: &ProviderName,
    plugins: &BTreeSet<&str>,
    folder: &Path,
) -> Draft {
    let label = label(section);
    let icon = section.text("icon").and_then(|found| {
        icon::read(found.value, &folder.join(found.value))
            .map_err(|(message, cure)| section.fault(found.line, message, cure))
            .ok()
    });
    let order = section.integer("order").and_then(|found| {
        i32::try_from(found.value)
            .map_err(|_| section.fault(found.line, "`order` is out of range", "write a smaller number"))
            .ok()
    });
    let states = [
        ("enabled", ProviderState::Enabled),
        ("hidden", ProviderState::Hidden),
        ("disabled", ProviderState::Disabled),
    ];
    let state = section.choice("state", &states, &[]).map_or(ProviderState::Enabled, |found| found.value);

    let plugin = plugin_name(section, name, plugins);
    let transports = [("worker", Transport::Worker), ("in-process", Transport::InProcess)];
    let transport = section.choice("transport", &transports, &[]);
    let transport = transport.map_or(Transport::Worker, |found| found.value);
    let (redirect_path, redirect_line) = redirect_path(section, name);
    let allow_networks = networks(section, "allow_networks");
    let settings = RawSettings::read(section);

    let redirect = redirect_line.map(|line| (redirect_path.clone(), line));
    let runs = plugin.clone().map(|plugin| (plugin, transport));
    let config = match plugin {
        Some(plugin) if !section.is_faulty() => Ok(ProviderConfig {
            name: name.clone(),
            plugin,
            transport,
            redirect_path,
            allow_networks,
            settings,
            file: Arc::clone(section.document().file()),
        }),
        // The faults themselves are added when all of them are known.
        _ => Err(Vec::new()),
    };
    let order = order.unwrap_or(100);
    let provider = Provider { name: name.clone(), line: section.line(), label, icon, order, state, config };
    Draft { provider, runs, redirect }
}

fn label(section: &mut Section<'_>) -> Option<String> {
    let found = section.text("label")?;
    let shown = found.value.trim();
    let fits = (1..=64).contains(&shown.chars().count());
    if !fits || shown.chars().any(|c| c.is_control() || is_invisible(c)) {
        let cure = "write 1 to 64 visible characters";
        section.fault(found.line, format!("{} cannot stand on a button", quoted(found.value)), cure);
        return None;
    }
    Some(shown.to_owned())
}

fn plugin_name(
    section: &mut Section<'_>,
    provider: &ProviderName,
    plugins: &BTreeSet<&str>,
) -> Option<PluginName> {
    let written = section.text("plugin");
    if written.is_none() && section.has("plugin") {
        return None;
    }
    let (line, name) = match written {
        Some(Found { value, line }) => (line, value),
        None => (section.line(), provider.as_str()),
    };
    if plugins.contains(name) {
        let plugin = name.parse().ok();
        if plugin.is_none() {
            let message = format!("`[plugin.{}]` cannot be used", quoted(name).trim_matches('`'));
            section.fault(line, message, "rename it, there and here");
        }
        return plugin;
    }
    if section.document().is_broken() {
        return None;
    }
    let message = match written {
        Some(_) => format!("there is no `[plugin.{}]`", quoted(name).trim_matches('`')),
        None => format!("`{}` names no `plugin`, and there is no `[plugin.{name}]`", section.header()),
    };
    let cure = match nearest(name, plugins.iter().copied()) {
        Some(plugin) => format!("did you mean {}?", quoted(plugin)),
        None if plugins.is_empty() => "add its section, with the `path` of its library".to_owned(),
        None => format!("add its section, or name one of {}", listed(plugins)),
    };
    section.fault(line, message, cure);
    None
}

/// First segments of the server's own paths.
const OWN: [&str; 9] =
    ["login", "logout", "account", "assets", "api", "healthz", "readyz", "metrics", ".vestibule"];

fn redirect_path(section: &mut Section<'_>, name: &ProviderName) -> (String, Option<u32>) {
    let own = format!("/auth/{name}/callback");
    let Some(found) = section.text("redirect_path") else { return (own, None) };
    let path = found.value;
    if path == own {
        return (own, Some(found.line));
    }
    if let Err(cure) = plain_path(path) {
        section.fault(found.line, format!("{} cannot be a redirect path", quoted(path)), cure);
    } else {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        // `/auth/<any name>/begin` and `…/callback` are routes, whether or not a provider of that name exists today.
        let is_own = match segments[..] {
            ["auth", _, "begin" | "callback"] => true,
            [first, ..] => OWN.contains(&first),
            [] => false,
        };
        if is_own {
            let cure = "choose another path, as in `/oauth/callback`";
            section.fault(found.line, format!("{} is a path of the server itself", quoted(path)), cure);
        }
    }
    (path.to_owned(), Some(found.line))
}

/// Whether a path means the same to the router, to browsers and to every provider that compares redirect URIs: unreserved
/// characters alone (RFC 3986 §2.3), no empty and no dot segments, nothing that a router takes for a pattern.
fn plain_path(path: &str) -> Result<(), &'static str> {
    let Some(rest) = path.strip_prefix('/') else { return Err("begin it with `/`") };
    if path.len() > 200 {
        return Err("make it shorter than 200 characters");
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'~');
    for segment in rest.split('/') {
        if segment.is_empty() || segment == "." || segment == ".." {
            return Err("leave out `//`, `.`, `..` and a final `/`");
        }
        if !segment.bytes().all(plain) {
            return Err("use letters, digits, `-`, `.`, `_`, `~` and `/` alone");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_path_is_plain() {
        for path in ["/cb", "/oauth/callback", "/a/b.c/d-e_f~g"] {
            assert_eq!(plain_path(path), Ok(()), "{path}");
        }
        let long = format!("/{}", "a".repeat(200));
        for path in [
            "",
            "/",
            "cb",
            "//evil.example",
            "/cb/",
            "/a//b",
            "/../a",
            "/a/./b",
            "/a?b",
            "/a#b",
            "/{id}",
            "/*rest",
            "/a b",
            "/a%2fb",
            "/é",
            "/a\\b",
            "/a\0",
            &long,
        ] {
            assert!(plain_path(path).is_err(), "{path}");
        }
    }
}
