//! Asking whose session that is: what each question costs the server's processor, and how many it answers in a second,
//! beside a handler with one query by an index.

use super::sign_in::Databases;
use super::{say, under};
use crate::Bench;
use crate::error::{Result, doing};
use crate::installation::Installation;
use crate::pairs::Pairs;
use crate::provider::Provider;
use crate::table::{Table, Unit};
use crate::visitor::{Site, Visitor, question};

/// How many connections ask at the same time.
const CONNECTIONS: usize = 8;

pub(super) async fn measure(
    bench: &Bench,
    table: &mut Table,
    provider: &Provider,
    databases: Databases<'_>,
) -> Result<()> {
    let (our_database, bare_database) = databases.both();
    let name = our_database.name();
    say(&format!("session checks on {name}"));
    let ours = Installation::vestibule(bench, "vestibule", 1, &our_database, provider)?;
    let bare = Installation::bare(bench, "bare", &bare_database, provider)?;
    let (ours_process, _) = ours.start(bench).await?;
    let (bare_process, _) = bare.start(bench).await?;
    let person = provider.people.first().map_or("", String::as_str);
    let ours_session = Visitor::new(&ours.site).await?.sign_in(person).await?;
    let bare_session = Visitor::new(&bare.site).await?.sign_in(person).await?;
    let count = bench.scaled(20_000);
    for path in ["/api/v1/me", "/.vestibule/check"] {
        let (mut cpu, mut rate) = (Pairs::default(), Pairs::default());
        let ours_question = question(&ours.site, path, &ours_session);
        let bare_question = question(&bare.site, path, &bare_session);
        // Not counted: every connection to the database exists from here on.
        ask(&ours.site, &ours_question, count / 4).await?;
        ask(&bare.site, &bare_question, count / 4).await?;
        for _ in 0..bench.pairs() {
            let one = under(&ours_process, ask(&ours.site, &ours_question, count)).await?;
            let other = under(&bare_process, ask(&bare.site, &bare_question, count)).await?;
            cpu.push(one.cpu_each(count), other.cpu_each(count));
            rate.push(one.per_second(count), other.per_second(count));
        }
        table.pair(&format!("{path}, {name}, CPU"), Unit::Time, "bare", &cpu, Some(1.5));
        table.pair(&format!("{path}, {name}, rate"), Unit::PerSecond, "bare", &rate, None);
    }
    ours_process.stop().await?;
    bare_process.stop().await
}

async fn ask(site: &Site, question: &[u8], count: usize) -> Result<()> {
    let mut visitors = tokio::task::JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (site, question) = (site.clone(), question.to_vec());
        visitors
            .spawn(async move { Visitor::new(&site).await?.repeat(&question, count / CONNECTIONS).await });
    }
    while let Some(ended) = visitors.join_next().await {
        ended.map_err(doing("run a visitor"))??;
    }
    Ok(())
}
