//! A call into a plugin, through everything that the host does about one, beside the same work in plain Rust. In this
//! process, on the core of what is measured, one call after the other.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretString;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use vestibule::clock::SystemClock;
use vestibule::plugin::{Plugin, Provider as Host, ProviderOptions, Shared};
use vestibule::random::{SystemRandom, sha256};
use vestibule_abi::Sensitive;
use vestibule_abi::record::{BeginRequest, CompleteRequest, Hints};
use vestibule_bench::bare::GitHub;
use vestibule_bench::clock::Stopwatch;

use super::say;
use crate::Bench;
use crate::error::{Error, Result, at, doing};
use crate::pairs::Pairs;
use crate::provider::{CLIENT_ID, Provider};
use crate::table::{Table, Unit};

const CALLBACK: &str = "http://localhost:8080/auth/github/callback";
/// What the loopback answers, about as long as an account.
const BODY: &str = r#"{"login":"octavia","id":583231,"node_id":"U_demo583231","avatar_url":"http://127.0.0.1/avatars/u/583231"}"#;

/// What the measuring thread needs.
struct Plan {
    github: PathBuf,
    misbehaving: PathBuf,
    base_url: String,
    loopback: SocketAddr,
    pairs: usize,
    ready: usize,
    rounds: usize,
}

pub(super) async fn measure(bench: &Bench, table: &mut Table, provider: &Provider) -> Result<()> {
    say("the boundary");
    let plan = Plan {
        github: bench.arguments.github.clone(),
        misbehaving: bench.arguments.misbehaving.clone(),
        base_url: provider.base_url().to_owned(),
        loopback: answer_everything().await?,
        pairs: bench.pairs(),
        ready: bench.scaled(10_000),
        rounds: bench.scaled(2_000),
    };
    let both = async move || Ok((ready_at_once(&plan).await?, one_round(&plan).await?));
    let (ready, round) = bench.cores.run_on_measured(both).await?;
    table.pair("plugin call, ready at once", Unit::Time, "plain function", &ready, None);
    table.pair("plugin call, one HTTP request", Unit::Time, "plain async function", &round, None);
    Ok(())
}

/// `begin` of the plugin `github`: an authorization URL. The host checks it, parameter by parameter; a function whose code
/// one trusts needs no check.
async fn ready_at_once(plan: &Plan) -> Result<Pairs> {
    let settings = json!({ "base_url": plan.base_url, "client_id": CLIENT_ID });
    let host = host("github", &plan.github, settings).await?;
    let plain = GitHub::new(&plan.base_url, CLIENT_ID, "secret", CALLBACK.to_owned());
    let plain = plain.map_err(doing("make a client"))?;
    let (state, verifier) = ("s".repeat(43), "v".repeat(43));
    let request = BeginRequest {
        redirect_uri: CALLBACK.to_owned(),
        state: state.clone(),
        nonce: None,
        code_challenge: Some("c".repeat(43)),
        locale: Some("en".to_owned()),
        hints: Hints::default(),
    };
    let mut pairs = Pairs::default();
    for _ in 0..plan.pairs {
        let watch = Stopwatch::start();
        for _ in 0..plan.ready {
            host.begin(request.clone()).await.map_err(doing("begin"))?;
        }
        let ours = each(&watch, plan.ready);
        let watch = Stopwatch::start();
        for _ in 0..plan.ready {
            let url = plain.authorize_url(&state, &verifier).map_err(doing("make a URL"))?;
            std::hint::black_box(url);
        }
        pairs.push(ours, each(&watch, plan.ready));
    }
    Ok(pairs)
}

/// One GET over a kept connection to the other core, whose answer becomes an account.
async fn one_round(plan: &Plan) -> Result<Pairs> {
    let base_url = format!("http://{}", plan.loopback);
    let host = host("misbehaving", &plan.misbehaving, json!({ "idp": base_url })).await?;
    let url = format!("{base_url}/user");
    let params = [("code", "code"), ("behaviour", "send"), ("url", url.as_str())];
    let request = || CompleteRequest {
        params: params.iter().map(|(name, value)| ((*name).to_owned(), Sensitive::from(*value))).collect(),
        carry: None,
        redirect_uri: CALLBACK.to_owned(),
        nonce: None,
        code_verifier: None,
    };
    let client = reqwest::Client::builder().no_proxy().build().map_err(doing("make a client"))?;
    let mut pairs = Pairs::default();
    for _ in 0..plan.pairs {
        let watch = Stopwatch::start();
        for _ in 0..plan.rounds {
            let completed = host.complete(request()).await.map_err(doing("complete"))?;
            expect(completed.account.name.as_deref())?;
        }
        let ours = each(&watch, plan.rounds);
        let watch = Stopwatch::start();
        for _ in 0..plan.rounds {
            let answer = client.get(&url).send().await.map_err(doing("send a request"))?;
            let body = answer.bytes().await.map_err(doing("read an answer"))?;
            expect(str::from_utf8(&body).ok())?;
        }
        pairs.push(ours, each(&watch, plan.rounds));
    }
    Ok(pairs)
}

fn expect(found: Option<&str>) -> Result<()> {
    if found == Some(BODY) { Ok(()) } else { Err(Error::new("a call answered something else")) }
}

/// A provider of a plugin, in this process.
async fn host(name: &str, library: &Path, settings: Value) -> Result<Host> {
    let pin = sha256(&std::fs::read(library).map_err(at("read", library))?);
    let name = name.parse().map_err(doing("name a plugin"))?;
    let plugin = Plugin::load(library, &[pin], &name).map_err(doing("load a plugin"))?;
    let shared = Shared::new(Arc::new(SystemClock), Arc::new(SystemRandom)).map_err(doing("set up"))?;
    let options = ProviderOptions {
        name: "github".parse().map_err(doing("name a provider"))?,
        allow_networks: Vec::new(),
        loopback_allowed: true,
    };
    let settings: Map<String, Value> = settings.as_object().cloned().unwrap_or_default();
    let secrets =
        BTreeMap::from([("client_secret".to_owned(), SecretString::from("a secret of the operator's"))]);
    let made = Host::create(&plugin, settings, secrets, options, &shared).await;
    made.map_err(doing("make a provider"))
}

fn each(watch: &Stopwatch, count: usize) -> f64 {
    watch.read().as_secs_f64() * 1e9 / count as f64
}

/// Answers every request with [`BODY`], on this thread's runtime.
async fn answer_everything() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(doing("listen"))?;
    let address = listener.local_addr().map_err(doing("listen"))?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
    Ok(address)
}

async fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let length = BODY.len();
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{BODY}"
    );
    let mut request = Vec::new();
    while stream.read_buf(&mut request).await? > 0 {
        if request.ends_with(b"\r\n\r\n") {
            stream.write_all(answer.as_bytes()).await?;
            request.clear();
        }
    }
    Ok(())
}
