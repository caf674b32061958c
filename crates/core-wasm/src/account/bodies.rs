//! The few fields that the account reads in messages of Temporal, by their numbers there.

use bytes::Bytes;
use corewasm_client::wire;
use corewasm_host::envelope::{RpcResult, TaskKind, rpc_result};

const SERVICE: &str = "/temporal.api.workflowservice.v1.WorkflowService/";

/// RPCs that bring tasks, or answer workflow tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    PollWorkflow,
    PollActivity,
    PollNexus,
    /// Answers a task, and may bring others.
    WorkflowCompleted,
    /// Answers a task: RespondWorkflowTaskFailed, RespondQueryTaskCompleted.
    Answer,
}

impl Method {
    /// The method of this path; none of the others matters.
    pub(super) fn of(uri: &str) -> Option<Self> {
        match uri.strip_prefix(SERVICE)? {
            "PollWorkflowTaskQueue" => Some(Self::PollWorkflow),
            "PollActivityTaskQueue" => Some(Self::PollActivity),
            "PollNexusTaskQueue" => Some(Self::PollNexus),
            "RespondWorkflowTaskCompleted" => Some(Self::WorkflowCompleted),
            "RespondWorkflowTaskFailed" | "RespondQueryTaskCompleted" => Some(Self::Answer),
            _ => None,
        }
    }

    /// The path of the poll for activity or Nexus tasks.
    pub(super) fn poll_uri(is_nexus: bool) -> String {
        format!("{SERVICE}{}", if is_nexus { "PollNexusTaskQueue" } else { "PollActivityTaskQueue" })
    }
}

/// The body of an RPC's answer; none if it failed.
pub(super) fn response(result: &RpcResult) -> Option<Bytes> {
    match result.result.as_ref()? {
        rpc_result::Result::Response(response) => Some(response.body.clone()),
        rpc_result::Result::Status(_) => None,
    }
}

/// Field 1 of polled tasks, of tasks for lang, and of answers to both.
pub(super) fn token(message: &[u8]) -> &[u8] {
    wire::bytes(message, 1).unwrap_or_default()
}

/// PollWorkflowTaskQueueResponse: the run of its task.
pub(super) fn run_of_task(task: &[u8]) -> &[u8] {
    wire::bytes(task, 2).and_then(|execution| wire::bytes(execution, 2)).unwrap_or_default()
}

/// PollWorkflowTaskQueueResponse: whether it is a query beside the run's own task.
pub(super) fn is_query(task: &[u8]) -> bool {
    wire::bytes(task, 10).is_some()
}

/// WorkflowActivation and its completion: the run.
pub(super) fn run_of_activation(activation: &[u8]) -> &[u8] {
    token(activation)
}

/// WorkflowActivation: whether a job evicts the run.
pub(super) fn is_eviction(activation: &[u8]) -> bool {
    wire::all_bytes(activation, 5).any(|job| wire::bytes(job, 50).is_some())
}

/// ActivityTask or NexusTask: the token of a task that begins; none of a cancellation.
pub(super) fn token_of_start(kind: i32, task: &[u8]) -> Option<&[u8]> {
    if kind == TaskKind::Nexus as i32 {
        wire::bytes(task, 1).map(token)
    } else {
        wire::bytes(task, 3).map(|_| token(task))
    }
}

/// RespondWorkflowTaskCompletedResponse: the workflow task in it.
pub(super) fn task_of_completed(response: &[u8]) -> Option<&[u8]> {
    wire::bytes(response, 1)
}

/// RespondWorkflowTaskCompletedResponse: the activity tasks in it.
pub(super) fn activities_of_completed(response: &[u8]) -> impl Iterator<Item = &[u8]> {
    wire::all_bytes(response, 2)
}

/// A run's id or a name.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
