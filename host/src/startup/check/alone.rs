//! One provider of a configuration, made to be asked something, and in force nowhere.

use std::sync::Arc;

use super::super::provider::Made;
use super::super::starter::Starter;
use super::super::{Ambient, StartError};
use crate::config::Config;
use crate::name::ProviderName;
use crate::registry::{Registry, Running, Unavailable};

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum NotMade {
    /// There is no such section.
    #[error("there is no `[provider.{0}]` in the configuration")]
    NoSection(ProviderName),
    /// It is turned off, or its section, settings or plugin are at fault.
    #[error("`{0}` cannot be asked: {1}")]
    Unavailable(ProviderName, Unavailable),
    /// No HTTPS client can be made.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// Creates and inspects it. Its table is not looked at, and nothing is changed.
///
/// # Errors
/// If it is not there, or does not start.
pub async fn alone(config: &Config, ambient: &Ambient, name: &ProviderName) -> Result<Arc<Running>, NotMade> {
    let section = config.providers.get(name).ok_or_else(|| NotMade::NoSection(name.clone()))?;
    let mut alone = config.clone();
    alone.providers = [(name.clone(), section.clone())].into();
    let starter = Starter::new(ambient, config.server.public_url.clone()).map_err(StartError::from)?;
    let prepared = Arc::new(starter).prepare(&Arc::new(alone), &Registry::default()).await;
    match prepared.into_iter().next().map(|provider| provider.made) {
        Some(Made::Fresh(running) | Made::Kept(running)) => Ok(running),
        Some(Made::Failed(failure)) => Err(NotMade::Unavailable(name.clone(), failure.why)),
        None => Err(NotMade::NoSection(name.clone())),
    }
}
