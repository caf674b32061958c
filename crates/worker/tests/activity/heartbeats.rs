//! Spec 3.4, 17(20): heartbeats, throttled, answered with cancellations, and what becomes of the last one.

use std::time::Duration;

use corewasm_engine::time::Instant;
use corewasm_host::code;
use corewasm_worker::activities::heartbeats::{Heartbeats, throttle_interval};
use corewasm_worker::service::ServiceErrorKind;
use temporalio_protos::coresdk::activity_task::{ActivityCancelReason, ActivityCancellationDetails};
use temporalio_protos::temporal::api::enums::v1::ActivityTaskFailedCause;
use temporalio_protos::temporal::api::workflowservice::v1::{
    RecordActivityTaskHeartbeatResponse, RespondActivityTaskCanceledResponse, RespondActivityTaskFailedRequest,
    RespondActivityTaskFailedResponse,
};

use crate::activity::support::*;

fn nothing() -> RecordActivityTaskHeartbeatResponse {
    RecordActivityTaskHeartbeatResponse::default()
}

#[test]
fn the_interval_is_most_of_the_timeout_or_the_default_but_never_above_the_maximum() {
    let (default, maximum) = (secs(30), secs(60));
    let interval = |timeout| throttle_interval(timeout, default, maximum);
    assert_eq!(interval(Some(secs(10))), secs(8));
    assert_eq!(interval(None), default);
    assert_eq!(interval(Some(Duration::ZERO)), default);
    assert_eq!(interval(Some(secs(1000))), maximum);
    assert_eq!(throttle_interval(None, default, secs(5)), secs(5));
}

/// Upstream: send_heartbeats_less_frequently_than_throttle_interval.
#[test]
fn the_first_goes_out_at_once_and_then_the_latest_of_each_interval() {
    let mut fixture = Fixture::new();
    let token = fixture.start_of(task_with_heartbeat_timeout("a", secs(10)));
    fixture.heartbeat(&token, &["1"]);
    assert_eq!(fixture.answer_heartbeat(&nothing()), ["1"]);
    fixture.heartbeat(&token, &["2"]);
    fixture.heartbeat(&token, &["3"]);
    fixture.advance(Duration::from_millis(7_999));
    assert!(fixture.calls().is_empty());
    fixture.advance(Duration::from_millis(1));
    assert_eq!(fixture.answer_heartbeat(&nothing()), ["3"]);
}

#[test]
fn after_an_interval_without_any_the_next_goes_out_at_once_again() {
    let mut fixture = Fixture::new();
    let token = fixture.start_of(task_with_heartbeat_timeout("a", secs(10)));
    fixture.heartbeat(&token, &["1"]);
    fixture.answer_heartbeat(&nothing());
    fixture.advance(secs(9));
    assert!(fixture.calls().is_empty());
    fixture.heartbeat(&token, &["2"]);
    assert_eq!(fixture.answer_heartbeat(&nothing()), ["2"]);
}

#[test]
fn while_one_is_under_way_no_other_goes_out_and_the_interval_counts_from_its_begin() {
    let mut heartbeats = Heartbeats::default();
    let at = |seconds: u64| Instant::from_nanos(seconds * 1_000_000_000);
    let details = |text| vec![payload(text)];
    assert!(heartbeats.handle_recorded(b"a", details("1"), secs(8), at(0)).is_some());
    assert_eq!(heartbeats.handle_recorded(b"a", details("2"), secs(8), at(1)), None);
    assert_eq!(heartbeats.handle_time(at(9)), [], "the first is still under way");
    heartbeats.handle_sent(b"a");
    let reports = heartbeats.handle_time(at(9));
    assert_eq!(reports.iter().map(|report| &report.details).collect::<Vec<_>>(), [&details("2")]);
}

#[test]
fn the_service_cancels_pauses_or_resets_by_its_answer_and_all_flags_are_told() {
    let flags = |cancelled, paused, reset| RecordActivityTaskHeartbeatResponse {
        cancel_requested: cancelled,
        activity_paused: paused,
        activity_reset: reset,
    };
    let cases = [
        (flags(true, true, true), ActivityCancelReason::Cancelled),
        (flags(false, true, true), ActivityCancelReason::Reset),
        (flags(false, true, false), ActivityCancelReason::Paused),
    ];
    for (response, reason) in cases {
        let mut fixture = Fixture::new();
        let token = fixture.start("a");
        fixture.heartbeat(&token, &[]);
        fixture.answer_heartbeat(&response);
        let (cancelled, cancel) = fixture.expect_cancel();
        assert_eq!((cancelled, cancel.reason()), (token, reason));
        let details = ActivityCancellationDetails {
            is_cancelled: response.cancel_requested,
            is_paused: response.activity_paused,
            is_reset: response.activity_reset,
            ..Default::default()
        };
        assert_eq!(cancel.details, Some(details));
    }
}

#[test]
fn an_activity_is_cancelled_once_however_often_the_service_says_so() {
    let mut fixture = Fixture::new();
    let token = fixture.start_of(task_with_heartbeat_timeout("a", secs(1)));
    let cancel = RecordActivityTaskHeartbeatResponse { cancel_requested: true, ..nothing() };
    for _ in 0..3 {
        fixture.heartbeat(&token, &["x"]);
        fixture.answer_heartbeat(&cancel);
        fixture.advance(secs(1));
    }
    fixture.expect_cancel();
    fixture.expect_nothing();
}

#[test]
fn an_activity_that_the_service_has_forgotten_is_cancelled_and_not_reported() {
    let mut fixture = Fixture::new();
    let token = fixture.start("a");
    fixture.heartbeat(&token, &["x"]);
    fixture.take("RecordActivityTaskHeartbeat").fail(code::NOT_FOUND, "gone");
    fixture.harness.turn();
    let (_, cancel) = fixture.expect_cancel();
    assert_eq!(cancel.reason(), ActivityCancelReason::NotFound);
    assert!(cancel.details.is_some_and(|details| details.is_not_found));
    let outcome = fixture.complete(&token, cancelled());
    assert_eq!(outcome.borrow_mut().take(), Some(Ok(())));
    assert!(fixture.calls().is_empty());
}

#[test]
fn other_errors_are_not_the_activity_s_concern() {
    let mut fixture = Fixture::new();
    let token = fixture.start("a");
    fixture.heartbeat(&token, &["x"]);
    fixture.take("RecordActivityTaskHeartbeat").fail(code::UNAVAILABLE, "later");
    fixture.expect_nothing();
}

#[test]
fn a_heartbeat_of_an_unknown_activity_does_nothing() {
    let mut fixture = Fixture::new();
    fixture.heartbeat(b"nobody", &["x"]);
    assert!(fixture.calls().is_empty());
}

/// Upstream: oversized_heartbeat_fails_activity.
#[test]
fn one_that_is_too_large_fails_the_activity_and_stops_it() {
    let mut fixture = Fixture::new();
    let token = fixture.start("a");
    fixture.heartbeat(&token, &["huge"]);
    let kind = ServiceErrorKind::PayloadsTooLarge("[TMPRL1103] too large".to_owned());
    fixture.take("RecordActivityTaskHeartbeat").fail_as(kind, code::INVALID_ARGUMENT, "too large");
    fixture.harness.turn();
    let call = fixture.take("RespondActivityTaskFailed");
    let request: RespondActivityTaskFailedRequest = call.request();
    assert_eq!(request.cause(), ActivityTaskFailedCause::PayloadsTooLarge);
    assert_eq!(request.failure.map(|failure| failure.message).as_deref(), Some("[TMPRL1103] too large"));
    call.answer(&RespondActivityTaskFailedResponse::default());
    fixture.harness.turn();
    assert_eq!(fixture.expect_cancel().1.reason(), ActivityCancelReason::Cancelled);
}

/// Upstream: activity_cancellation_still_flushes_latest_heartbeat.
#[test]
fn details_that_were_held_back_go_out_before_a_cancellation() {
    let mut fixture = Fixture::new();
    let token = fixture.start("a");
    fixture.heartbeat(&token, &["1"]);
    fixture.answer_heartbeat(&nothing());
    fixture.heartbeat(&token, &["2"]);
    fixture.complete(&token, cancelled());
    assert_eq!(fixture.calls(), ["RecordActivityTaskHeartbeat"]);
    assert_eq!(fixture.answer_heartbeat(&nothing()), ["2"]);
    fixture.take("RespondActivityTaskCanceled").answer(&RespondActivityTaskCanceledResponse::default());
}

/// Upstream: no_flush_on_successful_completion.
#[test]
fn a_success_does_not_wait_for_them() {
    let mut fixture = Fixture::new();
    let token = fixture.start("a");
    fixture.heartbeat(&token, &["1"]);
    fixture.answer_heartbeat(&nothing());
    fixture.heartbeat(&token, &["2"]);
    fixture.complete(&token, success());
    assert_eq!(fixture.calls(), ["RespondActivityTaskCompleted"]);
    fixture.advance(secs(1_000));
    assert_eq!(fixture.calls(), ["RespondActivityTaskCompleted"]);
}

#[test]
fn a_completion_waits_for_the_heartbeat_that_is_under_way() {
    let mut fixture = Fixture::new();
    let token = fixture.start("a");
    fixture.heartbeat(&token, &["1"]);
    fixture.complete(&token, success());
    assert_eq!(fixture.calls(), ["RecordActivityTaskHeartbeat"]);
    fixture.answer_heartbeat(&RecordActivityTaskHeartbeatResponse { cancel_requested: true, ..nothing() });
    assert_eq!(fixture.calls(), ["RespondActivityTaskCompleted"]);
    fixture.expect_nothing();
}
