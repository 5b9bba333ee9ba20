//! `vestibule provider purge`: the end of a provider that has no section any more. Users are never deleted.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use super::{Answer, Failure, is_served, looked, opened, ways};
use crate::config::Config;
use crate::exit::ExitCode;
use crate::name::ProviderName;
use crate::store::{Exported, PurgeError};

pub(super) async fn purge(
    config: &Config,
    file: &Path,
    name: &ProviderName,
    export: Option<&Path>,
    strand: bool,
) -> Result<Answer, Failure> {
    if config.providers.contains_key(name) {
        return Err(Failure::refused(format!(
            "refused: `{name}` is configured. Take `[provider.{name}]` out of the configuration and reload, then purge."
        )));
    }
    if is_served(file, name) {
        return Err(Failure::refused(format!(
            "refused: the running server still serves `{name}`. Run `vestibule reload`, then purge."
        )));
    }
    let ways = ways(config);
    let store = looked(config).await?;
    let (kept, residents) = (store.kept_providers().await, store.residents(name).await);
    store.close().await;
    let (kept, residents) = (kept?, residents?);
    if !kept.iter().any(|kept| kept.name == *name) {
        return Err(super::users::unknown(name));
    }
    let users = residents.len();
    let stranded =
        residents.iter().filter(|one| !one.others.iter().any(|other| ways.contains(other))).count();
    if stranded > 0 && !strand {
        return Err(strands(name, stranded, users));
    }
    let Some(path) = export else {
        return Err(Failure::refused(format!(
            "refused: --export FILE is required: it gets what is lost, {} and what the provider said of them. Accounts are \
             never deleted.",
            super::super::configuration::counted(users, "link", "links")
        )));
    };
    let written =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|error| {
            let why = crate::config::reason(&error);
            Failure::of(ExitCode::Other, &format!("the export `{}` cannot be made: {why}", path.display()))
        })?;
    let is_csv = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let store = match opened(config).await {
        Ok(store) => store,
        Err(failure) => {
            let _ = std::fs::remove_file(path);
            return Err(failure);
        }
    };
    let purged = store.purge(name, &ways, strand, &|rows| write(&written, rows, is_csv)).await;
    store.close().await;
    let purged = match purged {
        Ok(purged) => purged,
        Err(error) => {
            let _ = std::fs::remove_file(path);
            return Err(match error {
                PurgeError::Strands { stranded, users } => strands(name, stranded, users),
                error => error.into(),
            });
        }
    };
    let links = super::super::configuration::counted(purged.links, "link", "links");
    let mut lines = vec![format!("purged `{name}`: {links} removed and written to {}.", path.display())];
    if purged.stranded > 0 {
        lines.push(format!(
            "Users without any identity now: {}. Their accounts stay, and so does the empty table `oauth_{name}`.",
            purged.stranded
        ));
    }
    let json = json!({"provider": name, "links": purged.links, "stranded": purged.stranded, "export": path});
    Ok(Answer { lines, json, code: ExitCode::Fine })
}

fn strands(name: &ProviderName, stranded: usize, users: usize) -> Failure {
    Failure {
        code: ExitCode::Server,
        lines: vec![
            format!(
                "refused: {stranded} of {users} users have no other way to sign in. See `vestibule provider users {name} \
                 --only`."
            ),
            "  --export FILE is required; --strand-users removes their links too. Accounts are never deleted.".to_owned(),
        ],
    }
}

/// Writes it anew each time: a transaction that lost a race is run again.
fn write(mut file: &File, rows: &[Exported], is_csv: bool) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    let mut text = String::new();
    if is_csv {
        text.push_str(&format!("{}\n", COLUMNS.join(",")));
    }
    for row in rows {
        let row = serde_json::to_value(row).map_err(io::Error::other)?;
        text.push_str(&if is_csv { csv(&row) } else { row.to_string() });
        text.push('\n');
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

const COLUMNS: [&str; 13] = [
    "user_id",
    "username",
    "account_id",
    "login",
    "name",
    "email",
    "email_verified",
    "avatar_url",
    "is_primary",
    "linked_at",
    "created_at",
    "last_sync",
    "others",
];

/// A line of RFC 4180. What a spreadsheet would take for a formula gets an apostrophe in front: the texts are other people's.
fn csv(row: &Value) -> String {
    let cell = |column: &&str| match &row[*column] {
        Value::Null => String::new(),
        Value::String(text) => quoted(text),
        Value::Array(items) => quoted(&items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")),
        other => other.to_string(),
    };
    COLUMNS.iter().map(cell).collect::<Vec<_>>().join(",")
}

fn quoted(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_of_csv_is_one_cell_and_no_formula() {
        let row =
            json!({"user_id": 7, "username": "a\"b,c\nd", "name": "=1+1", "others": ["github", "gitlab"]});
        assert_eq!(csv(&row), "7,\"a\"\"b,c\nd\",,,\"'=1+1\",,,,,,,,\"github gitlab\"");
    }
}
