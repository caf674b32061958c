//! What a local activity's end comes to: the job for lang and the marker for history (spec 2.3.3 to 2.3.10).

use std::time::Duration;

use temporalio_protos::coresdk::activity_result::activity_resolution::Status;
use temporalio_protos::coresdk::activity_result::{
    ActivityResolution, Cancellation, DoBackoff, Failure as FailedResult, Success,
};
use temporalio_protos::coresdk::external_data::LocalActivityMarkerData;
use temporalio_protos::coresdk::workflow_activation::ResolveActivity;
use temporalio_protos::coresdk::workflow_commands::ActivityCancellationType;
use temporalio_protos::temporal::api::common::v1::Payload;
use temporalio_protos::temporal::api::enums::v1::RetryState;
use temporalio_protos::temporal::api::failure::v1::Failure;
use temporalio_protos::temporal::api::failure::v1::failure::FailureInfo;

use super::super::activity::failures::activity_failure_info;
use super::super::markers::{LocalActivityMarker, record_local_activity};
use super::super::{NewCommand, Response};
use super::LocalActivityMachine;
use crate::input::{LocalActivityResolution, LocalActivityResult};

/// How it ended here, to be compared with what history says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Completed,
    Failed,
    Cancelled,
}

/// An end of a local activity, from wherever it is known.
#[derive(Clone, Debug)]
pub(super) struct Resolution {
    result: LocalActivityResult,
    /// Workflow time of the end. A cancel that does not wait has none: it does not move the clock.
    complete_time: Option<prost_types::Timestamp>,
    attempt: u32,
    backoff: Option<prost_types::Duration>,
    original_schedule_time: Option<prost_types::Timestamp>,
    activation_index: Option<u64>,
}

impl Resolution {
    pub(super) fn of_execution(
        ended: LocalActivityResolution,
        workflow_time: Option<prost_types::Timestamp>,
        activation_index: u64,
    ) -> Self {
        Self {
            result: ended.result,
            complete_time: workflow_time.map(|start| later(start, ended.runtime)),
            attempt: ended.attempt,
            backoff: ended.backoff,
            original_schedule_time: ended.original_schedule_time,
            activation_index: Some(activation_index),
        }
    }

    pub(super) fn of_marker(marker: LocalActivityMarker) -> Self {
        let LocalActivityMarker { data, result } = marker;
        let result = match result {
            Ok(payload) => LocalActivityResult::Completed(Success { result: Some(payload) }),
            Err(failure) if is_cancelled(&failure) => {
                LocalActivityResult::Cancelled(Cancellation { failure: Some(failure) })
            }
            Err(failure) => LocalActivityResult::Failed(FailedResult { failure: Some(failure), ..Default::default() }),
        };
        Self {
            result,
            complete_time: data.complete_time,
            attempt: data.attempt,
            backoff: data.backoff,
            original_schedule_time: data.original_schedule_time,
            activation_index: data.activation_index,
        }
    }

    pub(super) fn of_cancel(
        attempt: u32,
        original_schedule_time: Option<prost_types::Timestamp>,
        activation_index: u64,
    ) -> Self {
        Self {
            result: LocalActivityResult::Cancelled(Cancellation::from_details(None)),
            complete_time: None,
            attempt,
            backoff: None,
            original_schedule_time,
            activation_index: Some(activation_index),
        }
    }

    fn outcome(&self) -> Outcome {
        match self.result {
            LocalActivityResult::Completed(_) => Outcome::Completed,
            LocalActivityResult::Failed(_) | LocalActivityResult::TimedOut(_) => Outcome::Failed,
            LocalActivityResult::Cancelled(_) => Outcome::Cancelled,
        }
    }

    /// No executor will try again, with whatever back-off.
    fn is_last(&self) -> bool {
        matches!(self.result, LocalActivityResult::Cancelled(_) | LocalActivityResult::TimedOut(_))
    }

    /// Payload and failure as the marker holds them, not wrapped.
    fn recorded(&self) -> (Option<Payload>, Option<Failure>) {
        match &self.result {
            LocalActivityResult::Completed(success) => (success.result.clone(), None),
            LocalActivityResult::Failed(failed) | LocalActivityResult::TimedOut(failed) => {
                (None, failed.failure.clone())
            }
            LocalActivityResult::Cancelled(cancelled) => (None, cancelled.failure.clone()),
        }
    }
}

impl LocalActivityMachine {
    /// The job, the clock, the end of an abandoned one, and unless history has it already, the marker.
    pub(super) fn resolve_with(&mut self, resolution: Resolution) -> Vec<Response> {
        self.outcome = Some(resolution.outcome());
        let marker = (!self.replaying).then(|| self.marker(&resolution));
        let clock = resolution.complete_time.map(Response::AdvanceClock);
        let abandoned = resolution.is_last() && self.cancellation_type == ActivityCancellationType::Abandon;
        let abandon = abandoned.then_some(Response::AbandonLocalActivity { seq: self.seq });
        let resolve = ResolveActivity {
            seq: self.seq,
            result: Some(ActivityResolution { status: Some(self.status(resolution)) }),
            is_local: true,
        };
        let job = Response::LocalActivityJob(resolve.into());
        [Some(job), clock, abandon, marker].into_iter().flatten().collect()
    }

    fn status(&self, resolution: Resolution) -> Status {
        if let Some(backoff) = resolution.backoff {
            return Status::Backoff(DoBackoff {
                attempt: resolution.attempt.saturating_add(1),
                backoff_duration: Some(backoff),
                original_schedule_time: resolution.original_schedule_time,
            });
        }
        match resolution.result {
            LocalActivityResult::Completed(success) => Status::Completed(success),
            LocalActivityResult::Failed(failed) => Status::Failed(failed),
            LocalActivityResult::TimedOut(failed) => Status::Failed(FailedResult {
                failure: failed.failure.map(|failure| match failure.failure_info {
                    Some(FailureInfo::TimeoutFailureInfo(_)) => self.wrap("Local Activity timed out", failure),
                    _ => failure,
                }),
                ..failed
            }),
            LocalActivityResult::Cancelled(cancelled) => Status::Cancelled(Cancellation {
                failure: cancelled.failure.map(|failure| match failure.failure_info {
                    Some(FailureInfo::CanceledFailureInfo(_)) => self.wrap("Local Activity cancelled", failure),
                    _ => failure,
                }),
            }),
        }
    }

    fn wrap(&self, message: &str, cause: Failure) -> Failure {
        let info = activity_failure_info(&self.activity_type, &self.activity_id, RetryState::CancelRequested);
        Failure {
            message: message.to_owned(),
            cause: Some(Box::new(cause)),
            failure_info: Some(FailureInfo::ActivityFailureInfo(info)),
            ..Default::default()
        }
    }

    fn marker(&self, resolution: &Resolution) -> Response {
        let data = LocalActivityMarkerData {
            seq: self.seq,
            attempt: resolution.attempt,
            activity_id: self.activity_id.clone(),
            activity_type: self.activity_type.clone(),
            complete_time: resolution.complete_time,
            backoff: resolution.backoff,
            original_schedule_time: resolution.original_schedule_time,
            activation_index: resolution.activation_index,
        };
        let (result, failure) = resolution.recorded();
        Response::Command(NewCommand {
            attributes: record_local_activity(data, result, failure, self.marker_input.clone()),
            annotations: self.annotations.clone(),
        })
    }
}

fn is_cancelled(failure: &Failure) -> bool {
    let cause = failure.cause.as_deref();
    [Some(failure), cause]
        .into_iter()
        .flatten()
        .any(|failure| matches!(failure.failure_info, Some(FailureInfo::CanceledFailureInfo(_))))
}

/// `start` plus `runtime`; the end of time if that is out of range.
fn later(start: prost_types::Timestamp, runtime: Duration) -> prost_types::Timestamp {
    let nanos = i64::from(start.nanos) + i64::from(runtime.subsec_nanos());
    let seconds = i64::try_from(runtime.as_secs()).unwrap_or(i64::MAX).saturating_add(nanos.div_euclid(1_000_000_000));
    prost_types::Timestamp {
        seconds: start.seconds.saturating_add(seconds),
        nanos: i32::try_from(nanos.rem_euclid(1_000_000_000)).expect("a remainder below 10^9 fits"),
    }
}
