//! Replay workers: histories are pushed in, each is served as one workflow task, nothing is told to any service (spec
//! 12).

mod history;
mod pusher;
mod service;

use std::cell::Cell;
use std::rc::Rc;

use bytes::Bytes;
use corewasm_engine::history::SplitPoll;
use corewasm_host::{Host, HostRef, envelope};

use crate::config::Config;
use crate::error::WorkerError;
use crate::pollers::PollFn;
use crate::service::Connection;
use crate::signal::Signal;
use crate::worker::{ReplaySource, Worker};
pub(crate) use pusher::Pusher;
use service::ReplayService;

/// A worker that replays what is pushed into it, one history after the other.
#[derive(Clone)]
pub struct ReplayWorker {
    worker: Worker,
    pusher: Rc<Pusher>,
}

/// How many histories may be served before the run of an earlier one is gone.
struct Permission {
    left: Cell<u32>,
    changed: Signal,
}

impl ReplayWorker {
    /// Open a replay worker. Of the configuration only what concerns workflows counts (spec 12.1).
    ///
    /// # Errors
    /// A configuration that contradicts itself.
    pub fn open(host: Host, handle: HostRef, config: envelope::WorkerConfig) -> Result<Self, WorkerError> {
        let config = Config::for_replay(config)?;
        let pusher = Rc::new(Pusher::default());
        let permission = Rc::new(Permission { left: Cell::new(1), changed: Signal::default() });
        let poll = poll_histories(host.clone(), pusher.clone(), permission.clone());
        let source = ReplaySource { poll, run_gone: Box::new(move || permission.grant()) };
        let connection = Connection::new(Rc::new(ReplayService));
        let worker = Worker::open_replay(host, handle, connection, config, source)?;
        worker.end_with(pusher.clone());
        Ok(Self { worker, pusher })
    }

    /// The worker, to be polled and answered like any other.
    pub fn worker(&self) -> &Worker {
        &self.worker
    }

    /// Give a history, encoded. Ready when the one before was taken (spec 12.6).
    ///
    /// # Errors
    /// The bytes are no history, or not one that can be replayed; the pusher was closed or the worker shut down.
    pub async fn push(&self, workflow_id: String, history: Bytes) -> Result<(), WorkerError> {
        let task = history::task_of(workflow_id, &history)?;
        self.pusher.push(task).await
    }

    /// No more histories come: the worker shuts down when the last was replayed.
    pub fn close(&self) {
        self.pusher.close();
    }
}

impl Permission {
    fn grant(&self) {
        self.left.set(self.left.get() + 1);
        self.changed.notify();
    }

    async fn take(&self) {
        self.changed.until(|| (self.left.get() > 0).then_some(())).await;
        self.left.set(self.left.get() - 1);
    }
}

/// Each poll waits until the run of the history before is gone, then serves the next one (spec 12.2).
fn poll_histories(host: Host, pusher: Rc<Pusher>, permission: Rc<Permission>) -> PollFn<SplitPoll> {
    Box::new(move |_options| {
        let (host, pusher, permission) = (host.clone(), pusher.clone(), permission.clone());
        Box::pin(async move {
            permission.take().await;
            Ok(match pusher.next().await {
                Some(task) => history::with_token(task, &host),
                None => SplitPoll { response: Default::default(), events: Vec::new() },
            })
        })
    })
}
