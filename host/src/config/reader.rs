//! The whole file, section by section, and what one section says about another: a provider names a plugin, `default_provider`
//! names a provider, no two providers return to one path. It must not know the keys of any section.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::database;
use super::document::{self, Document};
use super::fault::{Fault, Scope, Severity, quoted};
use super::plugins::{PLUGIN, PluginConfig, plugin, report_missing_pin};
use super::providers::{Draft, PROVIDER, Provider, Transport, provider};
use super::secret::Environment;
use super::section::{Found, Keys, Section, table};
use super::server::{self, Server};
use super::typo::nearest;
use super::{Config, PluginSections, Use};
use crate::name::{PluginName, ProviderName};

/// The sections of the server itself, and their keys.
const CORE: [(&str, &Keys); 4] = [
    ("server", &server::SERVER),
    ("database", &database::DATABASE),
    ("signup", &server::SIGNUP),
    ("session", &server::SESSION),
];
/// Sections of which there is one for each name.
const NAMED: [&str; 2] = ["plugin", "provider"];
/// Sections of later versions.
const LATER: [&str; 3] = ["admin", "application", "tokens"];

/// Reads a document section by section. Faults gather in it until [`Reader::finish`].
pub(crate) struct Reader<'d> {
    document: &'d Document<'d>,
    folder: &'d Path,
    faults: Vec<Fault>,
}

impl<'d> Reader<'d> {
    /// A reader of a document whose relative paths start from `folder`.
    pub(crate) fn new(document: &'d Document<'d>, folder: &'d Path) -> Self {
        Self { document, folder, faults: Vec::new() }
    }

    /// The faults that were found.
    pub(crate) fn finish(self) -> Vec<Fault> {
        self.faults
    }

    fn fault(&self, scope: Scope, line: u32, message: String, cure: Option<String>) -> Fault {
        let file = Arc::clone(self.document.file());
        Fault { file, line: Some(line), scope, severity: Severity::Error, message, cure }
    }

    /// Reads everything, to find every fault; a configuration comes out if the server's own sections allow one.
    pub(crate) fn read(&mut self, environment: &dyn Environment) -> Option<Config> {
        self.sections();

        let mut section = self.core("server", &server::SERVER);
        let draft = server::server(&mut section, self.folder);
        self.faults.extend(section.finish());

        let mut section = self.core("database", &database::DATABASE);
        let migrate = database::migrate(&mut section);
        let location = database::location(&mut section, self.folder, environment);
        self.faults.extend(section.finish());

        let mut section = self.core("signup", &server::SIGNUP);
        let signup = server::signup(&mut section);
        self.faults.extend(section.finish());

        let mut section = self.core("session", &server::SESSION);
        let session = server::session(&mut section);
        self.faults.extend(section.finish());

        let mut plugins = self.plugins();
        let providers = self.providers(&mut plugins);
        let default_provider =
            draft.default_provider.and_then(|found| self.default_provider(found, &providers));
        if providers.is_empty()
            && !self.document.is_broken()
            && !self.document.root().contains_key("provider")
        {
            let cure = "add a section `[provider.…]`".to_owned();
            let message = "no provider is configured, so nobody can sign in".to_owned();
            let fault = self.fault(Scope::Core, 1, message, Some(cure));
            self.faults.push(Fault { severity: Severity::Warning, ..fault });
        }
        let server = Server { default_provider, ..draft.server? };
        Some(Config { server, database: location?, migrate, signup, session, plugins, providers })
    }

    /// Looks at the names of the sections.
    fn sections(&mut self) {
        let known = || CORE.iter().map(|(name, _)| *name).chain(NAMED);
        for (key, value) in self.document.root() {
            let name: &str = key.get_ref();
            if known().any(|known| known == name) {
                continue;
            }
            let line = self.document.line(&key.span());
            let is_section = table(self.document, value).is_ok();
            let (message, cure) = if !is_section {
                let section = CORE.iter().find(|(_, keys)| keys.taken.contains(&name));
                let cure = match section {
                    Some((section, _)) => format!("it belongs in `[{section}]`"),
                    None => "no key stands before the first section".to_owned(),
                };
                (format!("unknown key {}", quoted(name)), cure)
            } else if LATER.contains(&name) {
                (format!("`[{name}]` is not in this version"), "remove it".to_owned())
            } else {
                let cure = match nearest(name, known()) {
                    Some(near) if NAMED.contains(&near) => format!("did you mean `[{near}.…]`?"),
                    Some(near) => format!("did you mean `[{near}]`?"),
                    None => {
                        let names: Vec<String> = CORE.iter().map(|(name, _)| format!("`[{name}]`")).collect();
                        format!("there are {}, `[plugin.…]` and `[provider.…]`", names.join(", "))
                    }
                };
                (format!("unknown section `[{}]`", quoted(name).trim_matches('`')), cure)
            };
            let fault = self.fault(Scope::Core, line, message, Some(cure));
            self.faults.push(fault);
        }
    }

    /// Opens a section of the server, there or not.
    fn core(&mut self, name: &'static str, keys: &Keys) -> Section<'d> {
        let document = self.document;
        let found = match document.root().get_key_value(name) {
            None => None,
            Some((key, value)) => match table(document, value) {
                Ok(found) => Some(found),
                Err(_) => {
                    let line = document.line(&key.span());
                    let message =
                        format!("`{name}` must be a table, not {}", document::kind(value.get_ref()));
                    let fault = self.fault(Scope::Core, line, message, Some(format!("write `[{name}]`")));
                    self.faults.push(fault);
                    None
                }
            },
        };
        let is_absent = found.is_none() && document.root().contains_key(name);
        let mut section = Section::open(document, found, format!("[{name}]"), Scope::Core, keys);
        if is_absent {
            section.say_nothing_missing();
        }
        section
    }

    /// The sections `[kind.…]`: each name with its table, or with the fault that there is none.
    fn named(
        &mut self,
        kind: &'static str,
        scope: fn(String) -> Scope,
    ) -> Vec<(&'d str, Result<Found<&'d DeTable<'d>>, Fault>)> {
        let document = self.document;
        let Some((key, value)) = document.root().get_key_value(kind) else { return Vec::new() };
        let Ok(sections) = table(document, value) else {
            let line = document.line(&key.span());
            let message = format!("`{kind}` must be a table, not {}", document::kind(value.get_ref()));
            let fault = self.fault(Scope::Core, line, message, Some(format!("write `[{kind}.NAME]`")));
            self.faults.push(fault);
            return Vec::new();
        };
        let mut named = Vec::new();
        for (key, value) in sections.value {
            let name: &str = key.get_ref();
            match table(document, value) {
                Ok(found) => named.push((name, Ok(found))),
                Err(_) => {
                    let line = document.line(&key.span());
                    let shown = quoted(name);
                    let shown = shown.trim_matches('`');
                    let message =
                        format!("`{kind}.{shown}` must be a table, not {}", document::kind(value.get_ref()));
                    let cure = format!("write `[{kind}.{shown}]`");
                    let fault = self.fault(scope(name.to_owned()), line, message, Some(cure));
                    self.faults.push(fault.clone());
                    named.push((name, Err(fault)));
                }
            }
        }
        named
    }

    fn misnamed(&mut self, scope: Scope, kind: &str, name: &str, line: u32, why: String) {
        let lower = name.to_ascii_lowercase().replace(['-', '.', ' '], "_");
        let cure = lower.parse::<ProviderName>().is_ok().then(|| format!("write `[{kind}.{lower}]`"));
        let fault = self.fault(scope, line, why, cure);
        self.faults.push(fault);
    }

    /// The sections of plugins, and the providers that name one.
    pub(crate) fn plugin_sections(&mut self) -> PluginSections {
        let plugins = self.plugins();
        let document = self.document;
        let mut uses = Vec::new();
        for (provider, found) in self.named("provider", Scope::Provider) {
            let Ok(found) = found else { continue };
            let (plugin, line) = match found.value.get_key_value("plugin") {
                Some((key, value)) => match value.get_ref() {
                    DeValue::String(name) => (name.as_ref(), document.line(&key.span())),
                    _ => continue,
                },
                None => (provider, found.line),
            };
            uses.push(Use { provider: provider.to_owned(), plugin: plugin.to_owned(), line });
        }
        uses.sort_by_key(|found| found.line);
        PluginSections { plugins, uses }
    }

    fn plugins(&mut self) -> BTreeMap<PluginName, Result<PluginConfig, Vec<Fault>>> {
        let mut plugins = BTreeMap::new();
        for (name, found) in self.named("plugin", Scope::Plugin) {
            let found = match found {
                Ok(found) => found,
                Err(fault) => {
                    plugins.extend(name.parse().ok().map(|name: PluginName| (name, Err(vec![fault]))));
                    continue;
                }
            };
            let scope = Scope::Plugin(name.to_owned());
            let shown = quoted(name);
            let header = format!("[plugin.{}]", shown.trim_matches('`'));
            let line = found.line;
            let mut section = Section::open(self.document, Some(found), header, scope.clone(), &PLUGIN);
            match name.parse::<PluginName>() {
                Ok(name) => {
                    let config = plugin(&mut section, name.clone(), self.folder);
                    let faults = section.finish();
                    let config = config.filter(|_| !faults.iter().any(Fault::is_error)).ok_or(faults.clone());
                    self.faults.extend(faults);
                    plugins.insert(name, config);
                }
                Err(why) => {
                    self.misnamed(scope, "plugin", name, line, why.to_string());
                    self.faults.extend(section.finish());
                }
            }
        }
        plugins
    }

    fn providers(
        &mut self,
        plugins: &mut BTreeMap<PluginName, Result<PluginConfig, Vec<Fault>>>,
    ) -> BTreeMap<ProviderName, Provider> {
        let names: BTreeSet<&str> = match self.document.root().get("plugin").map(|value| value.get_ref()) {
            Some(DeValue::Table(table)) => table.keys().map(|key| &**key.get_ref()).collect(),
            _ => BTreeSet::new(),
        };
        let mut drafts: Vec<(Draft, Vec<Fault>)> = Vec::new();
        for (name, found) in self.named("provider", Scope::Provider) {
            let Ok(found) = found else { continue };
            let scope = Scope::Provider(name.to_owned());
            let shown = quoted(name);
            let header = format!("[provider.{}]", shown.trim_matches('`'));
            let line = found.line;
            let mut section = Section::open(self.document, Some(found), header, scope.clone(), &PROVIDER);
            match name.parse::<ProviderName>() {
                Ok(name) => {
                    let draft = provider(&mut section, &name, &names, self.folder);
                    drafts.push((draft, section.finish()));
                }
                Err(why) => {
                    self.misnamed(scope, "provider", name, line, why.to_string());
                    self.faults.extend(section.finish());
                }
            }
        }
        self.redirect_paths(&mut drafts);
        self.pins(&drafts, plugins);

        let mut providers = BTreeMap::new();
        for (draft, own) in drafts {
            let mut provider = draft.provider;
            let mut against: Vec<Fault> = own.iter().filter(|fault| fault.is_error()).cloned().collect();
            let plugin = draft.runs.as_ref().and_then(|(name, _)| plugins.get(name));
            if let Some(Err(faults)) = plugin {
                against.extend(faults.iter().filter(|fault| fault.is_error()).cloned());
            }
            if !against.is_empty() {
                provider.config = Err(against);
            }
            self.faults.extend(own);
            providers.insert(provider.name.clone(), provider);
        }
        providers
    }

    /// Of two providers with one redirect path, the later one in the file is at fault.
    fn redirect_paths(&self, drafts: &mut [(Draft, Vec<Fault>)]) {
        drafts.sort_by_key(|(draft, _)| draft.provider.line);
        let mut taken: BTreeMap<String, ProviderName> = BTreeMap::new();
        for (draft, faults) in drafts {
            let Some((path, line)) = &draft.redirect else { continue };
            if let Some(other) = taken.get(path) {
                faults.push(self.fault(
                    Scope::Provider(draft.provider.name.to_string()),
                    *line,
                    format!("{} is also the redirect path of `{other}`", quoted(path)),
                    Some("give each provider its own".to_owned()),
                ));
            } else {
                taken.insert(path.clone(), draft.provider.name.clone());
            }
        }
    }

    /// What runs inside the server must be pinned; what runs in workers alone should be.
    fn pins(
        &mut self,
        drafts: &[(Draft, Vec<Fault>)],
        plugins: &mut BTreeMap<PluginName, Result<PluginConfig, Vec<Fault>>>,
    ) {
        // A plugin that runs in both ways counts as in-process, which comes last.
        let runs: BTreeMap<&PluginName, Transport> = drafts
            .iter()
            .filter_map(|(draft, _)| draft.runs.as_ref())
            .fold(BTreeMap::new(), |mut runs, (name, how)| {
                let known = runs.entry(name).or_insert(*how);
                *known = (*known).max(*how);
                runs
            });
        for (name, transport) in runs {
            let Some(plugin) = plugins.get_mut(name) else { continue };
            let Ok(config) = plugin else { continue };
            if !config.sha256.is_empty() || self.document.is_broken() {
                continue;
            }
            let scope = Scope::Plugin(name.to_string());
            let fault = report_missing_pin(config, transport, |line, message, cure| {
                self.fault(scope, line, message, Some(cure))
            });
            self.faults.push(fault.clone());
            if fault.is_error() {
                *plugin = Err(vec![fault]);
            }
        }
    }

    fn default_provider(
        &mut self,
        found: Found<&str>,
        providers: &BTreeMap<ProviderName, Provider>,
    ) -> Option<ProviderName> {
        if let Some((name, _)) = providers.get_key_value(found.value) {
            return Some(name.clone());
        }
        if self.document.is_broken() {
            return None;
        }
        let cure = match nearest(found.value, providers.keys().map(ProviderName::as_str)) {
            Some(near) => format!("did you mean {}?", quoted(near)),
            None => "name one that is".to_owned(),
        };
        let message = format!("the default provider {} is not configured", quoted(found.value));
        let fault = self.fault(Scope::Core, found.line, message, Some(cure));
        self.faults.push(fault);
        None
    }
}
