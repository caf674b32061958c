use temporalio_protos::temporal::api::common::v1::RetryPolicy;

use super::*;
use crate::time::WallTime;

const NOW: WallTime = WallTime::from_nanos(5_000_000_000);

const fn seconds(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

fn valid(request: ScheduleLocalActivity) -> ScheduleLocalActivity {
    validate(request, NOW).expect("the request is valid")
}

#[test]
fn one_of_the_two_close_timeouts_is_needed() {
    let text = "Invalid schedule local activity request (seq 4): One or both of schedule_to_close or start_to_close \
        timeouts must be set for local activities";
    assert_eq!(validate(request(WAIT), NOW), Err(RunError::fatal(text)));
    valid(ScheduleLocalActivity { start_to_close_timeout: seconds(1), ..request(WAIT) });
    valid(ScheduleLocalActivity { schedule_to_close_timeout: seconds(1), ..request(WAIT) });
}

#[test]
fn a_negative_timeout_is_refused() {
    let text = "Invalid schedule local activity request (seq 4): Could not convert start_to_close_timeout";
    let negative = ScheduleLocalActivity { start_to_close_timeout: seconds(-1), ..request(WAIT) };
    assert_eq!(validate(negative, NOW), Err(RunError::fatal(text)));
}

#[test]
fn timeouts_end_with_schedule_to_close() {
    let clamped = valid(ScheduleLocalActivity {
        schedule_to_close_timeout: seconds(10),
        schedule_to_start_timeout: seconds(20),
        start_to_close_timeout: seconds(30),
        ..request(WAIT)
    });
    assert_eq!((clamped.schedule_to_start_timeout, clamped.start_to_close_timeout), (seconds(10), seconds(10)));
    let shorter = valid(ScheduleLocalActivity {
        schedule_to_close_timeout: seconds(10),
        start_to_close_timeout: seconds(3),
        ..request(WAIT)
    });
    assert_eq!((shorter.schedule_to_start_timeout, shorter.start_to_close_timeout), (None, seconds(3)));
}

#[test]
fn what_lang_leaves_out_is_filled_in() {
    let filled = valid(ScheduleLocalActivity {
        schedule_to_close_timeout: seconds(10),
        original_schedule_time: None,
        cancellation_type: 99,
        ..request(WAIT)
    });
    assert_eq!(filled.local_retry_threshold, seconds(60));
    assert_eq!(filled.original_schedule_time, Some(NOW.into()));
    assert_eq!(filled.cancellation_type(), WAIT, "an unknown type waits");
    let policy = RetryPolicy {
        initial_interval: seconds(1),
        backoff_coefficient: 2.0,
        maximum_interval: seconds(100),
        maximum_attempts: 0,
        non_retryable_error_types: vec![],
    };
    assert_eq!(filled.retry_policy, Some(policy));
}

#[test]
fn what_lang_gives_stays() {
    let given = valid(ScheduleLocalActivity {
        schedule_to_close_timeout: seconds(10),
        local_retry_threshold: seconds(7),
        retry_policy: Some(RetryPolicy {
            initial_interval: seconds(5),
            backoff_coefficient: 1.0,
            maximum_interval: seconds(2),
            maximum_attempts: -3,
            non_retryable_error_types: vec!["Fatal".to_owned()],
        }),
        ..request(TRY)
    });
    assert_eq!((given.local_retry_threshold, given.original_schedule_time), (seconds(7), Some(SCHEDULED)));
    let policy = given.retry_policy.expect("it is always there");
    assert_eq!((policy.initial_interval, policy.backoff_coefficient), (seconds(5), 1.0));
    assert_eq!(policy.maximum_interval, seconds(5), "never shorter than the first interval");
    assert_eq!((policy.maximum_attempts, policy.non_retryable_error_types), (0, vec!["Fatal".to_owned()]));
}
