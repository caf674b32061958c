//! The workers that lang opened, by handle.

use std::{cell::RefCell, rc::Rc};

use bytes::Bytes;
use corewasm_host::{
    CallResult, GrpcStatus, HandleError, HandleTable, Host, InputError,
    envelope::{
        CallError, HistoryPush, OrphanedRpcResult, ReplayWorkerOpen, ResourceSample, TaskKind as WireTaskKind,
        Undelivered, WorkerComplete, WorkerHeartbeat, WorkerOpen, WorkerPoll, WorkerReplaceClient,
        WorkerRequestEviction, WorkerValidate, input_error, rpc_result,
    },
};
use corewasm_worker::slots::Load;
use corewasm_worker::{ReplayWorker, TaskKind, Worker, WorkerError};

use crate::clients::Clients;

/// Clones are the same workers.
#[derive(Clone)]
pub(crate) struct Workers {
    host: Host,
    clients: Clients,
    open: Rc<RefCell<HandleTable<OpenWorker>>>,
}

#[derive(Clone)]
enum OpenWorker {
    Live(Worker),
    Replay(ReplayWorker),
}

impl OpenWorker {
    fn worker(&self) -> &Worker {
        match self {
            Self::Live(worker) => worker,
            Self::Replay(replay) => replay.worker(),
        }
    }
}

impl Workers {
    pub(crate) fn new(host: Host, clients: Clients) -> Self {
        Self { host, clients, open: Rc::default() }
    }

    pub(crate) fn open(&self, open: WorkerOpen) -> Result<(), InputError> {
        let handle = self.open.borrow().check_free(open.worker).map_err(worker_error)?;
        let connection = self.clients.get(open.client)?;
        let config = open.config.ok_or_else(|| InputError::malformed("WorkerOpen has no config"))?;
        let opened = Worker::open(self.host.clone(), handle, &connection, config, open.ledger);
        self.take_in(open.worker, open.call, opened.map(OpenWorker::Live))
    }

    pub(crate) fn open_replay(&self, open: ReplayWorkerOpen) -> Result<(), InputError> {
        let handle = self.open.borrow().check_free(open.worker).map_err(worker_error)?;
        let config = open.config.ok_or_else(|| InputError::malformed("ReplayWorkerOpen has no config"))?;
        let opened = ReplayWorker::open(self.host.clone(), handle, config);
        self.take_in(open.worker, open.call, opened.map(OpenWorker::Replay))
    }

    /// A worker that could not be opened leaves its handle as it was: never opened.
    fn take_in(&self, raw: u32, call: u64, opened: Result<OpenWorker, WorkerError>) -> Result<(), InputError> {
        let result = match opened {
            Ok(worker) => {
                self.open.borrow_mut().insert(raw, worker).map_err(worker_error)?;
                Ok(Bytes::new())
            }
            Err(error) => Err(error.into()),
        };
        self.host.resolve(call, result);
        Ok(())
    }

    pub(crate) fn validate(&self, validate: WorkerValidate) -> Result<(), InputError> {
        let worker = self.get(validate.worker)?;
        self.host.spawn_call(validate.call, async move { Ok(worker.validate().await?) });
        Ok(())
    }

    pub(crate) fn replace_client(&self, replace: WorkerReplaceClient) -> Result<(), InputError> {
        let worker = self.get(replace.worker)?;
        let connection = self.clients.get(replace.client)?;
        self.host.resolve(replace.call, no_value(worker.replace_client(&connection)));
        Ok(())
    }

    pub(crate) fn initiate_shutdown(&self, worker: u32) -> Result<(), InputError> {
        self.get(worker)?.initiate_shutdown();
        Ok(())
    }

    /// The handle is closed when everything is drained, before the call is resolved.
    pub(crate) fn finalize_shutdown(&self, worker: u32, call: u64) -> Result<(), InputError> {
        let (open, workers) = (self.get(worker)?, self.clone());
        let end = async move {
            open.finalize_shutdown().await;
            workers.remove(worker);
            workers.host.resolve(call, Ok(Bytes::new()));
        };
        self.host.spawn(end).detach();
        Ok(())
    }

    /// Shutdown without anyone waiting: lang is gone, so what it has in hand will not come back.
    pub(crate) fn give_up(&self, worker: u32) -> Result<(), InputError> {
        let (open, workers) = (self.get(worker)?, self.clone());
        let end = async move {
            open.abandon().await;
            workers.remove(worker);
        };
        self.host.spawn(end).detach();
        Ok(())
    }

    fn remove(&self, raw: u32) {
        let removed = self.open.borrow_mut().remove(raw);
        // Two may wait for the same end; the first one closes.
        if removed.is_ok()
            && let Some(handle) = corewasm_host::HostRef::new(raw)
        {
            self.host.worker_closed(handle);
        }
    }

    pub(crate) fn poll(&self, poll: &WorkerPoll) -> Result<(), InputError> {
        let (worker, kind) = (self.get(poll.worker)?, task_kind(poll.kind())?);
        self.host.spawn_call(poll.call, async move { Ok(worker.poll(kind).await?) });
        Ok(())
    }

    /// A completion is seen through even if its caller cancels.
    pub(crate) fn complete(&self, complete: WorkerComplete) -> Result<(), InputError> {
        let (worker, kind) = (self.get(complete.worker)?, task_kind(complete.kind())?);
        let host = self.host.clone();
        let completing = async move {
            let result = worker.complete(kind, complete.body).await;
            host.resolve(complete.call, no_value(result));
        };
        self.host.spawn(completing).detach();
        Ok(())
    }

    pub(crate) fn undelivered(&self, undelivered: Undelivered) -> Result<(), InputError> {
        let (worker, kind) = (self.get(undelivered.worker)?, task_kind(undelivered.kind())?);
        worker.undelivered(kind, undelivered.value);
        Ok(())
    }

    pub(crate) fn heartbeat(&self, heartbeat: WorkerHeartbeat) -> Result<(), InputError> {
        let worker = self.get(heartbeat.worker)?;
        worker.record_heartbeat(heartbeat.body).map_err(|error| InputError::malformed(error.to_string()))
    }

    pub(crate) fn request_eviction(&self, request: &WorkerRequestEviction) -> Result<(), InputError> {
        self.get(request.worker)?.request_eviction(&request.run_id);
        Ok(())
    }

    pub(crate) fn orphaned_rpc_result(&self, orphan: OrphanedRpcResult) -> Result<(), InputError> {
        let worker = self.get(orphan.worker)?;
        let result = match orphan.result.and_then(|result| result.result) {
            Some(rpc_result::Result::Response(response)) => Ok(response.body),
            Some(rpc_result::Result::Status(status)) => Err(GrpcStatus::from(status)),
            None => return Err(InputError::malformed("OrphanedRpcResult has no result")),
        };
        worker.adopt_rpc_result(&orphan.uri, result);
        Ok(())
    }

    pub(crate) fn push_history(&self, push: HistoryPush) -> Result<(), InputError> {
        let replay = self.get_replay(push.worker)?;
        let host = self.host.clone();
        let pushing = async move {
            let result = replay.push(push.workflow_id, push.history).await;
            host.resolve(push.call, no_value(result));
        };
        self.host.spawn(pushing).detach();
        Ok(())
    }

    pub(crate) fn close_history(&self, worker: u32) -> Result<(), InputError> {
        self.get_replay(worker)?.close();
        Ok(())
    }

    /// For every worker with slots that depend on the machine's load.
    pub(crate) fn resource_sample(&self, sample: ResourceSample) -> Result<(), InputError> {
        if !(sample.memory_usage.is_finite() && sample.cpu_usage.is_finite()) {
            return Err(InputError::malformed("ResourceSample holds something that is no number"));
        }
        let load = Load { memory: sample.memory_usage, cpu: sample.cpu_usage };
        let users = self.open.borrow().values().filter(|open| open.worker().set_load(load)).count();
        if users == 0 {
            return Err(InputError::bad_state("no worker of this module uses resource samples"));
        }
        Ok(())
    }

    /// The sticky queue and the instance key of an open worker; none of one that replays.
    pub(crate) fn names(&self, worker: u32) -> Option<(String, String)> {
        match self.open.borrow().get(worker).ok()? {
            OpenWorker::Live(worker) => Some(worker.names()),
            OpenWorker::Replay(_) => None,
        }
    }

    fn get(&self, worker: u32) -> Result<Worker, InputError> {
        let open = self.open.borrow();
        open.get(worker).map(|open| open.worker().clone()).map_err(worker_error)
    }

    fn get_replay(&self, worker: u32) -> Result<ReplayWorker, InputError> {
        match self.open.borrow().get(worker).map_err(worker_error)? {
            OpenWorker::Replay(replay) => Ok(replay.clone()),
            OpenWorker::Live(_) => {
                let text = format!("worker: handle {worker} is not that of a replay worker");
                Err(InputError::new(input_error::Kind::BadHandle, text))
            }
        }
    }
}

fn no_value(result: Result<(), WorkerError>) -> CallResult {
    result.map(|()| Bytes::new()).map_err(CallError::from)
}

fn task_kind(kind: WireTaskKind) -> Result<TaskKind, InputError> {
    match kind {
        WireTaskKind::Workflow => Ok(TaskKind::Workflow),
        WireTaskKind::Activity => Ok(TaskKind::Activity),
        WireTaskKind::Nexus => Ok(TaskKind::Nexus),
        WireTaskKind::Unspecified => Err(InputError::malformed("the kind of task is not specified or not known")),
    }
}

fn worker_error(error: HandleError) -> InputError {
    InputError::handle("worker", error)
}
