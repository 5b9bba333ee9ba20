//! Who a session cookie belongs to. The one door through which every page, call and check learns it.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::random::sha256;
use crate::store::{CurrentSession, Store, StoreError};

/// Sessions, as the rest of the host sees them.
pub struct Sessions {
    /// Where they are.
    pub store: Store,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// How long one lasts without being used.
    pub idle: Duration,
}

impl Sessions {
    /// The session of this token, if it lives; it counts as used now. Exact: an ended session is gone at once, since
    /// every check asks the database.
    pub async fn current(&self, token: Option<&str>) -> Result<Option<CurrentSession>, StoreError> {
        let Some(token) = token else { return Ok(None) };
        let (hash, now) = (sha256(token.as_bytes()), self.clock.now());
        let Some(session) = self.store.find_session(&hash, now, self.idle).await? else { return Ok(None) };
        if session.wants_touch(now)
            && let Err(error) = self.store.touch_session(&hash, now).await
        {
            // A database that takes no writes for a while signs nobody out.
            tracing::warn!(%error, "the use of a session could not be noted");
        }
        Ok(Some(session))
    }

    /// Ends the session of this token.
    pub async fn end(&self, token: &str) -> Result<(), StoreError> {
        self.store.end_session(&sha256(token.as_bytes())).await.map(drop)
    }
}
