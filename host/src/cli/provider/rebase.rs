//! `vestibule provider rebase`: another realm on purpose.

use serde_json::json;

use super::users::unknown;
use super::{Answer, Failure, looked, opened};
use crate::config::Config;
use crate::exit::ExitCode;
use crate::name::ProviderName;
use crate::startup::Ambient;
use crate::startup::check::alone;

pub(super) async fn rebase(config: &Config, name: &ProviderName, yes: bool) -> Result<Answer, Failure> {
    let running = alone(config, &Ambient::system(), name).await?;
    let configured = running.provider.inspect().realm.clone();
    let store = looked(config).await?;
    let (kept, residents) = (store.kept_providers().await, store.residents(name).await);
    store.close().await;
    let (kept, users) = (kept?, residents?.len());
    let Some(stored) = kept.into_iter().find(|kept| kept.name == *name).map(|kept| kept.realm) else {
        return Err(unknown(name));
    };
    let answer = |changed: bool, lines: Vec<String>| Answer {
        lines,
        json: json!({"provider": name, "stored": stored, "configured": configured, "users": users, "changed": changed}),
        code: if changed || stored == configured { ExitCode::Fine } else { ExitCode::Server },
    };
    if stored == configured {
        return Ok(answer(
            false,
            vec![format!("`{name}` belongs to realm `{stored}` already. Nothing was changed.")],
        ));
    }
    let mut lines = vec![format!("stored:     {stored}"), format!("configured: {configured}")];
    if !yes {
        let people = super::super::configuration::counted(users, "user", "users");
        lines.push(format!(
            "{people} will be whoever has the same account id at `{configured}`. That is right only if it is the same \
             service under another address, with the same accounts; else it hands their accounts to strangers."
        ));
        lines.push("refused: say `--yes` if it is. Nothing was changed.".to_owned());
        return Ok(answer(false, lines));
    }
    let store = opened(config).await?;
    let changed = store.rebase(name, &stored, &configured).await;
    store.close().await;
    if !changed? {
        return Err(Failure::refused("refused: somebody else changed it meanwhile. Nothing was changed."));
    }
    lines.push(format!("`oauth_{name}` belongs to the configured realm now. A running server takes it with `vestibule reload`."));
    Ok(answer(true, lines))
}
