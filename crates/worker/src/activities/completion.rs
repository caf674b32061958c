//! What the service is told of an activity that ended (spec 3.5).

use temporalio_protos::coresdk::activity_result::activity_execution_result::Status;
use temporalio_protos::coresdk::activity_result::{ActivityTaskFailedCause, Cancellation, Failure as ActivityFailure};
use temporalio_protos::coresdk::activity_task::ActivityCancelReason;
use temporalio_protos::temporal::api::common::v1::{Payload, Payloads};
use temporalio_protos::temporal::api::failure::v1::failure::FailureInfo;
use temporalio_protos::temporal::api::failure::v1::{ApplicationFailureInfo, Failure};

use super::observation::{FailureReason, counted_reason};

/// Type of failures that stand for something too large to be sent.
pub const PAYLOADS_TOO_LARGE: &str = "PayloadsTooLarge";

/// Why a completion is refused: lang's mistake (spec 3.5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedCompletion {
    /// It says nothing.
    #[error("Activity completion had empty result/status field")]
    NoStatus,
    /// A success needs a payload, be it empty.
    #[error("Activity completions must contain a `result` payload (which may be empty)")]
    NoResult,
}

/// One RPC about an activity that ended.
#[derive(Clone, Debug, PartialEq)]
pub enum ActivityReport {
    /// RespondActivityTaskCompleted.
    Completed {
        /// The result.
        result: Option<Payloads>,
    },
    /// RespondActivityTaskFailed.
    Failed(Box<FailedReport>),
    /// RespondActivityTaskCanceled.
    Canceled {
        /// Details of the cancellation.
        details: Option<Payloads>,
    },
}

/// A RespondActivityTaskFailed.
#[derive(Clone, Debug, PartialEq)]
pub struct FailedReport {
    /// Well-known reason.
    pub cause: ActivityTaskFailedCause,
    /// The failure, as lang gave it or made here.
    pub failure: Option<Failure>,
    /// What lang last recorded.
    pub last_heartbeat_details: Option<Payloads>,
    /// Counted as this, or not at all.
    pub counted: Option<FailureReason>,
}

/// What is known of the activity when it ends.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ended {
    /// The reason with which lang was told to cancel it.
    pub issued_cancel: Option<ActivityCancelReason>,
    /// What lang last recorded; absent if it is too large.
    pub last_heartbeat: Option<Payloads>,
    /// Text about last details that are too large: they would make the service refuse a failure that carries them (spec
    /// 3.5.7).
    pub oversized_heartbeat: Option<String>,
}

/// The completion's status, if lang gave a valid one.
pub fn validated(status: Option<Status>) -> Result<Status, MalformedCompletion> {
    match status.ok_or(MalformedCompletion::NoStatus)? {
        Status::Completed(success) if success.result.is_none() => Err(MalformedCompletion::NoResult),
        status => Ok(status),
    }
}

/// Details as a message; none at all is not the same as empty ones (spec 3.5.4).
pub fn last_heartbeat(details: Option<Vec<Payload>>) -> Option<Payloads> {
    details.map(|payloads| Payloads { payloads })
}

/// Whether details that were never sent must be before the completion: a cancellation, unlike a failure, can not carry
/// them (spec 3.4.6).
pub fn flushes_heartbeat(status: &Status, issued_cancel: Option<ActivityCancelReason>) -> bool {
    matches!(status, Status::Cancelled(_)) && issued_cancel != Some(ActivityCancelReason::WorkerShutdown)
}

/// What to tell the service; nothing if lang completes the activity later by itself (spec 3.5.6).
pub fn report(status: Status, ended: &Ended) -> Option<ActivityReport> {
    match status {
        Status::WillCompleteAsync(_) => None,
        Status::Completed(success) => Some(ActivityReport::Completed { result: success.result.map(Into::into) }),
        Status::Failed(failed) => Some(ActivityReport::Failed(Box::new(failed_report(failed, ended)))),
        Status::Cancelled(_) if ended.issued_cancel == Some(ActivityCancelReason::WorkerShutdown) => {
            Some(ActivityReport::Failed(Box::new(shutdown_report(ended))))
        }
        Status::Cancelled(cancellation) => {
            Some(ActivityReport::Canceled { details: cancellation_info(cancellation).flatten() })
        }
    }
}

/// Lang's cancellation has the failure that it must have.
pub fn is_proper_cancellation(status: &Status) -> bool {
    match status {
        Status::Cancelled(cancellation) => cancellation_info(cancellation.clone()).is_some(),
        _ => true,
    }
}

/// The report in place of one that is too large to be sent. Retryable: a repaired activity can succeed (spec 3.5.7).
pub fn oversized_report(violation: &str, ended: &Ended) -> FailedReport {
    FailedReport {
        cause: ActivityTaskFailedCause::PayloadsTooLarge,
        failure: Some(application_failure(violation, PAYLOADS_TOO_LARGE)),
        last_heartbeat_details: ended.last_heartbeat.clone(),
        counted: Some(FailureReason::PayloadsTooLarge),
    }
}

fn failed_report(failed: ActivityFailure, ended: &Ended) -> FailedReport {
    // What reaches the service is not what lang reported then: counted even if that was benign.
    if let Some(violation) = &ended.oversized_heartbeat {
        return FailedReport { last_heartbeat_details: None, ..oversized_report(violation, ended) };
    }
    let cause = match failed.cause() {
        ActivityTaskFailedCause::Unspecified => ActivityTaskFailedCause::ActivityWorkerUnhandledFailure,
        cause => cause,
    };
    FailedReport {
        cause,
        counted: counted_reason(&failed),
        failure: failed.failure,
        last_heartbeat_details: ended.last_heartbeat.clone(),
    }
}

/// The shutdown's own cancellation is a failure to the service, so that the activity is tried again elsewhere at once
/// (spec 3.5.5).
fn shutdown_report(ended: &Ended) -> FailedReport {
    if let Some(violation) = &ended.oversized_heartbeat {
        return FailedReport { last_heartbeat_details: None, counted: None, ..oversized_report(violation, ended) };
    }
    let text = "Worker is shutting down and this activity did not complete in time";
    FailedReport {
        cause: ActivityTaskFailedCause::ActivityWorkerUnhandledFailure,
        failure: Some(application_failure(text, "WorkerShutdown")),
        last_heartbeat_details: ended.last_heartbeat.clone(),
        counted: None,
    }
}

/// `None`: the failure is not a cancellation.
fn cancellation_info(cancellation: Cancellation) -> Option<Option<Payloads>> {
    match cancellation.failure?.failure_info? {
        FailureInfo::CanceledFailureInfo(info) => Some(info.details),
        _ => None,
    }
}

fn application_failure(message: &str, error_type: &str) -> Failure {
    let info = ApplicationFailureInfo { r#type: error_type.to_owned(), non_retryable: false, ..Default::default() };
    Failure {
        message: message.to_owned(),
        failure_info: Some(FailureInfo::ApplicationFailureInfo(info)),
        ..Default::default()
    }
}
