//! One operation: a future, driven by steps.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use vestibule_abi::message::{Attachments, Message, MessageError};
use vestibule_abi::record::{HostInfo, StartRequest, StepAnswer, StepRequest, code, operation, state};

use super::Instance;
use super::contain::contain;
use crate::host::exchange::Exchange;
use crate::{Error, Host, Provider, Result};

type Running = Pin<Box<dyn Future<Output = Result<Value>> + Send>>;

/// An operation. Its future is polled once a step, with a waker that does nothing, and never again after its end. Wakers
/// that its own combinators make are woken by the answers they wait for.
pub(crate) struct Operation {
    exchange: Arc<Exchange>,
    stage: Stage,
}

enum Stage {
    Running(Running),
    /// It failed before it ran; the first step says so.
    Failed(Error),
    Over,
}

impl Operation {
    /// Whatever is wrong with the request comes out of the first step.
    pub(crate) fn start<P: Provider>(instance: Arc<Instance<P>>, request: &[u8]) -> Self {
        let request = Message::decode(request).and_then(|m| m.record::<StartRequest>());
        let (request, entropy) = match request {
            Ok(request) => match entropy(&request.entropy) {
                Some(entropy) => (request, entropy),
                None => return Self::failed(Error::new(code::PROTOCOL, "entropy is 64 hexadecimal digits")),
            },
            Err(error) => return Self::failed(protocol(&error)),
        };
        let exchange = Exchange::new(instance.host.clone(), request.now_us, entropy);
        let host = Host { exchange: Arc::clone(&exchange) };
        Self { exchange, stage: Stage::Running(Box::pin(run(instance, host, request))) }
    }

    pub(crate) fn failed(error: Error) -> Self {
        Self { exchange: Exchange::new(HostInfo::default(), 0, [0; 32]), stage: Stage::Failed(error) }
    }

    /// Takes the host's answers in, polls, and tells where the operation stands.
    pub(crate) fn step(&mut self, request: &[u8]) -> Vec<u8> {
        match self.advance(request) {
            Ok(None) => {
                let mut attachments = Attachments::new();
                let pending = self.exchange.outgoing(&mut attachments).and_then(|requests| {
                    // With nothing on its way, no step would ever change anything.
                    let state = if self.exchange.is_waiting() { state::PENDING } else { state::STUCK };
                    let answer = StepAnswer { requests, log: self.exchange.take_log(), ..stands(state) };
                    attachments
                        .message(&answer)
                        .and_then(|m| m.encode())
                        .map_err(|e| protocol(&e))
                        .map(|bytes| (bytes, state))
                });
                match pending {
                    Ok((bytes, state)) => {
                        if state == state::STUCK {
                            self.stage = self.end();
                        }
                        bytes
                    }
                    Err(error) => {
                        self.stage = self.end();
                        self.done(Err(error))
                    }
                }
            }
            Ok(Some(result)) => self.done(Ok(result)),
            Err(error) => self.done(Err(error)),
        }
    }

    /// `None` while the future is pending. At its end the future is dropped, and a panic of that is the outcome.
    fn advance(&mut self, request: &[u8]) -> Result<Option<Value>> {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Failed(error) => Err(error),
            Stage::Over => Err(Error::new(code::PROTOCOL, "the operation is over")),
            Stage::Running(mut running) => {
                // Answers wake the author's combinators, and what they do may panic as well.
                let taken = contain(|| self.take_answers(request)).and_then(|taken| taken);
                let polled = taken.and_then(|()| {
                    contain(|| running.as_mut().poll(&mut Context::from_waker(Waker::noop())))
                });
                match polled {
                    Ok(Poll::Pending) => {
                        self.stage = Stage::Running(running);
                        Ok(None)
                    }
                    Ok(Poll::Ready(result)) => contain(move || drop(running)).and(result.map(Some)),
                    Err(error) => {
                        let _ = contain(move || drop(running));
                        Err(error)
                    }
                }
            }
        }
    }

    fn take_answers(&self, request: &[u8]) -> Result<()> {
        let mut message = Message::decode(request).map_err(|e| protocol(&e))?;
        let request: StepRequest = message.record().map_err(|e| protocol(&e))?;
        self.exchange.deliver(request.answers, &mut message);
        Ok(())
    }

    fn end(&mut self) -> Stage {
        if let Stage::Running(running) = std::mem::replace(&mut self.stage, Stage::Over) {
            let _ = contain(move || drop(running));
        }
        Stage::Over
    }

    fn done(&self, result: Result<Value>) -> Vec<u8> {
        let log = self.exchange.take_log();
        let answer = |result: Result<Value>, log| match result {
            Ok(result) => StepAnswer { result: Some(result), log, ..stands(state::DONE) },
            Err(error) => StepAnswer { error: Some(error.into_failure()), log, ..stands(state::DONE) },
        };
        let encode = |answer: &StepAnswer| Message::new(answer).and_then(|m| m.encode());
        // A result over the limits is the author's fault, and a failure of one line is within them.
        encode(&answer(result, log))
            .or_else(|error| encode(&answer(Err(protocol(&error)), Vec::new())))
            .unwrap_or_default()
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        self.stage = self.end();
    }
}

async fn run<P: Provider>(instance: Arc<Instance<P>>, host: Host, start: StartRequest) -> Result<Value> {
    let provider = &instance.provider;
    match start.operation.as_str() {
        operation::INSPECT => written(&provider.inspect().into_record()?),
        operation::BEGIN => {
            let request: vestibule_abi::record::BeginRequest = read(start.request)?;
            written(&provider.begin(&host, request.into()).await?.into_record())
        }
        operation::COMPLETE => {
            let request: vestibule_abi::record::CompleteRequest = read(start.request)?;
            written(&provider.complete(&host, request.into()).await?.into_record())
        }
        _ => Err(Error::new(code::UNSUPPORTED, "this plugin does not know that operation")),
    }
}

fn read<T: DeserializeOwned>(request: Value) -> Result<T> {
    serde_json::from_value(request).map_err(|_| {
        Error::new(code::PROTOCOL, "the operation's request lacks a field or has one of another type")
    })
}

fn written(record: &impl Serialize) -> Result<Value> {
    Ok(serde_json::to_value(record)?)
}

fn protocol(error: &MessageError) -> Error {
    Error::new(code::PROTOCOL, error)
}

fn stands(state: &str) -> StepAnswer {
    StepAnswer { state: state.to_owned(), requests: Vec::new(), result: None, error: None, log: Vec::new() }
}

fn entropy(hex: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> =
        hex.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    if digits.len() == 64 { bytes.try_into().ok() } else { None }
}
