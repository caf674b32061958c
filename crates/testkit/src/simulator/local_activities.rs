//! Lang's side of local activities: each succeeds at once, one after the other.

use bytes::Bytes;
use prost::Message;
use temporalio_protos::{
    coresdk::{
        ActivityTaskCompletion,
        activity_result::{ActivityExecutionResult, Success, activity_execution_result::Status},
        activity_task::{ActivityTask, activity_task::Variant},
    },
    temporal::api::common::v1::Payload,
};

/// Which of two simultaneous results share an activation is a matter of luck: the next waits this long for the last
/// one's.
pub(super) const PATIENCE_NS: u64 = 100_000_000;

/// What lang does about local activities.
#[derive(Debug)]
pub(super) enum State {
    /// Asks for the next one.
    Idle,
    Polling(u64),
    /// Sent a result by this call, when so many activations had come.
    Completing {
        call: u64,
        seen: usize,
    },
    /// Waits for the activation with the result.
    Waiting {
        seen: usize,
        until_ns: u64,
    },
    Ended,
}

/// The completion of a task, if it is one to do.
pub(super) fn completion(task: Bytes) -> Result<Option<Bytes>, String> {
    let task = ActivityTask::decode(task).map_err(|error| format!("no ActivityTask: {error}"))?;
    let is_start = matches!(task.variant, Some(Variant::Start(_)));
    Ok(is_start.then(|| succeeded(task.task_token).encode_to_vec().into()))
}

fn succeeded(task_token: Vec<u8>) -> ActivityTaskCompletion {
    let metadata = [("encoding".to_owned(), b"json/plain".to_vec())].into();
    let result = Payload { metadata, data: b"\"local\"".to_vec(), ..Default::default() };
    let status = Status::Completed(Success { result: Some(result) });
    ActivityTaskCompletion { task_token, result: Some(ActivityExecutionResult { status: Some(status) }) }
}
