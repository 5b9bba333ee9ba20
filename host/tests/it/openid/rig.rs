//! A world with one OpenID provider beside GitHub, and what a sign-in there comes to.

use std::io::Write;
use std::sync::{Mutex, Once};
use std::time::Duration;

use vestibule::random::sha256;
use vestibule_demo_idp::{DemoIdp, Endpoint, Options, Person, Personality};

use crate::database::Place;
use crate::faults::journey::{Journey, Seen};
use crate::world::{CLIENT_ID, Plan, START, World, library};

/// What a test wants.
pub(crate) struct Wanted {
    /// Whom the provider plays, and so which plugin is asked: `oidc` or `gitlab`.
    pub(crate) who: Personality,
    /// How the provider starts.
    pub(crate) options: Options,
    /// Lines for the provider's settings.
    pub(crate) settings: String,
    /// Where it all runs.
    pub(crate) place: Place,
}

/// A running installation with that provider.
pub(crate) struct Rig {
    pub(crate) world: World,
    pub(crate) idp: DemoIdp,
    pub(crate) who: Personality,
}

/// How far a sign-in came.
#[derive(Debug)]
pub(crate) enum Reached {
    /// The button led to a page of the server's.
    Begin(Seen),
    /// The browser did not come back.
    Nowhere,
    /// The answer to the callback.
    End(Seen),
}

impl Wanted {
    pub(crate) fn new(who: Personality, place: impl Into<Place>) -> Self {
        Self { who, options: Options::of(who), settings: String::new(), place: place.into() }
    }

    pub(crate) fn settings(mut self, settings: &str) -> Self {
        self.settings.push_str(settings);
        self.settings.push('\n');
        self
    }

    pub(crate) async fn start(self) -> Rig {
        let idp = DemoIdp::start(self.options).await.unwrap();
        idp.stop_clock_at(Duration::from_micros(START.as_micros().unsigned_abs()));
        let name = self.who.name();
        let sections = plugin(name) + &provider(name, name, &idp, &self.settings);
        let server = "begin_rate = \"100000/min\"".to_owned();
        let world = Plan { server, sections, ..Plan::on(self.place) }.start().await;
        register(&world, &idp, name);
        Rig { world, idp, who: self.who }
    }
}

/// The section of a plugin.
pub(crate) fn plugin(name: &str) -> String {
    let library = library(name);
    let pin = data_encoding::HEXLOWER.encode(&sha256(&std::fs::read(&library).unwrap()));
    format!("[plugin.{name}]\npath = \"{}\"\nsha256 = [\"{pin}\"]\n", library.display())
}

/// The sections of a provider.
pub(crate) fn provider(name: &str, plugin: &str, idp: &DemoIdp, settings: &str) -> String {
    let place = match idp.personality() {
        Personality::Oidc => format!("issuer = \"{}\"", idp.issuer()),
        _ => format!("base_url = \"{}\"", idp.base_url()),
    };
    let secret = if settings.contains("token_auth = \"none\"") {
        ""
    } else {
        "client_secret_file = \"client-secret\""
    };
    format!(
        "[provider.{name}]\nplugin = \"{plugin}\"\ntransport = \"in-process\"\n[provider.{name}.settings]\n{place}\n\
         client_id = \"{CLIENT_ID}\"\n{secret}\n{settings}\n"
    )
}

/// Lets the provider send people back.
pub(crate) fn register(world: &World, idp: &DemoIdp, name: &str) {
    assert!(idp.register_redirect_uri(CLIENT_ID, &format!("{}/auth/{name}/callback", world.url)));
}

impl Rig {
    /// The provider's name in the configuration, which is the plugin's.
    pub(crate) fn name(&self) -> &'static str {
        self.who.name()
    }

    /// The whole way, as this person.
    pub(crate) async fn walk(&self, person: &str) -> Reached {
        walk(&self.world, self.name(), person).await
    }

    /// The same, which must end in a session.
    pub(crate) async fn sign_in(&self, person: &str) -> Seen {
        signed_in(self.walk(person).await)
    }

    /// How many rows there are: users, identities, accounts of this provider, sessions, open attempts.
    pub(crate) async fn rows(&self) -> (i64, i64, i64, i64, i64) {
        let database = self.world.database().await;
        database
            .row(match self.who {
                Personality::Oidc => {
                    "SELECT (SELECT COUNT(*) FROM users), (SELECT COUNT(*) FROM identities),
                            (SELECT COUNT(*) FROM oauth_oidc), (SELECT COUNT(*) FROM sessions),
                            (SELECT COUNT(*) FROM login_attempts)"
                }
                _ => {
                    "SELECT (SELECT COUNT(*) FROM users), (SELECT COUNT(*) FROM identities),
                            (SELECT COUNT(*) FROM oauth_gitlab), (SELECT COUNT(*) FROM sessions),
                            (SELECT COUNT(*) FROM login_attempts)"
                }
            })
            .await
    }

    /// The accounts of this provider: id, login, name, address, its flag.
    pub(crate) async fn accounts(
        &self,
    ) -> Vec<(String, Option<String>, Option<String>, Option<String>, i64)> {
        let database = self.world.database().await;
        database
            .rows(match self.who {
                Personality::Oidc => {
                    "SELECT account_id, login, name, email, email_verified FROM oauth_oidc ORDER BY account_id"
                }
                _ => "SELECT account_id, login, name, email, email_verified FROM oauth_gitlab ORDER BY account_id",
            })
            .await
    }

    /// Both clocks, by so much that whatever the server kept of this provider is too old to be used.
    pub(crate) fn forget(&self) {
        let day = Duration::from_secs(25 * 60 * 60);
        self.world.clock.advance(day);
        self.idp.advance_clock(day);
    }

    /// How many requests the endpoint got.
    pub(crate) fn asked(&self, endpoint: Endpoint) -> usize {
        self.idp.requests_to(endpoint).len()
    }

    /// Somebody new, in the group `acme`.
    pub(crate) fn newcomer(&self, id: i64) -> Person {
        let mut person = Person::new(id, &format!("person-{id}"), "Somebody");
        person.groups = vec!["acme".to_owned()];
        self.idp.add_person(person.clone());
        person
    }
}

/// The whole way, as this person.
pub(crate) async fn walk(world: &World, provider: &str, person: &str) -> Reached {
    let mut journey = Journey::begin(world, provider).await;
    if journey.authorize.is_none() {
        return Reached::Begin(journey.begin);
    }
    journey.choose(world, person).await;
    journey.come_back().await;
    journey.end.map_or(Reached::Nowhere, Reached::End)
}

/// The answer that makes a session.
#[track_caller]
pub(crate) fn signed_in(reached: Reached) -> Seen {
    let Reached::End(end) = reached else { panic!("{reached:?}") };
    assert!(
        end.status == 303 && end.cookie("__Host-vestibule_session").is_some(),
        "{} \"{}\"",
        end.status,
        end.heading()
    );
    end
}

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Begins to listen to the log. The runner gives each test a process of its own, so it is this test's alone.
pub(crate) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::INFO)
            .with_ansi(false)
            .with_writer(|| Log)
            .init();
    });
}

/// All that was logged since the last time.
pub(crate) fn heard() -> String {
    String::from_utf8(std::mem::take(&mut *LOG.lock().unwrap())).unwrap()
}

/// What the operator is told about this provider's failure, or about a callback that is none: the `cause` of its line.
pub(crate) fn cause(log: &str, provider: &str) -> Option<String> {
    let about = |line: &&str| !line.contains("provider=") || line.contains(&format!("provider={provider} "));
    let mut ends =
        log.lines().filter(|line| line.contains("request failed") || line.contains("request refused"));
    let (_, cause) = ends.find(about)?.split_once("cause=\"")?;
    Some(cause.trim_end_matches('"').to_owned())
}
