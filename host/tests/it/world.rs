//! A whole installation for one test: `demo-idp`, a configuration, a database file, the plugin's library, and the real
//! server on a port of its own. The clock stands still until a test moves it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use demo_idp::{DemoIdp, Options};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use vestibule::clock::{ManualClock, Timestamp};
use vestibule::config::Config;
use vestibule::plugin::{Tape, TransportKind, Workers};
use vestibule::random::{SystemRandom, sha256};
use vestibule::router::router;
use vestibule::server::{self, Limits};
use vestibule::startup::reload::Reloader;
use vestibule::startup::{self, Ambient, Started};
use vestibule::state::SharedApp;
use vestibule_demo_idp as demo_idp;
use vestibule_demo_idp::visitor::{VisitError, Visitor, forms};

use crate::database::{Database, Look, Place, PostgresDatabase};

/// 2023-11-14T22:13:20Z: where every test's clock stands at first.
pub(crate) const START: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

/// The client that `demo-idp` knows from the start.
pub(crate) const CLIENT_ID: &str = "demo-client-1";
/// Its secret: to be found nowhere else.
pub(crate) const CLIENT_SECRET: &str = "demo/secret+canary=0123456789abcdef";

/// A running installation.
pub(crate) struct World {
    /// The provider's side.
    pub(crate) idp: DemoIdp,
    /// What handlers reach.
    pub(crate) app: SharedApp,
    /// Takes a changed configuration.
    pub(crate) reloader: Arc<Reloader>,
    /// The server's clock.
    pub(crate) clock: Arc<ManualClock>,
    /// `http://localhost:PORT`.
    pub(crate) url: String,
    /// Holds the configuration, the secret's file and, if it is one, the database's.
    pub(crate) folder: TempDir,
    /// The database, if it is in a server.
    pub(crate) postgres: Option<Arc<PostgresDatabase>>,
    end: Option<oneshot::Sender<()>>,
    served: JoinHandle<usize>,
}

/// What a test wants otherwise.
pub(crate) struct Plan {
    /// Lines for `[server]`.
    pub(crate) server: String,
    /// Whole sections, `[signup]` for instance.
    pub(crate) sections: String,
    /// Lines for `[provider.github]`.
    pub(crate) provider: String,
    /// Lines for `[provider.github.settings]`.
    pub(crate) settings: String,
    /// Providers of the plugin `misbehaving` beside GitHub: their names, and the setting `behaviour` of each.
    pub(crate) neighbours: Vec<(&'static str, &'static str)>,
    /// How plugins are called.
    pub(crate) transport: TransportKind,
    /// Keeps what workers are told.
    pub(crate) tape: Option<&'static Tape>,
    /// Another library than the plugin `github` that was just built.
    pub(crate) plugin: Option<PathBuf>,
    /// Where rows go; an earlier world's database goes on.
    pub(crate) database: Database,
    /// A database in the server that is there already.
    pub(crate) postgres: Option<Arc<PostgresDatabase>>,
    /// How the host reaches the database, if not directly.
    pub(crate) database_url: Option<String>,
    /// An earlier world, to go on with its database and its provider.
    pub(crate) after: Option<Stopped>,
    /// What a connection may take.
    pub(crate) limits: Limits,
    /// What an operation may take.
    pub(crate) operations: vestibule::plugin::Limits,
    /// The pause between two bytes of the provider's fault `slow`.
    pub(crate) slow_pause: Duration,
    /// The port to listen on; 0 takes a free one.
    pub(crate) port: u16,
    /// The client id in the settings.
    pub(crate) client_id: String,
    /// The whole configuration, instead of one made of all this.
    pub(crate) config: Option<String>,
    /// Where people reach the server, if not there where it listens; then `github` is unavailable.
    pub(crate) public_url: Option<String>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            server: String::new(),
            sections: String::new(),
            provider: String::new(),
            settings: String::new(),
            neighbours: Vec::new(),
            transport: TransportKind::InProcess,
            tape: None,
            plugin: None,
            database: Database::Sqlite,
            postgres: None,
            database_url: None,
            after: None,
            limits: Limits::new(false),
            // The machine may be busy with other tests: a step that is slow for that reason is no fault of the plugin's.
            operations: vestibule::plugin::Limits { step: Duration::from_secs(20), ..Default::default() },
            slow_pause: Options::default().slow_pause,
            port: 0,
            client_id: CLIENT_ID.to_owned(),
            config: None,
            public_url: None,
        }
    }
}

/// What is left of a world whose server has ended.
pub(crate) struct Stopped {
    /// How many connections were cut.
    pub(crate) cut: usize,
    /// The provider's side, still running.
    pub(crate) idp: DemoIdp,
    /// The configuration, the secret's file and, if it is one, the database's.
    pub(crate) folder: TempDir,
    /// The database, if it is in a server.
    pub(crate) postgres: Option<Arc<PostgresDatabase>>,
}

impl Plan {
    /// In this place and nothing else: a transport, a database, or both.
    pub(crate) fn on(place: impl Into<Place>) -> Self {
        let Place { database, transport } = place.into();
        Self { database, transport, ..Self::default() }
    }

    /// Starts it all.
    pub(crate) async fn start(self) -> World {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
        let url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let (idp, folder, postgres) = match self.after {
            Some(stopped) => (stopped.idp, stopped.folder, stopped.postgres),
            None => {
                let options = Options { slow_pause: self.slow_pause, ..Options::default() };
                let postgres = match (self.postgres, self.database) {
                    (None, Database::Postgres) => Some(Arc::new(PostgresDatabase::migrated().await)),
                    (given, _) => given,
                };
                (DemoIdp::start(options).await.unwrap(), tempfile::tempdir().unwrap(), postgres)
            }
        };
        assert!(idp.register_redirect_uri(CLIENT_ID, &format!("{url}/auth/github/callback")));
        let secret = folder.path().join("client-secret");
        std::fs::write(&secret, format!("{CLIENT_SECRET}\n")).unwrap();
        private(&secret);

        let library = self.plugin.unwrap_or_else(|| library("github"));
        let pin = pin_of(&library);
        let text = format!(
            r#"
[server]
public_url = "{public_url}"
{server}
{database}
{sections}
[plugin.github]
path = "{library}"
sha256 = ["{pin}"]
[provider.github]
{transport}
label = "GitHub"
{provider}
[provider.github.settings]
base_url = "{idp}"
client_id = "{client_id}"
client_secret_file = "client-secret"
{settings}
"#,
            public_url = self.public_url.as_ref().unwrap_or(&url),
            server = self.server,
            database = match (&self.database_url, &postgres) {
                (Some(url), _) => format!("[database]\nurl = \"{url}\""),
                (None, Some(postgres)) => format!("[database]\nurl = \"{}\"", postgres.url()),
                (None, None) => String::new(),
            },
            sections = self.sections,
            transport = transport_line(self.transport),
            library = library.display(),
            provider = self.provider,
            settings = self.settings,
            client_id = self.client_id,
            idp = idp.base_url(),
        );
        let is_whole = self.config.is_some();
        let text =
            self.config.unwrap_or(text + &neighbours(&self.neighbours, self.transport, idp.base_url()));
        let environment = BTreeMap::<String, String>::new();
        let config = folder.path().join("config.toml");
        std::fs::write(&config, text).unwrap();
        let loaded = Config::load(&config, &environment).unwrap();
        let faults = &loaded.faults;
        assert!(is_whole || faults.iter().all(|fault| !fault.is_error()), "{faults:?}");

        let clock = Arc::new(ManualClock::new(START));
        let ambient = Ambient {
            clock: clock.clone(),
            random: Arc::new(SystemRandom),
            environment: Arc::new(environment),
            workers: workers(self.tape),
            limits: self.operations,
        };
        let Started { app, reloader } = startup::start(&loaded, &config, &ambient).await.unwrap();
        let (end, ended) = oneshot::channel::<()>();
        let served = tokio::spawn(server::serve(listener, router(app.clone()), self.limits, async {
            let _ = ended.await;
        }));
        World { idp, app, reloader, clock, url, folder, postgres, end: Some(end), served }
    }
}

impl World {
    /// One with nothing special.
    pub(crate) async fn start() -> Self {
        Plan::default().start().await
    }

    /// A browser with an empty jar.
    pub(crate) fn visitor(&self) -> Visitor {
        Visitor::new(&self.url).unwrap()
    }

    /// The absolute address of one of the server's paths.
    pub(crate) fn at(&self, path: &str) -> url::Url {
        url::Url::parse(&format!("{}{path}", self.url)).unwrap()
    }

    /// The database, opened beside the server for a look.
    pub(crate) async fn database(&self) -> Look {
        match &self.postgres {
            Some(postgres) => Look::into_postgres(&postgres.url()).await,
            None => Look::into_file(&self.folder.path().join("vestibule.db")).await,
        }
    }

    /// How many rows a table has.
    pub(crate) async fn count(&self, table: &str) -> i64 {
        self.database().await.count(table).await
    }

    /// As [`to_callback`]; nobody has gone there yet.
    pub(crate) async fn callback(&self, visitor: &mut Visitor, person: &str) -> (url::Url, String) {
        to_callback(visitor, person).await.unwrap()
    }

    /// Sends the signal, and waits until the server has ended.
    pub(crate) async fn stop(mut self) -> Stopped {
        if let Some(end) = self.end.take() {
            let _ = end.send(());
        }
        let cut = self.served.await.unwrap();
        self.app.store.close().await;
        Stopped { cut, idp: self.idp, folder: self.folder, postgres: self.postgres }
    }
}

/// Walks a browser to the provider `github` and presses the button of that person; gives back where the provider sends
/// it, and the cookies it would bring there. Fails only at the server's side.
pub(crate) async fn to_callback(
    visitor: &mut Visitor,
    person: &str,
) -> Result<(url::Url, String), VisitError> {
    let page = visitor.begin("github").await?;
    let form = forms(&page.text()).into_iter().next().unwrap();
    let button = form.buttons.iter().find(|button| button.value == person).unwrap();
    let mut fields = form.fields.clone();
    fields.push((button.name.clone(), button.value.clone()));
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
    let answer = plain_client()
        .post(page.url.join(&form.action).unwrap())
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body)
        .send()
        .await
        .unwrap();
    let callback = url::Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
    let cookies = visitor.browser().cookies.header(&callback, "GET", false).unwrap();
    Ok((callback, cookies))
}

fn pin_of(library: &Path) -> String {
    data_encoding::HEXLOWER.encode(&sha256(&std::fs::read(library).unwrap()))
}

/// As an operator writes it: nothing for a worker.
fn transport_line(transport: TransportKind) -> &'static str {
    match transport {
        TransportKind::InProcess => "transport = \"in-process\"",
        TransportKind::Worker => "",
    }
}

/// Workers of the program that is tested: this process is another one.
pub(crate) fn workers(tape: Option<&'static Tape>) -> Workers {
    let workers = Workers::of(env!("CARGO_BIN_EXE_vestibule"));
    match tape {
        Some(tape) => workers.recorded(tape),
        None => workers,
    }
}

fn neighbours(neighbours: &[(&str, &str)], transport: TransportKind, idp: &str) -> String {
    if neighbours.is_empty() {
        return String::new();
    }
    let library = library("misbehaving");
    let plugin = format!(
        "[plugin.misbehaving]\npath = \"{}\"\nsha256 = [\"{}\"]\n",
        library.display(),
        pin_of(&library)
    );
    let transport = transport_line(transport);
    let sections = neighbours.iter().map(|(name, behaviour)| {
        format!(
            "[provider.{name}]\nplugin = \"misbehaving\"\n{transport}\n[provider.{name}.settings]\n\
             idp = \"{idp}\"\nclient_secret_file = \"client-secret\"\nbehaviour = \"{behaviour}\"\n"
        )
    });
    plugin + &sections.collect::<String>()
}

/// A plugin's library, which `cargo xtask test` has built. A missing one is a failure with the cure, never a skip.
pub(crate) fn library(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_BIN_EXE_vestibule")).parent().unwrap();
    let library = folder.join(format!("libvestibule_plugin_{name}.so"));
    assert!(
        library.is_file(),
        "{} is missing: build it first, with `cargo build --workspace`",
        library.display()
    );
    library
}

fn private(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// A client that follows nothing and keeps nothing: for requests that no browser would send.
pub(crate) fn plain_client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .tls_certs_only([])
        .timeout(Duration::from_secs(60))
        .build()
        .unwrap()
}
