//! A connection for as long as one step needs it, and the transaction on it. The one place that opens transactions, runs a
//! step that lost a race again, and decides that a connection is not to be used any more. Knows no table.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Pool, SqlSafeStr as _, SqlStr};
use sqlx_core::transaction::TransactionManager as _;
use tokio::time::Instant;

use super::backend::{Answer, Backend, store_error};
use super::error::{StoreError, StoreErrorKind};
use super::statement::{Question, Row};

/// How often a step is run, at most, if it loses against others each time.
const ROUNDS: usize = 3;

/// Where connections come from.
pub(super) struct Connections<DB: Backend> {
    pub(super) pool: Pool<DB>,
    pub(super) refused: Refused,
}

impl<DB: Backend> Clone for Connections<DB> {
    fn clone(&self) -> Self {
        Self { pool: self.pool.clone(), refused: self.refused.clone() }
    }
}

impl<DB: Backend> From<Pool<DB>> for Connections<DB> {
    fn from(pool: Pool<DB>) -> Self {
        Self { pool, refused: Refused::default() }
    }
}

/// Why the last new connection was not taken, and when: the pool goes on trying, and tells whoever waited that none came.
#[derive(Debug, Clone, Default)]
pub(super) struct Refused(Arc<Mutex<Option<(Instant, String)>>>);

impl Refused {
    /// The outcome of looking at a new connection.
    pub(super) fn note(&self, reason: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            reason.map(|reason| (Instant::now(), reason));
    }

    /// What whoever has waited since then is told, if no connection was taken meanwhile for this reason.
    fn since(&self, start: Instant) -> Option<StoreError> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (when, reason) = last.as_ref()?;
        (*when >= start).then(|| StoreError::new(StoreErrorKind::ReadOnly, "connect", reason))
    }
}

/// A borrowed connection. Dropped with a transaction open, as when the request is cancelled, that transaction never was.
pub(super) struct Lease<DB: Backend> {
    connection: PoolConnection<DB>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// In no transaction.
    Plain,
    /// Inside a transaction.
    Open,
    /// Not to be used by anybody else: it is dead, or an answer is outstanding, or it is not known whether a transaction
    /// is open on it.
    Broken,
}

enum Begun {
    Yes,
    /// The connection had ended before, and nothing was done on it.
    WasDead(StoreError),
}

impl<DB: Backend> Lease<DB> {
    /// A connection for reading.
    pub(super) async fn reading(from: &Connections<DB>) -> Result<Self, StoreError> {
        match DB::BEGIN_READ {
            Some(begin) => Self::begun(from, begin.into_sql_str()).await,
            None => Self::plain(&from.pool).await,
        }
    }

    /// The answer to a question that only reads, and the connection that gave it, for a further one.
    pub(super) async fn asked(
        from: &Connections<DB>,
        question: &Question,
    ) -> Result<(Self, Option<Row<DB>>), StoreError> {
        let asked = Self::asked_on_one_that_lives(&from.pool, question);
        in_time(from, question.name(), asked).await
    }

    async fn asked_on_one_that_lives(
        pool: &Pool<DB>,
        question: &Question,
    ) -> Result<(Self, Option<Row<DB>>), StoreError> {
        let mut spare = pool.options().get_max_connections();
        loop {
            let mut lease = Self::plain(pool).await?;
            match question.first(&mut lease).await {
                // Asked twice, a question has the same answer.
                Err(_) if lease.state == State::Broken && spare > 0 => spare -= 1,
                answer => return Ok((lease, answer?)),
            }
        }
    }

    /// A connection for one statement that writes.
    pub(super) async fn statement(from: &Connections<DB>) -> Result<Self, StoreError> {
        // Where reading needs a transaction, every statement does.
        if DB::BEGIN_READ.is_some() { Self::transaction(from).await } else { Self::plain(&from.pool).await }
    }

    /// A connection inside a transaction that will write.
    pub(super) async fn transaction(from: &Connections<DB>) -> Result<Self, StoreError> {
        Self::begun(from, DB::BEGIN.into_sql_str()).await
    }

    /// The same, and the first statements of the transaction go out with its BEGIN where the database takes them so. Their
    /// answers do not matter.
    pub(super) async fn transaction_of(
        from: &Connections<DB>,
        first: &[Question],
    ) -> Result<Self, StoreError> {
        if DB::IN_ONE_MESSAGE {
            return Self::begun(from, Question::after(DB::BEGIN, first)).await;
        }
        let mut lease = Self::transaction(from).await?;
        for question in first {
            question.run(&mut lease).await?;
        }
        Ok(lease)
    }

    async fn plain(pool: &Pool<DB>) -> Result<Self, StoreError> {
        let connection = pool.acquire().await.map_err(|error| store_error::<DB>("connect", error))?;
        Ok(Self { connection, state: State::Plain })
    }

    async fn begun(from: &Connections<DB>, begin: SqlStr) -> Result<Self, StoreError> {
        in_time(from, "begin", Self::begun_on_one_that_lives(&from.pool, begin)).await
    }

    async fn begun_on_one_that_lives(pool: &Pool<DB>, begin: SqlStr) -> Result<Self, StoreError> {
        // Connections that a restart of the database has ended are found out here, where nothing is lost yet.
        let mut spare = pool.options().get_max_connections();
        loop {
            let mut lease = Self::plain(pool).await?;
            match lease.begin(begin.clone()).await? {
                Begun::Yes => return Ok(lease),
                Begun::WasDead(error) if spare == 0 => return Err(error),
                Begun::WasDead(_) => spare -= 1,
            }
        }
    }

    async fn begin(&mut self, begin: SqlStr) -> Result<Begun, StoreError> {
        // A BEGIN that is cancelled before its answer leaves a transaction that the driver knows nothing of: what ran
        // next on this connection would be lost without a word.
        self.state = State::Broken;
        let begun = DB::TransactionManager::begin(&mut self.connection, Some(begin));
        match begun.await {
            Ok(()) => {
                self.state = State::Open;
                Ok(Begun::Yes)
            }
            Err(error) if DB::is_dead(&error) => Ok(Begun::WasDead(store_error::<DB>("begin", error))),
            Err(error) => {
                // What goes out with a BEGIN may have failed inside of the transaction, which is open then.
                if !DB::IN_ONE_MESSAGE {
                    self.state = State::Plain;
                }
                Err(store_error::<DB>("begin", error))
            }
        }
    }

    /// Commits, if there is a transaction.
    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        if self.state != State::Open {
            return Ok(());
        }
        let patience = DB::PATIENCE;
        self.answer("commit", patience, |connection| Box::pin(DB::TransactionManager::commit(connection)))
            .await?;
        self.state = State::Plain;
        Ok(())
    }

    /// What the database answers within `patience`. If this is dropped before, a connection to a server is closed: its
    /// rollback would wait for an answer that may never come, and keep the pool's place for as long.
    pub(super) async fn answer<T>(
        &mut self,
        statement: &'static str,
        patience: Option<Duration>,
        ask: impl for<'c> FnOnce(&'c mut DB::Connection) -> Answer<'c, T> + Send,
    ) -> Result<T, StoreError> {
        let before = self.state;
        if DB::PATIENCE.is_some() {
            self.state = State::Broken;
        }
        let answer = ask(&mut self.connection);
        let answer = match patience {
            Some(patience) => tokio::time::timeout(patience, answer).await.ok(),
            None => Some(answer.await),
        };
        let answer = answer.ok_or_else(|| self.given_up(statement))?;
        self.state = before;
        answer.map_err(|error| self.failed(statement, error))
    }

    /// What a failed statement means to its caller, and to the connection.
    fn failed(&mut self, statement: &'static str, error: sqlx::Error) -> StoreError {
        if DB::is_dead(&error) {
            self.state = State::Broken;
        }
        store_error::<DB>(statement, error)
    }

    /// A statement was given up without its answer.
    fn given_up(&mut self, statement: &'static str) -> StoreError {
        self.state = State::Broken;
        no_answer(statement)
    }
}

/// On a server: within the time that a connection is waited for, both together.
async fn in_time<DB: Backend, T>(
    from: &Connections<DB>,
    statement: &'static str,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    if DB::PATIENCE.is_none() {
        return work.await;
    }
    let start = Instant::now();
    let done = tokio::time::timeout(from.pool.options().get_acquire_timeout(), work).await;
    let done = done.unwrap_or_else(|_| Err(no_answer(statement)));
    done.map_err(|error| from.refused.since(start).unwrap_or(error))
}

fn no_answer(statement: &'static str) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, statement, "no answer came in time")
}

impl<DB: Backend> Drop for Lease<DB> {
    fn drop(&mut self) {
        match self.state {
            State::Plain => {}
            State::Open => DB::TransactionManager::start_rollback(&mut self.connection),
            State::Broken => self.connection.close_on_drop(),
        }
    }
}

/// An error of a step, which may be the database's.
pub(super) trait Failure {
    /// The database's error, if it is one.
    fn store_error(&self) -> Option<&StoreError>;
}

impl Failure for StoreError {
    fn store_error(&self) -> Option<&StoreError> {
        Some(self)
    }
}

/// How often a step has lost.
#[derive(Default)]
pub(super) struct Rounds(usize);

impl Rounds {
    /// Whether the step is run once more, from the start and with what the database holds by then: it lost against
    /// another, and nothing of it was written.
    pub(super) fn again(&mut self, error: &impl Failure) -> bool {
        let lost = error.store_error().is_some_and(|error| error.kind() == StoreErrorKind::Conflict);
        self.0 += 1;
        lost && self.0 < ROUNDS
    }
}

/// Runs a step on a lease, commits it, and runs it again if it lost. The block ends in a `Result`.
macro_rules! on_lease {
    ($begin:expr, |$lease:ident| $step:block) => {{
        let mut rounds = $crate::store::lease::Rounds::default();
        loop {
            let mut $lease = $begin.await?;
            let error = match async { $step }.await {
                Ok(done) => match $lease.commit().await {
                    Ok(()) => return Ok(done),
                    Err(error) => error.into(),
                },
                // The transaction is rolled back behind our back, on its own connection; the next round may take another.
                Err(error) => {
                    drop($lease);
                    error
                }
            };
            if !rounds.again(&error) {
                return Err(error);
            }
        }
    }};
}
pub(super) use on_lease;

/// One transaction that writes: the rest of the function.
macro_rules! in_transaction {
    ($sql:expr, first $first:expr, |$lease:ident| $step:block) => {
        $crate::store::lease::on_lease!(
            $crate::store::lease::Lease::transaction_of(&$sql.writer, $first),
            |$lease| $step
        )
    };
    ($sql:expr, |$lease:ident| $step:block) => {
        $crate::store::lease::on_lease!($crate::store::lease::Lease::transaction(&$sql.writer), |$lease| {
            $step
        })
    };
}
pub(super) use in_transaction;

/// One statement that writes: the rest of the function.
macro_rules! in_statement {
    ($sql:expr, |$lease:ident| $step:block) => {
        $crate::store::lease::on_lease!($crate::store::lease::Lease::statement(&$sql.writer), |$lease| $step)
    };
}
pub(super) use in_statement;
