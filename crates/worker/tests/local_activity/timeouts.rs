//! The three time-outs of local activities (spec 4.2).

use std::time::Duration;

use crate::local_activity::support::*;
use corewasm_engine::LocalActivityRequest;
use prost_types::Timestamp;
use temporalio_protos::coresdk::activity_result::Failure as ActivityFailure;
use temporalio_protos::coresdk::activity_result::activity_execution_result::Status;
use temporalio_protos::coresdk::activity_task::ActivityCancelReason;
use temporalio_protos::coresdk::workflow_commands::ScheduleLocalActivity;
use temporalio_protos::temporal::api::common::v1::RetryPolicy;
use temporalio_protos::temporal::api::enums::v1::TimeoutType;
use temporalio_protos::temporal::api::failure::v1::failure::FailureInfo;
use temporalio_protos::temporal::api::failure::v1::{Failure, TimeoutFailureInfo};

fn one_attempt() -> Option<RetryPolicy> {
    Some(RetryPolicy { maximum_attempts: 1, ..Default::default() })
}

#[test]
fn schedule_to_close_ends_the_activity_and_stops_lang() {
    let mut fixture = Fixture::new(1);
    fixture.execute(activity(1));
    fixture.advance(secs(40));
    let (token, _) = fixture.expect_start();
    fixture.advance(secs(59));
    assert!(fixture.resolved.is_empty());
    fixture.advance(secs(1));
    let resolution = fixture.expect_resolved();
    assert_eq!(timeout_kind(&resolution), Some(TimeoutType::ScheduleToClose));
    assert_eq!((resolution.attempt, resolution.runtime, resolution.backoff), (1, secs(60), None));
    assert_eq!(fixture.expect_cancel(), (token.clone(), ActivityCancelReason::TimedOut));
    assert_eq!(fixture.used_slots(), 0);
    fixture.complete(&token, cancelled());
    assert!(fixture.resolved.is_empty(), "it is resolved once");
}

#[test]
fn start_to_close_counts_from_the_dispatch() {
    let mut fixture = Fixture::new(1);
    let timeout = proto(secs(5));
    fixture.execute(ScheduleLocalActivity {
        start_to_close_timeout: timeout,
        retry_policy: one_attempt(),
        ..activity(1)
    });
    fixture.advance(secs(50));
    let (token, _) = fixture.expect_start();
    fixture.advance(Duration::from_millis(4_999));
    assert!(fixture.resolved.is_empty());
    fixture.advance(Duration::from_millis(1));
    assert_eq!(timeout_kind(&fixture.expect_resolved()), Some(TimeoutType::StartToClose));
    assert_eq!(fixture.expect_cancel(), (token, ActivityCancelReason::TimedOut));
}

#[test]
fn the_failure_of_a_timeout_says_so() {
    let mut fixture = Fixture::new(1);
    fixture.execute(activity(1));
    fixture.expect_start();
    fixture.advance(secs(100));
    let corewasm_engine::input::LocalActivityResult::TimedOut(failed) = fixture.expect_resolved().result else {
        panic!("it timed out");
    };
    assert_eq!(failed.failure.map(|failure| failure.message).as_deref(), Some("Activity timed out"));
}

#[test]
fn a_start_to_close_timeout_is_retried() {
    let mut fixture = Fixture::new(1);
    fixture.execute(ScheduleLocalActivity { start_to_close_timeout: proto(secs(5)), ..activity(1) });
    let (first, _) = fixture.expect_start();
    fixture.advance(secs(5));
    assert!(fixture.resolved.is_empty());
    assert_eq!(fixture.expect_cancel(), (first.clone(), ActivityCancelReason::TimedOut));
    fixture.advance(secs(1));
    let (second, start) = fixture.expect_start();
    assert_eq!(start.attempt, 2);
    fixture.complete(&first, cancelled());
    assert!(fixture.resolved.is_empty(), "the attempt that timed out has no say any more");
    fixture.complete(&second, success());
    assert!(is_completed(&fixture.expect_resolved()));
}

#[test]
fn a_schedule_to_close_timeout_is_not_retried() {
    let mut fixture = Fixture::new(1);
    fixture.execute(activity(1));
    fixture.expect_start();
    fixture.advance(secs(100));
    fixture.expect_resolved();
    fixture.expect_cancel();
    fixture.advance(secs(1_000));
    assert_eq!(fixture.poll(), None);
}

#[test]
fn schedule_to_close_runs_on_through_the_attempts() {
    let mut fixture = Fixture::new(1);
    let limit = proto(secs(10));
    fixture.execute(ScheduleLocalActivity { schedule_to_close_timeout: limit, ..activity(1) });
    let (first, _) = fixture.expect_start();
    fixture.advance(secs(8));
    fixture.complete(&first, failure());
    fixture.advance(secs(1));
    fixture.expect_start();
    fixture.advance(secs(1));
    let resolution = fixture.expect_resolved();
    assert_eq!((timeout_kind(&resolution), resolution.attempt), (Some(TimeoutType::ScheduleToClose), 2));
}

#[test]
fn schedule_to_close_ends_an_activity_that_backs_off() {
    let mut fixture = Fixture::new(1);
    let limit = proto(secs(10));
    fixture.execute(ScheduleLocalActivity { schedule_to_close_timeout: limit, ..activity(1) });
    let (first, _) = fixture.expect_start();
    fixture.advance(Duration::from_millis(9_500));
    fixture.complete(&first, failure());
    fixture.advance(Duration::from_millis(500));
    let resolution = fixture.expect_resolved();
    assert_eq!((timeout_kind(&resolution), resolution.attempt), (Some(TimeoutType::ScheduleToClose), 1));
    fixture.advance(secs(10));
    assert_eq!(fixture.poll(), None);
    assert!(fixture.executor.is_idle());
}

#[test]
fn schedule_to_close_ends_an_activity_that_waits_for_a_slot() {
    let mut fixture = Fixture::new(0);
    fixture.execute(activity(1));
    fixture.advance(secs(100));
    let resolution = fixture.expect_resolved();
    assert_eq!(timeout_kind(&resolution), Some(TimeoutType::ScheduleToClose));
    assert_eq!(resolution.runtime, secs(100));
    fixture.slots = 1;
    assert_eq!(fixture.poll(), None);
}

#[test]
fn schedule_to_close_counts_from_the_original_schedule_through_timers_of_lang() {
    let mut fixture = Fixture::new(1);
    let original = Timestamp::from(fixture.now.wall);
    let again = |attempt| ScheduleLocalActivity { original_schedule_time: Some(original), attempt, ..activity(1) };
    fixture.advance(secs(70));
    assert_eq!(fixture.execute(again(3)), []);
    let (_, start) = fixture.expect_start();
    assert_eq!(start.attempt, 3);
    fixture.advance(secs(30));
    let resolution = fixture.expect_resolved();
    assert_eq!(timeout_kind(&resolution), Some(TimeoutType::ScheduleToClose));
    assert_eq!((resolution.attempt, resolution.original_schedule_time), (3, Some(original)));
}

#[test]
fn an_activity_that_is_too_late_when_it_is_scheduled_times_out_at_once() {
    let mut fixture = Fixture::new(1);
    let original = Timestamp::from(fixture.now.wall);
    fixture.advance(secs(100));
    let late = ScheduleLocalActivity { original_schedule_time: Some(original), attempt: 4, ..activity(1) };
    let resolutions = fixture.execute(late);
    assert_eq!(resolutions.len(), 1);
    assert_eq!(timeout_kind(&resolutions[0]), Some(TimeoutType::ScheduleToClose));
    assert_eq!((resolutions[0].attempt, resolutions[0].runtime), (4, Duration::ZERO));
    assert_eq!(fixture.poll(), None);
    assert!(fixture.executor.is_idle());
}

#[test]
fn schedule_to_start_is_checked_when_a_slot_is_there() {
    let mut fixture = Fixture::new(1);
    let limit = proto(secs(2));
    fixture.request([
        execute_in(RUN, activity(1)),
        execute_in(RUN, ScheduleLocalActivity { schedule_to_start_timeout: limit, ..activity(2) }),
        execute_in(RUN, activity(3)),
    ]);
    let (first, _) = fixture.expect_start();
    fixture.advance(secs(3));
    assert!(fixture.take_resolved().is_empty());
    fixture.complete(&first, success());
    fixture.take_resolved();
    assert_eq!(fixture.expect_start().1.activity_id, "id-3");
    let resolution = fixture.expect_resolved();
    assert_eq!((resolution.seq, timeout_kind(&resolution)), (2, Some(TimeoutType::ScheduleToStart)));
    assert_eq!((resolution.runtime, resolution.attempt), (secs(3), 1));
}

#[test]
fn schedule_to_start_does_not_count_from_the_original_schedule() {
    let mut fixture = Fixture::new(1);
    let original = Timestamp::from(fixture.now.wall);
    fixture.advance(secs(50));
    fixture.execute(ScheduleLocalActivity {
        original_schedule_time: Some(original),
        schedule_to_start_timeout: proto(secs(2)),
        ..activity(1)
    });
    fixture.advance(secs(1));
    fixture.expect_start();
}

#[test]
fn schedule_to_start_of_a_retry_counts_from_the_end_of_its_backoff() {
    let mut fixture = Fixture::new(1);
    let limit = Some(prost_types::Duration { seconds: 0, nanos: 500_000_000 });
    fixture.execute(ScheduleLocalActivity { schedule_to_start_timeout: limit, ..activity(1) });
    let (first, _) = fixture.expect_start();
    fixture.complete(&first, failure());
    fixture.advance(secs(1));
    assert_eq!(fixture.expect_start().1.attempt, 2);
}

#[test]
fn a_failure_caused_by_a_timeout_counts_as_one() {
    let mut fixture = Fixture::new(1);
    fixture.execute(activity(1));
    let (token, _) = fixture.expect_start();
    let info = TimeoutFailureInfo { timeout_type: TimeoutType::ScheduleToClose as i32, ..Default::default() };
    let cause = Failure { failure_info: Some(FailureInfo::TimeoutFailureInfo(info)), ..Default::default() };
    let failure = Failure { message: "outer".to_owned(), cause: Some(Box::new(cause)), ..Default::default() };
    fixture.complete(&token, Status::Failed(ActivityFailure { failure: Some(failure), ..Default::default() }));
    let resolution = fixture.expect_resolved();
    assert!(matches!(resolution.result, corewasm_engine::input::LocalActivityResult::TimedOut(_)));
}

#[test]
fn the_time_that_a_timeout_needs_no_more_is_forgotten() {
    let mut fixture = Fixture::new(1);
    fixture.execute(ScheduleLocalActivity { start_to_close_timeout: proto(secs(5)), ..activity(1) });
    let (token, _) = fixture.expect_start();
    fixture.complete(&token, success());
    assert_eq!(fixture.executor.next_deadline(), None);
    fixture.request([execute_in(RUN, activity(2)), LocalActivityRequest::Cancel { seq: 2 }]);
    assert_eq!(fixture.executor.next_deadline(), None);
}
