//! This side of one worker: operations by number over one stream, and a watch over each step.
//!
//! The worker is not trusted. It has to give the answer that is due, in the order of the questions; anything else ends it.
//! One task reads, and ends with the worker; whoever has something to say writes it himself, as far as the kernel takes it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::outgoing::Outgoing;
use super::spawn::{Child, Exit};
use super::tape::Tape;
use super::work::{Owed, Work};
use crate::plugin::error::{OperationError, OperationErrorKind as Kind};
use crate::plugin::frame::{Decoder, Frame, Kind as FrameKind};
use crate::plugin::transport::Place;

/// How much is read at once.
const PIECE: usize = 64 * 1024;
/// How long to wait for bytes that are there already and that the runtime has not told of yet.
const MOMENT: Duration = Duration::from_millis(5);

/// Why there is no answer, and whether the operation may be tried at another worker: nothing of it has been seen yet, and
/// it is not to blame for the end of this one.
#[derive(Debug, Clone)]
pub(super) struct Lost {
    pub(super) error: OperationError,
    pub(super) again: bool,
}

/// Who hears of the end of a worker that nobody had asked for, in one line. It must not ask anything of the worker.
pub(super) type Mourner = Box<dyn Fn(&str) + Send + Sync>;

/// A worker with its library linked.
pub(super) struct Connection {
    stream: UnixStream,
    child: Child,
    /// What one step may take.
    limit: Duration,
    mourner: Mourner,
    tape: Option<&'static Tape>,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    outgoing: Outgoing,
    work: Work,
    operations: HashMap<u64, Operation>,
    last: u64,
    /// Whether somebody watches the time. Under load that is one waking a second and not one a step.
    watched: bool,
    /// It has ended, or was ended on purpose: what whoever comes now is told.
    over: Option<OperationError>,
}

struct Operation {
    name: Arc<str>,
    /// Held until the worker says that the operation is over: it may be busy with it.
    _place: Option<Arc<Place>>,
    waiting: Option<oneshot::Sender<Result<Frame, Lost>>>,
    answered: bool,
}

/// Why a worker ends.
enum End {
    /// It closed the stream, as it does when it dies.
    Closed,
    /// The first thing of its work took too long.
    Late,
    /// It said what it must not.
    Broken(String),
}

impl Connection {
    /// Takes over a worker that has said what it is, and watches it from here on.
    pub(super) fn new(
        child: Child,
        stream: UnixStream,
        limit: Duration,
        tape: Option<&'static Tape>,
        mourner: Mourner,
    ) -> Arc<Self> {
        let connection = Arc::new(Self {
            stream,
            child,
            limit,
            mourner,
            tape,
            state: Mutex::default(),
            changed: Notify::new(),
        });
        tokio::spawn(Arc::clone(&connection).attend());
        connection
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it has ended, or was ended.
    pub(super) fn is_over(&self) -> bool {
        self.state().over.is_some()
    }

    /// Whether it has nothing to do.
    pub(super) fn is_idle(&self) -> bool {
        self.state().operations.is_empty()
    }

    /// The number of its process.
    pub(super) fn pid(&self) -> i32 {
        self.child.pid()
    }

    /// Ends it on purpose.
    pub(super) fn close(&self) {
        let error = OperationError::new(Kind::WorkerLost, "it was ended with its provider");
        self.state().over = Some(error);
        self.child.kill();
    }

    /// A number for an operation. Nothing is said yet.
    pub(super) fn number(&self) -> u64 {
        let mut state = self.state();
        state.last += 1;
        state.last
    }

    /// Makes the provider.
    pub(super) async fn create(&self, request: Vec<u8>) -> Result<Frame, Lost> {
        let frames = [Frame { kind: FrameKind::Create, operation: 0, payload: request }];
        self.ask(0, Owed::Create, frames, || ("create".into(), None)).await
    }

    /// Takes a step; the first one brings the operation's start along.
    pub(super) async fn step(
        &self,
        number: u64,
        start: Option<(&Arc<str>, &Arc<Place>, Vec<u8>)>,
        request: Vec<u8>,
    ) -> Result<Vec<u8>, Lost> {
        let step = Frame { kind: FrameKind::Step, operation: number, payload: request };
        let answer = match start {
            None => self.ask(number, Owed::Step, [step], || ("?".into(), None)).await?,
            Some((name, place, request)) => {
                let start = Frame { kind: FrameKind::Start, operation: number, payload: request };
                let about = || (Arc::clone(name), Some(Arc::clone(place)));
                self.ask(number, Owed::Step, [start, step], about).await?
            }
        };
        Ok(answer.payload)
    }

    /// The operation is not wanted any more. Its place is free when the worker has cleaned up.
    pub(super) fn cancel(&self, number: u64) {
        let mut state = self.state();
        let Some(operation) = state.operations.get_mut(&number) else { return };
        operation.waiting = None;
        let frame = Frame { kind: FrameKind::Cancel, operation: number, payload: Vec::new() };
        self.say(&mut state, number, Owed::CleanUp, [frame]);
    }

    async fn ask<const N: usize>(
        &self,
        number: u64,
        owed: Owed,
        frames: [Frame; N],
        about: impl FnOnce() -> (Arc<str>, Option<Arc<Place>>),
    ) -> Result<Frame, Lost> {
        let (waiting, answer) = oneshot::channel();
        {
            let mut state = self.state();
            if let Some(error) = &state.over {
                return Err(Lost { error: error.clone(), again: true });
            }
            let operation = state.operations.entry(number).or_insert_with(|| {
                let (name, place) = about();
                Operation { name, _place: place, waiting: None, answered: false }
            });
            operation.waiting = Some(waiting);
            self.say(&mut state, number, owed, frames);
        }
        answer.await.unwrap_or_else(|_| {
            let error = OperationError::new(Kind::WorkerLost, "the host is shutting down");
            Err(Lost { error, again: false })
        })
    }

    fn say<const N: usize>(&self, state: &mut State, number: u64, owed: Owed, frames: [Frame; N]) {
        for frame in frames {
            if let Some(tape) = self.tape {
                tape.keep(&frame.payload);
            }
            // The codec of messages has refused what is longer than a frame.
            let _ = state.outgoing.push(frame);
        }
        state.work.push(number, owed, Instant::now());
        state.outgoing.flush(&self.stream);
        if !state.watched || !state.outgoing.is_empty() {
            self.changed.notify_one();
        }
    }

    /// Reads, writes what is left over, and watches the time, until the worker ends.
    async fn attend(self: Arc<Self>) {
        let mut reader = Reader { decoder: Decoder::new(), piece: vec![0; PIECE] };
        let mut alarm = std::pin::pin!(tokio::time::sleep_until(Instant::now()));
        let end = loop {
            let (is_full, watched) = {
                let mut state = self.state();
                if !state.watched
                    && let Some(at) = state.work.late_at(self.limit)
                {
                    state.watched = true;
                    alarm.as_mut().reset(at);
                }
                (!state.outgoing.is_empty(), state.watched)
            };
            tokio::select! {
                biased;
                ready = self.stream.readable() => match ready.map_err(|_| End::Closed).and_then(|()| reader.read(&self)) {
                    Ok(()) => {}
                    Err(end) => break end,
                },
                _ = self.stream.writable(), if is_full => self.state().outgoing.flush(&self.stream),
                () = alarm.as_mut(), if watched => match self.look_at_the_time() {
                    Some(again) => alarm.as_mut().reset(again),
                    None if self.state().watched => break End::Late,
                    None => {}
                },
                () = self.changed.notified() => {}
            }
        };
        self.finish(end).await;
    }

    /// When to look again; none where there is nothing to watch, or where the worker is late.
    fn look_at_the_time(&self) -> Option<Instant> {
        let mut state = self.state();
        let now = Instant::now();
        match state.work.late_at(self.limit) {
            None => {
                state.watched = false;
                None
            }
            Some(at) if now < at => Some(at),
            // What has arrived is not late, however long this process takes to read it.
            Some(_) if self.has_unread() => Some(now + MOMENT),
            Some(_) => None,
        }
    }

    fn has_unread(&self) -> bool {
        use rustix::net::RecvFlags;
        let mut byte = [0; 1];
        let peeked = rustix::net::recv(&self.stream, &mut byte, RecvFlags::PEEK | RecvFlags::DONTWAIT);
        peeked.is_ok_and(|(read, _)| read > 0)
    }

    /// An answer: the one that is due.
    fn receive(&self, frame: Frame) -> Result<(), End> {
        let mut state = self.state();
        state.work.answered(frame.operation, frame.kind, Instant::now()).map_err(End::Broken)?;
        let number = frame.operation;
        if frame.kind == FrameKind::Ended {
            state.operations.remove(&number);
        } else if let Some(operation) = state.operations.get_mut(&number) {
            operation.answered = true;
            let waiting = operation.waiting.take();
            if number == 0 {
                state.operations.remove(&0);
            }
            if let Some(waiting) = waiting {
                let _ = waiting.send(Ok(frame));
            }
        }
        Ok(())
    }

    /// Sees the worker off, and tells everybody who waits.
    async fn finish(&self, end: End) {
        let exit = match &end {
            // It may have closed the stream and live on.
            End::Closed => tokio::time::timeout(self.limit, self.child.exited()).await.ok(),
            End::Late | End::Broken(_) => None,
        };
        if exit.is_none() {
            self.child.kill();
            self.child.exited().await;
        }
        let (told, first, operations) = {
            let mut state = self.state();
            let first = state.work.first();
            let operations = std::mem::take(&mut state.operations);
            let told = match &state.over {
                Some(error) => Told { first: error.clone(), others: error.clone() },
                None => {
                    let (log, told) = Told::new(&end, exit, self.limit, first, &operations);
                    // Before anybody can learn of it, and start another one.
                    (self.mourner)(&log);
                    told
                }
            };
            state.over = Some(told.others.clone());
            state.outgoing = Outgoing::default();
            state.work = Work::default();
            (told, first, operations)
        };
        for (number, operation) in operations {
            let is_first = first.is_some_and(|(first, _)| first == number);
            let innocent = !is_first || exit.is_some_and(Exit::is_from_outside);
            let error = if is_first { told.first.clone() } else { told.others.clone() };
            if let Some(waiting) = operation.waiting {
                let _ = waiting.send(Err(Lost { error, again: innocent && !operation.answered }));
            }
        }
    }
}

/// The end of a worker in words: for the operation that it was at, and for all others.
struct Told {
    first: OperationError,
    others: OperationError,
}

impl Told {
    fn new(
        end: &End,
        exit: Option<Exit>,
        limit: Duration,
        first: Option<(u64, Owed)>,
        operations: &HashMap<u64, Operation>,
    ) -> (String, Self) {
        let name = |number| operations.get(&number).map_or("?", |operation| &*operation.name);
        let at = first.map(|(number, owed)| format!("{} `{}`", owed.words(), name(number)));
        let limit = limit.as_millis();
        let (kind, own, told) = match (end, exit) {
            (End::Late, _) => {
                let what = match first {
                    Some((number, Owed::Step)) => format!("a step of `{}`", name(number)),
                    Some((number, Owed::CleanUp)) => format!("the clean-up after `{}`", name(number)),
                    _ => "`create`".to_owned(),
                };
                let own = format!("{what} was not done in {limit} ms, and its worker was killed");
                (Kind::TimedOut, own, format!("was killed, since {what} was not done in {limit} ms"))
            }
            (End::Broken(why), _) => {
                let told = format!("was killed: {why}");
                (Kind::Protocol, format!("its worker {told}"), told)
            }
            (End::Closed, Some(exit)) => {
                let told = match &at {
                    Some(at) => format!("{exit} {at}"),
                    None => exit.to_string(),
                };
                (Kind::WorkerLost, format!("it {told}"), told)
            }
            (End::Closed, None) => {
                let told = "was killed, since it closed its connection".to_owned();
                (Kind::WorkerLost, format!("it {told}"), told)
            }
        };
        let others = match first {
            Some(_) => format!("it {told}, which was not this operation's"),
            None => format!("it {told}"),
        };
        let first = OperationError::new(kind, own);
        (told, Self { first, others: OperationError::new(Kind::WorkerLost, others) })
    }
}

struct Reader {
    decoder: Decoder,
    piece: Vec<u8>,
}

impl Reader {
    /// Reads what is there, once, and takes its frames. Bytes that nobody asked for are a fault before they are a frame.
    fn read(&mut self, connection: &Connection) -> Result<(), End> {
        let read = match connection.stream.try_read(&mut self.piece) {
            Ok(0) => return Err(End::Closed),
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
            Err(_) => return Err(End::Closed),
        };
        self.decoder.feed(&self.piece[..read]);
        loop {
            match self.decoder.next_frame() {
                Ok(Some(frame)) => connection.receive(frame)?,
                Ok(None) => break,
                Err(error) => return Err(End::Broken(error.to_string())),
            }
        }
        if self.decoder.is_amid() && connection.state().work.first().is_none() {
            return Err(End::Broken("it sent bytes that nobody asked for".to_owned()));
        }
        Ok(())
    }
}
