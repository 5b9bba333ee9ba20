//! What a provider is made from, as two digests: one that tells this process whether it has to be made anew, and one that
//! can be shown. Knows what goes in, and nothing of what comes out.

use aws_lc_rs::hmac;
use ipnet::IpNet;
use secrecy::zeroize::Zeroize as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use std::collections::BTreeMap;

use crate::config::settings::CheckedSettings;
use crate::config::{ProviderConfig, ProviderState, Transport};
use crate::random::{self, Random, sha256};
use crate::registry::Basis;

/// The key of this process: with it a digest over a short secret tells nobody anything.
pub(super) struct Key(hmac::Key);

impl Key {
    pub(super) fn new(random: &dyn Random) -> Self {
        let mut bytes = random::bytes::<32>(random);
        let key = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
        bytes.zeroize();
        Self(key)
    }

    /// Of a provider whose plugin and settings are known.
    pub(super) fn of_settings(
        &self,
        config: &ProviderConfig,
        plugin: &[u8; 32],
        settings: &CheckedSettings,
    ) -> Basis {
        let mut parts = Parts::default();
        parts.section(config);
        parts.bytes(plugin);
        parts.json(&Value::Object(settings.public.clone()));
        for key in settings.secrets.keys() {
            parts.text(key);
        }
        let shown = sha256(&parts.0);
        parts.secrets(&settings.secrets);
        Basis { keyed: self.sign(&parts), shown }
    }

    /// Of a provider that has come no further than `why`, whatever it is that fails.
    pub(super) fn of_failure(&self, config: &ProviderConfig, plugin: Option<&[u8; 32]>, why: &str) -> Basis {
        let mut parts = Parts::default();
        parts.text("failed");
        parts.section(config);
        parts.bytes(plugin.map_or(&[][..], |plugin| plugin));
        // Only under the key: somebody may have written a secret where none belongs.
        let shown = sha256(&parts.0);
        parts.json(&Value::Object(config.settings.values().clone()));
        parts.text(why);
        Basis { keyed: self.sign(&parts), shown }
    }

    /// Of a provider that is not to be made.
    pub(super) fn of_none(&self, state: ProviderState) -> Basis {
        let mut parts = Parts::default();
        parts.text(if state == ProviderState::Disabled { "disabled" } else { "section at fault" });
        Basis { keyed: self.sign(&parts), shown: sha256(&parts.0) }
    }

    fn sign(&self, parts: &Parts) -> [u8; 32] {
        let mut digest = [0; 32];
        digest.copy_from_slice(hmac::sign(&self.0, &parts.0).as_ref());
        digest
    }
}

/// Texts one after the other, each behind its length, so that no two lists of texts run together.
#[derive(Default)]
pub(crate) struct Parts(Vec<u8>);

impl Drop for Parts {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Parts {
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        // Without the room a growing buffer would leave copies of secrets behind.
        if self.0.capacity() - self.0.len() < bytes.len() + 8 {
            let mut larger = Vec::with_capacity((self.0.len() + bytes.len() + 8) * 2);
            larger.extend_from_slice(&self.0);
            self.0.zeroize();
            self.0 = larger;
        }
        self.0.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// The order of members does not count.
    fn json(&mut self, value: &Value) {
        match value {
            Value::Object(members) => {
                let sorted: BTreeMap<_, _> = members.iter().collect();
                self.text(&format!("object of {}", sorted.len()));
                for (key, value) in sorted {
                    self.text(key);
                    self.json(value);
                }
            }
            Value::Array(items) => {
                self.text(&format!("array of {}", items.len()));
                items.iter().for_each(|item| self.json(item));
            }
            Value::String(text) => {
                self.text("string");
                self.text(text);
            }
            other => self.text(&other.to_string()),
        }
    }

    /// What a section says beside its settings, and beside what only its button shows.
    fn section(&mut self, config: &ProviderConfig) {
        let ProviderConfig { name, plugin, transport, redirect_path, allow_networks, settings: _, file: _ } =
            config;
        self.text(name.as_str());
        self.text(plugin.as_str());
        self.text(match transport {
            Transport::Worker => "worker",
            Transport::InProcess => "in-process",
        });
        self.text(redirect_path);
        let networks: Vec<String> = allow_networks.iter().map(IpNet::to_string).collect();
        self.text(&networks.join(" "));
    }

    fn secrets(&mut self, secrets: &BTreeMap<String, SecretString>) {
        for (key, secret) in secrets {
            self.text(key);
            self.text(secret.expose_secret());
        }
    }

    /// SHA-256 over all of it.
    pub(crate) fn sha256(&self) -> [u8; 32] {
        sha256(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn digest(value: &Value) -> [u8; 32] {
        let mut parts = Parts::default();
        parts.json(value);
        parts.sha256()
    }

    #[test]
    fn the_order_of_members_does_not_count_and_everything_else_does() {
        let one: Value = serde_json::from_str(r#"{"a": 1, "b": [true, "x"]}"#).unwrap();
        let other: Value = serde_json::from_str(r#"{"b": [true, "x"], "a": 1}"#).unwrap();
        assert_eq!(digest(&one), digest(&other));
        for different in [
            json!({"a": 1, "b": ["x", true]}),
            json!({"a": "1", "b": [true, "x"]}),
            json!({"a": 1, "b": [true, "x", {}]}),
            json!({"a": 1, "b": [true, ["x"]]}),
            json!({"a": 1, "b": [true, "x"], "c": null}),
        ] {
            assert_ne!(digest(&one), digest(&different), "{different}");
        }
    }
}
