//! Sessions: found by the hash of their token in one indexed query, so that a check after a revocation says no.

use std::time::Duration;

use super::Sql;
use super::backend::Backend;
use super::error::StoreError;
use super::lease::{Lease, in_statement, in_transaction};
use super::people::{Profile, User};
use super::statement::{Question, Row, Statement, statements};
use crate::clock::Timestamp;

/// How old `last_seen` is before it is written again: a write a request would make reading as slow as writing.
const TOUCH_AFTER: Duration = Duration::from_secs(60);

// A session of an application is no session of the server's own origin, hence `application IS NULL`.
statements! {
    FIND_SESSION = "SELECT s.user_id, s.created_at, s.last_seen, s.expires_at,
        u.username, u.primary_provider, u.created_at AS user_created_at
        FROM sessions s JOIN users u ON u.id = s.user_id
        WHERE s.token_hash = $1 AND s.application IS NULL AND s.expires_at > $2 AND s.last_seen > $3";
    TOUCH_SESSION = "UPDATE sessions SET last_seen = $2 WHERE token_hash = $1 AND last_seen < $3";
    END_SESSION = "DELETE FROM sessions WHERE token_hash = $1";
    SWEEP_EXPIRED = "DELETE FROM sessions WHERE expires_at <= $1";
    SWEEP_IDLE = "DELETE FROM sessions WHERE last_seen <= $1";
}

/// A session that holds now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrentSession {
    /// Whose it is.
    pub user: User,
    /// When the person signed in.
    pub created_at: Timestamp,
    /// When it was last used, to about a minute.
    pub last_seen: Timestamp,
    /// Its absolute end.
    pub expires_at: Timestamp,
}

impl CurrentSession {
    fn question(token_hash: &[u8; 32], now: Timestamp, idle: Duration) -> Question {
        Question::new(FIND_SESSION).with(*token_hash).with(now).with(now - idle)
    }

    fn read<DB: Backend>(row: &Row<DB>) -> Result<Self, StoreError> {
        Ok(Self {
            user: User::read(row)?,
            created_at: row.get("created_at")?,
            last_seen: row.get("last_seen")?,
            expires_at: row.get("expires_at")?,
        })
    }

    /// Whether its use is to be written down: `last_seen` is older than a minute.
    pub fn wants_touch(&self, now: Timestamp) -> bool {
        self.last_seen < now - TOUCH_AFTER
    }
}

/// What a sweep removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// Login attempts that had expired.
    pub attempts: u64,
    /// Sessions that had expired or been idle for too long.
    pub sessions: u64,
}

impl<DB: Backend> Sql<DB> {
    pub(super) async fn find_session(
        &self,
        token_hash: &[u8; 32],
        now: Timestamp,
        idle: Duration,
    ) -> Result<Option<CurrentSession>, StoreError> {
        let question = CurrentSession::question(token_hash, now, idle);
        let (_, row) = Lease::<DB>::asked(&self.readers, &question).await?;
        row.as_ref().map(CurrentSession::read).transpose()
    }

    /// One borrowed connection for both.
    pub(super) async fn find_session_and_profile(
        &self,
        token_hash: &[u8; 32],
        now: Timestamp,
        idle: Duration,
    ) -> Result<Option<(CurrentSession, Profile)>, StoreError> {
        let question = CurrentSession::question(token_hash, now, idle);
        let (mut lease, Some(row)) = Lease::<DB>::asked(&self.readers, &question).await? else {
            return Ok(None);
        };
        let session = CurrentSession::read(&row)?;
        let profile = Profile::find(&mut lease, &session.user).await?;
        Ok(Some((session, profile)))
    }

    pub(super) async fn touch_session(
        &self,
        token_hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        in_statement!(self, |lease| {
            let touch = Statement::<DB>::new(TOUCH_SESSION).bind(token_hash).bind(&now);
            Ok(touch.bind(&(now - TOUCH_AFTER)).run(&mut lease).await? > 0)
        })
    }

    pub(super) async fn end_session(&self, token_hash: &[u8; 32]) -> Result<bool, StoreError> {
        in_statement!(self, |lease| {
            Ok(Statement::<DB>::new(END_SESSION).bind(token_hash).run(&mut lease).await? > 0)
        })
    }

    pub(super) async fn sweep(&self, now: Timestamp, idle: Duration) -> Result<Swept, StoreError> {
        in_transaction!(self, |lease| {
            let attempts = self.sweep_attempts(&mut lease, now).await?;
            let expired = Statement::<DB>::new(SWEEP_EXPIRED).bind(&now).run(&mut lease).await?;
            let idle = Statement::<DB>::new(SWEEP_IDLE).bind(&(now - idle)).run(&mut lease).await?;
            Ok(Swept { attempts, sessions: expired + idle })
        })
    }
}
