//! `vestibule provider users`.

use serde_json::json;

use super::{Answer, Failure, looked, table, ways};
use crate::config::Config;
use crate::exit::ExitCode;
use crate::name::ProviderName;
use crate::store::Resident;

pub(super) async fn users(config: &Config, name: &ProviderName, only: bool) -> Result<Answer, Failure> {
    let store = looked(config).await?;
    let (kept, residents) = (store.kept_providers().await, store.residents(name).await);
    store.close().await;
    let (kept, mut residents) = (kept?, residents?);
    if !kept.iter().any(|kept| kept.name == *name) {
        return Err(unknown(name));
    }
    let mut ways = ways(config);
    ways.remove(name);
    let all = residents.len();
    if only {
        residents.retain(|resident| !resident.others.iter().any(|other| ways.contains(other)));
    }
    let mut rows = vec![["ID", "USERNAME", "ACCOUNT", "OTHER PROVIDERS"].map(str::to_owned).to_vec()];
    rows.extend(residents.iter().map(row));
    let mut lines = if residents.is_empty() { Vec::new() } else { table(&rows) };
    lines.push(match only {
        true => format!("{} of {all} users have no other way to sign in", residents.len()),
        false => super::super::configuration::counted(all, "user", "users"),
    });
    Ok(Answer { lines, json: json!({ "users": residents, "of": all }), code: ExitCode::Fine })
}

/// An account's id is the provider's text: it is shown on one line.
fn row(resident: &Resident) -> Vec<String> {
    let others: Vec<_> = resident.others.iter().map(ToString::to_string).collect();
    let others = if others.is_empty() { "-".to_owned() } else { others.join(", ") };
    let account = crate::config::quoted(&resident.account_id);
    vec![
        resident.user_id.to_string(),
        resident.username.clone(),
        account.trim_matches('`').to_owned(),
        others,
    ]
}

pub(super) fn unknown(name: &ProviderName) -> Failure {
    Failure::of(
        ExitCode::Other,
        &format!("the database knows no provider `{name}`; see `vestibule provider list`"),
    )
}
