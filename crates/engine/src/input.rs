//! What enters a run.

use bytes::Bytes;
use temporalio_protos::coresdk::activity_result::{Cancellation, Failure as ActivityFailure, Success};
use temporalio_protos::coresdk::workflow_activation::remove_from_cache::EvictionReason;
use temporalio_protos::temporal::api::protocol::v1::Message;
use temporalio_protos::temporal::api::query::v1::WorkflowQuery;

use crate::history::{HistoryUpdate, Paginator};

/// What a run needs to know of its worker, shared by all runs of the worker.
#[derive(Clone, Debug, Default)]
pub struct RunSetup {
    /// Namespace of the worker.
    pub namespace: String,
    /// Task queue of the worker.
    pub task_queue: String,
    /// Lang's name, for the completion's metadata (spec 1.14.4).
    pub sdk_name: String,
    /// Lang's version.
    pub sdk_version: String,
    /// The service takes SDK metadata (capability `sdk_metadata`): flags may be written (spec 1.14.2).
    pub sdk_metadata: bool,
    /// This worker's computed deployment version (spec 8.6): deployment name ("" for plain build ids) and build id.
    pub deployment_version: Option<(String, String)>,
    /// The worker keeps runs cached between tasks. If not, the run asks for its own eviction after each task (spec
    /// 1.10.3).
    pub caching: bool,
    /// This is a replay worker (spec 12): after a completion that is not replaying, the run asks for its own eviction.
    pub replay_only: bool,
    /// Nondeterminism fails the workflow instead of the task, for every type or for these (spec 1.8.10).
    pub nondeterminism_fails_workflow: bool,
    /// Types for which nondeterminism fails the workflow.
    pub nondeterminism_fails_workflow_types: Vec<String>,
    /// Local activities can be executed here; if not, requests for them go nowhere.
    pub local_activities: bool,
}

/// A workflow task whose history was paged in far enough to be applied (spec 1.3).
#[derive(Debug)]
pub struct PreparedTask {
    /// Token to answer with. The driver keeps the slot permit under it until [`crate::RunOutput::TaskEnded`] or
    /// [`crate::RunOutput::TaskDiscarded`] names it, exactly once.
    pub task_token: Bytes,
    /// Attempt of the task, from 1 (0 from a replay worker).
    pub attempt: u32,
    /// Workflow id.
    pub workflow_id: String,
    /// Run id: the key of everything.
    pub run_id: String,
    /// Workflow type.
    pub workflow_type: String,
    /// `query` of the poll response (spec 1.15.1).
    pub legacy_query: Option<WorkflowQuery>,
    /// `queries` of the poll response, in order of their ids.
    pub queries: Vec<(String, WorkflowQuery)>,
    /// Protocol messages, in the order received; bodies are valid update requests (spec 1.2.2).
    pub messages: Vec<Message>,
    /// Events to apply; may be empty (a query on a cached run).
    pub update: HistoryUpdate,
    /// Where further events come from.
    pub paginator: Paginator,
}

/// A local activity has ended, or must be tried again by a timer of lang's.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalActivityResolution {
    /// Lang's sequence number.
    pub seq: u32,
    /// How it ended.
    pub result: LocalActivityResult,
    /// Time from dispatch (or schedule, if never dispatched) to the end.
    pub runtime: std::time::Duration,
    /// Attempt that ended, from 1; 0 if it was cancelled before one began.
    pub attempt: u32,
    /// Set: lang must start a timer of this length, then try again (spec 2.3.10).
    pub backoff: Option<prost_types::Duration>,
    /// When the first attempt was scheduled.
    pub original_schedule_time: Option<prost_types::Timestamp>,
}

/// How a local activity ended.
#[derive(Clone, Debug, PartialEq)]
pub enum LocalActivityResult {
    /// With a result.
    Completed(Success),
    /// With a failure.
    Failed(ActivityFailure),
    /// By a time-out; the failure is a timeout failure (spec 2.3.8).
    TimedOut(ActivityFailure),
    /// By cancellation.
    Cancelled(Cancellation),
}

/// The executor's immediate answer to [`crate::RunOutput::LocalActivities`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LocalActivitiesTaken {
    /// Resolutions that were known at once (a time-out already passed, a cancel of what never began), in order. Those
    /// of a [`crate::LocalActivityRequest::CancelAll`] are left out (spec 4.5.2).
    pub resolutions: Vec<LocalActivityResolution>,
    /// A cancel for a local activity of this run is queued but was not handed to lang yet (spec 1.9.8).
    pub undelivered_cancels: bool,
}

/// What became of a [`crate::RunOutput::CompletionDecided`] (spec 1.8.11, 1.8.12).
#[derive(Debug)]
pub struct ReportResult {
    /// Whether the service was told.
    pub outcome: ReportOutcome,
    /// As it stood in the [`crate::RunOutput::CompletionDecided`] that this answers.
    pub is_autocomplete: bool,
    /// As it stood in the [`crate::RunOutput::CompletionDecided`] that this answers.
    pub replaying: bool,
    /// The task that came with the response, paged in. It takes over the permit of the task that ends; if none ends, it
    /// is discarded.
    pub next_task: Option<Box<PreparedTask>>,
}

/// Whether the service was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportOutcome {
    /// The service was told, or would not hear: an eviction request went before this one then (spec 1.8.11).
    Reported {
        /// `reset_history_event_id` of the response, if above 0 (spec 1.12).
        reset_last_started_to: Option<i64>,
    },
    /// Nothing was to be told.
    NotReported,
    /// Deliberately left unanswered; the task counts as gone (spec 1.8.7).
    Dropped,
}

/// A page of history that the run had asked for arrived (spec 1.3.8).
#[derive(Debug)]
pub enum FetchOutcome {
    /// More events, and the paginator they came from.
    Page {
        /// The next events.
        update: HistoryUpdate,
        /// Where more come from.
        paginator: Box<Paginator>,
    },
    /// The fetch failed; the text says how.
    Failed(String),
}

/// Somebody wants the run out of the cache (spec 1.9).
#[derive(Clone, Debug, PartialEq)]
pub struct EvictionRequest {
    /// For lang and for logs (texts in spec 1.9.5).
    pub message: String,
    /// Why.
    pub reason: EvictionReason,
    /// A task that could not be stored: it fails with `message` when lang acknowledges the eviction (spec 1.9.10).
    pub fail_task: Option<UnstoredTask>,
}

/// A task that never reached its run.
#[derive(Clone, Debug, PartialEq)]
pub struct UnstoredTask {
    /// Token to answer with.
    pub task_token: Bytes,
    /// Attempt of the task.
    pub attempt: u32,
}
