//! What leaves a run.

use bytes::Bytes;
use temporalio_protos::coresdk::workflow_activation::WorkflowActivation;
use temporalio_protos::coresdk::workflow_commands::QueryResult;
use temporalio_protos::coresdk::workflow_commands::ScheduleLocalActivity;
use temporalio_protos::temporal::api::command::v1::Command;
use temporalio_protos::temporal::api::enums::v1::{VersioningBehavior, WorkflowTaskFailedCause};
use temporalio_protos::temporal::api::failure::v1::Failure;
use temporalio_protos::temporal::api::protocol::v1::Message;
use temporalio_protos::temporal::api::sdk::v1::WorkflowTaskCompletedMetadata;

use crate::history::Paginator;
use crate::time::Instant;

/// One thing the driver must do. Drained in order after every input.
#[derive(Debug)]
pub enum RunOutput {
    /// Hand this to lang; its completion comes back by `handle_completion`.
    Activation(WorkflowActivation),
    /// Core answers this workflow task itself: feed [`crate::ValidCompletion::autocomplete`] back (spec 1.1.4).
    Autocomplete,
    /// Core fails this workflow task itself: feed [`crate::ValidCompletion::auto_fail`] back.
    AutoFail(crate::RunError),
    /// A completion is decided. Exactly one for every completion; the driver answers by `handle_report_result`.
    CompletionDecided {
        /// What to tell the service.
        report: TaskReport,
        /// The run was replaying when the completion was handled.
        replaying: bool,
        /// The completion was Core's own.
        is_autocomplete: bool,
    },
    /// Fetch the next page with this paginator and answer by `handle_fetch`.
    FetchPage(Box<Paginator>),
    /// To the local activity executor, in order. Answered **at once** by `handle_local_activities_taken`, before any
    /// other input.
    LocalActivities(Vec<LocalActivityRequest>),
    /// News for the local activity executor; not answered.
    LocalActivityNotice(LocalActivityNotice),
    /// Call `handle_heartbeat_timeout` at this time; replaces the earlier deadline, `None` stops the timer (spec
    /// 1.13.1).
    HeartbeatTimer(Option<Instant>),
    /// The workflow task is over.
    TaskEnded(TaskEnded),
    /// A task that waited for the run was replaced by a newer one or is of no use any more: its permit goes back,
    /// nobody is told (spec 1.11.2).
    TaskDiscarded {
        /// Token of the task: the driver keeps the permits by token.
        task_token: Bytes,
    },
    /// Lang acknowledged the eviction: remove the run. What it still held comes with it.
    Evicted(Box<EvictedRun>),
    /// Counters that only the run can tell, for metrics.
    Observed(Observation),
}

/// What to tell the service of a workflow task.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "made once per task and handed on by value")]
pub enum TaskReport {
    /// Nothing now.
    Nothing,
    /// RespondWorkflowTaskCompleted (spec 1.8.5).
    Complete(Box<TaskCompletion>),
    /// RespondWorkflowTaskFailed or RespondQueryTaskCompleted(FAILED), by the gate of spec 1.8.7.
    Fail(Box<TaskFailure>),
    /// RespondQueryTaskCompleted.
    LegacyQuery {
        /// Token of the query task.
        task_token: Bytes,
        /// Lang's answer.
        result: QueryResult,
    },
}

/// The contents of a RespondWorkflowTaskCompleted that the run knows.
#[derive(Debug)]
pub struct TaskCompletion {
    /// Token of the task.
    pub task_token: Bytes,
    /// Commands in order.
    pub commands: Vec<Command>,
    /// Protocol messages in order.
    pub messages: Vec<Message>,
    /// Answers to new-style queries.
    pub query_responses: Vec<QueryResult>,
    /// A new task is wanted at once (spec 1.13.2, 1.13.5).
    pub force_create_new_task: bool,
    /// Flags and SDK name and version (spec 1.14.4).
    pub sdk_metadata: WorkflowTaskCompletedMetadata,
    /// As lang said.
    pub versioning_behavior: VersioningBehavior,
    /// Attempt of the task.
    pub attempt: u32,
}

/// A workflow task fails.
#[derive(Clone, Debug)]
pub struct TaskFailure {
    /// Token of the task.
    pub task_token: Bytes,
    /// Attempt of the task; only the first is reported (spec 1.8.7).
    pub attempt: u32,
    /// Why.
    pub cause: WorkflowTaskFailedCause,
    /// Body.
    pub failure: Failure,
    /// What kind of task fails.
    pub kind: TaskFailureKind,
}

/// What kind of task fails (spec 1.8.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskFailureKind {
    /// A workflow task.
    Task,
    /// A legacy query: always answered.
    LegacyQuery,
    /// A legacy query whose failure is transient: dropped unanswered.
    RetryableLegacyQuery,
}

/// A request to the local activity executor (spec 4).
#[derive(Clone, Debug)]
pub enum LocalActivityRequest {
    /// Execute. Times are resolved and clamped (spec 2.3.1).
    Execute(Box<LocalActivityExecution>),
    /// Cancel one, by sequence number.
    Cancel {
        /// Lang's sequence number.
        seq: u32,
    },
    /// Cancel all of the run; immediate resolutions are discarded (spec 4.5.2).
    CancelAll,
}

/// What the local activity executor is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalActivityNotice {
    /// The workflow task was reported (spec 1.13.7).
    TaskCompleted,
    /// The run is gone: forget all its local activities (spec 1.9.8).
    Forget,
}

/// A local activity to execute.
#[derive(Clone, Debug)]
pub struct LocalActivityExecution {
    /// As lang scheduled it, with what is missing filled in (spec 2.3.1).
    pub schedule: ScheduleLocalActivity,
    /// Workflow type, for metrics and the task.
    pub workflow_type: String,
    /// Workflow id and run id of the task.
    pub workflow_id: String,
    /// Run id.
    pub run_id: String,
}

/// A workflow task that is over.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskEnded {
    /// Token of the task: the driver keeps the permits by token.
    pub task_token: Bytes,
    /// The token of the task that came with the response and holds the permit from now on. If absent, the permit goes
    /// back.
    pub permit_taken_over_by: Option<Bytes>,
    /// When the run had taken up the task.
    pub started: Instant,
    /// The latency counts: the task was reported or deliberately dropped.
    pub record_latency: bool,
    /// Attempt of the task, for the slow task warning (spec 1.8.14).
    pub attempt: u32,
    /// Id of the event that follows the last processed one, for the slow task warning.
    pub next_event_id: i64,
    /// Size of the history in bytes, for the slow task warning.
    pub history_size_bytes: u64,
}

/// What an evicted run leaves behind.
#[derive(Debug)]
pub struct EvictedRun {
    /// Tasks that waited for the run and still hold their permits; to be applied to a fresh instance, in order (spec
    /// 1.11.3).
    pub buffered: Vec<crate::PreparedTask>,
    /// The eviction came because the workflow ended; not counted as forced (spec 1.9.9).
    pub workflow_ended: bool,
}

/// Something worth a metric that happened inside the run.
#[derive(Clone, Debug, PartialEq)]
pub enum Observation {
    /// An incremental task with history met its cached run (spec 1.10.5).
    StickyCacheHit,
    /// A step that began as replay ended live (spec 1.5.15).
    ReplayEnded,
    /// A terminal command was handled this long after the workflow's start (spec 2.7.3).
    EndToEndLatency(std::time::Duration),
    /// A warning for the log, with its fields.
    Warning(String),
}
