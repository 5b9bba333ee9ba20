//! `vestibule reload`: has the running server read its configuration again, waits, and says what came of it.

use std::path::Path;
use std::time::Duration;

use super::configuration::{print, tell};
use super::operate::ask_server;
use crate::exit::ExitCode;
use crate::startup::reload::{Outcome, Report};

/// Longer than any number of plugins that do not answer.
const PATIENCE: Duration = Duration::from_secs(300);

pub(super) fn reload(config: &Path, json: bool) -> ExitCode {
    let report: Report = match ask_server(config, "reload", PATIENCE) {
        Ok(report) => report,
        Err(code) => return code,
    };
    if json {
        print(&serde_json::to_string(&report).unwrap_or_default());
    } else {
        say(&report);
    }
    match report.outcome {
        Outcome::Done | Outcome::Unchanged => ExitCode::Fine,
        Outcome::Refused if report.reasons.iter().any(|reason| reason.in_file) => ExitCode::Configuration,
        Outcome::Refused => ExitCode::Server,
    }
}

fn say(report: &Report) {
    for warning in &report.warnings {
        tell(&format!("warning: {warning}"));
    }
    if !report.restart.is_empty() {
        tell(&format!("warning: restart the server to bring into force: {}", report.restart.join(", ")));
    }
    match (report.outcome, report.reasons.as_slice()) {
        (Outcome::Refused, [_, _, ..]) => {
            for reason in &report.reasons {
                tell(&format!("error: {}", reason.text));
            }
            let count = report.reasons.len();
            tell(&format!(
                "reload refused, generation {} keeps serving: {count} errors, see above",
                report.generation
            ));
        }
        (Outcome::Refused, _) => tell(&report.to_string()),
        _ => print(&format!("{report}.")),
    }
}
