//! `vestibule status`: what the running server says of itself, as a table for people.

use std::path::Path;
use std::time::Duration;

use super::configuration::{print, tell};
use super::operate::ask_server;
use crate::admin::status::{ProviderStatus, State, Status};
use crate::exit::ExitCode;
use crate::startup::reload::Outcome;

const PATIENCE: Duration = Duration::from_secs(60);

const HEADER: [&str; 6] = ["PROVIDER", "PLUGIN", "STATE", "USERS", "LAST SIGN-IN", "LAST ERROR"];

pub(super) fn status(config: &Path, json: bool) -> ExitCode {
    let status: Status = match ask_server(config, "status", PATIENCE) {
        Ok(status) => status,
        Err(code) => return code,
    };
    if json {
        print(&serde_json::to_string(&status).unwrap_or_default());
    } else {
        text(&status).iter().for_each(|line| print(line));
        if let Some(error) = &status.database_error {
            tell(&format!("warning: nobody could be counted: {error}"));
        }
    }
    ExitCode::Fine
}

fn text(status: &Status) -> Vec<String> {
    let digest: String = status.configuration.chars().take(16).collect();
    let (generation, version) = (status.generation, &status.version);
    let loaded = match status.by.as_str() {
        "start" => format!("started {}", moment(&status.since)),
        by => format!("reloaded {} by {by}", moment(&status.since)),
    };
    let mut lines =
        vec![format!("generation {generation}, {loaded}, configuration {digest}…, vestibule {version}")];
    if let Some(last) = &status.last_reload {
        let (at, by) = (moment(&last.at), &last.by);
        match last.outcome {
            Outcome::Refused => {
                lines.push(format!("the last reload, {at} by {by}, was refused:"));
                lines.extend(last.reasons.iter().map(|reason| format!("  {}", reason.text)));
            }
            Outcome::Unchanged => lines.push(format!("the last reload, {at} by {by}, changed nothing")),
            Outcome::Done => {}
        }
        if !last.restart.is_empty() {
            lines.push(format!("only a restart brings into force: {}", last.restart.join(", ")));
        }
    }
    let rows = status.providers.iter().map(|provider| row(provider, &status.now));
    lines.extend(table(std::iter::once(HEADER.map(str::to_owned)).chain(rows).collect()));
    for provider in &status.providers {
        let Some(file) = provider.file.as_ref().filter(|file| file.modified) else { continue };
        let what = match &file.found {
            Some(found) => format!("has the SHA-256 {found} now"),
            None => "cannot be read now".to_owned(),
        };
        lines.push(format!(
            "{}: `{}` {what}; what was loaded ({}) serves until a reload",
            provider.name, file.path, file.loaded
        ));
    }
    lines
}

fn row(provider: &ProviderStatus, now: &str) -> [String; 6] {
    let none = || "-".to_owned();
    let plugin = match (&provider.plugin, &provider.version) {
        (Some(plugin), Some(version)) => format!("{plugin} {version}"),
        (Some(plugin), None) => plugin.clone(),
        _ => none(),
    };
    let state = match provider.state {
        State::Enabled => "enabled",
        State::Hidden => "hidden",
        State::Disabled => "disabled",
        State::Unavailable => "unavailable",
        State::Orphaned => "orphaned",
    };
    let is_modified = provider.file.as_ref().is_some_and(|file| file.modified);
    [
        provider.name.clone(),
        plugin,
        if is_modified { format!("{state}, modified") } else { state.to_owned() },
        provider.users.map_or_else(none, |users| users.to_string()),
        provider.last_sign_in.as_deref().map_or_else(none, |at| ago(at, now)),
        provider.last_error.clone().unwrap_or_else(none),
    ]
}

/// Columns as wide as what is in them; the last one ends where its text ends.
fn table(rows: Vec<[String; 6]>) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..HEADER.len()).map(width).collect();
    let line = |row: &[String; 6]| {
        let cells: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// RFC 3339 without fractions.
fn moment(at: &str) -> String {
    match at.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => at.to_owned(),
    }
}

/// How long ago: `now`, `2m ago`, `3h ago`, `9d ago`.
fn ago(at: &str, now: &str) -> String {
    let (Ok(then), Ok(now)) = (at.parse::<jiff::Timestamp>(), now.parse::<jiff::Timestamp>()) else {
        return at.to_owned();
    };
    match now.as_second() - then.as_second() {
        ..60 => "now".to_owned(),
        seconds @ 60..3600 => format!("{}m ago", seconds / 60),
        seconds @ 3600..86_400 => format!("{}h ago", seconds / 3600),
        seconds => format!("{}d ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_ago_is_said_in_the_largest_unit() {
        let now = "2026-11-24T14:00:00Z";
        for (at, said) in [
            ("2026-11-24T13:59:01.5Z", "now"),
            ("2026-11-24T14:00:05Z", "now"),
            ("2026-11-24T13:58:00Z", "2m ago"),
            ("2026-11-24T11:00:00Z", "3h ago"),
            ("2026-11-15T13:00:00Z", "9d ago"),
        ] {
            assert_eq!(ago(at, now), said, "{at}");
        }
    }

    #[test]
    fn a_table_is_as_wide_as_what_is_in_it() {
        let row = ["gitlab_corp", "gitlab 1.3.0", "enabled", "35", "3d ago", "-"].map(str::to_owned);
        assert_eq!(
            table(vec![HEADER.map(str::to_owned), row]),
            [
                "PROVIDER     PLUGIN        STATE    USERS  LAST SIGN-IN  LAST ERROR",
                "gitlab_corp  gitlab 1.3.0  enabled  35     3d ago        -",
            ]
        );
    }
}
