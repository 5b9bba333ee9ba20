//! The meeting point of an operation's future and the steps that drive it: requests go out, answers come in.
//!
//! A request waits in a queue until fewer than the permitted number are open at the host. One whose future was dropped
//! leaves the queue, or, if it was sent, lets its answer fall.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use vestibule_abi::message::{Attachments, MAX_OPEN_REQUESTS, MAX_REQUESTS, Message};
use vestibule_abi::record::{self, Answer, HostInfo, HostRequest, LogLine, code, level, service};

use crate::error::one_line;
use crate::{Error, Response, Result};

/// How many log lines an operation may write, and how long each may be.
const MAX_LOG_LINES: usize = 32;
const MAX_LOG_LINE: usize = 1024;

/// One operation's side of the boundary.
pub(crate) struct Exchange {
    pub(crate) info: HostInfo,
    pub(crate) now_us: i64,
    pub(crate) entropy: [u8; 32],
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How many requests were made so far: the last one's id.
    made: u32,
    draws: u64,
    queue: VecDeque<(u32, Call)>,
    /// Sent and not answered, with what its answer looks like.
    open: BTreeMap<u32, Shape>,
    answers: BTreeMap<u32, Result<Reply>>,
    /// Who is to be told of an answer: a combinator polls a future of its own only after that one's waker was woken.
    wakers: BTreeMap<u32, Waker>,
    /// Sent, and nobody waits any more.
    abandoned: BTreeSet<u32>,
    log: Vec<LogLine>,
    logged: usize,
}

/// A request that has not been sent.
pub(crate) enum Call {
    Http { record: record::HttpRequest, body: Vec<u8> },
    Discover(record::DiscoverRequest),
    VerifyJwt(record::VerifyJwtRequest),
}

#[derive(Clone, Copy)]
enum Shape {
    Http,
    Claims,
}

/// The answer to a call.
pub(crate) struct Reply {
    http: Option<Response>,
    claims: Vec<u8>,
}

impl Reply {
    /// The answer, where it is an HTTP response.
    pub(crate) fn into_response(self) -> Result<Response> {
        self.http.ok_or_else(|| Error::new(code::PROTOCOL, "the host's answer is no HTTP response"))
    }

    /// The answer, where it is a token's claims: JSON.
    pub(crate) fn into_claims(self) -> Vec<u8> {
        self.claims
    }
}

impl Exchange {
    pub(crate) fn new(info: HostInfo, now_us: i64, entropy: [u8; 32]) -> Arc<Self> {
        Arc::new(Self { info, now_us, entropy, state: Mutex::default() })
    }

    /// A panic while the state is held is caught like any other, and leaves nothing half-written that matters.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A future of the answer. The request is made at its first poll.
    pub(crate) fn call(self: &Arc<Self>, call: Call) -> Waiting {
        Waiting { exchange: Arc::clone(self), call: Some(call), id: None }
    }

    pub(crate) fn log(&self, level: &str, message: &str) {
        let mut state = self.state();
        if state.logged < MAX_LOG_LINES {
            state.logged += 1;
            state.log.push(LogLine { level: level.to_owned(), message: one_line(message, MAX_LOG_LINE) });
        }
    }

    pub(crate) fn next_draw(&self) -> u64 {
        let mut state = self.state();
        state.draws += 1;
        state.draws
    }

    /// Takes in what the host found out. What answers nothing is noted and let go.
    pub(crate) fn deliver(&self, answers: Vec<Answer>, message: &mut Message) {
        for answer in answers {
            let Some(shape) = self.state().open.remove(&answer.id) else {
                self.log(level::WARN, &format!("the host answers request {}, which is not open", answer.id));
                continue;
            };
            let reply = read(&answer, shape, message);
            let mut state = self.state();
            let waker = state.wakers.remove(&answer.id);
            if !state.abandoned.remove(&answer.id) {
                state.answers.insert(answer.id, reply);
            }
            // A waker is the author's code: it may well come back for this lock.
            drop(state);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    /// The requests that go out now, as far as fewer than the permitted number are open.
    pub(crate) fn outgoing(&self, attachments: &mut Attachments) -> Result<Vec<HostRequest>> {
        let mut state = self.state();
        let mut requests = Vec::new();
        while state.open.len() < MAX_OPEN_REQUESTS {
            let Some((id, call)) = state.queue.pop_front() else { break };
            let (service, arguments, shape) = match call {
                Call::Http { mut record, body } => {
                    record.body = attachments.push(body);
                    (service::HTTP, serde_json::to_value(record)?, Shape::Http)
                }
                Call::Discover(record) => (service::DISCOVER, serde_json::to_value(record)?, Shape::Http),
                Call::VerifyJwt(record) => {
                    (service::VERIFY_JWT, serde_json::to_value(record)?, Shape::Claims)
                }
            };
            state.open.insert(id, shape);
            requests.push(HostRequest { id, service: service.to_owned(), arguments });
        }
        Ok(requests)
    }

    /// Whether the host owes an answer that somebody waits for, or that makes room for a request that waits.
    pub(crate) fn is_waiting(&self) -> bool {
        let state = self.state();
        !state.queue.is_empty() || state.open.keys().any(|id| !state.abandoned.contains(id))
    }

    pub(crate) fn take_log(&self) -> Vec<LogLine> {
        std::mem::take(&mut self.state().log)
    }
}

fn read(answer: &Answer, shape: Shape, message: &mut Message) -> Result<Reply> {
    let protocol =
        |why: &str| Error::new(code::PROTOCOL, format_args!("answer to request {}: {why}", answer.id));
    let response = match (&answer.response, &answer.error) {
        (Some(response), None) => response.clone(),
        (None, Some(failure)) => return Err(failure.clone().into()),
        _ => return Err(protocol("it has neither a response nor an error, or both")),
    };
    let mut attached = |number| message.take_attachment(number).map_err(|e| protocol(&e.to_string()));
    match shape {
        Shape::Claims => {
            let record: record::VerifyJwtAnswer =
                serde_json::from_value(response.clone()).map_err(|_| protocol("it is no token's claims"))?;
            Ok(Reply { http: None, claims: attached(record.claims)? })
        }
        Shape::Http => {
            let record: record::HttpResponse =
                serde_json::from_value(response.clone()).map_err(|_| protocol("it is no HTTP response"))?;
            let body = record.body.map(attached).transpose()?;
            let mut http = Response::new(record.status).body(body.unwrap_or_default());
            http.headers = record.headers;
            Ok(Reply { http: Some(http), claims: Vec::new() })
        }
    }
}

/// A request's answer, some steps later.
pub(crate) struct Waiting {
    exchange: Arc<Exchange>,
    call: Option<Call>,
    id: Option<u32>,
}

impl Future for Waiting {
    type Output = Result<Reply>;

    /// The operation as a whole is polled at every step, woken or not; a combinator inside of it polls only what was woken.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let exchange = Arc::clone(&self.exchange);
        let waker = context.waker().clone();
        let mut state = exchange.state();
        if let Some(call) = self.call.take() {
            if state.made as usize >= MAX_REQUESTS {
                return Poll::Ready(Err(Error::new(
                    code::FORBIDDEN,
                    format_args!("an operation may make {MAX_REQUESTS} requests, and this is one more"),
                )));
            }
            state.made += 1;
            let id = state.made;
            state.queue.push_back((id, call));
            self.id = Some(id);
        }
        let Some(id) = self.id else { return Poll::Pending };
        match state.answers.remove(&id) {
            Some(answer) => {
                self.id = None;
                Poll::Ready(answer)
            }
            None => {
                let before = state.wakers.insert(id, waker);
                // Dropping one may run the author's code as well.
                drop(state);
                drop(before);
                Poll::Pending
            }
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let Some(id) = self.id else { return };
        let mut state = self.exchange.state();
        state.queue.retain(|(queued, _)| *queued != id);
        state.answers.remove(&id);
        let waker = state.wakers.remove(&id);
        if state.open.contains_key(&id) {
            state.abandoned.insert(id);
        }
        drop(state);
        drop(waker);
    }
}
