//! `vestibule check`: what a start or a reload would meet, in lines, and the consent to what a provider reaches.

use std::path::Path;

use serde_json::json;

use super::configuration::{counted, load, print, tell};
use crate::config::{Config, Loaded, ProcessEnvironment};
use crate::exit::ExitCode;
use crate::name::ProviderName;
use crate::registry::Unavailable;
use crate::startup::Ambient;
use crate::startup::check::{self, Level, NotAccepted, NotMade, Report, Subject};

pub(super) fn check(config: &Path, json: bool, offline: bool) -> ExitCode {
    let look = |loaded: &Loaded| {
        runtime()?
            .block_on(check::check(loaded, &Ambient::system(), offline))
            .map_err(|error| error.to_string())
    };
    show(config, json, look)
}

/// `vestibule doctor`: the same, and what no start would meet.
pub(super) fn doctor(config: &Path, json: bool) -> ExitCode {
    let look = |loaded: &Loaded| {
        let ambient = Ambient::system();
        let looked = check::doctor(loaded, config, &ambient);
        runtime()?.block_on(looked).map_err(|error| error.to_string())
    };
    show(config, json, look)
}

fn show(config: &Path, json: bool, look: impl Fn(&Loaded) -> Result<Report, String>) -> ExitCode {
    let report = match Config::load(config, &ProcessEnvironment) {
        Err(faults) => check::of_faults(&faults),
        Ok(loaded) => match look(&loaded) {
            Ok(report) => report,
            Err(error) => {
                tell(&format!("error: {error}"));
                return ExitCode::Other;
            }
        },
    };
    let [ok, warnings, errors] = [Level::Ok, Level::Warning, Level::Error].map(|level| report.count(level));
    if json {
        let counts = json!({"ok": ok, "warnings": warnings, "errors": errors});
        print(
            &json!({"subjects": report.subjects, "not_checked": report.not_checked, "counts": counts})
                .to_string(),
        );
    } else {
        say(&report);
        print(&format!(
            "{ok} ok, {}, {}. Nothing was changed.",
            counted(warnings, "warning", "warnings"),
            counted(errors, "error", "errors")
        ));
    }
    report.code()
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| format!("cannot start: {error}"))
}

/// Columns: how it is, what it is, and what there is to say.
fn say(report: &Report) {
    let width = report.subjects.iter().map(|subject| subject.name.chars().count()).max().unwrap_or(0);
    for subject in &report.subjects {
        let name = &subject.name;
        let mut lines = lines(subject).into_iter();
        let first = lines.next().unwrap_or_default();
        print(format!("{:<5}  {name:<width$}  {first}", word(subject.level)).trim_end());
        for line in lines {
            print(&format!("{:7}{:width$}  {line}", "", ""));
        }
    }
    for what in &report.not_checked {
        print(&format!("not checked: {what}"));
    }
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Ok => "ok",
        Level::Warning => "warn",
        Level::Error => "error",
    }
}

/// The worst first; where a provider's secrets go comes last.
fn lines(subject: &Subject) -> Vec<String> {
    let mut findings: Vec<_> = subject.findings.iter().collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    let mut lines: Vec<String> = findings
        .into_iter()
        .map(|finding| match (finding.level, subject.level) {
            (Level::Warning, Level::Error) => format!("warning: {}", finding.text),
            _ => finding.text.clone(),
        })
        .collect();
    let mut about = Vec::new();
    if let (Some(plugin), Some(version)) = (&subject.plugin, &subject.version) {
        about.push(format!("{plugin} {version}"));
    }
    if let Some(reach) = &subject.reach {
        about.extend(reach.secrets_in_words());
        about.push(format!("hosts: {}", reach.hosts_in_words()));
    }
    about.extend(subject.note.clone());
    if !about.is_empty() {
        lines.push(about.join("; "));
    }
    lines
}

pub(super) fn accept(config: &Path, json: bool, name: &ProviderName) -> ExitCode {
    let loaded = match load(config, "nothing was accepted") {
        Ok(loaded) => loaded,
        Err(code) => return code,
    };
    let done =
        runtime().map(|runtime| runtime.block_on(check::accept(&loaded.config, &Ambient::system(), name)));
    let accepted = match done {
        Ok(Ok(accepted)) => accepted,
        Ok(Err(error)) => {
            tell(&format!("error: {error}; nothing was accepted"));
            return code(&error);
        }
        Err(error) => {
            tell(&format!("error: {error}"));
            return ExitCode::Other;
        }
    };
    if json {
        print(&json!({"provider": name, "more": accepted.more, "reach": accepted.reach}).to_string());
        return ExitCode::Fine;
    }
    if accepted.more.is_empty() {
        print(&format!("`{name}` asks for nothing that was not accepted. Nothing was changed."));
        return ExitCode::Fine;
    }
    for more in &accepted.more {
        print(&format!("new: {more}"));
    }
    print(&format!("accepted for `{name}`. A running server takes it with `vestibule reload`."));
    ExitCode::Fine
}

fn code(error: &NotAccepted) -> ExitCode {
    match error {
        NotAccepted::NotMade(error) => not_made(error),
        _ => ExitCode::Other,
    }
}

/// What a verb ends with that could not ask its provider.
pub(super) fn not_made(error: &NotMade) -> ExitCode {
    match error {
        NotMade::NoSection(_) | NotMade::Unavailable(_, Unavailable::Misconfigured(_)) => {
            ExitCode::Configuration
        }
        NotMade::Unavailable(..) => ExitCode::Plugin,
        NotMade::Start(_) => ExitCode::Other,
    }
}
