//! Drives an operation to its end: start, steps, and between them the services that it asks for.
//!
//! Knows records and limits; where the plugin runs and what a result means is not its business.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use data_encoding::HEXLOWER;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::Instrument as _;
use vestibule_abi as abi;

use abi::message::{Attachments, MAX_HEAD, MAX_OPEN_REQUESTS, MAX_REQUESTS, Message, MessageError};
use abi::record::{Answer, HostRequest, StepAnswer, StepRequest, state};

use super::Limits;
use super::error::{OperationError, OperationErrorKind as Kind, one_line};
use super::services::secrets::Vault;
use super::services::{Answered, Known, Services, Unanswered};
use super::transport::{Place, Running, Transport};
use crate::clock::Clock;
use crate::name::ProviderName;
use crate::random::{self, Random};

/// How many log lines of one operation are kept.
const MAX_LOG_LINES: usize = 32;
/// How much of a step's head answers may fill, as they are written; the rest of them comes with the next step. One answer
/// always fits into a head: its headers have at most 64 KiB, each byte of which becomes three at worst (U+FFFD).
const MAX_ANSWERS: usize = MAX_HEAD / 4 * 3;
/// When to try again where too many operations run.
const BUSY_RETRY_AFTER: Duration = Duration::from_secs(5);

/// Runs the operations of one provider.
pub(super) struct Driver {
    pub(super) provider: ProviderName,
    pub(super) transport: Box<dyn Transport>,
    pub(super) vault: Arc<Vault>,
    /// Not there before `inspect` has said which origins there are.
    pub(super) services: OnceLock<Services>,
    pub(super) places: Arc<Semaphore>,
    pub(super) limits: Limits,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
}

impl Driver {
    /// What an operation may rest on; nothing before `inspect`. Fetches metadata if need be.
    pub(super) async fn known(&self) -> Result<Option<Arc<Known>>, OperationError> {
        match self.services.get() {
            None => Ok(None),
            Some(services) => services.known().await.map(Some),
        }
    }

    /// A place among the operations that may run at once. Whoever has to wait takes it first, so that those who wait are
    /// no more than those who may run.
    pub(super) fn place(&self) -> Result<Place, OperationError> {
        Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            let message = format!("{} operations are running at this provider", self.limits.operations);
            OperationError::new(Kind::Busy { retry_after: BUSY_RETRY_AFTER }, message)
        })
    }

    /// How many operations run, or wait for metadata.
    pub(super) fn running(&self) -> usize {
        self.limits.operations.saturating_sub(self.places.available_permits())
    }

    /// Runs an operation to its result. Dropping the future cancels it: open requests end, the plugin's side is dropped.
    pub(super) async fn run(
        &self,
        operation: &str,
        request: Value,
        known: Option<&Arc<Known>>,
        place: Place,
    ) -> Result<Value, OperationError> {
        let driven = self.drive(operation, request, known, place);
        match tokio::time::timeout(self.limits.operation, driven).await {
            Ok(result) => result,
            Err(_) => Err(OperationError::new(
                Kind::TimedOut,
                format!("`{operation}` was not done in {} ms", self.limits.operation.as_millis()),
            )),
        }
    }

    async fn drive(
        &self,
        operation: &str,
        request: Value,
        known: Option<&Arc<Known>>,
        place: Place,
    ) -> Result<Value, OperationError> {
        let start = abi::record::StartRequest {
            operation: operation.to_owned(),
            now_us: self.clock.now().as_micros(),
            entropy: HEXLOWER.encode(&random::bytes::<32>(&*self.random)),
            request,
        };
        let start = Message::new(&start).and_then(|m| m.encode()).map_err(|e| host_side(&e))?;
        let mut running = self.transport.start(operation, start, place).await?;
        let mut open = Open::default();
        let mut log = Log { driver: self, operation, kept: 0 };
        let mut request = Message::new(&StepRequest::default()).map_err(|e| host_side(&e))?;
        loop {
            let (mut message, answer) = self.step(&mut *running, &request).await?;
            log.lines(&answer.log)?;
            match answer.state.as_str() {
                state::PENDING => {
                    for asked in answer.requests {
                        self.open(&mut open, asked, known, &mut message)?;
                    }
                    request = open.next_step().await?;
                }
                state::DONE => return self.finish(operation, answer),
                state::STUCK => {
                    let message = "it waits for something that is no request to the host";
                    return Err(OperationError::new(Kind::Stuck, message));
                }
                other => {
                    self.vault.keep_out_of("the state of an operation", other.as_bytes())?;
                    let message = format!("the state `{}` is unknown", one_line(other));
                    return Err(OperationError::protocol(message));
                }
            }
        }
    }

    async fn step(
        &self,
        running: &mut dyn Running,
        request: &Message,
    ) -> Result<(Message, StepAnswer), OperationError> {
        let request = request.encode().map_err(|e| host_side(&e))?;
        let answer = running.step(request).await?;
        let plugin_side = |e: MessageError| OperationError::protocol(format!("the answer to a step: {e}"));
        let message = Message::decode(&answer).map_err(plugin_side)?;
        let answer = message.record().map_err(plugin_side)?;
        Ok((message, answer))
    }

    /// Begins what the plugin asks for.
    fn open(
        &self,
        open: &mut Open,
        asked: HostRequest,
        known: Option<&Arc<Known>>,
        message: &mut Message,
    ) -> Result<(), OperationError> {
        let id = asked.id;
        open.admit(id)?;
        let (Some(services), Some(known)) = (self.services.get(), known) else {
            return Err(OperationError::new(Kind::Forbidden, "`inspect` makes no requests"));
        };
        match services.read(known, &self.vault, asked, |number| message.take_attachment(number)) {
            Ok(asked) => {
                open.running.spawn(async move { (id, asked.answer().await) }.in_current_span());
            }
            Err(Unanswered::Fatal(error)) => return Err(error),
            Err(failure) => open.ready.push((id, Err(failure))),
        }
        Ok(())
    }

    fn finish(&self, operation: &str, answer: StepAnswer) -> Result<Value, OperationError> {
        match (answer.result, answer.error) {
            (Some(result), None) => {
                let members: Vec<(&str, &Value)> = match &result {
                    Value::Object(members) => members.iter().map(|(k, v)| (k.as_str(), v)).collect(),
                    other => vec![("", other)],
                };
                for (name, value) in members {
                    let place = format!("`{}` of the answer to `{operation}`", one_line(name));
                    self.vault.keep_out_of("the answer", name.as_bytes())?;
                    self.vault.keep_out_of(&place, value.to_string().as_bytes())?;
                }
                Ok(result)
            }
            (None, Some(failure)) => {
                self.vault.keep_out_of("an error's text", failure.message.as_bytes())?;
                Err(OperationError::from_failure(&failure))
            }
            _ => Err(OperationError::protocol("`done` comes with either a result or an error")),
        }
    }
}

/// A message that this side cannot write: what the host has to say is too large.
fn host_side(error: &MessageError) -> OperationError {
    OperationError::protocol(format!("the host's own message: {error}"))
}

/// The requests of one operation. Dropped, it ends them.
#[derive(Default)]
struct Open {
    seen: HashSet<u32>,
    running: JoinSet<(u32, Result<Answered, Unanswered>)>,
    ready: Vec<(u32, Result<Answered, Unanswered>)>,
}

impl Open {
    fn admit(&mut self, id: u32) -> Result<(), OperationError> {
        if !self.seen.insert(id) {
            return Err(OperationError::protocol(format!("the request id {id} was used twice")));
        }
        if self.seen.len() > MAX_REQUESTS {
            let message = format!("an operation may make {MAX_REQUESTS} requests");
            return Err(OperationError::new(Kind::Forbidden, message));
        }
        if self.running.len() + self.ready.len() >= MAX_OPEN_REQUESTS {
            let message = format!("an operation may have {MAX_OPEN_REQUESTS} requests open at once");
            return Err(OperationError::new(Kind::Forbidden, message));
        }
        Ok(())
    }

    /// Waits for an answer, and puts it and those that are there as well into a message.
    async fn next_step(&mut self) -> Result<Message, OperationError> {
        let lost =
            |_| OperationError::new(Kind::ProviderDown, "a request of the operation was lost by the host");
        if self.ready.is_empty() {
            let Some(first) = self.running.join_next().await else {
                return Err(OperationError::new(Kind::Stuck, "it is pending, but has no request open"));
            };
            self.ready.push(first.map_err(lost)?);
        }
        while let Some(more) = self.running.try_join_next() {
            self.ready.push(more.map_err(lost)?);
        }
        let mut attachments = Attachments::new();
        let (mut answers, mut rest, mut size) = (Vec::new(), Vec::new(), 0);
        for (id, outcome) in self.ready.drain(..) {
            let written = match &outcome {
                Ok(Answered::Http(received)) => {
                    serde_json::to_string(&received.headers).map_or(MAX_ANSWERS, |h| h.len())
                }
                Ok(Answered::Claims(_)) | Err(_) => 0,
            };
            if size > 0 && size + written > MAX_ANSWERS {
                rest.push((id, outcome));
                continue;
            }
            size += written;
            let response = match outcome {
                Ok(Answered::Http(received)) => serde_json::to_value(abi::record::HttpResponse {
                    status: received.status,
                    headers: received.headers,
                    body: attachments.push(received.body),
                }),
                Ok(Answered::Claims(claims)) => serde_json::to_value(abi::record::VerifyJwtAnswer {
                    // An object has two bytes at least.
                    claims: attachments.push(claims).unwrap_or_default(),
                }),
                Err(Unanswered::Failure(failure)) => {
                    answers.push(Answer { id, response: None, error: Some(failure) });
                    continue;
                }
                Err(Unanswered::Fatal(error)) => return Err(error),
            };
            let response = response.map_err(|_| OperationError::protocol("an answer cannot be written"))?;
            answers.push(Answer { id, response: Some(response), error: None });
        }
        self.ready = rest;
        attachments.message(&StepRequest { answers }).map_err(|e| host_side(&e))
    }
}

/// What a plugin has to say while it works. It is a stranger's text.
struct Log<'a> {
    driver: &'a Driver,
    operation: &'a str,
    kept: usize,
}

impl Log<'_> {
    fn lines(&mut self, lines: &[abi::record::LogLine]) -> Result<(), OperationError> {
        for line in lines {
            self.driver.vault.keep_out_of("a log line", line.message.as_bytes())?;
            self.kept += 1;
            if self.kept <= MAX_LOG_LINES {
                self.write(&line.level, &one_line(&line.message));
            } else if self.kept == MAX_LOG_LINES + 1 {
                self.write(abi::record::level::WARN, "further lines of this operation are left out");
            }
        }
        Ok(())
    }

    fn write(&self, level: &str, line: &str) {
        use abi::record::level::{DEBUG, ERROR, WARN};
        let (provider, operation) = (&self.driver.provider, self.operation);
        match level {
            ERROR => tracing::error!(%provider, operation, "plugin says: {line}"),
            WARN => tracing::warn!(%provider, operation, "plugin says: {line}"),
            DEBUG => tracing::debug!(%provider, operation, "plugin says: {line}"),
            _ => tracing::info!(%provider, operation, "plugin says: {line}"),
        }
    }
}
