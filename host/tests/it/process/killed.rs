//! `kill -9` at each step of a sign-in and of a sign-out, [`KILLS`] times on each database, again and again on the same one.
//!
//! After each: the server starts on what is left, the database is whole, nobody is half there, the state that was under way
//! works once at most, the person can sign in, whoever was told that a session has ended finds it ended. The steps are met
//! exactly: the provider does not answer, a transaction is held inside of the database, or the server at its next line of
//! the log, which it writes between the commit and the answer. The moments in between are drawn.

use vestibule_demo_idp::Endpoint;

use self::base::{Base, Place};
use self::trial::Trial;

mod base;
mod journey;
mod server;
mod steps;
mod trial;

/// In all tests of this file, on each of the two.
const KILLS: usize = 200;

const BEGINNING: &[(Step, usize)] =
    &[(Step::Storing(Place::AttemptInserted), 10), (Step::Begun, 12), (Step::AtTheProvider, 12)];

const ASKING: &[(Step, usize)] = &[
    (Step::Storing(Place::AttemptDeleted), 10),
    (Step::Waiting(Endpoint::Token), 12),
    (Step::Waiting(Endpoint::User), 12),
    (Step::Waiting(Endpoint::Emails), 12),
];

const STORING: &[(Step, usize)] = &[
    (Step::Storing(Place::BeforeUser), 6),
    (Step::Storing(Place::UserInserted), 6),
    (Step::Storing(Place::AccountInserted), 6),
    (Step::Storing(Place::IdentityInserted), 6),
    (Step::Storing(Place::BeforeRefresh), 6),
    (Step::Storing(Place::AccountRefreshed), 6),
    (Step::Storing(Place::SessionInserted), 8),
];

/// As [`STORING`], and inside of the commit.
const STORING_ON_POSTGRES: &[(Step, usize)] = &[
    (Step::Storing(Place::BeforeUser), 5),
    (Step::Storing(Place::UserInserted), 5),
    (Step::Storing(Place::AccountInserted), 5),
    (Step::Storing(Place::IdentityInserted), 5),
    (Step::Storing(Place::BeforeRefresh), 5),
    (Step::Storing(Place::AccountRefreshed), 5),
    (Step::Storing(Place::SessionInserted), 6),
    (Step::Storing(Place::Committing), 8),
];

const ENDING: &[(Step, usize)] = &[
    (Step::Committed, 12),
    (Step::Answered, 8),
    (Step::Storing(Place::SessionDeleted), 8),
    (Step::SessionEnded, 8),
    (Step::SignedOut, 8),
];

const RANDOM: &[(Step, usize)] = &[(Step::AnyMoment, 16), (Step::AMomentAroundTheCommit, 16)];

const _: () = assert!(
    sum(BEGINNING) + sum(ASKING) + sum(STORING) + sum(ENDING) + sum(RANDOM) == KILLS
        && sum(STORING) == sum(STORING_ON_POSTGRES)
);

const fn sum(plan: &[(Step, usize)]) -> usize {
    let (mut sum, mut at) = (0, 0);
    while at < plan.len() {
        sum += plan[at].1;
        at += 1;
    }
    sum
}

/// Where the server is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Inside of a transaction.
    Storing(Place),
    /// The attempt is stored, and the browser has no answer.
    Begun,
    /// The browser is at the provider.
    AtTheProvider,
    /// The attempt is used up, and this request has no answer: the code is sent, the token is there, the account is.
    Waiting(Endpoint),
    /// Everything is stored, and the browser has no answer.
    Committed,
    /// The browser has its session.
    Answered,
    /// The session is gone, and the browser has no answer.
    SessionEnded,
    /// The browser was told so.
    SignedOut,
    AnyMoment,
    AMomentAroundTheCommit,
}

impl Step {
    /// Whether the account has no user yet. Some places come up only for one of both.
    fn is_of_a_newcomer(self, round: usize) -> bool {
        match self {
            Self::Storing(Place::BeforeUser | Place::UserInserted) => true,
            Self::Storing(Place::AccountInserted | Place::IdentityInserted) => true,
            Self::Storing(Place::BeforeRefresh | Place::AccountRefreshed) => false,
            _ => round.is_multiple_of(2),
        }
    }

    /// Held at the line that says how a request was answered; else the first line is that somebody has signed in.
    fn is_verbose(self) -> bool {
        matches!(self, Self::Begun | Self::SessionEnded)
    }
}

/// Writes each test twice: for SQLite with the first plan, for PostgreSQL with the second.
macro_rules! killed {
    ($(async fn $name:ident() = $on_sqlite:ident, $on_postgres:ident;)*) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    super::Trial::<super::base::sqlite::Sqlite>::start().await.run(super::$on_sqlite).await;
                }
            )*

            #[tokio::test(flavor = "multi_thread")]
            async fn half_a_person_is_found() {
                super::half_a_person_is_found::<super::base::sqlite::Sqlite>().await;
            }
        }
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    super::Trial::<super::base::postgres::Postgres>::start().await.run(super::$on_postgres).await;
                }
            )*

            #[tokio::test(flavor = "multi_thread")]
            async fn half_a_person_is_found() {
                super::half_a_person_is_found::<super::base::postgres::Postgres>().await;
            }
        }
    };
}

killed! {
    async fn a_kill_while_a_sign_in_begins_leaves_it_whole() = BEGINNING, BEGINNING;
    async fn a_kill_while_the_provider_is_asked_leaves_it_whole() = ASKING, ASKING;
    async fn a_kill_while_an_account_is_stored_leaves_it_whole() = STORING, STORING_ON_POSTGRES;
    async fn a_kill_at_the_answer_leaves_it_whole() = ENDING, ENDING;
    async fn a_kill_at_any_moment_leaves_it_whole() = RANDOM, RANDOM;
}

/// The check finds what it is for.
async fn half_a_person_is_found<B: Base>() {
    let trial = Trial::<B>::start().await;
    assert_eq!(trial.base.faults().await, [""; 0]);
    trial.installation.visitor().sign_in("github", Some("octavia")).await.unwrap();
    assert_eq!(trial.base.faults().await, [""; 0]);
    trial.base.run("DELETE FROM identities").await;
    let mut faults = trial.base.faults().await;
    faults.sort();
    assert_eq!(faults, ["accounts without an identity", "users without an identity"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_refers_to_nothing_is_found() {
    let trial = Trial::<base::sqlite::Sqlite>::start().await;
    trial.installation.visitor().sign_in("github", Some("octavia")).await.unwrap();
    trial.base.run("PRAGMA foreign_keys = OFF; DELETE FROM users").await;
    let mut faults = trial.base.faults().await;
    faults.sort();
    let expected =
        ["identities", "identities without a user", "oauth_github", "sessions", "sessions without a user"];
    assert_eq!(faults, expected);
}
