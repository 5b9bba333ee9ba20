//! What the test wants of a database, whichever it is: a look at it, and a place where the server stops.

use crate::process::Installation;

pub(super) mod postgres;
pub(super) mod sqlite;

/// Users, sessions, login attempts.
pub(super) type Counts = (i64, i64, i64);

pub(super) const COUNTS: &str = "SELECT (SELECT COUNT(*) FROM users), (SELECT COUNT(*) FROM sessions), \
     (SELECT COUNT(*) FROM login_attempts)";

/// Everything of which one half is there without the other. Each person here has one account.
pub(super) const HALVES: &str = "
    SELECT what FROM (
        SELECT 'users without an identity' AS what, COUNT(*) AS found FROM users u WHERE NOT EXISTS
            (SELECT 1 FROM identities i WHERE i.user_id = u.id AND i.provider = u.primary_provider)
        UNION ALL SELECT 'identities without a user', COUNT(*) FROM identities i WHERE NOT EXISTS
            (SELECT 1 FROM users u WHERE u.id = i.user_id)
        UNION ALL SELECT 'identities without an account', COUNT(*) FROM identities i WHERE NOT EXISTS
            (SELECT 1 FROM oauth_github o WHERE o.account_id = i.account_id AND o.user_id = i.user_id)
        UNION ALL SELECT 'accounts without an identity', COUNT(*) FROM oauth_github o WHERE NOT EXISTS
            (SELECT 1 FROM identities i WHERE i.provider = 'github' AND i.account_id = o.account_id
                AND i.user_id = o.user_id)
        UNION ALL SELECT 'sessions without a user', COUNT(*) FROM sessions s WHERE NOT EXISTS
            (SELECT 1 FROM users u WHERE u.id = s.user_id)
    ) AS faults WHERE found > 0";

/// Inside of a transaction: what has just been written in it, and is not committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    AttemptInserted,
    AttemptDeleted,
    BeforeUser,
    UserInserted,
    AccountInserted,
    IdentityInserted,
    BeforeRefresh,
    AccountRefreshed,
    SessionInserted,
    SessionDeleted,
    /// The transaction's end was asked for, and is not there. PostgreSQL alone can be stopped in it.
    Committing,
}

pub(super) trait Base {
    /// Whether a statement that is its own transaction is undone when the server is killed in it. PostgreSQL may end it
    /// without anybody to tell.
    const UNDOES_STATEMENTS: bool;

    /// For an installation whose server has not started yet.
    async fn new(installation: &Installation) -> Self;

    /// Lines for the configuration.
    fn section(&self) -> String;

    async fn counts(&self) -> Counts;

    /// What the database itself finds wrong, and what is half there.
    async fn faults(&self) -> Vec<String>;

    async fn run(&self, sql: &'static str);

    /// The next transaction that comes to this place goes no further.
    async fn hold(&self, place: Place);

    /// One is there.
    async fn until_held(&self);

    /// Waits until the server has let go of it, and takes the hold away, where that needs no server.
    async fn after_the_kill(&self, held: bool);

    /// Takes the hold away, where the next server was to be the first to see what the kill has left.
    async fn after_the_start(&self, held: bool);
}
