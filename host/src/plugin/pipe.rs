//! A transport that carries the same bytes as frames over a socketpair, in random pieces and late.
//!
//! It stands for a plugin outside of this process: everything above the seam that works on both transports will work on
//! any that follows. The far end is a thread that runs the provider as [`super::in_process`] does. For tests; a server
//! never configures it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Semaphore, mpsc, oneshot};
use vestibule_abi as abi;

use super::frame::{Decoder, Frame, Kind};
use super::in_process::{InProcess, NotCreated};
use super::transport::{Answering, Gone, Place, Running, Transport};

/// What reached the plugin's side of a pipe: all that a plugin is ever told. For tests, which search it for secrets.
#[doc(hidden)]
#[derive(Default)]
pub struct Tape(Mutex<Vec<u8>>);

impl Tape {
    /// With nothing on it.
    pub const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// Everything so far: the payloads of all frames, one after the other.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, payload: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(payload);
    }
}

/// One tape is no other's equal.
impl PartialEq for Tape {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Tape {}

/// Nothing of what is on it.
impl std::fmt::Debug for Tape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tape")
    }
}

/// A way to a provider at the other end of a socketpair. The far end stops when this is dropped.
pub(super) struct Pipe {
    near: Arc<Near>,
    reader: tokio::task::JoinHandle<()>,
}

/// What the near end knows: which operations there are, and who waits for an answer.
struct Near {
    outgoing: mpsc::UnboundedSender<Frame>,
    next: AtomicU64,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    /// Who waits, and the place that an operation holds until the far end says that it has ended: it may loop on.
    answers: HashMap<u64, oneshot::Sender<Vec<u8>>>,
    places: HashMap<u64, Place>,
    gone: Option<Gone>,
}

impl Near {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, kind: Kind, operation: u64, payload: Vec<u8>) {
        // Without a receiver the connection has ended, and `gone` says why to whoever waits.
        let _ = self.outgoing.send(Frame { kind, operation, payload });
    }

    fn end(&self, why: &str) {
        let mut waiting = self.waiting();
        waiting.gone.get_or_insert_with(|| Gone(why.to_owned()));
        waiting.answers.clear();
        waiting.places.clear();
    }

    /// What the other side said. It is not trusted: an answer to an operation that never was ends the connection; one to an
    /// operation that was given up meanwhile is late, and nothing more.
    fn receive(&self, frame: Frame) -> Result<(), Gone> {
        if !matches!(frame.kind, Kind::Answer | Kind::Ended) {
            return Err(Gone(format!("the plugin's side sent a frame `{:?}`", frame.kind)));
        }
        if frame.operation == 0 || frame.operation >= self.next.load(Ordering::SeqCst) {
            return Err(Gone("the plugin's side answered an operation that never was".to_owned()));
        }
        let mut waiting = self.waiting();
        let answer = waiting.answers.remove(&frame.operation);
        if frame.kind == Kind::Ended {
            // Whoever still waits sees its sender go.
            waiting.places.remove(&frame.operation);
        } else if let Some(answer) = answer {
            let _ = answer.send(frame.payload);
        }
        Ok(())
    }
}

impl Pipe {
    /// Makes a provider at the far end. `seed` decides about pieces and delays; `tape` keeps what arrives there.
    pub(super) async fn create(
        module: abi::table::ProviderModuleRef,
        request: Vec<u8>,
        deadline: Duration,
        seed: u64,
        tape: Option<&'static Tape>,
    ) -> Result<Self, NotCreated> {
        let gone = |why: std::io::Error| NotCreated::Gone(Gone(format!("no socketpair: {why}")));
        let (near, far) = std::os::unix::net::UnixStream::pair().map_err(gone)?;
        near.set_nonblocking(true).and_then(|()| far.set_nonblocking(true)).map_err(gone)?;
        std::thread::Builder::new()
            .name("plugin-pipe".to_owned())
            .spawn(move || far_end(module, far, deadline, seed.rotate_left(32), tape))
            .map_err(gone)?;
        let (mut reading, writing) = UnixStream::from_std(near).map_err(gone)?.into_split();
        let (outgoing, frames) = mpsc::unbounded_channel();
        tokio::spawn(write(writing, frames, Dice::new(seed)));
        let mut decoder = Decoder::new();
        let near = Arc::new(Near { outgoing, next: AtomicU64::new(1), waiting: Mutex::default() });
        near.send(Kind::Create, 0, request);
        match read(&mut reading, &mut decoder).await {
            Ok(Some(Frame { kind: Kind::Created, operation: 0, .. })) => {}
            Ok(Some(Frame { kind: Kind::Refused, operation: 0, payload })) if payload.is_empty() => {
                let late = format!("no answer in {} ms", deadline.as_millis());
                return Err(NotCreated::Gone(Gone(late)));
            }
            Ok(Some(Frame { kind: Kind::Refused, operation: 0, payload })) => {
                return Err(NotCreated::Refused(payload));
            }
            Ok(_) => return Err(NotCreated::Gone(Gone("the plugin's side did not answer `create`".into()))),
            Err(gone) => return Err(NotCreated::Gone(gone)),
        }
        let reader = tokio::spawn({
            let near = Arc::clone(&near);
            async move {
                let why = loop {
                    match read(&mut reading, &mut decoder).await {
                        Ok(Some(frame)) => {
                            if let Err(gone) = near.receive(frame) {
                                break gone;
                            }
                        }
                        Ok(None) => break Gone("the plugin's side ended".to_owned()),
                        Err(gone) => break gone,
                    }
                };
                near.end(&why.0);
            }
        });
        Ok(Self { near, reader })
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.reader.abort();
        self.near.end("the provider was ended");
    }
}

impl Transport for Pipe {
    fn start(&self, request: Vec<u8>, place: Place) -> Answering<'_, Box<dyn Running>> {
        let number = self.near.next.fetch_add(1, Ordering::SeqCst);
        self.near.waiting().places.insert(number, place);
        self.near.send(Kind::Start, number, request);
        let operation = PipeOperation { near: Arc::clone(&self.near), number };
        Box::pin(async move { Ok(Box::new(operation) as Box<dyn Running>) })
    }
}

struct PipeOperation {
    near: Arc<Near>,
    number: u64,
}

impl Running for PipeOperation {
    fn step(&mut self, request: Vec<u8>) -> Answering<'_, Vec<u8>> {
        let (sender, receiver) = oneshot::channel();
        {
            let mut waiting = self.near.waiting();
            if waiting.gone.is_none() {
                waiting.answers.insert(self.number, sender);
            }
        }
        self.near.send(Kind::Step, self.number, request);
        Box::pin(async move {
            receiver.await.map_err(|_| {
                let gone = self.near.waiting().gone.clone();
                gone.unwrap_or_else(|| Gone("the plugin's side gave no answer".to_owned()))
            })
        })
    }
}

impl Drop for PipeOperation {
    fn drop(&mut self) {
        self.near.waiting().answers.remove(&self.number);
        self.near.send(Kind::Cancel, self.number, Vec::new());
    }
}

/// The plugin's side: one thread with a runtime of its own, for as long as the stream lasts.
fn far_end(
    module: abi::table::ProviderModuleRef,
    stream: std::os::unix::net::UnixStream,
    deadline: Duration,
    seed: u64,
    tape: Option<&'static Tape>,
) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    runtime.block_on(async {
        let Ok(stream) = UnixStream::from_std(stream) else { return };
        let (mut reading, writing) = stream.into_split();
        let (outgoing, frames) = mpsc::unbounded_channel();
        let writer = tokio::spawn(write(writing, frames, Dice::new(seed)));
        serve(module, &mut reading, outgoing, deadline, tape).await;
        // What was said last still goes out; an operation that loops for ever would keep the writer for ever.
        let _ = tokio::time::timeout(deadline, writer).await;
    });
    // A step that loops for ever must not keep this thread as well.
    runtime.shutdown_background();
}

async fn serve(
    module: abi::table::ProviderModuleRef,
    reading: &mut OwnedReadHalf,
    outgoing: mpsc::UnboundedSender<Frame>,
    deadline: Duration,
    tape: Option<&'static Tape>,
) {
    let keep = |payload: &[u8]| tape.into_iter().for_each(|tape| tape.keep(payload));
    let mut decoder = Decoder::new();
    let answer = |kind, operation, payload| {
        let _ = outgoing.send(Frame { kind, operation, payload });
    };
    let Ok(Some(Frame { kind: Kind::Create, payload, .. })) = read(reading, &mut decoder).await else {
        return;
    };
    keep(&payload);
    let provider = match InProcess::create(module, payload, deadline).await {
        Ok(provider) => provider,
        Err(NotCreated::Refused(failure)) => return answer(Kind::Refused, 0, failure),
        Err(NotCreated::Gone(_)) => return answer(Kind::Refused, 0, Vec::new()),
    };
    answer(Kind::Created, 0, Vec::new());
    // One task for each operation, so that one which loops does not hold the others up.
    let mut operations: HashMap<u64, mpsc::UnboundedSender<Vec<u8>>> = HashMap::new();
    while let Ok(Some(frame)) = read(reading, &mut decoder).await {
        keep(&frame.payload);
        match frame.kind {
            Kind::Start => {
                let (steps, requests) = mpsc::unbounded_channel();
                operations.insert(frame.operation, steps);
                let (provider, outgoing) = (provider.clone(), outgoing.clone());
                tokio::spawn(async move {
                    // One place for one operation: it is free again when nothing of the operation runs any more.
                    let (operation, places) = (frame.operation, Arc::new(Semaphore::new(1)));
                    let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
                    operate(provider, frame, place, requests, &outgoing).await;
                    let _ended = places.acquire().await;
                    let _ = outgoing.send(Frame { kind: Kind::Ended, operation, payload: Vec::new() });
                });
            }
            Kind::Step => {
                if let Some(steps) = operations.get(&frame.operation) {
                    let _ = steps.send(frame.payload);
                }
            }
            Kind::Cancel => drop(operations.remove(&frame.operation)),
            _ => return,
        }
    }
}

async fn operate(
    provider: InProcess,
    start: Frame,
    place: Place,
    mut requests: mpsc::UnboundedReceiver<Vec<u8>>,
    outgoing: &mpsc::UnboundedSender<Frame>,
) {
    let operation = start.operation;
    let Ok(mut running) = provider.start(start.payload, place).await else { return };
    while let Some(request) = requests.recv().await {
        let Ok(payload) = running.step(request).await else { return };
        let _ = outgoing.send(Frame { kind: Kind::Answer, operation, payload });
    }
}

async fn read(stream: &mut OwnedReadHalf, decoder: &mut Decoder) -> Result<Option<Frame>, Gone> {
    let mut piece = vec![0; 64 * 1024];
    loop {
        if let Some(frame) = decoder.next_frame().map_err(|e| Gone(e.to_string()))? {
            return Ok(Some(frame));
        }
        match stream.read(&mut piece).await {
            Ok(0) => return decoder.finish().map(|()| None).map_err(|e| Gone(e.to_string())),
            Ok(n) => decoder.feed(&piece[..n]),
            Err(error) => return Err(Gone(format!("the socketpair failed: {error}"))),
        }
    }
}

/// Sends frames in random pieces, with a random pause after some of them: no reader may count on whole frames, nor on an
/// answer being there at once.
async fn write(mut stream: OwnedWriteHalf, mut frames: mpsc::UnboundedReceiver<Frame>, mut dice: Dice) {
    while let Some(frame) = frames.recv().await {
        let Ok(bytes) = frame.encode() else { return };
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let most = if bytes.len() < 4096 { 64 } else { 64 * 1024 };
            let (piece, after) = rest.split_at(dice.up_to(most).min(rest.len()));
            if stream.write_all(piece).await.is_err() {
                return;
            }
            rest = after;
            match dice.up_to(8) {
                1 => tokio::time::sleep(Duration::from_micros(dice.up_to(200) as u64)).await,
                2..=5 => tokio::task::yield_now().await,
                _ => {}
            }
        }
    }
}

/// A small generator (xorshift64): it decides about pieces, nothing about secrets.
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// From 1 to `most`.
    fn up_to(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % most as u64).unwrap_or(0) + 1
    }
}
