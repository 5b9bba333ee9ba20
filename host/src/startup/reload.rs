//! Another configuration for the providers, while people sign in: read, prepared whole, and swapped in one step, or not at all.
//! One at a time. Knows no socket and no signal; who asked is a word in the report.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};

use super::provider::{Made, Prepared};
use super::restart::Core;
use super::starter::Starter;
use super::{Ambient, changes};
use crate::clock::{Clock, Timestamp};
use crate::config::{Config, Environment, Fault, Loaded, ProviderState, Scope};
use crate::login::ATTEMPT_LIFE;
use crate::registry::{CurrentRegistry, Gone, Registry};
use crate::store::Store;

/// Who asked for a reload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Nobody: the server started.
    Start,
    /// SIGHUP.
    Signal,
    /// Somebody at the admin socket, by the user id.
    Socket(u32),
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("start"),
            Self::Signal => f.write_str("SIGHUP"),
            Self::Socket(uid) => write!(f, "`vestibule reload` (user id {uid})"),
        }
    }
}

/// What became of a reload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Another set of providers is in force.
    Done,
    /// There was nothing to change.
    Unchanged,
    /// Nothing was changed.
    Refused,
}

/// What happened to a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// It is new.
    Added,
    /// Its section is gone.
    Removed,
    /// It is made of another file.
    Plugin {
        /// The version before; with the plugin's name, if that is another one, too.
        from: String,
        /// The version now.
        to: String,
    },
    /// Settings, secrets, networks or the redirect path are others.
    Settings,
    /// `enabled`, `hidden` or `disabled`.
    State {
        /// Which.
        to: String,
    },
    /// It was unavailable, and is not any more.
    Back,
    /// It is unavailable, and was not before.
    Unavailable,
    /// Label, icon or order are others.
    Button,
}

/// A change of one provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Its name.
    pub provider: String,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let provider = &self.provider;
        match &self.what {
            What::Added => write!(f, "+{provider}"),
            What::Removed => write!(f, "-{provider}"),
            What::Plugin { from, to } if from == to => write!(f, "{provider} {from} (another file)"),
            What::Plugin { from, to } => write!(f, "{provider} {from} → {to}"),
            What::Settings => write!(f, "{provider} with new settings"),
            What::State { to } => write!(f, "{provider} {to}"),
            What::Back => write!(f, "{provider} available again"),
            What::Unavailable => write!(f, "{provider} unavailable"),
            What::Button => write!(f, "{provider} with another button"),
        }
    }
}

/// Why a reload was refused: one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// In one line, with its place, and what to do.
    pub text: String,
    /// Whether it is the configuration that has to be changed.
    pub in_file: bool,
}

/// What a reload did. Times are RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// When it ended.
    pub at: String,
    /// Who asked.
    pub by: String,
    /// What became of it.
    pub outcome: Outcome,
    /// The generation in force afterwards.
    pub generation: u64,
    /// What is otherwise than before.
    pub changes: Vec<Change>,
    /// How many operations were running at providers that were replaced or taken away; they end there.
    pub in_flight: usize,
    /// Keys that differ from what the server runs with, and that only a restart brings into force.
    pub restart: Vec<String>,
    /// What an operator should look at.
    pub warnings: Vec<String>,
    /// Why it was refused, everything at once.
    pub reasons: Vec<Reason>,
}

impl fmt::Display for Report {
    /// One line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let generation = self.generation;
        match self.outcome {
            Outcome::Refused => {
                let reasons: Vec<_> = self.reasons.iter().map(|reason| reason.text.as_str()).collect();
                write!(f, "reload refused, generation {generation} keeps serving: {}", reasons.join("; "))
            }
            Outcome::Unchanged => write!(f, "generation {generation}: nothing has changed"),
            Outcome::Done => {
                let changes: Vec<_> = self.changes.iter().map(ToString::to_string).collect();
                write!(f, "generation {generation}: {}", changes.join(", "))?;
                match self.in_flight {
                    0 => Ok(()),
                    1 => f.write_str(". 1 operation in flight ends on the old one"),
                    many => write!(f, ". {many} operations in flight end on the old ones"),
                }
            }
        }
    }
}

/// When the set in force came into force, and what became of the last reload.
#[derive(Debug, Clone)]
pub struct Record {
    /// Since when the generation in force serves.
    pub since: Timestamp,
    /// Who asked for it.
    pub by: By,
    /// The last reload, refused ones included.
    pub last: Option<Report>,
}

/// What somebody outside is told as it happens.
#[derive(Debug, Clone, Copy)]
pub enum Step<'a> {
    /// A reload has begun.
    Begun,
    /// It has ended, with this line.
    Ended(&'a str),
}

/// Is told of each reload.
pub type Told = Box<dyn Fn(Step<'_>) + Send + Sync>;

/// What runs.
pub(super) struct Running {
    pub(super) starter: Arc<Starter>,
    pub(super) store: Store,
    pub(super) registry: Arc<CurrentRegistry>,
}

/// Reads the configuration again.
pub struct Reloader {
    file: PathBuf,
    core: Core,
    environment: Arc<dyn Environment>,
    clock: Arc<dyn Clock>,
    running: Running,
    /// The faults of the file that the set in force came from; held by the reload that runs.
    known: tokio::sync::Mutex<BTreeSet<String>>,
    record: Mutex<Record>,
    stopping: AtomicBool,
    told: OnceLock<Told>,
}

impl Reloader {
    pub(super) fn new(loaded: &Loaded, file: &Path, ambient: &Ambient, running: Running) -> Self {
        Self {
            file: file.to_owned(),
            core: Core::of(&loaded.config),
            environment: Arc::clone(&ambient.environment),
            clock: Arc::clone(&ambient.clock),
            running,
            known: tokio::sync::Mutex::new(loaded.faults.iter().filter_map(gist).collect()),
            record: Mutex::new(Record { since: ambient.clock.now(), by: By::Start, last: None }),
            stopping: AtomicBool::new(false),
            told: OnceLock::new(),
        }
    }

    /// The configuration file, as it was named at the start.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// What serves, and since when.
    pub fn record(&self) -> Record {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Who is to be told of each reload; the first one that is named here.
    pub fn tell(&self, told: Told) {
        let _ = self.told.set(told);
    }

    /// No reload begins any more, and one that runs changes nothing.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
    }

    /// Reloads, after those that are under way, and in a task of its own: it goes on if the caller goes away.
    pub async fn reload(self: &Arc<Self>, by: By) -> Report {
        let reloader = Arc::clone(self);
        let task = tokio::spawn(async move {
            let mut known = reloader.known.lock().await;
            if let Some(told) = reloader.told.get() {
                told(Step::Begun);
            }
            let report = reloader.run(by, &mut known).await;
            reloader.log(&report);
            reloader.record.lock().unwrap_or_else(PoisonError::into_inner).last = Some(report.clone());
            if let Some(told) = reloader.told.get() {
                told(Step::Ended(&report.to_string()));
            }
            report
        });
        match task.await {
            Ok(report) => report,
            Err(error) => {
                let text = format!("the reload was lost: {error}");
                self.report(by, Outcome::Refused, vec![Reason { text, in_file: false }])
            }
        }
    }

    async fn run(&self, by: By, known: &mut BTreeSet<String>) -> Report {
        if self.is_stopping() {
            return self.stopped(by);
        }
        let Loaded { config, faults } = match self.read().await {
            Ok(loaded) => loaded,
            Err(faults) => {
                let mut reasons: Vec<_> =
                    faults.iter().filter(|fault| fault.is_error()).map(in_file).collect();
                if reasons.is_empty() {
                    let text = format!("{} could not be read", self.file.display());
                    reasons.push(Reason { text, in_file: false });
                }
                return self.report(by, Outcome::Refused, reasons);
            }
        };
        let restart = self.core.differences(&Core::of(&config));
        let before = self.running.registry.load_full();
        let mut prepared = self.running.starter.prepare(&Arc::new(config.clone()), &before).await;
        for provider in &mut prepared {
            provider.fit(&self.running.store).await;
        }
        let mut warnings = warnings(&faults, &prepared);
        let mut reasons = new_faults(&config, &faults, known);
        reasons.extend(failures(&prepared, &before));
        if self.is_stopping() {
            return self.stopped(by);
        }
        if reasons.is_empty() {
            for provider in &mut prepared {
                provider.adopt(&self.running.store, self.clock.now()).await;
            }
            reasons = failures(&prepared, &before);
        }
        if !reasons.is_empty() {
            return Report { restart, warnings, ..self.report(by, Outcome::Refused, reasons) };
        }
        // Those that were unavailable before, too.
        warnings.extend(prepared.iter().filter_map(|provider| {
            let failure = provider.failure().filter(|_| provider.section.config.is_ok())?;
            Some(format!("`{}` is unavailable: {}", provider.section.name, failure.why))
        }));
        *known = faults.iter().filter_map(gist).collect();
        let report = self.swap(by, &before, prepared);
        Report { restart, warnings, ..report }
    }

    /// Brings the prepared providers into force, unless they are those in force.
    fn swap(&self, by: By, before: &Registry, prepared: Vec<Prepared>) -> Report {
        let kept: Vec<_> = prepared
            .iter()
            .filter(|provider| matches!(provider.made, Made::Kept(_)))
            .map(|provider| provider.section.name.clone())
            .collect();
        let now = self.clock.now();
        let after = Registry::new(before.generation + 1, prepared.into_iter().map(Prepared::into_entry));
        let changes = changes::between(before, &after);
        if changes.is_empty() {
            // The same set, with the reasons of those that are unavailable as they are now.
            let gone = before.gone().to_vec();
            let mut same = after;
            same.generation = before.generation;
            self.running.registry.store(Arc::new(same.remembering(gone)));
            return self.report(by, Outcome::Unchanged, Vec::new());
        }
        let is_gone = |gone: &Gone| now.since(gone.since) < ATTEMPT_LIFE;
        let removed =
            before.all().filter(|entry| after.get(entry.name.as_str()).is_none()).map(|entry| Gone {
                name: entry.name.clone(),
                label: entry.label.clone(),
                callback_path: entry.callback_path.clone(),
                since: now,
            });
        let gone: Vec<_> =
            before.gone().iter().filter(|gone| is_gone(gone)).cloned().chain(removed).collect();
        let replaced = before.all().filter(|entry| !kept.contains(&entry.name));
        let in_flight =
            replaced.filter_map(|entry| entry.running.as_ref().ok()).map(|old| old.provider.running()).sum();
        self.running.registry.store(Arc::new(after.remembering(gone)));
        {
            let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
            (record.since, record.by) = (now, by);
        }
        Report { changes, in_flight, ..self.report(by, Outcome::Done, Vec::new()) }
    }

    async fn read(&self) -> Result<Loaded, Vec<Fault>> {
        let (file, environment) = (self.file.clone(), Arc::clone(&self.environment));
        let read = tokio::task::spawn_blocking(move || Config::load(&file, &*environment)).await;
        read.unwrap_or_else(|_| Err(Vec::new()))
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    fn stopped(&self, by: By) -> Report {
        let text = "the server is stopping".to_owned();
        self.report(by, Outcome::Refused, vec![Reason { text, in_file: false }])
    }

    fn report(&self, by: By, outcome: Outcome, reasons: Vec<Reason>) -> Report {
        Report {
            at: self.clock.now().to_string(),
            by: by.to_string(),
            outcome,
            generation: self.running.registry.load().generation,
            changes: Vec::new(),
            in_flight: 0,
            restart: Vec::new(),
            warnings: Vec::new(),
            reasons,
        }
    }

    fn log(&self, report: &Report) {
        for warning in &report.warnings {
            tracing::warn!("{warning}");
        }
        if !report.restart.is_empty() {
            tracing::warn!("restart the server to bring into force: {}", report.restart.join(", "));
        }
        for reason in &report.reasons {
            tracing::error!("{}", reason.text);
        }
        let by = &report.by;
        match report.outcome {
            Outcome::Refused => tracing::error!(
                "reload by {by} refused, generation {} keeps serving; the reasons are above",
                report.generation
            ),
            _ => tracing::info!("reload by {by}: {report}"),
        }
    }
}

/// What a fault says, without its line, which moves when something else in the file is changed.
fn gist(fault: &Fault) -> Option<String> {
    fault.is_error().then(|| format!("{:?}: {}", fault.scope, fault.message))
}

fn in_file(fault: &Fault) -> Reason {
    Reason { text: fault.to_string(), in_file: true }
}

/// The errors that the file in force did not have. Those of a provider that is turned off take nothing away.
fn new_faults(config: &Config, faults: &[Fault], known: &BTreeSet<String>) -> Vec<Reason> {
    let is_off = |fault: &Fault| match &fault.scope {
        Scope::Provider(name) => config
            .providers
            .get(name.as_str())
            .is_some_and(|provider| provider.state == ProviderState::Disabled),
        _ => false,
    };
    let is_new = |fault: &&Fault| gist(fault).is_some_and(|gist| !known.contains(&gist)) && !is_off(fault);
    faults.iter().filter(is_new).map(in_file).collect()
}

/// The providers that have changed and cannot be used. The faults of their sections are told by themselves.
fn failures(prepared: &[Prepared], before: &Registry) -> Vec<Reason> {
    let reason = |provider: &Prepared| {
        let failure = provider.failure().filter(|_| provider.section.config.is_ok())?;
        let old = before.get(provider.section.name.as_str());
        let is_known = old.is_some_and(|old| old.basis == provider.basis && old.running.is_err());
        let text = format!("`{}`: {}", provider.section.name, failure.why);
        (!is_known).then_some(Reason { text, in_file: failure.in_file })
    };
    prepared.iter().filter_map(reason).collect()
}

fn warnings(faults: &[Fault], prepared: &[Prepared]) -> Vec<String> {
    let of_sections = faults.iter().filter(|fault| !fault.is_error());
    let of_settings = prepared.iter().flat_map(|provider| &provider.warnings);
    of_sections.chain(of_settings).map(ToString::to_string).collect()
}
