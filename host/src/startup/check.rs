//! `vestibule check`: everything that a start would meet, looked at in one pass and with nothing changed. What is found is a
//! report; how it is printed is the verb's.

mod accept;
mod alone;
mod database;
mod doctor;
mod report;

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::provider::{Failure, Made, Prepared};
use super::starter::Starter;
use super::{Ambient, StartError};
use crate::config::{Config, Fault, Loaded, ProviderState, Scope};
use crate::name::ProviderName;
use crate::plugin::{Provider, file};
use crate::registry::{Registry, Unavailable};

pub use accept::{Accepted, NotAccepted, accept};
pub use alone::{NotMade, alone};
pub use doctor::doctor;
pub use report::{Blame, Finding, Level, Report, Subject};

use database::Kept;

/// Looks at everything. `offline` leaves out what needs the network, the database aside.
///
/// # Errors
/// If no HTTPS client can be made: then no provider can be looked at.
pub async fn check(loaded: &Loaded, ambient: &Ambient, offline: bool) -> Result<Report, StartError> {
    let config = Arc::new(loaded.config.clone());
    let mut report = Report::default();
    for fault in loaded.faults.iter().filter(|fault| fault.scope == Scope::Core) {
        report.subject(&fault.file.display().to_string()).fault(fault);
    }
    let starter = Arc::new(Starter::new(ambient, config.server.public_url.clone())?);
    let prepared = starter.prepare(&config, &Registry::default()).await;
    let kept = Kept::look(&config, &mut report).await;
    for provider in &prepared {
        of_provider(provider, &loaded.faults, &kept, &mut report).await;
    }
    kept.close().await;
    if offline {
        report.not_checked.push("what needs the network: the issuers' metadata (`--offline`)".to_owned());
    } else {
        discover(&prepared, &mut report).await;
    }
    plugins(&config, &loaded.faults, &mut report).await;
    Ok(report)
}

/// Of a configuration with which no server starts.
pub fn of_faults(faults: &[Fault]) -> Report {
    let mut report = Report::default();
    for fault in faults {
        let subject = match &fault.scope {
            Scope::Core => fault.file.display().to_string(),
            Scope::Plugin(name) => format!("[plugin.{name}]"),
            Scope::Provider(name) => name.clone(),
        };
        report.subject(&subject).fault(fault);
    }
    report.not_checked.push("plugins, providers and the database: the server would not start".to_owned());
    report
}

async fn of_provider(provider: &Prepared, faults: &[Fault], kept: &Kept, report: &mut Report) {
    let name = &provider.section.name;
    let subject = report.subject(name.as_str());
    let is_its = |fault: &&Fault| fault.scope == Scope::Provider(name.to_string());
    let own = faults.iter().filter(is_its).chain(&provider.warnings);
    own.for_each(|fault| subject.fault(fault));
    if let Some(file) = &provider.file {
        subject.version = Some(file.version.clone());
    }
    subject.plugin = provider.config().map(|config| config.plugin.clone());
    if provider.section.state == ProviderState::Disabled {
        subject.note = Some("turned off: not looked at".to_owned());
        return;
    }
    match &provider.made {
        Made::Failed(failure) => failed(subject, failure),
        Made::Fresh(running) | Made::Kept(running) => {
            let inspected = running.provider.inspect();
            let reach = inspected.reach();
            subject.reach = Some(reach.clone());
            if let Some(error) = kept.says_against(name, &inspected.realm, &reach).await {
                failed(subject, &super::provider::not_adopted(&error));
            }
        }
    }
}

fn failed(subject: &mut Subject, failure: &Failure) {
    if !failure.faults.is_empty() {
        failure.faults.iter().for_each(|fault| subject.fault(fault));
        return;
    }
    let blame = match &failure.why {
        _ if failure.in_file => Blame::Configuration,
        Unavailable::Failing(_) => Blame::Plugin,
        Unavailable::Misconfigured(_) | Unavailable::Database(_) => Blame::Other,
    };
    subject.error(blame, failure.why.to_string());
}

/// Fetches the metadata of every issuer, all at once.
async fn discover(prepared: &[Prepared], report: &mut Report) {
    let mut asked = JoinSet::new();
    for provider in prepared {
        let (Made::Fresh(running) | Made::Kept(running)) = &provider.made else { continue };
        if running.provider.inspect().metadata_issuer().is_some() {
            asked.spawn(ask(provider.section.name.clone(), Arc::clone(&running.provider)));
        }
    }
    while let Some(answered) = asked.join_next().await {
        let Ok((name, Err(why))) = answered else { continue };
        report.subject(name.as_str()).error(Blame::Other, why);
    }
}

async fn ask(name: ProviderName, provider: Arc<Provider>) -> (ProviderName, Result<(), String>) {
    (name, provider.issuer().await.map(drop).map_err(|error| error.to_string()))
}

/// The plugins' files: those that no provider loads, and what is to be said of one whoever loads it.
async fn plugins(config: &Config, faults: &[Fault], report: &mut Report) {
    let used: BTreeSet<_> = config
        .providers
        .values()
        .filter(|provider| provider.state != ProviderState::Disabled)
        .filter_map(|provider| provider.config.as_ref().ok().map(|config| config.plugin.clone()))
        .collect();
    let told: BTreeSet<String> = report.texts();
    for fault in faults {
        let Scope::Plugin(name) = &fault.scope else { continue };
        if !told.contains(&fault.to_string()) {
            report.subject(&format!("[plugin.{name}]")).fault(fault);
        }
    }
    for plugin in config.plugins.values().flatten() {
        let looked_at = plugin.clone();
        let look = move || {
            let pins: Vec<[u8; 32]> = looked_at.sha256.iter().map(|pin| pin.0).collect();
            file::verify(&looked_at.path, &pins, &looked_at.name).map(|examined| examined.descriptor.version)
        };
        let Ok(looked) = tokio::task::spawn_blocking(look).await else { continue };
        match looked {
            Ok(version) if !used.contains(&plugin.name) => {
                let subject = report.subject(&format!("[plugin.{}]", plugin.name));
                subject.version = Some(version);
                subject.plugin = Some(plugin.name.clone());
                subject.note = Some("no provider uses it".to_owned());
            }
            Err(why) if !used.contains(&plugin.name) => {
                let (file, path) = (plugin.file.display(), plugin.path.display());
                let text = format!("{file}:{}: {path}: {why}", plugin.path_line);
                report.subject(&format!("[plugin.{}]", plugin.name)).error(Blame::Plugin, text);
            }
            // Whoever uses it has said so.
            Ok(_) | Err(_) => {}
        }
    }
}
