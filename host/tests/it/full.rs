//! A disk that becomes full while people are on their way through a sign-in, with nothing simulated about it: nobody is
//! half in, nothing is half written, who is signed in stays so, and with room again all goes on without a restart.

use std::time::Duration;

use vestibule::web::pages::ErrorKind;
use vestibule_demo_idp::Person;

use crate::cluster::{Cluster, Programs};
use crate::database::Look;
use crate::disk::{Disk, on_a_disk_of};
use crate::faults::journey::{Journey, Seen};
use crate::faults::resources::most_memory;
use crate::faults::{check_error_page, rows};
use crate::openid::rig::{heard, listen};
use crate::world::{Plan, World, plain_client};

/// What the log says, wherever it happened.
const NO_ROOM: &str = "the database has no room left (`";

mod sqlite {
    use super::*;

    #[test]
    fn a_disk_that_fills_in_mid_login_costs_only_what_would_have_been_written() {
        on_a_disk_of(8, &name(module_path!()), async |disk| {
            let file = disk.path().join("vestibule.db");
            let world = world(format!("sqlite:{}", file.display())).await;
            let look = Look::into_file(&file).await;
            fills_in_mid_login(&disk, &world, &look).await;
            let check: Vec<String> = look.values("PRAGMA integrity_check").await;
            assert_eq!(check, ["ok"]);
        });
    }
}

mod postgres {
    use super::*;

    #[test]
    fn a_disk_that_fills_in_mid_login_costs_only_what_would_have_been_written() {
        on_a_disk_of(80, &name(module_path!()), async |disk| {
            let programs = Programs::look().await;
            let cluster = Cluster::new(&programs, &disk.folder("data", programs.owner)).await;
            let world = world(cluster.url()).await;
            let look = Look::into_postgres(&cluster.url()).await;
            // A page takes few rows, so that the next one is needed soon.
            look.run(
                "ALTER TABLE users SET (fillfactor = 10); ALTER TABLE oauth_github SET (fillfactor = 10);
                 ALTER TABLE identities SET (fillfactor = 10); ALTER TABLE sessions SET (fillfactor = 10);
                 ALTER TABLE login_attempts SET (fillfactor = 10)",
            )
            .await;
            fills_in_mid_login(&disk, &world, &look).await;
            assert!(cluster.log().contains("No space left on device"), "{}", cluster.log());
        });
    }
}

fn name(module: &str) -> String {
    let module = module.split_once("::").unwrap().1;
    format!("{module}::a_disk_that_fills_in_mid_login_costs_only_what_would_have_been_written")
}

async fn world(database: String) -> World {
    let server = "begin_rate = \"100000/min\"".to_owned();
    Plan { server, database_url: Some(database), ..Plan::default() }.start().await
}

/// Somebody new, who has pressed both buttons and is on the way back.
async fn on_the_way(world: &World, id: i64) -> Journey {
    let person = Person::new(id, &format!("person-{id}"), "Somebody");
    world.idp.add_person(person.clone());
    let mut journey = Journey::begin(world, "github").await;
    journey.choose(world, &person.login).await;
    journey
}

async fn get(world: &World, path: &str, session: &str) -> Seen {
    let request = plain_client().get(world.at(path)).header("cookie", session);
    Seen::of(request.send().await.unwrap()).await
}

async fn sign_out(world: &World, session: &str) -> u16 {
    let request = plain_client().post(world.at("/logout")).header("cookie", session);
    request.header("sec-fetch-site", "same-origin").send().await.unwrap().status().as_u16()
}

/// Of a page that says that there is no room: what a person reads, and what the operator does.
fn is_told(page: &Seen) {
    let log = heard();
    check_error_page(page, ErrorKind::ServiceUnavailable).unwrap_or_else(|why| panic!("{why}\n{log}"));
    assert!(page.header("retry-after").parse::<u64>().unwrap() > 0);
    assert!(log.contains(NO_ROOM), "{log}");
}

async fn fills_in_mid_login(disk: &Disk, world: &World, look: &Look) {
    listen();
    let mut sessions = Vec::new();
    for person in ["octavia", "kai"] {
        let end = Journey::walk(world, "github", person).await.end.unwrap();
        sessions.push(end.cookie("__Host-vestibule_session").unwrap());
    }
    let mut people = Vec::new();
    for id in 1_000_000..1_000_030 {
        people.push(on_the_way(world, id).await);
    }
    let before = most_memory();
    disk.fill();

    // What is left in pages that are there already may still take some.
    let (mut came_in, mut turned_away) = (0, 0);
    for journey in &mut people {
        heard();
        journey.come_back().await;
        let end = journey.end.as_ref().unwrap();
        if end.status == 303 {
            came_in += 1;
        } else {
            is_told(end);
            turned_away += 1;
        }
        let (users, identities, accounts, open, _) = rows(look).await;
        let all = 2 + came_in;
        assert_eq!((users, identities, accounts, open), (all, all, all, all));
    }
    assert!(turned_away > 0, "{came_in} came in");

    // Nor does anybody begin: the attempt could not be remembered.
    let mut begun = 0;
    let refused = loop {
        heard();
        let begin = Journey::begin(world, "github").await.begin;
        if begin.status != 303 {
            break begin;
        }
        begun += 1;
        assert!(begun < 300, "the disk is not full");
    };
    is_told(&refused);

    // Whoever is in stays in, although their visit cannot be noted.
    world.clock.advance(Duration::from_secs(120));
    for path in ["/account", "/api/v1/me", "/.vestibule/check", "/readyz"] {
        assert_eq!(get(world, path, &sessions[0]).await.status, 200, "{path}: {}", heard());
    }
    // And whoever is told that they are out is out.
    match sign_out(world, &sessions[1]).await {
        303 => assert_eq!(get(world, "/api/v1/me", &sessions[1]).await.status, 401),
        status => {
            assert_eq!((status, get(world, "/api/v1/me", &sessions[1]).await.status), (503, 200));
        }
    }
    let grown = most_memory() - before;
    assert!(grown <= 16 * 1024, "grown by {grown} KiB");

    disk.make_room();
    let (users, ..) = rows(look).await;
    let end = Journey::walk(world, "github", "noor").await.end.unwrap();
    assert_eq!(end.status, 303, "{}", heard());
    let (after, identities, accounts, ..) = rows(look).await;
    assert_eq!((after, identities, accounts), (users + 1, users + 1, users + 1));
    assert_eq!(get(world, "/api/v1/me", &sessions[0]).await.status, 200);
    assert_eq!(sign_out(world, &sessions[0]).await, 303);
    assert_eq!(get(world, "/api/v1/me", &sessions[0]).await.status, 401);
}
