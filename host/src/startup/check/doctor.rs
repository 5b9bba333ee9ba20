//! `vestibule doctor`: what a check does not look for, because a start would not meet it: rows that do not belong together,
//! files that others may change, a socket that nobody answers at. Repairs nothing; each finding has its cure.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use super::super::{Ambient, StartError};
use super::report::{Blame, Report};
use crate::admin;
use crate::admin::status::Status;
use crate::config::{Config, Loaded};
use crate::name::ProviderName;
use crate::plugin::Kernel;
use crate::store::{Irregular, KeptProvider, Location, Options, Store, StoreError};

/// How long the running server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A check without the network, and more.
///
/// # Errors
/// As [`check`](super::check).
pub async fn doctor(loaded: &Loaded, file: &Path, ambient: &Ambient) -> Result<Report, StartError> {
    let config = &loaded.config;
    let mut report = super::check(loaded, ambient, true).await?;
    report.not_checked.clear();
    rows(config, &mut report).await;
    permissions(config, file, &mut report);
    socket(config, &mut report);
    kernel(&mut report);
    Ok(report)
}

async fn rows(config: &Config, report: &mut Report) {
    let options = Options { migrate: config.migrate, ..Options::default() };
    let Ok(Some((store, lacks))) = Store::look(&config.database, &options).await else {
        report
            .not_checked
            .push("the rows of the database: it cannot be used, or is not there yet".to_owned());
        return;
    };
    if lacks.is_empty() {
        match (store.irregular().await, store.kept_providers().await) {
            (Ok(found), Ok(kept)) => of_rows(config, &found, &kept, report),
            (Err(error), _) | (_, Err(error)) => failed(&error, report),
        }
    } else {
        report.not_checked.push("the rows of the database: its schema is behind".to_owned());
    }
    store.close().await;
}

fn failed(error: &StoreError, report: &mut Report) {
    report.subject("[database]").error(Blame::Other, error.to_string());
}

fn of_rows(config: &Config, found: &Irregular, kept: &[KeptProvider], report: &mut Report) {
    let people = |count: i64| format!("{count} {}", if count == 1 { "user" } else { "users" });
    let subject = report.subject("users");
    if found.without_identity > 0 {
        subject.warning(format!(
            "{} without any identity: nobody can sign in as them; they were left by `provider purge --strand-users`, or by \
             a hand in the database, whose backup has the rows of `identities`",
            people(found.without_identity)
        ));
    }
    if found.primary_unlinked > 0 {
        subject.warning(format!(
            "{} with a primary provider that they have no identity at: they are shown without name and picture; set \
             `users.primary_provider` to one of their identities' providers",
            people(found.primary_unlinked)
        ));
    }
    let is_configured = |name: &ProviderName| config.providers.contains_key(name);
    for (primary, users) in found.primaries.iter().filter(|(primary, _)| !is_configured(primary)) {
        subject.warning(format!(
            "{} with the primary provider `{primary}`, which is not configured: name and picture stay as they were; bring \
             its section back, or move them by `vestibule provider purge {primary}`",
            people(*users)
        ));
    }
    if subject.findings.is_empty() {
        subject.note = Some("each has an identity, and a primary provider that is configured".to_owned());
    }
    for kept in kept.iter().filter(|kept| !is_configured(&kept.name)) {
        let name = &kept.name;
        report.subject(name.as_str()).warning(format!(
            "orphaned: `oauth_{name}` has no section in the configuration; bring it back, or run `vestibule provider purge \
             {name}`"
        ));
    }
    for (name, identities, accounts) in &found.tables {
        let subject = report.subject(name.as_str());
        if *identities > 0 {
            subject.warning(format!(
                "{identities} in `identities` without a row in `oauth_{name}`: these people cannot sign in with it; restore \
                 the rows from a backup, or delete those identities, and their next sign-in makes a new user"
            ));
        }
        if *accounts > 0 {
            subject.warning(format!(
                "{accounts} in `oauth_{name}` without a row in `identities`: the same people cannot see or remove the link; \
                 restore the rows from a backup, or delete them"
            ));
        }
    }
}

fn permissions(config: &Config, file: &Path, report: &mut Report) {
    if let Some((mode, who)) = open_to(file, 0o022) {
        let shown = file.display().to_string();
        report.subject(&shown).error(
            Blame::Other,
            format!("`{shown}` is writable by {who} ({mode:04o}), who can pin any plugin; run `chmod go-w {shown}`"),
        );
    }
    let Location::Sqlite(database) = &config.database else { return };
    if let Some((mode, who)) = open_to(database, 0o077) {
        let shown = database.display();
        report.subject("[database]").warning(format!(
            "`{shown}` is open to {who} ({mode:04o}): it holds everybody's name and address; run `chmod 600 {shown}`"
        ));
    }
}

/// The mode, and whom these bits of it belong to.
fn open_to(path: &Path, bits: u32) -> Option<(u32, &'static str)> {
    let mode = fs::metadata(path).ok()?.permissions().mode() & 0o7777;
    match (mode & bits & 0o070 != 0, mode & bits & 0o007 != 0) {
        (true, true) => Some((mode, "group and others")),
        (true, false) => Some((mode, "group")),
        (false, true) => Some((mode, "others")),
        (false, false) => None,
    }
}

fn socket(config: &Config, report: &mut Report) {
    let Some(socket) = &config.server.admin_socket else { return };
    let subject = report.subject("admin socket");
    match admin::client::ask::<Status>(socket, "status", PATIENCE) {
        Ok(status) => {
            let (version, generation) = (status.version, status.generation);
            subject.note = Some(format!("vestibule {version} serves generation {generation}"));
            for file in status.providers.iter().filter_map(|provider| provider.file.as_ref()) {
                if file.modified {
                    let path = &file.path;
                    subject
                        .warning(format!("`{path}` is not the file that was loaded; run `vestibule reload`"));
                }
            }
        }
        Err(error) => subject.warning(error.to_string()),
    }
}

/// Whether the kernel has what a worker is closed in with.
fn kernel(report: &mut Report) {
    let kernel = Kernel::probe();
    let subject = report.subject("kernel");
    match kernel.below_floor() {
        Some(missing) => subject.warning(missing),
        None => {
            subject.note = Some(format!("Landlock {} and seccomp are there for workers", kernel.landlock))
        }
    }
}
