//! The rows of the table, in the order in which they are measured. Each file is one kind of row; this one picks.

mod boundary;
mod commits;
mod session;
mod sign_in;
mod start;

use std::time::Duration;

use crate::Bench;
use crate::error::{Error, Result};
use crate::postgres::Postgres;
use crate::process::Process;
use crate::provider::Provider;
use crate::table::Table;
use sign_in::Databases;
use vestibule_bench::clock::Stopwatch;
use vestibule_demo_idp::Personality;

const BOUNDARY: &str = "boundary";
const SIGN_IN_SQLITE: &str = "sign-in, SQLite";
const SIGN_IN_OIDC: &str = "sign-in through oidc, SQLite";
const SESSION_SQLITE: &str = "session, SQLite";
const SIGN_IN_POSTGRES: &str = "sign-in, PostgreSQL";
const SESSION_POSTGRES: &str = "session, PostgreSQL";
const START: &str = "start";
const ALL: [&str; 7] =
    [BOUNDARY, SIGN_IN_SQLITE, SIGN_IN_OIDC, SESSION_SQLITE, SIGN_IN_POSTGRES, SESSION_POSTGRES, START];

/// Measures what the filter asks for.
pub(crate) async fn measure(bench: &Bench, table: &mut Table) -> Result<()> {
    let provider = Provider::start(Personality::GitHub).await?;
    let filter = bench.arguments.filter.as_deref().unwrap_or_default().to_lowercase();
    let wanted = |name: &str| name.to_lowercase().contains(&filter);
    if !ALL.iter().any(|name| wanted(name)) {
        return Err(Error::new(format!("no row is named `{filter}`; there are: {}", ALL.join("; "))));
    }
    if wanted(BOUNDARY) {
        boundary::measure(bench, table, &provider).await?;
    }
    if wanted(SIGN_IN_SQLITE) {
        sign_in::measure(bench, table, &provider, Databases::Sqlite).await?;
    }
    if wanted(SIGN_IN_OIDC) {
        let issuer = Provider::start(Personality::Oidc).await?;
        sign_in::measure(bench, table, &issuer, Databases::Sqlite).await?;
        issuer.gave_no_user_info()?;
    }
    if wanted(SESSION_SQLITE) {
        session::measure(bench, table, &provider, Databases::Sqlite).await?;
    }
    if wanted(SIGN_IN_POSTGRES) || wanted(SESSION_POSTGRES) {
        match Postgres::start(bench).await? {
            Some(postgres) => {
                if wanted(SIGN_IN_POSTGRES) {
                    sign_in::measure(bench, table, &provider, Databases::Postgres(&postgres)).await?;
                }
                if wanted(SESSION_POSTGRES) {
                    session::measure(bench, table, &provider, Databases::Postgres(&postgres)).await?;
                }
                postgres.stop().await?;
            }
            None => println!("left out: PostgreSQL, which is not here (apt-get install postgresql)"),
        }
    }
    if wanted(START) {
        start::measure(bench, table, &provider).await?;
    }
    Ok(())
}

/// What some load took.
struct Took {
    wall: Duration,
    /// Of the server.
    cpu: Duration,
}

impl Took {
    /// Processor time for each of so many, in nanoseconds.
    fn cpu_each(&self, count: usize) -> f64 {
        self.cpu.as_secs_f64() * 1e9 / count as f64
    }

    /// So many in a second.
    fn per_second(&self, count: usize) -> f64 {
        count as f64 / self.wall.as_secs_f64()
    }
}

/// Puts load on a server and reads what it took.
async fn under(process: &Process, load: impl Future<Output = Result<()>>) -> Result<Took> {
    let (before, watch) = (process.cpu()?, Stopwatch::start());
    if let Err(error) = load.await {
        return Err(process.failed(&format!("did not do what it should: {error}")));
    }
    Ok(Took { wall: watch.read(), cpu: process.cpu()?.saturating_sub(before) })
}

/// Says on the terminal what is going on.
fn say(what: &str) {
    println!("measuring {what}");
}
