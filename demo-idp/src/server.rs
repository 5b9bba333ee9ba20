//! A running provider: accepts, records, hands over to the personality, applies faults. Knows no OAuth.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::header::HOST;
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet};

use crate::answer::Answer;
use crate::clock::Clock;
use crate::door::Door;
use crate::fault::{Endpoint, Fault, Faults};
use crate::github;
use crate::ledger::Ledger;
use crate::lock::lock;
use crate::openid::{self, KeyRing};
use crate::options::Options;
use crate::people::Person;
use crate::personality::Personality;
use crate::request::Request;
use crate::spoil::{self, Aborted, Wire};
use crate::state::{LOG_LENGTH, State};

const BODY_LIMIT: usize = 1024 * 1024;

/// A provider that is serving until this is dropped.
pub struct DemoIdp {
    state: Arc<State>,
    door: Arc<Door>,
    task: JoinHandle<()>,
}

impl DemoIdp {
    /// Listens and serves. Fails where the port is taken, the address is not loopback, or the options do not go together.
    #[expect(clippy::unused_async, reason = "must run inside a runtime, and may come to wait for more")]
    pub async fn start(options: Options) -> io::Result<Self> {
        let (personality, openid) = (options.personality, options.openid);
        if let Some(fault) = openid.fault() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, fault));
        }
        let faults = Faults::default();
        for (endpoint, fault) in &options.faults {
            fault
                .played_by(personality, *endpoint)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
            faults.set(*endpoint, *fault, 0, None);
        }
        let refused = options.faults.iter().any(|(_, fault)| *fault == Fault::Refused);
        let door = Arc::new(Door::at(options.listen, !refused)?);
        let address = door.address();
        let base_path = if personality == Personality::GitHub { "" } else { openid.base_path.as_str() };
        let origin = options.shown_at.unwrap_or_else(|| format!("http://{address}"));
        let base_url = format!("{origin}{base_path}");
        let state = Arc::new(State {
            personality,
            base_path: base_path.to_owned(),
            issuer: match personality {
                Personality::GitHub => github::issuer(&base_url),
                // GitLab's is its address as it stands.
                Personality::GitLab => base_url.clone(),
                Personality::Oidc => openid::issuer(&base_url, &openid),
            },
            base_url,
            other_origin: format!("http://localhost:{}", address.port()),
            clock: Clock::default(),
            people: Mutex::new(options.people),
            ledger: Mutex::new(Ledger::new(options.clients, options.seed)),
            faults,
            log: Mutex::new(VecDeque::new()),
            ring: Mutex::new(KeyRing::new(openid.algorithms.clone())),
            openid,
            slow_pause: options.slow_pause,
        });
        let task = tokio::spawn(accept(Arc::clone(&door), Arc::clone(&state)));
        Ok(Self { state, door, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.door.address()
    }

    /// Whom it plays.
    pub fn personality(&self) -> Personality {
        self.state.personality
    }

    /// `http://127.0.0.1:PORT`, or [`Options::shown_at`], and the base path, without a final slash: what an operator writes as the base URL of GitHub
    /// Enterprise Server or GitLab. An OpenID provider is configured by [`DemoIdp::issuer`].
    pub fn base_url(&self) -> &str {
        &self.state.base_url
    }

    /// The issuer that callbacks, metadata and ID tokens name.
    pub fn issuer(&self) -> String {
        self.state.issuer.clone()
    }

    /// The account id of this person, as text: `sub` of an OpenID provider, or the REST API's `id`.
    pub fn subject_of(&self, person: &Person) -> String {
        match self.state.personality.flavour() {
            Some(flavour) => (flavour.subject)(person),
            None => person.id.to_string(),
        }
    }

    /// New signing keys from now on. The old ones stay in the JWKS with `keep`, else they are gone. Does nothing as GitHub.
    pub fn rotate_keys(&self, keep: bool) {
        lock(&self.state.ring).rotate(keep);
    }

    /// Every request so far, oldest first: those that faults spoilt too.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.state.log).iter().cloned().collect()
    }

    /// The requests that one endpoint got.
    pub fn requests_to(&self, endpoint: Endpoint) -> Vec<Request> {
        self.requests().into_iter().filter(|request| request.endpoint == Some(endpoint)).collect()
    }

    /// Empties the log.
    pub fn clear_requests(&self) {
        lock(&self.state.log).clear();
    }

    /// Sets a fault until it is cleared, in place of the one that this endpoint had. `refused` closes the listener for
    /// every endpoint, before this returns.
    ///
    /// # Panics
    /// Where the fault does nothing at this endpoint: a test that set it would prove nothing.
    pub fn set_fault(&self, endpoint: Endpoint, fault: impl Into<Fault>) {
        self.set(endpoint, fault.into(), 0, None);
    }

    /// Sets a fault for the next `times` requests that meet it; `refused` meets none and stays until it is cleared.
    ///
    /// # Panics
    /// As [`DemoIdp::set_fault`].
    pub fn set_fault_times(&self, endpoint: Endpoint, fault: impl Into<Fault>, times: u32) {
        self.set(endpoint, fault.into(), 0, Some(times));
    }

    /// Sets a fault that the first `spared` requests do not meet and all later ones do, so that the second page of a list
    /// fails; `refused` spares none.
    ///
    /// # Panics
    /// As [`DemoIdp::set_fault`].
    pub fn set_fault_after(&self, endpoint: Endpoint, fault: impl Into<Fault>, spared: u32) {
        self.set(endpoint, fault.into(), spared, None);
    }

    fn set(&self, endpoint: Endpoint, fault: Fault, spared: u32, times: Option<u32>) {
        if let Err(error) = fault.played_by(self.state.personality, endpoint) {
            panic!("{error}");
        }
        self.state.faults.set(endpoint, fault, spared, times);
        if fault == Fault::Refused {
            self.door.shut();
        }
    }

    /// Ends every fault; a listener that `refused` closed is open again when this returns.
    ///
    /// # Panics
    /// Where another program took the port meanwhile.
    pub fn clear_faults(&self) {
        self.state.faults.clear();
        if let Err(error) = self.door.open() {
            panic!("cannot listen on `{}` again: {error}", self.door.address());
        }
    }

    /// Everybody who can be chosen.
    pub fn people(&self) -> Vec<Person> {
        lock(&self.state.people).clone()
    }

    /// Adds somebody, in place of whoever had this id.
    pub fn add_person(&self, person: Person) {
        let mut people = lock(&self.state.people);
        people.retain(|other| other.id != person.id);
        people.push(person);
    }

    /// Changes the person with this id (a new login, another address …); whether there is one. Tokens stay valid.
    pub fn update_person(&self, id: i64, change: impl FnOnce(&mut Person)) -> bool {
        lock(&self.state.people).iter_mut().find(|person| person.id == id).map(change).is_some()
    }

    /// Removes the person with this id, as an account that was deleted: its tokens are bad from now on.
    pub fn remove_person(&self, id: i64) {
        lock(&self.state.people).retain(|person| person.id != id);
    }

    /// Lets a client be sent back to one more place; whether there is such a client.
    pub fn register_redirect_uri(&self, client_id: &str, redirect_uri: &str) -> bool {
        let mut ledger = lock(&self.state.ledger);
        let client = ledger.clients.iter_mut().find(|client| client.id == client_id);
        client.map(|client| client.redirect_uris.push(redirect_uri.to_owned())).is_some()
    }

    /// Stops this provider's clock at a time since 1970, for a relying party whose own clock stands still too.
    pub fn stop_clock_at(&self, time: Duration) {
        self.state.clock.stop_at(time);
    }

    /// Puts this provider's clock forward: a code expires after 10 minutes of it.
    pub fn advance_clock(&self, by: Duration) {
        self.state.clock.advance(by);
    }
}

impl Drop for DemoIdp {
    /// Stops listening and ends every connection.
    fn drop(&mut self) {
        self.task.abort();
        self.door.shut();
    }
}

async fn accept(door: Arc<Door>, state: Arc<State>) {
    // Dropped with this task, which ends the connections.
    let mut connections = JoinSet::new();
    loop {
        match poll_fn(|context| door.poll_accept(context)).await {
            Ok(stream) => {
                connections.spawn(serve(stream, Arc::clone(&state)));
            }
            // Out of descriptors, say: the next one may fare better.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, state: Arc<State>) {
    let reset = Arc::new(AtomicBool::new(false));
    let service = service_fn(|request| Box::pin(answer(Arc::clone(&state), request, Arc::clone(&reset))));
    // One request a connection: a client's pool then never holds a connection that a later fault was meant to meet.
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(30))
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    let ended = poll_fn(|context| connection.poll_without_shutdown(context)).await;
    let mut stream = connection.into_parts().io.into_inner();
    if reset.load(Ordering::Relaxed) {
        // Closing with a linger of zero sends RST instead of FIN; nothing is left to be told where it fails.
        let _ = stream.set_zero_linger();
    } else if ended.is_ok() {
        let _ = stream.shutdown().await;
    }
}

async fn answer(
    state: Arc<State>,
    incoming: hyper::Request<Incoming>,
    reset: Arc<AtomicBool>,
) -> Result<Response<Wire>, Aborted> {
    let (head, body) = incoming.into_parts();
    let whole = |answer| Ok(spoil::send(answer, None, Duration::ZERO));
    let Ok(body) = Limited::new(body, BODY_LIMIT).collect().await else {
        return whole(Answer::empty(StatusCode::PAYLOAD_TOO_LARGE));
    };
    let path = head.uri.path().to_owned();
    let request = Request {
        endpoint: path
            .strip_prefix(state.base_path.as_str())
            .and_then(|below| state.personality.endpoint(&head.method, below)),
        method: head.method,
        path,
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body: body.to_bytes(),
    };
    record(&state, request.clone());
    if !asks_for_loopback(&request) {
        return whole(Answer::text(StatusCode::MISDIRECTED_REQUEST, "this provider serves loopback only"));
    }
    let Some(endpoint) = request.endpoint else {
        return whole(state.personality.answer(&state, &request, None));
    };
    let deciding = endpoint == Endpoint::Authorize && request.method == Method::POST;
    let fault = state.faults.take(endpoint, deciding);
    match fault {
        Some(Fault::Stall) => std::future::pending().await,
        Some(Fault::Reset) => {
            reset.store(true, Ordering::Relaxed);
            Err(Aborted)
        }
        Some(fault) => {
            let answer = match spoil::instead(fault, state.clock.now()) {
                Some(answer) => answer,
                None => {
                    // Asked first: the true answer may use up what tells the client.
                    let client = state.personality.client(&state, &request);
                    let true_answer = state.personality.answer(&state, &request, Some(fault));
                    spoil::spoil(true_answer, fault, endpoint, client.as_ref())
                }
            };
            Ok(spoil::send(answer, Some(fault), state.slow_pause))
        }
        None => whole(state.personality.answer(&state, &request, None)),
    }
}

fn record(state: &State, request: Request) {
    let mut log = lock(&state.log);
    if log.len() == LOG_LENGTH {
        log.pop_front();
    }
    log.push_back(request);
}

/// A web page elsewhere can point its own name at 127.0.0.1 (DNS rebinding); it then sends that name as `Host`.
fn asks_for_loopback(request: &Request) -> bool {
    let host = request.headers.get(HOST).map(|value| value.as_bytes()).unwrap_or_default();
    let Ok(url) = url::Url::parse(&format!("http://{}/", String::from_utf8_lossy(host))) else {
        return false;
    };
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
