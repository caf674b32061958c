//! Spec 3.6.3, 3.6.4, 17(19): the end of activity polls, and the graceful period.

use corewasm_host::envelope::WorkerConfig;
use temporalio_protos::coresdk::activity_task::ActivityCancelReason;
use temporalio_protos::temporal::api::failure::v1::failure::FailureInfo;
use temporalio_protos::temporal::api::workflowservice::v1::{
    RecordActivityTaskHeartbeatResponse, RespondActivityTaskCompletedResponse, RespondActivityTaskFailedRequest,
    RespondActivityTaskFailedResponse, ShutdownWorkerResponse,
};

use crate::activity::support::*;

fn with_grace(seconds: u64) -> Fixture {
    Fixture::with(WorkerConfig { graceful_shutdown_period_ns: Some(seconds * 1_000_000_000), ..config() })
}

fn begin_shutdown(fixture: &mut Fixture) {
    fixture.harness.initiate_shutdown();
    fixture.take("ShutdownWorker").answer(&ShutdownWorkerResponse::default());
    fixture.harness.turn();
}

#[test]
fn without_activities_polls_end_at_once() {
    let mut fixture = Fixture::new();
    fixture.expect_nothing();
    begin_shutdown(&mut fixture);
    fixture.expect_shutdown();
    fixture.expect_shutdown();
    assert_eq!(fixture.polls(), 0);
}

#[test]
fn a_worker_that_never_polled_shuts_down() {
    let mut fixture = Fixture::new();
    let done = fixture.harness.finalize();
    fixture.take("ShutdownWorker").answer(&ShutdownWorkerResponse::default());
    fixture.harness.turn();
    assert!(done.borrow().is_some());
}

/// Upstream: worker_shutdown_awaits_activity_completion_flushing_result.
#[test]
fn shutdown_waits_for_the_result_to_reach_the_service() {
    let mut fixture = Fixture::new();
    let token = fixture.start("a");
    begin_shutdown(&mut fixture);
    fixture.expect_nothing();
    fixture.complete(&token, success());
    fixture.expect_nothing();
    let done = fixture.harness.finalize();
    assert!(done.borrow().is_none());
    fixture.take("RespondActivityTaskCompleted").answer(&RespondActivityTaskCompletedResponse::default());
    fixture.harness.turn();
    fixture.expect_shutdown();
    fixture.harness.turn();
    assert!(done.borrow().is_some());
}

#[test]
fn without_a_period_nothing_is_cancelled() {
    let mut fixture = Fixture::new();
    fixture.start("a");
    begin_shutdown(&mut fixture);
    fixture.advance(secs(100_000));
    fixture.expect_nothing();
}

#[test]
fn after_the_period_every_activity_is_cancelled_and_its_cancellation_is_a_retryable_failure() {
    let mut fixture = with_grace(10);
    let tokens = [fixture.start("a"), fixture.start("b")];
    begin_shutdown(&mut fixture);
    fixture.advance(secs(9));
    fixture.expect_nothing();
    fixture.advance(secs(1));
    for token in tokens {
        let (cancelled_token, cancel) = fixture.expect_cancel();
        assert_eq!((&cancelled_token, cancel.reason()), (&token, ActivityCancelReason::WorkerShutdown));
        fixture.complete(&token, cancelled());
        let call = fixture.take("RespondActivityTaskFailed");
        let failure = call.request::<RespondActivityTaskFailedRequest>().failure.expect("it has one");
        call.answer(&RespondActivityTaskFailedResponse::default());
        assert_eq!(failure.message, "Worker is shutting down and this activity did not complete in time");
        let Some(FailureInfo::ApplicationFailureInfo(info)) = failure.failure_info else { panic!("application") };
        assert_eq!((info.r#type.as_str(), info.non_retryable), ("WorkerShutdown", false));
    }
}

#[test]
fn a_period_of_zero_cancels_at_once() {
    let mut fixture = with_grace(0);
    fixture.start("a");
    begin_shutdown(&mut fixture);
    assert_eq!(fixture.expect_cancel().1.reason(), ActivityCancelReason::WorkerShutdown);
}

#[test]
fn what_is_delivered_after_the_period_is_cancelled_at_once() {
    let mut fixture = with_grace(10);
    fixture.start("a");
    fixture.answer_poll(&task("b"));
    begin_shutdown(&mut fixture);
    fixture.advance(secs(10));
    assert_eq!(fixture.expect_cancel().0, b"a");
    assert_eq!(fixture.expect_start().0, b"b");
    let (token, cancel) = fixture.expect_cancel();
    assert_eq!((token.as_slice(), cancel.reason()), (&b"b"[..], ActivityCancelReason::WorkerShutdown));
}

#[test]
fn a_task_that_was_polled_before_is_still_delivered() {
    let mut fixture = Fixture::new();
    fixture.expect_nothing();
    fixture.answer_poll(&task("a"));
    fixture.harness.initiate_shutdown();
    assert_eq!(fixture.expect_start().0, b"a");
}

#[test]
fn activities_can_heartbeat_during_shutdown() {
    let mut fixture = with_grace(100);
    let token = fixture.start_of(task_with_heartbeat_timeout("a", secs(2)));
    begin_shutdown(&mut fixture);
    fixture.heartbeat(&token, &["1"]);
    assert_eq!(fixture.answer_heartbeat(&RecordActivityTaskHeartbeatResponse::default()), ["1"]);
    fixture.heartbeat(&token, &["2"]);
    fixture.advance(secs(2));
    assert_eq!(fixture.answer_heartbeat(&RecordActivityTaskHeartbeatResponse::default()), ["2"]);
    fixture.complete(&token, success());
    fixture.take("RespondActivityTaskCompleted").answer(&RespondActivityTaskCompletedResponse::default());
    fixture.expect_shutdown();
}

#[test]
fn a_completion_that_waits_for_its_heartbeat_holds_shutdown() {
    let mut fixture = Fixture::new();
    let token = fixture.start("a");
    fixture.heartbeat(&token, &["1"]);
    begin_shutdown(&mut fixture);
    fixture.complete(&token, success());
    fixture.expect_nothing();
    fixture.answer_heartbeat(&RecordActivityTaskHeartbeatResponse::default());
    fixture.expect_nothing();
    fixture.take("RespondActivityTaskCompleted").answer(&RespondActivityTaskCompletedResponse::default());
    fixture.expect_shutdown();
}
