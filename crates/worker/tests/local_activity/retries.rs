//! Retries of local activities: here, or by a timer of lang's (spec 4.3).

use crate::local_activity::support::*;
use corewasm_worker::activities::observation::FailureReason;
use corewasm_worker::local_activities::LocalActivityObservation;
use corewasm_worker::local_activities::resolution::{AsyncCompletionRefused, from_completion};
use prost_types::Timestamp;
use temporalio_protos::coresdk::activity_result::WillCompleteAsync;
use temporalio_protos::coresdk::activity_result::activity_execution_result::Status;
use temporalio_protos::coresdk::workflow_commands::ScheduleLocalActivity;
use temporalio_protos::temporal::api::enums::v1::ApplicationErrorCategory;
use temporalio_protos::temporal::api::failure::v1::ApplicationFailureInfo;

#[test]
fn a_failed_attempt_is_followed_by_another_after_its_backoff() {
    let mut fixture = Fixture::new(1);
    fixture.execute(activity(1));
    for (attempt, backoff) in [(1, 1), (2, 2), (3, 4)] {
        let (token, start) = fixture.expect_start();
        assert_eq!(start.attempt, attempt);
        fixture.complete(&token, failure());
        assert_eq!(fixture.used_slots(), 0, "a back-off holds no slot");
        fixture.advance(secs(backoff) - std::time::Duration::from_nanos(1));
        assert_eq!(fixture.poll(), None);
        fixture.advance(std::time::Duration::from_nanos(1));
    }
    let (token, _) = fixture.expect_start();
    fixture.complete(&token, success());
    let resolution = fixture.expect_resolved();
    assert!(is_completed(&resolution));
    assert_eq!((resolution.attempt, resolution.backoff), (4, None));
}

#[test]
fn a_delay_up_to_the_threshold_is_slept_here() {
    let mut fixture = Fixture::new(1);
    fixture.execute(ScheduleLocalActivity { local_retry_threshold: proto(secs(1)), ..activity(1) });
    let (token, _) = fixture.expect_start();
    fixture.complete(&token, failure());
    assert!(fixture.resolved.is_empty());
}

#[test]
fn a_longer_delay_becomes_a_timer_of_lang() {
    let mut fixture = Fixture::new(1);
    let original = Timestamp::from(fixture.now.wall);
    fixture.execute(ScheduleLocalActivity {
        local_retry_threshold: proto(secs(3)),
        original_schedule_time: Some(original),
        attempt: 3,
        ..activity(1)
    });
    let (token, _) = fixture.expect_start();
    fixture.advance(secs(2));
    fixture.complete(&token, failure());
    let resolution = fixture.expect_resolved();
    assert!(is_failed(&resolution));
    assert_eq!((resolution.backoff, resolution.attempt), (proto(secs(4)), 3));
    assert_eq!((resolution.original_schedule_time, resolution.runtime), (Some(original), secs(2)));
    fixture.advance(secs(10));
    assert_eq!(fixture.poll(), None, "lang asks for the next attempt itself");
}

#[test]
fn the_threshold_is_a_minute_unless_set() {
    for (delay, is_slept_here) in [(60, true), (61, false)] {
        let mut fixture = Fixture::new(1);
        fixture.execute(activity(1));
        let (token, _) = fixture.expect_start();
        let info = ApplicationFailureInfo { next_retry_delay: proto(secs(delay)), ..Default::default() };
        fixture.complete(&token, failure_with(info));
        assert_eq!(fixture.resolved.is_empty(), is_slept_here);
    }
}

#[test]
fn a_failure_that_is_not_to_be_retried_is_reported() {
    let mut fixture = Fixture::new(1);
    fixture.execute(activity(1));
    let (token, _) = fixture.expect_start();
    fixture.complete(&token, failure_with(ApplicationFailureInfo { non_retryable: true, ..Default::default() }));
    let resolution = fixture.expect_resolved();
    assert!(is_failed(&resolution));
    assert_eq!(resolution.backoff, None);
}

#[test]
fn attempts_end_with_the_policy() {
    let mut fixture = Fixture::new(1);
    let mut schedule = activity(1);
    schedule.retry_policy.get_or_insert_default().maximum_attempts = 2;
    fixture.execute(schedule);
    let (first, _) = fixture.expect_start();
    fixture.complete(&first, failure());
    fixture.advance(secs(1));
    let (second, _) = fixture.expect_start();
    fixture.complete(&second, failure());
    assert_eq!(fixture.expect_resolved().attempt, 2);
}

#[test]
fn lang_can_not_complete_a_local_activity_later() {
    let refused = from_completion(Status::WillCompleteAsync(WillCompleteAsync {}));
    assert_eq!(refused, Err(AsyncCompletionRefused));
    assert_eq!(AsyncCompletionRefused.to_string(), "Local activities cannot be completed async");
}

#[test]
fn failures_are_counted_unless_benign() {
    let mut fixture = Fixture::new(1);
    fixture.execute(activity(1));
    let (token, _) = fixture.expect_start();
    fixture.complete(&token, failure());
    fixture.advance(secs(1));
    let (token, _) = fixture.expect_start();
    let benign = ApplicationErrorCategory::Benign as i32;
    fixture.complete(&token, failure_with(ApplicationFailureInfo { category: benign, ..Default::default() }));
    let failed: Vec<_> =
        fixture.observed.iter().filter(|seen| matches!(seen, LocalActivityObservation::Failed(..))).collect();
    assert!(matches!(failed[..], [LocalActivityObservation::Failed(_, FailureReason::Activity)]));
}
