//! Lang's side of local activities: one after the other, each as its script says.

use std::collections::VecDeque;

use bytes::Bytes;
use prost::Message;
use temporalio_protos::{
    coresdk::{
        ActivityTaskCompletion,
        activity_result::{ActivityExecutionResult, Cancellation, Success, activity_execution_result::Status},
        activity_task::{ActivityTask, activity_task::Variant},
    },
    temporal::api::{
        common::v1::Payload,
        failure::v1::{CanceledFailureInfo, Failure, failure::FailureInfo},
    },
};

use crate::vector::LocalAttempt;

/// Which of two simultaneous results share an activation is a matter of luck: the next waits this long for the last
/// one's.
pub(super) const PATIENCE_NS: u64 = 100_000_000;

/// What lang does about local activities.
#[derive(Debug)]
pub(super) enum State {
    /// Asks for the next one.
    Idle,
    Polling(u64),
    /// Has a completion, to be sent a while after so many answers were given.
    Held {
        completion: Bytes,
        after_answers: usize,
        until_ns: Option<u64>,
    },
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

/// What becomes of a task, by what the script says of its attempt.
pub(super) fn state_of(task: Bytes, attempts: &mut VecDeque<LocalAttempt>) -> Result<State, String> {
    let task = ActivityTask::decode(task).map_err(|error| format!("no ActivityTask: {error}"))?;
    if !matches!(task.variant, Some(Variant::Start(_))) {
        return Ok(held(task.task_token, cancelled(), 0));
    }
    let Some(attempt) = attempts.pop_front() else { return Ok(held(task.task_token, succeeded(), 0)) };
    let Some(result) = attempt.result else { return Ok(State::Idle) };
    let result = ActivityExecutionResult::decode(result.0).map_err(|error| format!("no result: {error}"))?;
    Ok(held(task.task_token, result, attempt.after_answers))
}

fn held(task_token: Vec<u8>, result: ActivityExecutionResult, after_answers: usize) -> State {
    let completion = ActivityTaskCompletion { task_token, result: Some(result) }.encode_to_vec().into();
    State::Held { completion, after_answers, until_ns: None }
}

fn succeeded() -> ActivityExecutionResult {
    let metadata = [("encoding".to_owned(), b"json/plain".to_vec())].into();
    let result = Payload { metadata, data: b"\"local\"".to_vec(), ..Default::default() };
    ActivityExecutionResult { status: Some(Status::Completed(Success { result: Some(result) })) }
}

fn cancelled() -> ActivityExecutionResult {
    let failure = Failure {
        message: "obeyed".to_owned(),
        failure_info: Some(FailureInfo::CanceledFailureInfo(CanceledFailureInfo::default())),
        ..Default::default()
    };
    ActivityExecutionResult { status: Some(Status::Cancelled(Cancellation { failure: Some(failure) })) }
}
