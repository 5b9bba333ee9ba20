//! No secret of a sign-in is said anywhere: not in the log at its most talkative, not on a page, in a header or in an
//! address of the server's, not in the database's files, and an operator's secret not even to a plugin (rows 27, 83b and
//! 89 of docs/security.md). Each place is searched while sign-ins succeed and fail in every way, and the same search
//! finds what does belong there, or what the test put there.

use std::io::Write;
use std::path::Path;
use std::sync::Mutex;

use memchr::memmem;
use vestibule::plugin::{Tape, TransportKind};
use vestibule::random::sha256;
use vestibule_demo_idp::{Endpoint, Fault, Personality};

use crate::faults::journey::{Journey, Seen};
use crate::faults::plugins;
use crate::workers;
use crate::world::{CLIENT_SECRET, Plan, World, plain_client};

/// What every access token of `demo-idp` begins with, and no other text.
const ACCESS_TOKENS: &str = "gho_";
/// What every handle of a secret begins with.
const HANDLES: &str = "vsec_";

/// All that was logged since the last look, at every level, by every crate.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());
/// All that the plugins were told.
static TAPE: Tape = Tape::new();

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

/// The runner gives each test a process of its own, so the log is this test's alone.
fn record_the_log() {
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(|| Log)
        .init();
}

fn logged() -> Vec<u8> {
    std::mem::take(&mut *LOG.lock().unwrap())
}

/// Something that must not be said, by name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Secret {
    name: &'static str,
    text: String,
}

impl Secret {
    fn new(name: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        // A short one would be found by chance, and an empty one everywhere.
        assert!(
            text.len() >= 16 || [ACCESS_TOKENS, HANDLES].contains(&&*text),
            "{name} is too short: `{text}`"
        );
        Self { name, text }
    }

    /// The text as it is, and as a URL, JSON, hexadecimal digits and Base64 would spell it.
    fn spellings(&self) -> Vec<Vec<u8>> {
        let text = self.text.as_bytes();
        let mut spellings = vec![
            text.to_vec(),
            url::form_urlencoded::byte_serialize(text).collect::<String>().into_bytes(),
            self.text.replace('/', "\\/").into_bytes(),
            text.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into_bytes(),
        ];
        if text.len() >= 16 {
            // In the middle of other text Base64 begins at any of three offsets; the outermost digits hold foreign bits.
            for offset in 0..3 {
                let padded = [&b"xx"[..offset], text].concat();
                let encoded = data_encoding::BASE64_NOPAD.encode(&padded);
                let inner = &encoded[offset + usize::from(offset > 0)..encoded.len() - 1];
                spellings.push(inner.as_bytes().to_vec());
                spellings.push(inner.replace('+', "-").replace('/', "_").into_bytes());
            }
        }
        spellings.sort();
        spellings.dedup();
        spellings
    }

    fn is_in(&self, haystack: &[u8]) -> bool {
        self.spellings().iter().any(|spelling| memmem::find(haystack, spelling).is_some())
    }
}

/// The names of the secrets that are in there.
fn found<'a>(secrets: impl IntoIterator<Item = &'a Secret>, haystack: &[u8]) -> Vec<&'static str> {
    secrets.into_iter().filter(|secret| secret.is_in(haystack)).map(|secret| secret.name).collect()
}

/// Secrets that do not change from one sign-in to the next.
fn standing() -> Vec<Secret> {
    vec![
        Secret::new("client secret", CLIENT_SECRET),
        Secret::new("access token", ACCESS_TOKENS),
        Secret::new("handle", HANDLES),
    ]
}

/// What one sign-in must keep to itself, as far as it came.
fn secrets_of(journey: &Journey, world: &World) -> Vec<Secret> {
    let mut secrets = standing();
    secrets.push(Secret::new("state", journey.asked("state")));
    secrets.push(Secret::new("browser token", journey.cookie.split_once('=').unwrap().1));
    if let Some(callback) = &journey.callback {
        // A fault may leave it out, or send two.
        let codes = callback.query_pairs().filter(|(name, value)| name == "code" && value.len() >= 16);
        secrets.extend(codes.map(|(_, code)| Secret::new("code", code)));
    }
    let tokens = world.idp.requests_to(Endpoint::Token);
    secrets.extend(
        tokens
            .iter()
            .filter_map(|token| token.form_param("code_verifier"))
            .map(|v| Secret::new("verifier", v)),
    );
    let session = journey.end.as_ref().and_then(|end| end.cookie("__Host-vestibule_session"));
    secrets.extend(session.map(|cookie| Secret::new("session token", cookie.split_once('=').unwrap().1)));
    secrets
}

/// Headers as they were sent, without the one value that this answer exists to hand over.
fn headers(answer: &Seen, own: &str) -> Vec<u8> {
    let lines = answer.headers.iter().filter(|(name, _)| *name != own);
    lines
        .flat_map(|(name, value)| [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\n"].concat())
        .collect()
}

/// Everything in the folder whose name begins like the database's: the file, its log, its index.
fn database_files(folder: &Path) -> Vec<u8> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("vestibule.db"));
    files.flat_map(|path| std::fs::read(path).unwrap()).collect()
}

/// Searches what the server said to the browser and to the log during one sign-in.
fn search(case: &str, journey: &Journey, world: &World, before: &[Secret]) -> Vec<Secret> {
    let secrets = secrets_of(journey, world);
    let log = logged();
    // Text of a stranger's does not reach a terminal either.
    assert!(!log.contains(&0x1b), "{case}: an escape sequence is in the log");
    let clean = |place: &str, haystack: &[u8], except: &[&str]| {
        let found = found(secrets.iter().filter(|secret| !except.contains(&secret.name)), haystack);
        assert!(found.is_empty(), "{case}: {found:?} in {place}");
    };
    clean("the log", &log, &[]);
    assert!(
        found(before, &log).is_empty(),
        "{case}: {:?} of the sign-in before in the log",
        found(before, &log)
    );

    let begin = &journey.begin;
    clean("the page of begin", &begin.body, &[]);
    clean("the headers of begin", &headers(begin, "location"), &["browser token"]);
    clean("the address of the provider", begin.header("location").as_bytes(), &["state"]);
    if let Some(end) = &journey.end {
        clean("the last page", &end.body, &[]);
        clean("the last headers", &headers(end, ""), &["session token"]);
        if end.status != 303 {
            let id = end.header("x-request-id").as_bytes();
            assert!(memmem::find(&log, id).is_some(), "{case}: the page's id is not in the log");
        }
    }
    secrets
}

/// Sign-ins that fail at the provider's in every way, and then succeed.
async fn sign_in_every_way(world: &World, all: &mut Vec<Secret>) {
    let mut before = Vec::new();
    for fault in Fault::of(Personality::GitHub) {
        for at in fault.endpoints_of(Personality::GitHub) {
            let waits = matches!(fault, Fault::Slow | Fault::Stall);
            if waits || matches!(at, Endpoint::Teams | Endpoint::Revoke) {
                continue;
            }
            world.idp.clear_requests();
            world.idp.set_fault(at, fault);
            let journey = Journey::walk(world, "github", "octavia").await;
            world.idp.clear_faults();
            before = search(&format!("{at}={fault}"), &journey, world, &before);
            all.extend(before.iter().cloned());
        }
    }
    for person in ["octavia", "kai", "nadia-no", "noor"] {
        world.idp.clear_requests();
        let journey = Journey::walk(world, "github", person).await;
        before = search(person, &journey, world, &before);
        all.extend(before.iter().cloned());
    }
}

/// Callbacks that are none: used up, another browser's, with another state, twice, too long.
async fn come_back_wrongly(world: &World, all: &mut Vec<Secret>) {
    for way in ["again", "other browser", "other state", "twice", "long", "error", "posted"] {
        world.idp.clear_requests();
        let mut journey = Journey::begin(world, "github").await;
        journey.choose(world, "octavia").await;
        let callback = journey.callback.clone().unwrap();
        let mut changed = callback.clone();
        match way {
            "again" => journey.come_back().await,
            "other browser" => journey.cookie = format!("__Host-vestibule_browser={}", "B".repeat(43)),
            "other state" => drop(
                changed
                    .query_pairs_mut()
                    .clear()
                    .append_pair("code", "x")
                    .append_pair("state", &"S".repeat(43)),
            ),
            "twice" => drop(changed.query_pairs_mut().append_pair("state", "x")),
            "long" => drop(changed.query_pairs_mut().append_pair("code", &"x".repeat(5000))),
            "error" => {
                let state = journey.brought("state");
                changed.query_pairs_mut().clear().append_pair("error", "oops").append_pair("state", &state);
            }
            _ => {}
        }
        journey.callback = Some(changed);
        if way == "posted" {
            let request = plain_client()
                .post(world.at("/auth/github/callback"))
                .header("cookie", &journey.cookie)
                .header("content-type", "application/json")
                .body(callback.query().unwrap().to_owned());
            journey.end = Some(Seen::of(request.send().await.unwrap()).await);
        } else {
            journey.come_back().await;
        }
        assert!(journey.end.as_ref().unwrap().status >= 400, "{way}");
        all.extend(search(way, &journey, world, &[]));
        journey.callback = Some(callback);
        all.extend(secrets_of(&journey, world));
    }
}

/// Sign-ins at a plugin that panics, gets stuck, and puts its secret's handle wherever it can.
async fn misbehave(world: &World, all: &mut Vec<Secret>) {
    for (behaviour, kind) in plugins::BEHAVIOURS {
        world.idp.clear_requests();
        let journey = plugins::sign_in(world, behaviour).await;
        assert_eq!(journey.end.as_ref().unwrap().status, kind.status(), "{behaviour}");
        all.extend(search(behaviour, &journey, world, &[]));
    }
}

/// Everything that a signed-in browser can ask for.
async fn look_around(world: &World, all: &mut Vec<Secret>) {
    let journey = Journey::walk(world, "github", "octavia").await;
    let secrets = search("signed in", &journey, world, &[]);
    let cookie = journey.end.unwrap().cookie("__Host-vestibule_session").unwrap();
    for path in
        ["/", "/account", "/login", "/api/v1/me", "/.vestibule/check", "/healthz", "/readyz", "/nowhere"]
    {
        let request =
            plain_client().get(world.at(path)).header("cookie", format!("{cookie}; {}", journey.cookie));
        let answer = Seen::of(request.send().await.unwrap()).await;
        for (place, haystack) in
            [("body", answer.body.to_vec()), ("headers", headers(&answer, "")), ("log", logged())]
        {
            assert!(
                found(&secrets, &haystack).is_empty(),
                "{path}: {:?} in its {place}",
                found(&secrets, &haystack)
            );
        }
    }
    all.extend(secrets);
}

async fn world(transport: TransportKind) -> World {
    record_the_log();
    Plan {
        server: "begin_rate = \"100000/min\"".to_owned(),
        settings: "allowed_orgs = [\"acme\"]".to_owned(),
        neighbours: vec![(plugins::NEIGHBOUR, "")],
        tape: Some(&TAPE),
        ..Plan::on(transport)
    }
    .start()
    .await
}

async fn nothing_is_said(transport: TransportKind) {
    let world = world(transport).await;
    let mut secrets = standing();
    sign_in_every_way(&world, &mut secrets).await;
    come_back_wrongly(&world, &mut secrets).await;
    misbehave(&world, &mut secrets).await;
    look_around(&world, &mut secrets).await;
    for name in
        ["client secret", "state", "code", "access token", "session token", "browser token", "verifier"]
    {
        assert!(secrets.iter().any(|secret| secret.name == name), "no {name} was looked for");
    }
    secrets.sort();
    secrets.dedup();
    // Not even the verifier, which the database has.
    let metrics = crate::metrics::page(&world).await;
    assert!(metrics.contains("vestibule_sign_ins_total{provider=\"github\",outcome=\"ok\"}"));
    assert_eq!(found(&secrets, metrics.as_bytes()), Vec::<&str>::new());
    // The verifier of an attempt that is open has to be in the database: it goes to the provider later.
    let kept = secrets.iter().filter(|secret| secret.name != "verifier");
    let stopped = world.stop().await;
    assert_eq!(found(kept, &database_files(stopped.folder.path())), Vec::<&str>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_a_log_a_page_a_header_an_address_or_the_database() {
    nothing_is_said(TransportKind::InProcess).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_secret_never_reaches_the_plugin() {
    nothing_is_said(TransportKind::Worker).await;
    let told = TAPE.bytes();
    assert_eq!(found(&[Secret::new("client secret", CLIENT_SECRET)], &told), Vec::<&str>::new());
    // What a plugin does get is on the tape, so the secret would be as well.
    for belongs_there in [Secret::new("access token", ACCESS_TOKENS), Secret::new("handle", HANDLES)] {
        assert!(belongs_there.is_in(&told), "the tape lacks the {}", belongs_there.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_search_finds_a_canary_in_each_place() {
    let world = world(TransportKind::Worker).await;
    let mut journey = Journey::begin(&world, "github").await;
    journey.choose(&world, "octavia").await;
    let (state, code) =
        (Secret::new("state", journey.asked("state")), Secret::new("code", journey.brought("code")));
    let browser = Secret::new("browser token", journey.cookie.split_once('=').unwrap().1);

    // Headers and addresses: each holds what it exists to hand over.
    assert!(state.is_in(journey.begin.header("location").as_bytes()));
    assert!(browser.is_in(&headers(&journey.begin, "location")));
    // A page: the one that posts the callback once more has to hold both.
    let page = Seen::of(plain_client().get(journey.callback.clone().unwrap()).send().await.unwrap()).await;
    assert_eq!(found([&state, &code], &page.body), ["state", "code"]);
    // The log.
    let _ = logged();
    tracing::trace!(planted = code.text, "canary");
    assert!(code.is_in(&logged()));
    // The database: the hash of what is not there itself, and a planted row.
    sqlx::query("UPDATE login_attempts SET return_path = ?")
        .bind(format!("/{}", code.text))
        .execute(world.database().await.sqlite())
        .await
        .unwrap();
    let files = database_files(world.folder.path());
    assert!(memmem::find(&files, &sha256(state.text.as_bytes())).is_some());
    assert!(memmem::find(&files, &sha256(browser.text.as_bytes())).is_some());
    assert_eq!(found([&state, &browser, &code], &files), ["code"]);
    // The plugin: it has been told the state, and then the code.
    assert_eq!(found([&state, &code], &TAPE.bytes()), ["state"]);
    journey.come_back().await;
    assert_eq!(journey.end.as_ref().unwrap().status, 303);
    let verifier = world.idp.requests_to(Endpoint::Token)[0].form_param("code_verifier").unwrap();
    let verifier = Secret::new("verifier", verifier);
    assert_eq!(found([&code, &verifier], &TAPE.bytes()), ["code", "verifier"]);

    // Every spelling is found in the middle of other text.
    let secret = Secret::new("client secret", CLIENT_SECRET);
    let basic = |user: &str| data_encoding::BASE64.encode(format!("{user}:{CLIENT_SECRET}").as_bytes());
    for text in [
        CLIENT_SECRET.to_owned(),
        url::form_urlencoded::byte_serialize(CLIENT_SECRET.as_bytes()).collect(),
        CLIENT_SECRET.replace('/', "\\/"),
        data_encoding::HEXLOWER.encode(CLIENT_SECRET.as_bytes()),
        basic("a"),
        basic("ab"),
        basic("abc"),
    ] {
        assert!(secret.is_in(format!("before {text} after").as_bytes()), "{text}");
    }
    assert!(!secret.is_in(format!("before {} after", &CLIENT_SECRET[1..]).as_bytes()));
}

/// From outside, as a debugger would: all memory of the workers, while people sign in. What the settings say in the open
/// is found there, so the operator's secret would be.
#[tokio::test(flavor = "multi_thread")]
async fn the_client_secret_is_nowhere_in_a_workers_memory() {
    const PLAIN: &str = "canary-of-a-plain-setting";
    let world = Plan {
        server: "begin_rate = \"100000/min\"".to_owned(),
        settings: format!("allowed_orgs = [\"acme\", \"{PLAIN}\"]"),
        neighbours: vec![(plugins::NEIGHBOUR, "")],
        ..Plan::on(TransportKind::Worker)
    }
    .start()
    .await;
    let secret = Secret::new("client secret", CLIENT_SECRET);
    let search = |provider: &str, plain: &str| {
        let memory = workers::mine(provider).memory();
        assert!(memmem::find(&memory, plain.as_bytes()).is_some(), "{provider}: a setting is not found");
        assert!(memmem::find(&memory, HANDLES.as_bytes()).is_some(), "{provider}: no handle is found");
        assert!(!secret.is_in(&memory), "{provider}: the secret is in there");
    };
    let mut journey = Journey::begin(&world, "github").await;
    journey.choose(&world, "octavia").await;
    // The token endpoint is asked with the secret while this looks.
    let (_, _) =
        tokio::join!(journey.come_back(), async { tokio::task::block_in_place(|| search("github", PLAIN)) });
    assert_eq!(journey.end.as_ref().unwrap().status, 303);
    search("github", PLAIN);
    assert_eq!(plugins::sign_in(&world, "").await.end.unwrap().status, 303);
    search(plugins::NEIGHBOUR, world.idp.base_url());
}
