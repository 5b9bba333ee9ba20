//! What the tests of plugins share: built libraries, a provider on each transport, and what the log got.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Map, Value, json};
use vestibule::clock::{ManualClock, Timestamp};
use vestibule::plugin::{
    Begin, Completed, CreateError, Limits, OperationError, Plugin, Provider, ProviderOptions, Shared,
    TransportKind,
};
use vestibule::random::{SystemRandom, sha256};
use vestibule_abi::Sensitive;
use vestibule_abi::record::{BeginRequest, CompleteRequest, Hints};

use crate::world::workers;

/// The operator's secret in all tests. It must turn up nowhere but in requests.
pub(super) const SECRET: &str = "canary-secret/5f+1 &\"é";
pub(super) const CALLBACK: &str = "http://localhost:8080/auth/tested/callback";

/// The built library of a workspace member.
pub(super) fn library(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_BIN_EXE_vestibule"));
    let path = folder.parent().unwrap().join(format!("libvestibule_plugin_{name}.so"));
    assert!(path.exists(), "{} is missing; build it first: cargo build --workspace", path.display());
    path
}

/// Loads a library that is trusted.
pub(super) fn load(name: &str) -> Arc<Plugin> {
    let path = library(name);
    let pin = sha256(&std::fs::read(&path).unwrap());
    Plugin::load(&path, &[pin], &name.parse().unwrap()).unwrap()
}

/// Runs a test over each transport, on a runtime whose lost threads hold nobody up.
#[expect(clippy::print_stderr, reason = "says over which transport a test failed")]
pub(super) fn on_each_transport(test: impl AsyncFn(TransportKind)) {
    for transport in [TransportKind::InProcess, TransportKind::Worker] {
        eprintln!("over {transport:?}");
        run(test(transport));
    }
}

pub(super) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    /// A failed assertion must not wait for a plugin's loop either.
    struct Abandoned(Option<tokio::runtime::Runtime>);
    impl Drop for Abandoned {
        fn drop(&mut self) {
            self.0.take().unwrap().shutdown_background();
        }
    }
    let runtime = Abandoned(Some(runtime));
    runtime.0.as_ref().unwrap().block_on(test);
}

/// How a provider is made.
#[derive(Clone)]
pub(super) struct Rig {
    pub(super) transport: TransportKind,
    pub(super) limits: Limits,
    pub(super) loopback_allowed: bool,
    pub(super) settings: Map<String, Value>,
    pub(super) secrets: BTreeMap<String, SecretString>,
    pub(super) plugin: &'static str,
    pub(super) clock: Arc<ManualClock>,
}

impl Rig {
    /// The plugin `misbehaving`, whose provider is at this address.
    pub(super) fn new(transport: TransportKind, idp: &str) -> Self {
        record_the_log();
        let Value::Object(settings) = json!({ "idp": idp }) else { unreachable!() };
        Self {
            transport,
            limits: Limits::default(),
            loopback_allowed: true,
            settings,
            secrets: BTreeMap::from([("client_secret".to_owned(), SecretString::from(SECRET))]),
            plugin: "misbehaving",
            clock: Arc::new(ManualClock::new(Timestamp::from_micros(1_700_000_000_000_000))),
        }
    }

    /// The plugin `misbehaving_raw`.
    pub(super) fn raw(transport: TransportKind, idp: &str, behaviour: &str) -> Self {
        let rig = Self { plugin: "misbehaving_raw", secrets: BTreeMap::new(), ..Self::new(transport, idp) };
        rig.setting("behaviour", behaviour)
    }

    pub(super) fn setting(mut self, key: &str, value: &str) -> Self {
        self.settings.insert(key.to_owned(), value.into());
        self
    }

    pub(super) fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    /// Steps that end soon, for plugins that do not.
    pub(super) fn impatient(self) -> Self {
        self.limits(|l| l.step = Duration::from_millis(500))
    }

    pub(super) fn shared(&self) -> Shared {
        let shared = Shared::new(self.clock.clone(), Arc::new(SystemRandom)).unwrap();
        shared.with_limits(self.limits).with_workers(workers(None))
    }

    /// The plugin, as this transport has it.
    pub(super) async fn load(&self) -> Arc<Plugin> {
        let path = library(self.plugin);
        let pin = sha256(&std::fs::read(&path).unwrap());
        let name = self.plugin.parse().unwrap();
        match self.transport {
            TransportKind::InProcess => Plugin::load(&path, &[pin], &name).unwrap(),
            TransportKind::Worker => {
                Plugin::load_in_worker(&path, &[pin], &name, &self.shared()).await.unwrap()
            }
        }
    }

    pub(super) async fn create(self) -> Result<Provider, CreateError> {
        let plugin = self.load().await;
        self.create_from(&plugin).await
    }

    pub(super) async fn create_from(self, plugin: &Arc<Plugin>) -> Result<Provider, CreateError> {
        let shared = self.shared();
        let options = ProviderOptions {
            name: "tested".parse().unwrap(),
            allow_networks: Vec::new(),
            loopback_allowed: self.loopback_allowed,
        };
        Provider::create(plugin, self.settings, self.secrets, options, &shared).await
    }

    /// Until `inspect` has been cleaned up: it holds a place as long.
    pub(super) async fn ready(self) -> Provider {
        let provider = self.create().await.unwrap();
        while provider.running() > 0 {
            tokio::task::yield_now().await;
        }
        provider
    }
}

/// `begin`, with a behaviour.
pub(super) async fn begin(provider: &Provider, behaviour: &str) -> Result<Begin, OperationError> {
    let request = BeginRequest {
        redirect_uri: CALLBACK.to_owned(),
        state: "STATE-STATE-STATE".to_owned(),
        nonce: Some("NONCE-NONCE-NONCE".to_owned()),
        code_challenge: Some("CHALLENGE-CHALLENGE".to_owned()),
        locale: Some("de".to_owned()),
        hints: Hints { login_hint: Some(behaviour.to_owned()) },
    };
    provider.begin(request).await
}

/// `complete`, with a behaviour and more parameters.
pub(super) async fn complete_with(
    provider: &Provider,
    behaviour: &str,
    params: &[(&str, &str)],
) -> Result<Completed, OperationError> {
    let params = params.iter().copied().chain([("code", "CODE"), ("behaviour", behaviour)]);
    let request = CompleteRequest {
        params: params.map(|(name, value)| (name.to_owned(), Sensitive::from(value))).collect(),
        carry: Some("carried".to_owned()),
        redirect_uri: CALLBACK.to_owned(),
        nonce: None,
        code_verifier: Some(Sensitive::from("VERIFIER")),
    };
    provider.complete(request).await
}

pub(super) async fn complete(provider: &Provider, behaviour: &str) -> Result<Completed, OperationError> {
    complete_with(provider, behaviour, &[]).await
}

/// One request of the plugin.
pub(super) async fn send(provider: &Provider, params: &[(&str, &str)]) -> Result<Completed, OperationError> {
    complete_with(provider, "send", params).await
}

fn recorded() -> &'static Mutex<Vec<u8>> {
    static LOG: OnceLock<Mutex<Vec<u8>>> = OnceLock::new();
    LOG.get_or_init(Mutex::default)
}

/// All that the process has logged so far, at every level.
pub(super) fn log() -> String {
    String::from_utf8(recorded().lock().unwrap().clone()).unwrap()
}

/// Once for the process, since a request's task logs on any thread.
fn record_the_log() {
    struct Writer;
    impl Write for Writer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            recorded().lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt()
            .with_env_filter("vestibule=trace,hyper=trace,reqwest=trace,info")
            .with_ansi(false)
            .with_writer(|| Writer)
            .init();
    });
}
