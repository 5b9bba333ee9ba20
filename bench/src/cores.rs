//! Which core does what: one for what is measured, one for the load and the provider. Knows no measurement.

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::error::{Error, Result, doing};

/// Two cores of those that this process may use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cores {
    measured: usize,
    load: usize,
}

impl Cores {
    /// The first two.
    pub(crate) fn find() -> Result<Self> {
        let all = sched_getaffinity(None).map_err(doing("ask which cores there are"))?;
        let mut usable = (0..CpuSet::MAX_CPU).filter(|core| all.is_set(*core));
        match (usable.next(), usable.next()) {
            (Some(measured), Some(load)) => Ok(Self { measured, load }),
            _ => Err(Error::new("this needs two cores: one for what is measured, one for the load")),
        }
    }

    /// Keeps the calling thread, and all threads and processes that it will start, to the core of the load.
    pub(crate) fn keep_to_load(self) -> Result<()> {
        keep_to(None, self.load)
    }

    /// Does something (starts a process, say) on the core of what is measured, and comes back to the load's.
    pub(crate) fn on_measured<T>(self, work: impl FnOnce() -> T) -> Result<T> {
        keep_to(None, self.measured)?;
        let done = work();
        keep_to(None, self.load)?;
        Ok(done)
    }

    /// Runs a future on a thread and a runtime of its own, on the core of what is measured; the flavour is the server's.
    pub(crate) async fn run_on_measured<T, F>(self, future: impl FnOnce() -> F + Send + 'static) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>>,
    {
        let (send, receive) = tokio::sync::oneshot::channel();
        let work = move || {
            keep_to(None, self.measured)?;
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
            runtime.map_err(doing("start a runtime"))?.block_on(future())
        };
        std::thread::spawn(move || send.send(work()));
        receive.await.map_err(doing("hear from the measuring thread"))?
    }
}

fn keep_to(thread: Option<Pid>, core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(thread, &set).map_err(doing("keep to one core"))
}
