//! What lang must say of a local activity, and what it may leave out (spec 2.3.1, 4.4.1).

use std::time::Duration;

use temporalio_protos::coresdk::workflow_commands::{ActivityCancellationType, ScheduleLocalActivity};
use temporalio_protos::temporal::api::common::v1::RetryPolicy;

use crate::error::{Result, RunError};
use crate::time::WallTime;

const DEFAULT_LOCAL_RETRY_THRESHOLD: Duration = Duration::from_secs(60);
const DEFAULT_INITIAL_INTERVAL: Duration = Duration::from_secs(1);
const DEFAULT_BACKOFF_COEFFICIENT: f64 = 2.0;
/// The longest wait between two attempts, if lang names none: this many times the first.
const DEFAULT_MAXIMUM_INTERVALS: u32 = 100;

/// The request with everything filled in: timeouts clamped to schedule-to-close, a full retry policy, the threshold
/// above which lang waits by a timer, the schedule time, and a cancellation type that exists.
///
/// # Errors
/// Fatal if neither schedule-to-close nor start-to-close is set, or a duration is negative.
pub fn validate(mut request: ScheduleLocalActivity, now: WallTime) -> Result<ScheduleLocalActivity> {
    let seq = request.seq;
    fill(&mut request, now).map_err(|problem| {
        RunError::fatal(format!("Invalid schedule local activity request (seq {seq}): {problem}"))
    })?;
    Ok(request)
}

/// How the request wants to be cancelled. Unlike a remote activity, one that names no known way waits.
pub(super) fn cancellation_type(request: &ScheduleLocalActivity) -> ActivityCancellationType {
    ActivityCancellationType::try_from(request.cancellation_type)
        .unwrap_or(ActivityCancellationType::WaitCancellationCompleted)
}

fn fill(request: &mut ScheduleLocalActivity, now: WallTime) -> Result<(), String> {
    let schedule_to_close = duration(request.schedule_to_close_timeout, "schedule_to_close_timeout")?;
    let schedule_to_start = duration(request.schedule_to_start_timeout, "schedule_to_start_timeout")?;
    let start_to_close = duration(request.start_to_close_timeout, "start_to_close_timeout")?;
    if schedule_to_close.is_none() && start_to_close.is_none() {
        return Err(
            "One or both of schedule_to_close or start_to_close timeouts must be set for local activities".to_owned()
        );
    }
    request.schedule_to_start_timeout = clamp(schedule_to_start, schedule_to_close);
    request.start_to_close_timeout = clamp(start_to_close, schedule_to_close);
    let threshold = request.local_retry_threshold.and_then(|threshold| Duration::try_from(threshold).ok());
    request.local_retry_threshold = proto(threshold.unwrap_or(DEFAULT_LOCAL_RETRY_THRESHOLD));
    request.retry_policy = Some(fill_retry_policy(request.retry_policy.take().unwrap_or_default()));
    request.cancellation_type = cancellation_type(request) as i32;
    request.original_schedule_time.get_or_insert_with(|| now.into());
    Ok(())
}

fn fill_retry_policy(policy: RetryPolicy) -> RetryPolicy {
    let given =
        |interval: Option<prost_types::Duration>| interval.and_then(|interval| Duration::try_from(interval).ok());
    let initial = given(policy.initial_interval).unwrap_or(DEFAULT_INITIAL_INTERVAL);
    let maximum = match given(policy.maximum_interval) {
        Some(maximum) => proto(maximum.max(initial)),
        None => proto(initial.saturating_mul(DEFAULT_MAXIMUM_INTERVALS)).or_else(|| proto(initial)),
    };
    let coefficient_is_given = policy.backoff_coefficient >= 1.0;
    RetryPolicy {
        initial_interval: proto(initial),
        backoff_coefficient: if coefficient_is_given {
            policy.backoff_coefficient
        } else {
            DEFAULT_BACKOFF_COEFFICIENT
        },
        maximum_interval: maximum,
        maximum_attempts: policy.maximum_attempts.max(0),
        non_retryable_error_types: policy.non_retryable_error_types,
    }
}

fn duration(given: Option<prost_types::Duration>, name: &str) -> Result<Option<Duration>, String> {
    given.map(Duration::try_from).transpose().map_err(|_| format!("Could not convert {name}"))
}

fn clamp(timeout: Option<Duration>, limit: Option<Duration>) -> Option<prost_types::Duration> {
    timeout.map(|timeout| limit.map_or(timeout, |limit| timeout.min(limit))).and_then(proto)
}

/// None only if the duration is beyond what a protobuf duration holds.
fn proto(duration: Duration) -> Option<prost_types::Duration> {
    duration.try_into().ok()
}
