//! Whole sign-ins of people who have been there before: what each costs the server's processor, and how many there are in
//! a second, beside the bare relying party and beside what the disk can do.

use super::{Took, commits, say, under};
use crate::Bench;
use crate::error::Result;
use crate::installation::{Database, Installation};
use crate::pairs::Pairs;
use crate::postgres::Postgres;
use crate::process::Process;
use crate::provider::Provider;
use crate::table::{Table, Unit};
use crate::visitor::{Site, Visitor, sign_in_many};

/// How many sign in at the same time.
const AT_ONCE: usize = 8;
/// The durable transactions of a sign-in, with both: the attempt is stored, the attempt is taken, the session is written.
const COMMITS: usize = 3;

/// Which database it is, and how fast that is by itself.
#[derive(Clone, Copy)]
pub(super) enum Databases<'a> {
    Sqlite,
    Postgres(&'a Postgres),
}

impl Databases<'_> {
    /// One for Vestibule, one for the bare relying party.
    pub(super) fn both(self) -> (Database, Database) {
        match self {
            Self::Sqlite => (Database::Sqlite, Database::Sqlite),
            Self::Postgres(postgres) => (postgres.vestibule(), postgres.bare()),
        }
    }

    /// What [`Self::commits`] needs while there are measurements.
    async fn keep_log(self, bench: &Bench) -> Result<Option<commits::KeptLog>> {
        Ok(match self {
            Self::Sqlite => Some(commits::keep_log(bench).await?),
            Self::Postgres(_) => None,
        })
    }

    /// Durable transactions of one row in a second.
    async fn commits(self, bench: &Bench, count: usize) -> Result<f64> {
        match self {
            Self::Sqlite => commits::sqlite(bench, count).await,
            Self::Postgres(postgres) => commits::postgres(bench, postgres.commits(), count, AT_ONCE).await,
        }
    }
}

pub(super) async fn measure(
    bench: &Bench,
    table: &mut Table,
    provider: &Provider,
    databases: Databases<'_>,
) -> Result<()> {
    let (our_database, bare_database) = databases.both();
    let name = match provider.name() {
        "github" => format!("sign-in, {}", our_database.name()),
        other => format!("sign-in through {other}, {}", our_database.name()),
    };
    say(&name);
    let ours = Installation::vestibule(bench, "vestibule", 1, &our_database, provider)?;
    let bare = Installation::bare(bench, "bare", &bare_database, provider)?;
    let (ours_process, _) = ours.start(bench).await?;
    let (bare_process, _) = bare.start(bench).await?;
    // Everybody signs in once, so that from here on all come back.
    for (site, process) in [(&ours.site, &ours_process), (&bare.site, &bare_process)] {
        sign_in(site, process, provider, provider.people.len().max(bench.scaled(500))).await?;
    }
    let kept_log = databases.keep_log(bench).await?;
    let (mut cpu, mut rate, mut disk) = (Pairs::default(), Pairs::default(), Pairs::default());
    let count = bench.scaled(1_000);
    for _ in 0..bench.pairs() {
        let one = sign_in(&ours.site, &ours_process, provider, count).await?;
        let other = sign_in(&bare.site, &bare_process, provider, count).await?;
        let commits = databases.commits(bench, COMMITS * count).await?;
        cpu.push(one.cpu_each(count), other.cpu_each(count));
        rate.push(one.per_second(count), other.per_second(count));
        disk.push(one.per_second(count), commits / COMMITS as f64);
    }
    drop(kept_log);
    ours_process.stop().await?;
    bare_process.stop().await?;
    table.pair(&format!("{name}, CPU"), Unit::Time, "bare", &cpu, Some(1.5));
    table.pair(&format!("{name}, rate"), Unit::PerSecond, "bare", &rate, None);
    table.pair(&format!("{name}, rate"), Unit::PerSecond, "disk's commits ÷ 3", &disk, Some(1.5));
    Ok(())
}

/// Signs in, and makes sure that the last one is.
async fn sign_in(site: &Site, process: &Process, provider: &Provider, count: usize) -> Result<Took> {
    let mut session = String::new();
    let load = async {
        session = sign_in_many(site, &provider.people, count, AT_ONCE).await?;
        Ok(())
    };
    let took = under(process, load).await?;
    Visitor::new(site).await?.ask("/api/v1/me", &session).await?;
    Ok(took)
}
