//! Consent: shows what a provider reaches beyond what was accepted, and writes it down.

use super::super::Ambient;
use super::alone::{NotMade, alone};
use super::database::is_about_the_row;
use crate::config::Config;
use crate::name::ProviderName;
use crate::reach::Reach;
use crate::store::{AdoptError, Migrate, OpenError, Options, Store, StoreError};

/// What was accepted.
#[derive(Debug)]
pub struct Accepted {
    /// What is new, as phrases; nothing, if all of it had been accepted before.
    pub more: Vec<String>,
    /// All that the provider may reach from now on.
    pub reach: Reach,
}

/// Why nothing was accepted.
#[derive(Debug, thiserror::Error)]
pub enum NotAccepted {
    /// It cannot be asked.
    #[error(transparent)]
    NotMade(#[from] NotMade),
    /// Its table is another realm's, or the database is in a state where this decides nothing.
    #[error(transparent)]
    Adopt(AdoptError),
    /// It has not started here yet.
    #[error("`{0}` has not started with this database yet: its first start accepts what it declares")]
    NotStarted(ProviderName),
    /// The database cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Accepts what the provider declares with the configuration as it is.
///
/// # Errors
/// If it cannot be asked, or the database cannot be written; then nothing was changed.
pub async fn accept(
    config: &Config,
    ambient: &Ambient,
    name: &ProviderName,
) -> Result<Accepted, NotAccepted> {
    let running = alone(config, ambient, name).await?;
    let inspected = running.provider.inspect();
    let (reach, realm) = (inspected.reach(), inspected.realm.clone());
    // Nothing but the consent is written, whatever the schema lacks.
    let options = Options { migrate: Migrate::Manual, ..Options::default() };
    if Store::look(&config.database, &options).await?.is_none() {
        return Err(NotAccepted::NotStarted(name.clone()));
    }
    let store = Store::open(&config.database, &options).await?;
    let done = write(&store, name, reach, &realm).await;
    store.close().await;
    done
}

async fn write(
    store: &Store,
    name: &ProviderName,
    reach: Reach,
    realm: &str,
) -> Result<Accepted, NotAccepted> {
    match store.provider_fits(name, realm, &reach).await {
        Err(AdoptError::Manual { .. }) => return Err(NotAccepted::NotStarted(name.clone())),
        Err(error) if !is_about_the_row(&error) => return Err(NotAccepted::Adopt(error)),
        Err(AdoptError::Beyond { more, .. }) => {
            store.accept(name, &reach).await?;
            return Ok(Accepted { more, reach });
        }
        // What stands there cannot be read.
        Err(_) => {
            store.accept(name, &reach).await?;
        }
        Ok(()) => {}
    }
    Ok(Accepted { more: Vec::new(), reach })
}
