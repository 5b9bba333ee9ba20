//! Login attempts: what the server remembers between begin and callback. Used once, then gone.

use secrecy::SecretString;

use super::Sql;
use super::backend::Backend;
use super::error::StoreError;
use super::lease::{Lease, in_statement, in_transaction};
use super::statement::{Bind, Question, Read, Row, Statement, statements};
use crate::clock::Timestamp;
use crate::name::ProviderName;

/// How many open attempts a browser can have; the next one drops its oldest. A cap over all browsers would let one
/// visitor drop everybody's.
const OPEN_PER_BROWSER: i64 = 20;

statements! {
    DROP_OLDEST = "DELETE FROM login_attempts WHERE browser_hash = $1 AND state_hash NOT IN (
        SELECT state_hash FROM login_attempts WHERE browser_hash = $1
        ORDER BY created_at DESC, state_hash LIMIT $2)";
    INSERT_ATTEMPT = "INSERT INTO login_attempts (state_hash, browser_hash, provider, purpose, user_id, redirect_uri,
        expected_iss, nonce, code_verifier, carry, return_path, settings_digest, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    TAKE_ATTEMPT = "DELETE FROM login_attempts WHERE state_hash = $1 AND browser_hash = $2
        RETURNING state_hash, browser_hash, provider, purpose, user_id, redirect_uri, expected_iss, nonce,
        code_verifier, carry, return_path, settings_digest, created_at, expires_at";
    SWEEP_ATTEMPTS = "DELETE FROM login_attempts WHERE expires_at <= $1";
}

/// What a login attempt is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To sign in.
    SignIn,
}

impl Bind for Purpose {
    type Raw = String;

    fn to_raw(&self) -> Option<String> {
        Some(
            match self {
                Self::SignIn => "sign_in",
            }
            .to_owned(),
        )
    }
}

impl Read for Purpose {
    type Raw = String;

    fn from_raw(raw: Option<String>) -> Option<Self> {
        match raw?.as_str() {
            "sign_in" => Some(Self::SignIn),
            _ => None,
        }
    }
}

/// A login attempt.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// SHA-256 of the state.
    pub state_hash: [u8; 32],
    /// SHA-256 of the browser's cookie.
    pub browser_hash: [u8; 32],
    /// The provider that the person was sent to.
    pub provider: ProviderName,
    /// What for.
    pub purpose: Purpose,
    /// The signed-in user that it is for, where its purpose needs one.
    pub user_id: Option<i64>,
    /// The redirect URI that was sent.
    pub redirect_uri: String,
    /// The issuer that the callback must name if it names one (RFC 9207).
    pub expected_iss: Option<String>,
    /// The nonce.
    pub nonce: SecretString,
    /// The PKCE code verifier.
    pub code_verifier: SecretString,
    /// What the plugin left for itself, at most 1 KiB.
    pub carry: String,
    /// Where the person goes afterwards: a checked path of our own.
    pub return_path: String,
    /// SHA-256 over realm, redirect URI and client id.
    pub settings_digest: [u8; 32],
    /// When it began.
    pub created_at: Timestamp,
    /// From when on it is no good.
    pub expires_at: Timestamp,
}

impl<DB: Backend> Sql<DB> {
    pub(super) async fn insert_attempt(&self, attempt: &Attempt) -> Result<(), StoreError> {
        // A second begin of this browser waits here, and so sees the rows of the first.
        let browser = number_of(&attempt.browser_hash);
        let lock = DB::LOCK_BROWSER.map(|lock| Question::new(lock).with(browser));
        // The oldest go first, so that the new one stays even if the clock was moved back.
        let others = OPEN_PER_BROWSER - 1;
        let drop_oldest = Question::new(DROP_OLDEST).with(attempt.browser_hash).with(others);
        let first: Vec<Question> = lock.into_iter().chain([drop_oldest]).collect();
        in_transaction!(self, first & first, |lease| {
            insert::<DB>(attempt).run(&mut lease).await?;
            Ok(())
        })
    }

    pub(super) async fn take_attempt(
        &self,
        state_hash: &[u8; 32],
        browser_hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<Attempt>, StoreError> {
        let row = self.delete_attempt(state_hash, browser_hash).await?;
        let Some(row) = row else { return Ok(None) };
        let attempt = Attempt {
            state_hash: row.get("state_hash")?,
            browser_hash: row.get("browser_hash")?,
            provider: row.get("provider")?,
            purpose: row.get("purpose")?,
            user_id: row.get("user_id")?,
            redirect_uri: row.get("redirect_uri")?,
            expected_iss: row.get("expected_iss")?,
            nonce: row.get("nonce")?,
            code_verifier: row.get("code_verifier")?,
            carry: row.get("carry")?,
            return_path: row.get("return_path")?,
            settings_digest: row.get("settings_digest")?,
            created_at: row.get("created_at")?,
            expires_at: row.get("expires_at")?,
        };
        Ok((now < attempt.expires_at).then_some(attempt))
    }

    /// One statement: it is a transaction by itself, and whatever the row holds, it is used up before it is read.
    async fn delete_attempt(
        &self,
        state_hash: &[u8; 32],
        browser_hash: &[u8; 32],
    ) -> Result<Option<Row<DB>>, StoreError> {
        in_statement!(self, |lease| {
            Question::new(TAKE_ATTEMPT).with(*state_hash).with(*browser_hash).first(&mut lease).await
        })
    }

    pub(super) async fn sweep_attempts(
        &self,
        lease: &mut Lease<DB>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        Statement::<DB>::new(SWEEP_ATTEMPTS).bind(&now).run(lease).await
    }
}

fn insert<DB: Backend>(attempt: &Attempt) -> Statement<DB> {
    Statement::new(INSERT_ATTEMPT)
        .bind(&attempt.state_hash)
        .bind(&attempt.browser_hash)
        .bind(&attempt.provider)
        .bind(&attempt.purpose)
        .bind(&attempt.user_id)
        .bind(&attempt.redirect_uri)
        .bind(&attempt.expected_iss)
        .bind(&attempt.nonce)
        .bind(&attempt.code_verifier)
        .bind(&attempt.carry)
        .bind(&attempt.return_path)
        .bind(&attempt.settings_digest)
        .bind(&attempt.created_at)
        .bind(&attempt.expires_at)
}

/// A browser as a number, for a lock. Two browsers with one number wait for each other now and then, and no more.
fn number_of(browser_hash: &[u8; 32]) -> i64 {
    let [a, b, c, d, e, f, g, h, ..] = *browser_hash;
    i64::from_be_bytes([a, b, c, d, e, f, g, h])
}
