//! A provider's worker over time: started when it is needed, again when it was lost, ended when nobody needs it.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::boot::{Loaded, boot};
use super::budget::Budget;
use super::connection::{Connection, Lost};
use super::options::Workers;
use super::spawn::Launch;
use crate::clock::Clock;
use crate::name::ProviderName;
use crate::plugin::Limits;
use crate::plugin::error::{OperationError, OperationErrorKind as Kind, Refusal, one_line};
use crate::plugin::frame::Kind as FrameKind;
use crate::plugin::transport::{Answering, NotCreated, Place, Running, Transport};

/// A provider in a worker.
pub(in crate::plugin) struct Worker(Arc<Supervisor>);

/// What it takes to make the provider's worker, again and again.
struct Supervisor {
    provider: ProviderName,
    workers: Workers,
    library: Arc<OwnedFd>,
    /// The bytes of the `CreateRequest`: no secret is in there.
    request: Vec<u8>,
    limits: Limits,
    clock: Arc<dyn Clock>,
    budget: Arc<Mutex<Budget>>,
    current: Mutex<Current>,
    starting: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Current {
    connection: Option<Arc<Connection>>,
    /// When it was used last, by the monotonic clock.
    used: Duration,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Links a library in a worker, to learn what it says of itself.
pub(in crate::plugin) async fn describe(
    workers: &Workers,
    name: &str,
    library: Arc<OwnedFd>,
    deadline: Duration,
) -> Result<Vec<u8>, Refusal> {
    let launch = Launch { program: workers.program().to_owned(), name: name.to_owned(), library };
    Ok(boot(workers, launch, deadline).await?.described)
}

impl Worker {
    /// Starts a worker and makes a provider in it, with the bytes of a `CreateRequest`.
    pub(in crate::plugin) async fn create(
        workers: Workers,
        provider: ProviderName,
        library: Arc<OwnedFd>,
        request: Vec<u8>,
        limits: Limits,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, NotCreated> {
        let supervisor = Arc::new(Supervisor {
            provider,
            workers,
            library,
            request,
            limits,
            clock,
            budget: Arc::default(),
            current: Mutex::default(),
            starting: tokio::sync::Mutex::new(()),
        });
        let connection = supervisor.start().await?;
        supervisor.keep(connection);
        Ok(Self(supervisor))
    }
}

impl Transport for Worker {
    fn start(&self, operation: &str, request: Vec<u8>, place: Place) -> Answering<'_, Box<dyn Running>> {
        let name = operation.into();
        Box::pin(async move {
            let connection = self.0.connection().await?;
            let number = connection.number();
            Ok(Box::new(Operation {
                supervisor: Arc::clone(&self.0),
                connection,
                number,
                name,
                place: Arc::new(place),
                start: Some(request),
                begun: false,
            }) as Box<dyn Running>)
        })
    }

    /// Ends a worker that nobody has needed for long.
    fn sweep(&self) {
        let mut current = lock(&self.0.current);
        let idle = self.0.clock.monotonic().saturating_sub(current.used);
        if idle >= self.0.limits.idle
            && let Some(connection) = current.connection.take_if(|connection| connection.is_idle())
        {
            connection.close();
            tracing::debug!(provider = %self.0.provider, "worker ended, since nobody needed it");
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(connection) = lock(&self.0.current).connection.take() {
            connection.close();
        }
    }
}

impl Supervisor {
    fn keep(&self, connection: Arc<Connection>) {
        let mut current = lock(&self.current);
        current.used = self.clock.monotonic();
        current.connection = Some(connection);
    }

    fn current(&self) -> Option<Arc<Connection>> {
        let mut current = lock(&self.current);
        current.used = self.clock.monotonic();
        current.connection.clone().filter(|connection| !connection.is_over())
    }

    /// The worker, started anew if there is none.
    async fn connection(&self) -> Result<Arc<Connection>, OperationError> {
        if let Some(connection) = self.current() {
            return Ok(connection);
        }
        let _starting = self.starting.lock().await;
        if let Some(connection) = self.current() {
            return Ok(connection);
        }
        lock(&self.budget).start(self.clock.monotonic()).map_err(|wait| {
            let message = format!(
                "it was lost more than 3 times in a minute; the next one is started in {} s",
                wait.as_secs()
            );
            OperationError::new(Kind::Paused { retry_after: wait }, message)
        })?;
        let connection = self.start().await.map_err(|why| match why {
            NotCreated::Gone(error) => OperationError::new(
                if error.kind == Kind::TimedOut { Kind::TimedOut } else { Kind::WorkerLost },
                format!("while it was started: {}", error.message),
            ),
            // The text of a failure may hold a handle, and nobody has looked.
            NotCreated::Refused(_) => OperationError::new(
                Kind::WorkerLost,
                "while it was started: the plugin refuses the settings that it took before",
            ),
        })?;
        self.keep(Arc::clone(&connection));
        Ok(connection)
    }

    /// Boots a worker and makes the provider in it. A worker that dies meanwhile counts.
    async fn start(&self) -> Result<Arc<Connection>, NotCreated> {
        let launch = Launch {
            program: self.workers.program().to_owned(),
            name: self.provider.to_string(),
            library: Arc::clone(&self.library),
        };
        let Loaded { child, stream, .. } =
            boot(&self.workers, launch, self.limits.load).await.map_err(|refusal| {
                self.died(&refusal.to_string());
                NotCreated::Gone(OperationError::new(Kind::WorkerLost, one_line(&refusal.to_string())))
            })?;
        let mourner = {
            let (budget, clock) = (Arc::clone(&self.budget), Arc::clone(&self.clock));
            let provider = self.provider.clone();
            Box::new(move |how: &str| mourn(&provider, &budget, &*clock, how))
        };
        let connection = Connection::new(child, stream, self.limits.step, self.workers.tape(), mourner);
        match connection.create(self.request.clone()).await {
            Ok(frame) if frame.kind == FrameKind::Created => {
                tracing::debug!(provider = %self.provider, pid = connection.pid(), "worker started");
                Ok(connection)
            }
            Ok(frame) => {
                connection.close();
                Err(NotCreated::Refused(frame.payload))
            }
            Err(Lost { error, .. }) if error.kind == Kind::TimedOut => {
                let message = format!("no answer in {} ms", self.limits.step.as_millis());
                Err(NotCreated::Gone(OperationError::new(Kind::TimedOut, message)))
            }
            Err(Lost { error, .. }) => Err(NotCreated::Gone(error)),
        }
    }

    fn died(&self, how: &str) {
        mourn(&self.provider, &self.budget, &*self.clock, how);
    }
}

fn mourn(provider: &ProviderName, budget: &Mutex<Budget>, clock: &dyn Clock, how: &str) {
    let how = one_line(how);
    if lock(budget).died(clock.monotonic()) {
        tracing::error!(%provider, "the worker {how}; it ends too often, so the next one is started in 60 s");
    } else {
        tracing::warn!(%provider, "the worker {how}; the next sign-in starts another one");
    }
}

/// An operation in a worker.
struct Operation {
    supervisor: Arc<Supervisor>,
    connection: Arc<Connection>,
    number: u64,
    name: Arc<str>,
    place: Arc<Place>,
    /// Until the first answer: a plugin does nothing but answer, so until then the whole operation can be done again.
    start: Option<Vec<u8>>,
    /// Whether the worker has heard of it.
    begun: bool,
}

impl Operation {
    async fn first_step(&mut self, start: Vec<u8>, request: Vec<u8>) -> Result<Vec<u8>, OperationError> {
        for is_last in [false, true] {
            self.begun = true;
            let starting = Some((&self.name, &self.place, start.clone()));
            match self.connection.step(self.number, starting, request.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(Lost { again: true, .. }) if !is_last => {
                    self.begun = false;
                    self.connection = self.supervisor.connection().await?;
                    self.number = self.connection.number();
                }
                Err(lost) => return Err(lost.error),
            }
        }
        Err(OperationError::new(Kind::WorkerLost, "it was lost twice"))
    }
}

impl Running for Operation {
    fn step(&mut self, request: Vec<u8>) -> Answering<'_, Vec<u8>> {
        Box::pin(async move {
            match self.start.take() {
                Some(start) => self.first_step(start, request).await,
                None => {
                    let step = self.connection.step(self.number, None, request);
                    step.await.map_err(|lost| lost.error)
                }
            }
        })
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        if self.begun {
            self.connection.cancel(self.number);
        }
    }
}
