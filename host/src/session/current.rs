//! Who a session cookie belongs to. The one door through which every page, call and check learns it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::clock::{Clock, Timestamp};
use crate::count::{Counts, closed};
use crate::random::sha256;
use crate::store::{CurrentSession, Profile, Store, StoreError};

/// How many notes of use may wait for the database at once; further ones are left out, and made by a later request.
const TOUCHES: usize = 8;
/// How long a request waits for its note to be made.
const PATIENCE: Duration = Duration::from_millis(100);

closed! {
    /// What a question who a browser is was answered with.
    pub enum Checked {
        /// A session that lives.
        Live = "live",
        /// The browser brought none.
        Absent = "absent",
        /// The one it brought is over, or never was.
        Ended = "ended",
        /// The database did not say.
        Error = "error",
    }
}

/// Sessions, as the rest of the host sees them.
pub struct Sessions {
    /// Where they are.
    pub store: Store,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// How long one lasts without being used.
    pub idle: Duration,
    /// How often somebody asked, by answer.
    pub checks: Counts<Checked>,
    touching: Arc<Semaphore>,
}

impl Sessions {
    /// Of this database.
    pub fn new(store: Store, clock: Arc<dyn Clock>, idle: Duration) -> Self {
        Self { store, clock, idle, checks: Counts::default(), touching: Arc::new(Semaphore::new(TOUCHES)) }
    }

    /// The session of this token, if it lives; it counts as used now. Exact: an ended session is gone at once, since
    /// every check asks the database.
    pub async fn current(&self, token: Option<&str>) -> Result<Option<CurrentSession>, StoreError> {
        let Some(token) = token else { return Ok(self.absent()) };
        let (hash, now) = (sha256(token.as_bytes()), self.clock.now());
        let found = self.counted(self.store.find_session(&hash, now, self.idle).await)?;
        if let Some(session) = &found {
            self.used(session, hash, now).await;
        }
        Ok(found)
    }

    /// The same, with the user's name and picture.
    pub async fn current_and_profile(
        &self,
        token: Option<&str>,
    ) -> Result<Option<(CurrentSession, Profile)>, StoreError> {
        let Some(token) = token else { return Ok(self.absent()) };
        let (hash, now) = (sha256(token.as_bytes()), self.clock.now());
        let found = self.counted(self.store.find_session_and_profile(&hash, now, self.idle).await)?;
        if let Some((session, _)) = &found {
            self.used(session, hash, now).await;
        }
        Ok(found)
    }

    fn absent<T>(&self) -> Option<T> {
        self.checks.add(Checked::Absent);
        None
    }

    fn counted<T>(&self, found: Result<Option<T>, StoreError>) -> Result<Option<T>, StoreError> {
        self.checks.add(match &found {
            Ok(Some(_)) => Checked::Live,
            Ok(None) => Checked::Ended,
            Err(_) => Checked::Error,
        });
        found
    }

    async fn used(&self, session: &CurrentSession, hash: [u8; 32], now: Timestamp) {
        if session.wants_touch(now) {
            self.touch(hash, now).await;
        }
    }

    /// Notes that a session is used. Whoever asks does not wait for a database that takes no writes: the note is made
    /// behind their back then, or not at all.
    async fn touch(&self, hash: [u8; 32], now: Timestamp) {
        let Ok(place) = Arc::clone(&self.touching).try_acquire_owned() else { return };
        let store = self.store.clone();
        let noted = tokio::spawn(async move {
            if let Err(error) = store.touch_session(&hash, now).await {
                tracing::warn!(%error, "the use of a session could not be noted");
            }
            drop(place);
        });
        let _ = tokio::time::timeout(PATIENCE, noted).await;
    }

    /// Ends the session of this token.
    pub async fn end(&self, token: &str) -> Result<(), StoreError> {
        self.store.end_session(&sha256(token.as_bytes())).await.map(drop)
    }
}
