//! How local activities end, made of what lang reports and of what time brings.

use std::time::Duration;

use corewasm_engine::LocalActivityResolution;
use corewasm_engine::input::LocalActivityResult;
use corewasm_engine::output::LocalActivityExecution;
use temporalio_protos::coresdk::activity_result::activity_execution_result::Status;
use temporalio_protos::coresdk::activity_result::{Cancellation, Failure as ActivityFailure};
use temporalio_protos::temporal::api::enums::v1::TimeoutType;
use temporalio_protos::temporal::api::failure::v1::failure::FailureInfo;
use temporalio_protos::temporal::api::failure::v1::{Failure, TimeoutFailureInfo};

/// A local activity was completed with [`Status::WillCompleteAsync`], which only activities of the service can do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Local activities cannot be completed async")]
pub struct AsyncCompletionRefused;

/// What lang reported. A failure that is, or is caused by, a time-out counts as one (spec 4.2.4).
pub fn from_completion(status: Status) -> Result<LocalActivityResult, AsyncCompletionRefused> {
    match status {
        Status::Completed(success) => Ok(LocalActivityResult::Completed(success)),
        Status::Failed(failed) if is_timeout(&failed) => Ok(LocalActivityResult::TimedOut(failed)),
        Status::Failed(failed) => Ok(LocalActivityResult::Failed(failed)),
        Status::Cancelled(cancellation) => Ok(LocalActivityResult::Cancelled(cancellation)),
        Status::WillCompleteAsync(_) => Err(AsyncCompletionRefused),
    }
}

/// The result of an activity that ran out of time.
pub fn timed_out(kind: TimeoutType) -> LocalActivityResult {
    let info = TimeoutFailureInfo { timeout_type: kind as i32, last_heartbeat_details: None };
    LocalActivityResult::TimedOut(ActivityFailure {
        failure: Some(Failure {
            message: "Activity timed out".to_owned(),
            failure_info: Some(FailureInfo::TimeoutFailureInfo(info)),
            ..Default::default()
        }),
        ..Default::default()
    })
}

/// Resolution of an activity that was cancelled while lang held no attempt of it (spec 4.5.1).
pub fn cancelled_unstarted(seq: u32) -> LocalActivityResolution {
    LocalActivityResolution {
        seq,
        result: LocalActivityResult::Cancelled(Cancellation::from_details(None)),
        runtime: Duration::ZERO,
        attempt: 0,
        backoff: None,
        original_schedule_time: None,
    }
}

/// Resolution of an activity by `result` in its `attempt`, after `runtime`.
pub fn resolved(
    execution: &LocalActivityExecution,
    result: LocalActivityResult,
    attempt: u32,
    runtime: Duration,
) -> LocalActivityResolution {
    LocalActivityResolution {
        seq: execution.schedule.seq,
        result,
        runtime,
        attempt,
        backoff: None,
        original_schedule_time: execution.schedule.original_schedule_time,
    }
}

/// The kind of a time-out that ended an attempt; `None` if it is only the cause of another failure.
pub fn timeout_kind(failed: &ActivityFailure) -> Option<TimeoutType> {
    match failed.failure.as_ref()?.failure_info.as_ref()? {
        FailureInfo::TimeoutFailureInfo(info) => TimeoutType::try_from(info.timeout_type).ok(),
        _ => None,
    }
}

fn is_timeout(failed: &ActivityFailure) -> bool {
    let mut failure = failed.failure.as_ref();
    while let Some(current) = failure {
        if matches!(current.failure_info, Some(FailureInfo::TimeoutFailureInfo(_))) {
            return true;
        }
        failure = current.cause.as_deref();
    }
    false
}
