//! `vestibule provider list`.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Answer, Failure, looked, table};
use crate::config::{Config, ProviderState};
use crate::exit::ExitCode;

pub(super) async fn list(config: &Config) -> Result<Answer, Failure> {
    let store = looked(config).await?;
    let (kept, census) = (store.kept_providers().await, store.census().await);
    store.close().await;
    let (kept, census) = (kept?, census?);
    let mut kept: BTreeMap<_, _> = kept.into_iter().map(|kept| (kept.name.clone(), kept)).collect();
    let users: BTreeMap<_, _> = census.into_iter().map(|found| (found.provider.clone(), found)).collect();
    let mut rows =
        vec![["PROVIDER", "PLUGIN", "STATE", "USERS", "LAST SIGN-IN", "REALM"].map(str::to_owned).to_vec()];
    let mut providers = Vec::new();
    let mut row = |name: &crate::name::ProviderName, plugin: Option<String>, state: &str| {
        let kept = kept.remove(name);
        let found = users.get(name);
        let plugin = plugin.or_else(|| kept.as_ref().map(|kept| kept.plugin.to_string()));
        let count = found.map_or(0, |found| found.users);
        let last = found.and_then(|found| found.last_sign_in).map(|at| at.to_string());
        let realm = kept.map(|kept| kept.realm);
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        rows.push(vec![
            name.to_string(),
            or_none(&plugin),
            state.to_owned(),
            count.to_string(),
            or_none(&last),
            or_none(&realm),
        ]);
        providers.push(json!({
            "name": name, "plugin": plugin, "state": state, "users": count, "last_sign_in": last, "realm": realm,
        }));
    };
    for provider in config.providers.values() {
        let state = match (provider.state, &provider.config) {
            (ProviderState::Disabled, _) => "disabled",
            (_, Err(_)) => "unavailable",
            (ProviderState::Enabled, _) => "enabled",
            (ProviderState::Hidden, _) => "hidden",
        };
        row(&provider.name, provider.config.as_ref().ok().map(|config| config.plugin.to_string()), state);
    }
    for name in users.keys().filter(|name| !config.providers.contains_key(*name)) {
        row(name, None, "orphaned");
    }
    Ok(Answer { lines: table(&rows), json: json!({ "providers": providers }), code: ExitCode::Fine })
}
