//! The database's part of a check: whether it is there and up to date, and what it says against a provider. Only looks.

use crate::config::Config;
use crate::name::ProviderName;
use crate::reach::Reach;
use crate::store::{AdoptError, KeptProvider, Migrate, Options, Store, StoreErrorKind};

use super::report::{Blame, Report};

/// The database's name in a report.
const SUBJECT: &str = "[database]";

/// What the database holds, if it could be looked at.
pub(super) struct Kept {
    store: Option<Store>,
    rows: Vec<KeptProvider>,
    /// Whether the schema is this program's.
    is_current: bool,
}

impl Kept {
    pub(super) async fn look(config: &Config, report: &mut Report) -> Self {
        let options = Options { migrate: config.migrate, ..Options::default() };
        let mut kept = Self { store: None, rows: Vec::new(), is_current: false };
        let place = &config.database;
        let subject = report.subject(SUBJECT);
        let (store, lacks) = match Store::look(place, &options).await {
            Ok(Some(looked)) => looked,
            Ok(None) => {
                subject.note = Some(format!("`{place}` is not there yet: the first start makes it"));
                return kept;
            }
            Err(error) => {
                subject.error(Blame::Other, error.to_string());
                let what = "each provider's table, realm and consent: the database cannot be used";
                report.not_checked.push(what.to_owned());
                return kept;
            }
        };
        kept.is_current = lacks.is_empty();
        if kept.is_current {
            subject.note = Some(format!("`{place}` is up to date"));
            if let Err(error) = store.check_statements().await {
                subject.error(Blame::Other, format!("a table does not fit this version: {error}"));
            }
        } else if config.migrate == Migrate::Manual {
            let lacks = lacks.listed();
            subject.error(Blame::Other, format!("`{place}` lacks {lacks}; run `vestibule migrate`"));
        } else {
            subject.warning(format!("`{place}` lacks {}, which the next start adds", lacks.listed()));
        }
        match store.kept_providers().await {
            Ok(rows) => kept.rows = rows,
            Err(error) => subject.error(Blame::Other, error.to_string()),
        }
        kept.store = Some(store);
        kept
    }

    /// Why a provider would not get its table.
    pub(super) async fn says_against(
        &self,
        provider: &ProviderName,
        realm: &str,
        reach: &Reach,
    ) -> Option<AdoptError> {
        let store = self.store.as_ref()?;
        if self.is_current {
            return store.provider_fits(provider, realm, reach).await.err();
        }
        // A schema that is behind has its own word already; the rest is told from what the row holds.
        let row = self.rows.iter().find(|row| row.name == *provider)?;
        if row.realm != realm {
            let (stored, configured) = (row.realm.clone(), realm.to_owned());
            return Some(AdoptError::RealmChanged { provider: provider.clone(), stored, configured });
        }
        let more = row.accepted.as_ref().map(|accepted| reach.beyond(accepted)).unwrap_or_default();
        (!more.is_empty()).then(|| AdoptError::Beyond { provider: provider.clone(), more })
    }

    pub(super) async fn close(self) {
        if let Some(store) = self.store {
            store.close().await;
        }
    }
}

/// Whether a failed look is about the row and not about the database.
pub(super) fn is_about_the_row(error: &AdoptError) -> bool {
    match error {
        AdoptError::Store(error) => error.kind() == StoreErrorKind::Corrupt,
        AdoptError::Beyond { .. } => true,
        _ => false,
    }
}
