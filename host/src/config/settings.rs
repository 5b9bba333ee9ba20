//! A provider's settings against the schema that its plugin tells: secrets fetched, every fault with its line.
//! It must not know any plugin, and it prints no secret.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use secrecy::SecretString;
use secrecy::zeroize::Zeroize as _;
use serde_json::{Map, Value};

use super::fault::{Fault, Scope, Severity, quoted};
use super::providers::ProviderConfig;
use super::secret::{self, Environment};
use super::typo::nearest;

mod raw;
mod schema;
mod verdict;

pub use raw::RawSettings;
use schema::Schema;

/// Settings that fit the plugin's schema.
#[derive(Debug)]
pub struct CheckedSettings {
    /// What the plugin is given as it is.
    pub public: Map<String, Value>,
    /// What it is given a handle for, by the names in its schema.
    pub secrets: BTreeMap<String, SecretString>,
    /// What an operator should look at.
    pub warnings: Vec<Fault>,
}

/// Checks a provider's settings against its plugin's schema, a JSON Schema of 2020-12 whose secrets are marked
/// `"x-secret": true`.
///
/// A secret `KEY` is written `KEY_file` or `KEY_env`; its true value takes part in the validation. The schema is the
/// plugin's, so it is not trusted: see the module `schema`.
///
/// # Errors
/// Every fault and every warning, in the order of the file.
pub fn check(
    provider: &ProviderConfig,
    schema: &Value,
    environment: &dyn Environment,
) -> Result<CheckedSettings, Vec<Fault>> {
    let mut check = Check {
        provider,
        faults: Vec::new(),
        spelling: BTreeMap::new(),
        unusable: BTreeSet::new(),
        meant: BTreeSet::new(),
    };
    let schema = match Schema::read(schema) {
        Ok(schema) => schema,
        Err(why) => {
            let message =
                format!("plugin `{}` has a settings schema that cannot be used: {why}", provider.plugin);
            check.report(Severity::Error, provider.settings.header_line(), message, None);
            if let Some(fault) = check.faults.first_mut() {
                fault.scope = Scope::Plugin(provider.plugin.to_string());
            }
            return Err(check.faults);
        }
    };
    let mut instance = check.gather(&schema, environment);
    check.judge(&schema, &instance);

    let mut secrets = BTreeMap::new();
    for key in schema.secrets() {
        if let Some(Value::String(text)) = instance.as_object_mut().and_then(|settings| settings.remove(key))
        {
            secrets.insert(key.to_owned(), SecretString::from(text));
        }
    }
    check.faults.sort_by_key(|fault| fault.line);
    if check.faults.iter().any(Fault::is_error) {
        return Err(check.faults);
    }
    let Value::Object(public) = instance else { return Err(check.faults) };
    Ok(CheckedSettings { public, secrets, warnings: check.faults })
}

struct Check<'p> {
    provider: &'p ProviderConfig,
    faults: Vec<Fault>,
    /// How the operator wrote a secret: `client_secret` → `client_secret_file`.
    spelling: BTreeMap<String, String>,
    /// Secrets that were written, though not usably: they are not missing as well.
    unusable: BTreeSet<String>,
    /// Settings that an unknown key was probably meant to be.
    meant: BTreeSet<String>,
}

impl Check<'_> {
    fn report(&mut self, severity: Severity, line: u32, message: String, cure: Option<String>) {
        self.faults.push(Fault {
            file: Arc::clone(&self.provider.file),
            line: Some(line),
            scope: Scope::Provider(self.provider.name.to_string()),
            severity,
            message,
            cure,
        });
    }

    fn fault(&mut self, line: u32, message: String, cure: impl Into<String>) {
        self.report(Severity::Error, line, message, Some(cure.into()));
    }

    /// The settings as the schema knows them: secrets under their own names, with their values.
    fn gather(&mut self, schema: &Schema, environment: &dyn Environment) -> Value {
        let settings = &self.provider.settings;
        let mut instance = settings.values().clone();
        for key in schema.secrets() {
            if let Some(mut inline) = instance.remove(key) {
                if let Value::String(text) = &mut inline {
                    text.zeroize();
                }
                self.unusable.insert(key.to_owned());
                self.fault(
                    settings.line(&raw::pointer("", key)),
                    format!("{} is a secret, which is never written into the configuration", quoted(key)),
                    format!(
                        "write `{key}_file = \"…\"` with a file that holds it, or `{key}_env` with the name of an \
                         environment variable; take this one for known, and have the provider make a new one"
                    ),
                );
            }
            let (in_file, in_env) = (format!("{key}_file"), format!("{key}_env"));
            let written = (instance.remove(&in_file), instance.remove(&in_env));
            let (spelling, value) = match written {
                (None, None) => continue,
                (Some(_), Some(_)) => {
                    self.unusable.insert(key.to_owned());
                    self.fault(
                        settings.line(&raw::pointer("", &in_env)),
                        format!("`{in_file}` and `{in_env}` are both written"),
                        "keep one of them",
                    );
                    continue;
                }
                (Some(value), None) => (in_file, value),
                (None, Some(value)) => (in_env, value),
            };
            match self.fetch(&spelling, &value, environment) {
                Some(secret) if !self.unusable.contains(key) => {
                    instance.insert(key.to_owned(), Value::String(secret::exposed_text(&secret).to_owned()));
                }
                _ => {
                    self.unusable.insert(key.to_owned());
                }
            }
            self.spelling.insert(key.to_owned(), spelling);
        }
        Value::Object(instance)
    }

    fn fetch(&mut self, key: &str, value: &Value, environment: &dyn Environment) -> Option<SecretString> {
        let line = self.provider.settings.line(&raw::pointer("", key));
        let Value::String(written) = value else {
            self.report(
                Severity::Error,
                line,
                format!("`{key}` must be a string, not {}", verdict::kind(value)),
                None,
            );
            return None;
        };
        let read = if key.ends_with("_file") {
            secret::from_file(key, written, &self.provider.folder().join(written), environment)
        } else {
            secret::from_environment(key, written, environment)
        };
        match read {
            Ok(read) => {
                if let Some((message, cure)) = read.exposed {
                    self.report(Severity::Warning, line, message, Some(cure));
                }
                Some(read.secret)
            }
            Err(error) => {
                self.fault(line, error.message, error.cure);
                None
            }
        }
    }

    /// An unknown key: what it was meant to be, or what there is.
    fn unknown_key(&mut self, schema: &Schema, instance: &Value, key: &str) {
        let line = self.provider.settings.line(&raw::pointer("", key));
        let message = format!("unknown key {}", quoted(key));
        let stem = key.strip_suffix("_file").or_else(|| key.strip_suffix("_env"));
        if let Some(stem) = stem.filter(|stem| schema.has(stem)) {
            self.meant.insert(stem.to_owned());
            let cure = format!("`{stem}` is not a secret: write `{stem}` itself");
            self.fault(line, message, cure);
            return;
        }
        let plugin = &self.provider.plugin;
        let takes = match schema.spellings() {
            spellings if spellings.is_empty() => format!("`{plugin}` takes no settings"),
            spellings => format!("`{plugin}` takes: {}", spellings.join(", ")),
        };
        let open = |name: &&str| instance.get(*name).is_none() && !self.spelling.contains_key(*name);
        // A secret may be missed under its bare name or under one of its two spellings.
        let mut candidates: BTreeMap<String, &str> = BTreeMap::new();
        for name in schema.names().filter(open) {
            candidates.insert(name.to_owned(), name);
            if schema.is_secret(name) {
                candidates.insert(format!("{name}_file"), name);
                candidates.insert(format!("{name}_env"), name);
            }
        }
        let cure = match nearest(key, candidates.keys().map(String::as_str)) {
            Some(near) => {
                let name = candidates.get(near).copied().unwrap_or(near);
                self.meant.insert(name.to_owned());
                let meant = if near == name { schema.spelling(name) } else { quoted(near) };
                format!("did you mean {meant}? {takes}")
            }
            None => takes,
        };
        self.fault(line, message, cure);
    }
}
