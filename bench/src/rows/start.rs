//! Starting, and doing nothing: time to readiness, memory and processor time of a server with 1, 10 and 100 providers,
//! beside the bare relying party, which has one.

use std::time::Duration;

use super::say;
use crate::Bench;
use crate::error::Result;
use crate::installation::{Database, Installation};
use crate::pairs::{Pairs, Samples};
use crate::process::{Memory, Process};
use crate::provider::Provider;
use crate::table::{Table, Unit};

/// How many providers.
const PROVIDERS: [usize; 3] = [1, 10, 100];

/// What starts showed.
#[derive(Default)]
struct Starts {
    /// With an empty database, whose tables are made.
    first: Samples,
    /// With the tables there.
    later: Samples,
    rss: Samples,
    pss: Samples,
    uss: Samples,
    threads: Samples,
    idle: Samples,
}

pub(super) async fn measure(bench: &Bench, table: &mut Table, provider: &Provider) -> Result<()> {
    for providers in PROVIDERS {
        say(&format!("starts with {providers} providers"));
        let (mut ours, mut bare) = (Starts::default(), Starts::default());
        for _ in 0..bench.pairs().div_ceil(2).max(3) {
            let installation =
                Installation::vestibule(bench, "vestibule", providers, &Database::Sqlite, provider)?;
            start(bench, &installation, &mut ours).await?;
            let installation = Installation::bare(bench, "bare", &Database::Sqlite, provider)?;
            start(bench, &installation, &mut bare).await?;
        }
        show(table, providers, ours, bare);
    }
    Ok(())
}

/// Starts it twice: with an empty folder, and again.
async fn start(bench: &Bench, installation: &Installation, starts: &mut Starts) -> Result<()> {
    let (process, took) = installation.start(bench).await?;
    starts.first.push(nanoseconds(took));
    process.stop().await?;
    let (process, took) = installation.start(bench).await?;
    starts.later.push(nanoseconds(took));
    starts.idle.push(idle(bench, &process).await?);
    let Memory { rss, pss, uss } = process.memory()?;
    for (samples, kib) in [(&mut starts.rss, rss), (&mut starts.pss, pss), (&mut starts.uss, uss)] {
        samples.push(kib as f64 / 1024.0);
    }
    starts.threads.push(process.threads()? as f64);
    process.stop().await
}

/// Processor time of a server that nobody asks, in microseconds for each second. It settles for a second before.
async fn idle(bench: &Bench, process: &Process) -> Result<f64> {
    tokio::time::sleep(Duration::from_secs(1)).await;
    let seconds = if bench.arguments.quick { 1 } else { 5 };
    let before = process.cpu_of_living_threads()?;
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let spent = process.cpu_of_living_threads()?.saturating_sub(before);
    Ok(spent.as_secs_f64() * 1e6 / seconds as f64)
}

fn show(table: &mut Table, providers: usize, ours: Starts, bare: Starts) {
    let with = format!("{providers} provider{}", if providers == 1 { "" } else { "s" });
    let mut row = |what: &str, unit, ours: Samples, bare: Samples| {
        table.pair(&format!("{what}, {with}"), unit, "bare, 1 provider", &Pairs { ours, other: bare }, None);
    };
    row("first start", Unit::Time, ours.first, bare.first);
    row("later start", Unit::Time, ours.later, bare.later);
    row("idle memory (RSS)", Unit::MiB, ours.rss, bare.rss);
    row("idle memory (PSS)", Unit::MiB, ours.pss, bare.pss);
    row("idle memory (own)", Unit::MiB, ours.uss, bare.uss);
    row("idle threads", Unit::Count, ours.threads, bare.threads);
    table.alone(&format!("idle CPU, {with}"), Unit::MicrosPerSecond, &ours.idle);
}

fn nanoseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}
