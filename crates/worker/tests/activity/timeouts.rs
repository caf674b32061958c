//! Time-outs that are noticed here when lang says nothing (spec 3.2).

use std::time::Duration;

use temporalio_protos::coresdk::activity_task::ActivityCancelReason;
use temporalio_protos::temporal::api::workflowservice::v1::{
    PollActivityTaskQueueResponse, RecordActivityTaskHeartbeatResponse,
};

use crate::activity::support::*;

/// Added to each time-out.
const BUFFER: Duration = Duration::from_secs(5);

#[test]
fn an_activity_is_given_up_after_either_timeout_and_the_buffer() {
    let start_to_close = PollActivityTaskQueueResponse { start_to_close_timeout: proto(secs(10)), ..task("a") };
    for response in [task_with_heartbeat_timeout("a", secs(10)), start_to_close] {
        let mut fixture = Fixture::new();
        let token = fixture.start_of(response);
        fixture.advance(secs(10) + BUFFER - Duration::from_nanos(1));
        fixture.expect_nothing();
        fixture.advance(Duration::from_nanos(1));
        let (cancelled_token, cancel) = fixture.expect_cancel();
        assert_eq!((cancelled_token, cancel.reason()), (token.clone(), ActivityCancelReason::TimedOut));
        assert!(cancel.details.is_some_and(|details| details.is_timed_out && details.is_not_found));
        fixture.complete(&token, cancelled());
        assert!(fixture.calls().is_empty(), "nobody waits for it any more");
    }
}

#[test]
fn a_heartbeat_that_arrived_begins_its_timeout_anew() {
    let mut fixture = Fixture::new();
    let token = fixture.start_of(task_with_heartbeat_timeout("a", secs(10)));
    for _ in 0..3 {
        fixture.advance(secs(14));
        fixture.heartbeat(&token, &["x"]);
        fixture.answer_heartbeat(&RecordActivityTaskHeartbeatResponse::default());
    }
    fixture.expect_nothing();
    fixture.advance(secs(15));
    assert_eq!(fixture.expect_cancel().1.reason(), ActivityCancelReason::TimedOut);
}

#[test]
fn start_to_close_goes_on_whatever_the_heartbeats_do() {
    let mut fixture = Fixture::new();
    let response = PollActivityTaskQueueResponse {
        start_to_close_timeout: proto(secs(20)),
        ..task_with_heartbeat_timeout("a", secs(2))
    };
    let token = fixture.start_of(response);
    for _ in 0..5 {
        fixture.advance(secs(5));
        fixture.heartbeat(&token, &["x"]);
        if fixture.calls().is_empty() {
            continue;
        }
        fixture.answer_heartbeat(&RecordActivityTaskHeartbeatResponse::default());
    }
    assert_eq!(fixture.expect_cancel().1.reason(), ActivityCancelReason::TimedOut);
    fixture.expect_nothing();
}

#[test]
fn an_activity_that_ended_does_not_time_out() {
    let mut fixture = Fixture::new();
    let token = fixture.start_of(task_with_heartbeat_timeout("a", secs(1)));
    fixture.complete(&token, success());
    fixture.advance(secs(100));
    fixture.expect_nothing();
}

#[test]
fn timeouts_of_zero_are_none() {
    let mut fixture = Fixture::new();
    fixture.start_of(PollActivityTaskQueueResponse {
        start_to_close_timeout: proto(Duration::ZERO),
        ..task_with_heartbeat_timeout("a", Duration::ZERO)
    });
    fixture.advance(secs(100_000));
    fixture.expect_nothing();
}
