//! How the parts of a worker know each other.

use bytes::Bytes;
use corewasm_engine::{LocalActivitiesTaken, LocalActivityNotice, LocalActivityRequest, LocalActivityResolution};
use futures::future::LocalBoxFuture;
use temporalio_protos::temporal::api::workflowservice::v1::PollActivityTaskQueueResponse;

use crate::error::WorkerError;
use crate::slots::SlotPermit;

/// Tasks that lang polls for and completes: activities (remote and local together) or Nexus.
pub trait TaskSource {
    /// The next task's bytes, or [`WorkerError::Shutdown`] when no more come. Dropping the future loses nothing.
    fn poll(&self) -> LocalBoxFuture<'static, Result<Bytes, WorkerError>>;
    /// Take lang's completion and see it through, RPC and release of the slot included. Never dropped.
    fn complete(&self, completion: Bytes) -> LocalBoxFuture<'static, Result<(), WorkerError>>;
    /// A poll's value that did not reach lang: the next poll gets it.
    fn undelivered(&self, task: Bytes);
    /// The worker's shutdown token is set: stop what it does not stop by itself. Called once.
    fn begin_shutdown(&self);
    /// Ready when everything is drained: nothing outstanding, no completion under way. Called after `begin_shutdown`.
    fn drained(&self) -> LocalBoxFuture<'static, ()>;
    /// An earlier instance had these tasks with lang (`WorkerLedger`), on these of the host's permits; they are
    /// completed here. Permits
    /// that are left over go back; a task without one takes a fixed slot if that is what the pool has.
    fn adopt(&self, tasks: Vec<Bytes>, permits: Vec<SlotPermit>);
    /// An earlier instance's poll brought this response: deliver it.
    fn adopt_polled(&self, response: Bytes);
}

/// Besides tasks: what lang tells of activities.
pub trait ActivityTaskSource: TaskSource {
    /// Take an encoded `ActivityHeartbeat`; an unknown token is only logged.
    fn record_heartbeat(&self, heartbeat: Bytes) -> Result<(), WorkerError>;
}

/// Executes local activities for workflow runs (spec 4).
pub trait LocalActivityExecutor {
    /// Take a run's requests, in order, and say at once what is known at once.
    fn take(&self, run_id: &str, requests: Vec<LocalActivityRequest>) -> LocalActivitiesTaken;
    /// Take news of a run.
    fn notice(&self, run_id: &str, notice: LocalActivityNotice);
    /// Attempts after the first of the run's local activities within the current workflow task (spec 4.5.3).
    fn nonfirst_attempts(&self, run_id: &str) -> u32;
    /// No more requests come; what is dispatched or queued still ends (spec 4.5.4).
    fn workflows_have_shut_down(&self);
    /// Ready when no local activity is outstanding.
    fn idle(&self) -> LocalBoxFuture<'static, ()>;
}

/// What the local activity executor tells the runs. Calls take effect before they return.
pub trait LocalActivityListener {
    /// A local activity ended.
    fn resolved(&self, run_id: &str, resolution: LocalActivityResolution);
    /// A cancel of one of the run's local activities was handed to lang (spec 1.9.8).
    fn cancel_delivered(&self, run_id: &str);
}

/// Activities that a completed workflow task brings back at once (spec 3.3). Absent: none are asked for.
pub trait EagerActivities {
    /// A slot, if one is free now and the worker is not shutting down.
    fn try_reserve(&self) -> LocalBoxFuture<'static, Option<SlotPermit>>;
    /// Tasks that came, each with its slot.
    fn deliver(&self, tasks: Vec<(PollActivityTaskQueueResponse, SlotPermit)>);
}
