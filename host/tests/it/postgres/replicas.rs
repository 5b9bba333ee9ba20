//! Several hosts on one database: what one does holds for the other at once.

use std::collections::BTreeMap;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use vestibule::config::Config;
use vestibule::reach::Reach;
use vestibule::router::router;
use vestibule::server::{self, Limits};
use vestibule::startup::{self, Ambient};
use vestibule::store::{Migrate, Options, Store};

use super::*;
use crate::database::Look;

/// Another host of the same installation: the same configuration and database, its own connections and port.
struct Replica {
    url: String,
    _end: oneshot::Sender<()>,
}

async fn replica(world: &World) -> Replica {
    let environment = BTreeMap::<String, String>::new();
    let config = Config::load(&world.folder.path().join("config.toml"), &environment).unwrap().config;
    let ambient = Ambient {
        clock: world.clock.clone(),
        random: Arc::new(SystemRandom),
        environment: Arc::new(environment),
        workers: crate::world::workers(None),
        limits: Plan::default().operations,
    };
    let app = startup::app(&config, &ambient).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let (end, ended) = oneshot::channel::<()>();
    tokio::spawn(server::serve(listener, router(app), Limits::new(false), async {
        let _ = ended.await;
    }));
    Replica { url, _end: end }
}

/// The same path and query at another host.
fn at(url: &url::Url, replica: &Replica) -> url::Url {
    let mut moved = url.clone();
    moved.set_port(url::Url::parse(&replica.url).unwrap().port()).unwrap();
    moved
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_began_at_one_host_ends_at_another() {
    let world = Plan::on(Database::Postgres).start().await;
    let other = replica(&world).await;
    let (callback, cookies) = world.callback(&mut world.visitor(), "octavia").await;
    let (status, session) = come_back(&at(&callback, &other), &cookies).await;
    assert_eq!(status, 303);
    let session = session.unwrap();
    assert_eq!((me(&world.url, &session).await, me(&other.url, &session).await), (200, 200));
    // The state is used up everywhere.
    assert_eq!(come_back(&callback, &cookies).await.0, 400);
    assert_eq!(world.count("users").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_is_used_once_whichever_host_it_comes_to() {
    let world = Plan::on(Database::Postgres).start().await;
    let other = replica(&world).await;
    let (callback, cookies) = world.callback(&mut world.visitor(), "octavia").await;
    let mut answers = JoinSet::new();
    for n in 0..20 {
        let (to, cookies) =
            (if n % 2 == 0 { callback.clone() } else { at(&callback, &other) }, cookies.clone());
        answers.spawn(async move { come_back(&to, &cookies).await.0 });
    }
    let mut statuses = answers.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses[0], 303);
    assert!(statuses[1..].iter().all(|status| *status == 400), "{statuses:?}");
    assert_eq!((world.count("users").await, world.count("sessions").await), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_at_one_host_is_seen_at_the_next_check_of_another() {
    let world = Plan::on(Database::Postgres).start().await;
    let other = replica(&world).await;
    let (callback, cookies) = world.callback(&mut world.visitor(), "octavia").await;
    let session = come_back(&callback, &cookies).await.1.unwrap();
    // It has been seen there, so that a memory of it would show.
    assert_eq!(me(&other.url, &session).await, 200);
    let sign_out = plain_client()
        .delete(world.at("/api/v1/session"))
        .header("sec-fetch-site", "same-origin")
        .header("cookie", &session);
    assert_eq!(sign_out.send().await.unwrap().status(), 204);
    assert_eq!((me(&other.url, &session).await, me(&world.url, &session).await), (401, 401));
}

/// Starts so many hosts at once on an empty database; how many of them ran the migrations.
pub(super) async fn start_at_once(url: &str, hosts: usize) -> usize {
    let mut starts = JoinSet::new();
    for _ in 0..hosts {
        let location = location_of(url);
        starts.spawn(async move {
            let store = Store::open(&location, &Options::default()).await.unwrap();
            let (provider, plugin) = ("github".parse().unwrap(), "github".parse().unwrap());
            let adopted = store
                .adopt_provider(&provider, &plugin, "r", &Reach::default(), crate::world::START)
                .await
                .unwrap();
            store.check_statements().await.unwrap();
            (!store.applied().core.is_empty(), adopted.created)
        });
    }
    let started = starts.join_all().await;
    assert_eq!(started.iter().filter(|(_, made)| *made).count(), 1, "one of them made the table");
    started.iter().filter(|(migrated, _)| *migrated).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_start_at_once_run_the_migrations_once() {
    let database = PostgresDatabase::empty().await;
    assert_eq!(start_at_once(&database.url(), 6).await, 1);
    let look = Look::into_postgres(&database.url()).await;
    let migrations =
        std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/postgres")).unwrap();
    let migrations = migrations.filter(|entry| entry.as_ref().unwrap().path().is_file()).count();
    let run: i64 = look.value("SELECT COUNT(*) FROM _sqlx_migrations").await;
    assert_eq!(usize::try_from(run).unwrap(), migrations);
    assert_eq!(look.value::<i64>("SELECT COUNT(*) FROM providers").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_change_the_schema_serves_one_that_is_up_to_date() {
    let world = Plan::on(Database::Postgres).start().await;
    let postgres = world.postgres.clone().unwrap();
    // Roles are the server's, not the database's: the name is this test's alone.
    let look = world.database().await;
    look.run(
        "DO $$ BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'vestibule_rows') THEN
                CREATE ROLE vestibule_rows LOGIN;
            END IF;
         END $$;
         REVOKE CREATE ON SCHEMA public FROM PUBLIC;
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO vestibule_rows",
    )
    .await;
    let url = postgres.url().replace("postgres@", "vestibule_rows@");
    for migrate in [Migrate::Manual, Migrate::Auto] {
        let options = Options { migrate, ..Options::default() };
        let store = Store::open(&location_of(&url), &options).await.unwrap();
        let (provider, plugin) = ("fresh".parse().unwrap(), "github".parse().unwrap());
        let error = store
            .adopt_provider(&provider, &plugin, "r", &Reach::default(), crate::world::START)
            .await
            .unwrap_err();
        let expected = match migrate {
            Migrate::Manual => {
                "`oauth_fresh` is missing, and `[database] migrate` is `manual`; run `vestibule migrate`, then start again"
            }
            Migrate::Auto => {
                "the database does not permit it (`provider table`): permission denied for schema public (SQLSTATE 42501)"
            }
        };
        assert_eq!(error.to_string(), expected);
    }
    let world = Plan {
        database_url: Some(url),
        sections: String::new(),
        after: Some(world.stop().await),
        ..Plan::on(Database::Postgres)
    };
    let world = world.start().await;
    world.visitor().sign_in("github", Some("octavia")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browsers_begins_at_several_hosts_at_once_never_leave_more_than_twenty() {
    let world = Plan::on(Database::Postgres).start().await;
    let url = world.postgres.as_ref().unwrap().url();
    let stores = [
        Store::open(&location_of(&url), &Options::default()).await.unwrap(),
        Store::open(&location_of(&url), &Options::default()).await.unwrap(),
    ];
    let mut begins = JoinSet::new();
    for n in 0..80 {
        let store = stores[n % 2].clone();
        begins.spawn(async move {
            let attempt = crate::store::attempts::attempt(n as u64, 1);
            store.insert_attempt(&attempt).await.unwrap();
        });
    }
    begins.join_all().await;
    assert_eq!(world.count("login_attempts").await, 20);
}
