//! `vestibule serve`.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::configuration::{load, plural};
use super::notify;
use crate::admin::Operator;
use crate::admin::server::AdminSocket;
use crate::config::{Loaded, ProviderState};
use crate::exit::ExitCode;
use crate::metrics;
use crate::registry::Entry;
use crate::router::router;
use crate::server::{self, Limits};
use crate::startup::reload::{By, Reloader, Step};
use crate::startup::{self, Ambient, Started};
use crate::state::{App, SharedApp};

/// How long a scrape that runs may hold up the end.
const METRICS_END: Duration = Duration::from_secs(1);
/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

pub(super) fn serve(config: &Path, verbose: bool) -> ExitCode {
    let loaded = match load(config, "not started") {
        Ok(loaded) => loaded,
        Err(code) => return code,
    };
    super::log::start(loaded.config.server.log, verbose);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "cannot start");
            return ExitCode::Other;
        }
    };
    let code = runtime.block_on(run(&loaded, config));
    // A plugin that loops in its own thread never ends by itself, and must not keep the process.
    runtime.shutdown_timeout(Duration::from_millis(100));
    code
}

async fn run(loaded: &Loaded, file: &Path) -> ExitCode {
    for fault in &loaded.faults {
        if fault.is_error() {
            tracing::error!("{fault}");
        } else {
            tracing::warn!("{fault}");
        }
    }
    let config = &loaded.config;
    let listen = config.server.listen;
    // First of all: a second server must not touch the first one's database.
    let socket = match bind(listen) {
        Ok(socket) => socket,
        Err(error) => return cannot_listen("listen", listen, &error),
    };
    let metrics = match listen_for_metrics(config.server.metrics_listen) {
        Ok(metrics) => metrics,
        Err((address, error)) => return cannot_listen("metrics_listen", address, &error),
    };
    // A program that asks from here on waits until everything is there.
    let admin = match config.server.admin_socket.as_deref().map(AdminSocket::bind).transpose() {
        Ok(admin) => admin,
        Err(error) => {
            tracing::error!("{error}");
            return ExitCode::Other;
        }
    };
    // Before the providers: until it is waited for, SIGHUP ends a process.
    let hangup = match signal(SignalKind::hangup()) {
        Ok(hangup) => hangup,
        Err(error) => {
            tracing::error!(%error, "cannot wait for signals");
            return ExitCode::Other;
        }
    };
    notify::status("opening the database and starting the providers");
    let Started { app, reloader } = match startup::start(loaded, file, &Ambient::system()).await {
        Ok(started) => started,
        Err(error) => {
            tracing::error!("cannot start: {error}");
            return ExitCode::Other;
        }
    };
    let (mut terminate, mut interrupt) =
        match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
            (Ok(terminate), Ok(interrupt)) => (terminate, interrupt),
            (Err(error), _) | (_, Err(error)) => {
                tracing::error!(%error, "cannot wait for signals");
                return ExitCode::Other;
            }
        };
    // Not before everything is there: a start that fails has refused nobody's connection half-way.
    let listener = match socket.listen(BACKLOG) {
        Ok(listener) => listener,
        Err(error) => return cannot_listen("listen", listen, &error),
    };
    let (stopping, stopped) = watch::channel(());
    let metrics = metrics.map(|listener| serve_metrics(listener, &app, stopped));
    // From here on a connection is taken, and answered by what runs below.
    notify::ready(&announce(&app, listen));
    reloader.tell(Box::new(|step| match step {
        Step::Begun => notify::reloading(),
        Step::Ended(line) => notify::ready(line),
    }));
    let operating = tokio::spawn(operate(app.clone(), Arc::clone(&reloader), admin, hangup));
    let sweeper = tokio::spawn({
        let app = app.clone();
        async move {
            let mut minute = tokio::time::interval(Duration::from_secs(60));
            minute.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                minute.tick().await;
                startup::sweep(&app).await;
            }
        }
    });
    let limits = Limits::new(!config.server.trusted_proxies.is_empty());
    let (end, ended) = oneshot::channel();
    let serving = server::serve(listener, router(app.clone()), limits, async {
        let _ = ended.await;
    });
    let signals = async {
        let mut signal = async || {
            tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            }
        };
        let name = signal().await;
        let ending = format!("no new requests, running ones have {} s to end", limits.drain.as_secs());
        tracing::info!("{name}: {ending}");
        notify::stopping(&ending);
        reloader.stop();
        let _ = end.send(());
        signal().await
    };
    let cut = tokio::select! {
        cut = serving => cut,
        name = signals => {
            tracing::warn!("{name} again: not waiting any longer");
            0
        }
    };
    // The last sign-ins can be read until here.
    drop(stopping);
    if let Some(metrics) = metrics {
        let _ = tokio::time::timeout(METRICS_END, metrics).await;
    }
    sweeper.abort();
    // Removes the socket.
    operating.abort();
    let _ = operating.await;
    app.store.close().await;
    if cut > 0 {
        tracing::warn!("stopped; {cut} {} cut off", plural(cut, "connection was", "connections were"));
    } else {
        tracing::info!("stopped");
    }
    ExitCode::Fine
}

/// What an operator asks, by signal or at the socket. A SIGHUP that comes during a reload leads to one more after it.
async fn operate(app: SharedApp, reloader: Arc<Reloader>, admin: Option<AdminSocket>, mut hangup: Signal) {
    let operator = Arc::new(Operator::new(app, Arc::clone(&reloader)));
    let by_socket = async {
        match &admin {
            Some(admin) => {
                if let Err(error) = admin.serve(operator).await {
                    tracing::error!(%error, "the admin socket is not served any more");
                }
                std::future::pending().await
            }
            None => std::future::pending::<()>().await,
        }
    };
    let by_signal = async {
        while hangup.recv().await.is_some() {
            reloader.reload(By::Signal).await;
        }
    };
    tokio::join!(by_socket, by_signal);
}

fn bind(listen: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = if listen.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Else a restart would have to wait until the kernel has forgotten the last server's connections.
    socket.set_reuseaddr(true)?;
    socket.bind(listen)?;
    Ok(socket)
}

/// The socket of the metrics. Scrapes wait until there is something to show.
fn listen_for_metrics(
    address: Option<SocketAddr>,
) -> Result<Option<TcpListener>, (SocketAddr, std::io::Error)> {
    let Some(address) = address else { return Ok(None) };
    let listener = bind(address).and_then(|socket| socket.listen(BACKLOG));
    listener.map(Some).map_err(|error| (address, error))
}

fn serve_metrics(listener: TcpListener, app: &SharedApp, mut stopped: watch::Receiver<()>) -> JoinHandle<()> {
    if let Ok(address) = listener.local_addr() {
        tracing::info!("metrics on http://{address}/metrics");
    }
    let app = Arc::clone(app);
    tokio::spawn(metrics::serve(listener, app, async move {
        // It is never sent to: the sender goes.
        let _ = stopped.changed().await;
    }))
}

fn cannot_listen(key: &str, listen: SocketAddr, error: &std::io::Error) -> ExitCode {
    let cure = match error.kind() {
        std::io::ErrorKind::AddrInUse => "stop what uses it, or change",
        _ => "change",
    };
    tracing::error!("cannot listen on `{listen}`: {error}; {cure} `{key}` in `[server]`");
    ExitCode::Other
}

/// Logs which providers there are and how they are, and gives the line back.
fn announce(app: &App, listen: SocketAddr) -> String {
    let registry = app.registry.load();
    let names = |is_so: fn(&Entry) -> bool| {
        let names: Vec<_> =
            registry.all().filter(|entry| is_so(entry)).map(|entry| entry.name.as_str()).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    let ready = names(|entry| entry.running.is_ok()).unwrap_or_else(|| "no provider".to_owned());
    let said = |word: &str, names: Option<String>| {
        names.map(|names| format!("; {word}: {names}")).unwrap_or_default()
    };
    let unavailable =
        said("unavailable", names(|entry| entry.running.is_err() && entry.state != ProviderState::Disabled));
    let off = said("turned off", names(|entry| entry.state == ProviderState::Disabled));
    let (generation, public_url) = (registry.generation, &app.public_url);
    let line = format!("ready: {ready}{unavailable}{off}; generation {generation}, {public_url} on {listen}");
    tracing::info!("{line}");
    line
}
