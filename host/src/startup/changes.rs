//! What a reload changes, by comparing the providers before with those after it. Knows no configuration.

use std::sync::Arc;

use super::reload::{Change, What};
use crate::config::ProviderState;
use crate::registry::{Entry, Registry};

/// All changes, by provider.
pub(super) fn between(before: &Registry, after: &Registry) -> Vec<Change> {
    let mut changes = Vec::new();
    for entry in after.all() {
        let provider = entry.name.to_string();
        match before.get(entry.name.as_str()) {
            None => changes.push(Change { provider, what: What::Added }),
            Some(old) => {
                changes.extend(
                    of_one(old, entry).into_iter().map(|what| Change { provider: provider.clone(), what }),
                );
            }
        }
    }
    for old in before.all().filter(|old| after.get(old.name.as_str()).is_none()) {
        changes.push(Change { provider: old.name.to_string(), what: What::Removed });
    }
    changes.sort_by(|a, b| a.provider.cmp(&b.provider));
    changes
}

fn of_one(old: &Entry, new: &Entry) -> Vec<What> {
    let mut changes = Vec::new();
    if old.state != new.state {
        changes.push(What::State { to: state(new.state).to_owned() });
    }
    match (&old.running, &new.running) {
        (Ok(one), Ok(other)) if Arc::ptr_eq(one, other) => {}
        (Ok(_), Ok(_)) => changes.push(made_anew(old, new)),
        // The change of its state says that already.
        _ if old.state == ProviderState::Disabled || new.state == ProviderState::Disabled => {}
        (Err(_), Ok(_)) => changes.push(What::Back),
        (Ok(_), Err(_)) => changes.push(What::Unavailable),
        // It was tried again, and its reason may be worded otherwise.
        (Err(_), Err(_)) => {}
    }
    let icon = |entry: &Entry| entry.icon.as_ref().map(|icon| icon.bytes.clone());
    if (&old.label, old.order, icon(old)) != (&new.label, new.order, icon(new)) {
        changes.push(What::Button);
    }
    changes
}

fn made_anew(old: &Entry, new: &Entry) -> What {
    let (Some(from), Some(to)) = (&old.file, &new.file) else { return What::Settings };
    if old.plugin == new.plugin && from.sha256 == to.sha256 {
        return What::Settings;
    }
    let version = |entry: &Entry, version: &str| match (&entry.plugin, old.plugin == new.plugin) {
        (Some(plugin), false) => format!("{plugin} {version}"),
        _ => version.to_owned(),
    };
    What::Plugin { from: version(old, &from.version), to: version(new, &to.version) }
}

/// As the configuration has it.
pub(super) fn state(state: ProviderState) -> &'static str {
    match state {
        ProviderState::Enabled => "enabled",
        ProviderState::Hidden => "hidden",
        ProviderState::Disabled => "disabled",
    }
}
