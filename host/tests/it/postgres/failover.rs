//! A primary and its standby, and a primary that takes no more writes: whoever asks meanwhile is told to come back, the
//! log has the reason, and the server goes on by itself once there is somebody to write to.

use super::gate::Gate;
use super::*;
use crate::cluster::{Cluster, Programs};
use crate::database::Look;
use crate::faults::rows;
use crate::openid::rig::{heard, listen};

async fn world(url: String) -> World {
    Plan { database_url: Some(url), ..Plan::default() }.start().await
}

async fn ready(world: &World) -> u16 {
    plain_client().get(world.at("/readyz")).send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_in_the_primarys_place_is_refused_by_its_reason_until_it_is_promoted() {
    let programs = Programs::look().await;
    let (data, copy) = (programs.folder(), programs.folder());
    let primary = Cluster::new(&programs, data.path()).await;
    let gate = Gate::before(&primary.url()).await;
    let world = world(gate.url_of(&primary.url())).await;
    let (callback, cookies) = world.callback(&mut world.visitor(), "octavia").await;
    let session = come_back(&callback, &cookies).await.1.unwrap();
    let (callback, cookies) = world.callback(&mut world.visitor(), "kai").await;

    let standby = primary.standby(copy.path()).await;
    gate.lead_to(standby.address());
    drop(primary);
    listen();
    // A session that the standby can show may have ended at the primary.
    let answers = tokio::join!(me(&world.url, &session), come_back(&callback, &cookies), ready(&world));
    assert_eq!(answers, (503, (503, None), 503));
    let log = heard();
    let cause = "the database cannot be written (`connect`): it can only be read: it is a standby";
    assert_eq!(log.matches(cause).count(), 3, "{log}");

    let look = Look::into_postgres(&standby.url()).await;
    assert!(look.value::<bool>("SELECT pg_promote()").await);
    assert_eq!((ready(&world).await, me(&world.url, &session).await), (200, 200));
    let (status, session) = come_back(&callback, &cookies).await;
    assert_eq!((status, me(&world.url, &session.unwrap()).await), (303, 200));
    assert_eq!(rows(&look).await, (2, 2, 2, 2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_takes_no_more_writes_is_named_and_taken_again_when_it_does() {
    let programs = Programs::look().await;
    let data = programs.folder();
    let cluster = Cluster::new(&programs, data.path()).await;
    let world = world(cluster.url()).await;
    let look = Look::into_postgres(&cluster.url()).await;
    let (callback, cookies) = world.callback(&mut world.visitor(), "octavia").await;
    // As services do it whose disk is nearly full. Connections that there are hear of it, too, a moment later.
    look.run("ALTER SYSTEM SET default_transaction_read_only = on").await;
    look.run("SELECT pg_reload_conf()").await;
    listen();
    let begin =
        || plain_client().post(world.at("/auth/github/begin")).header("sec-fetch-site", "same-origin");
    while begin().send().await.unwrap().status() == 303 {}
    assert!(heard().contains("the database cannot be written (`"));
    let (users, identities, accounts, sessions, _) = rows(&look).await;
    assert_eq!((users, identities, accounts, sessions), (0, 0, 0, 0));
    let told = come_back(&callback, &cookies).await;
    assert_eq!(told, (503, None));
    let log = heard();
    assert!(
        log.contains("it can only be read: ") || log.contains("the database cannot be written (`"),
        "{log}"
    );

    look.run("ALTER SYSTEM RESET default_transaction_read_only").await;
    look.run("SELECT pg_reload_conf()").await;
    while ready(&world).await != 200 {}
    let (status, session) = come_back(&callback, &cookies).await;
    assert_eq!((status, me(&world.url, &session.unwrap()).await), (303, 200));
}
