//! Spec 3.4.5, 3.6, 17(20): cancels go first, once, and only to activities that lang executes.

use temporalio_protos::temporal::api::workflowservice::v1::RecordActivityTaskHeartbeatResponse;

use crate::activity::support::*;

fn cancel() -> RecordActivityTaskHeartbeatResponse {
    RecordActivityTaskHeartbeatResponse { cancel_requested: true, ..Default::default() }
}

#[test]
fn a_cancel_interrupts_the_poll_that_waits() {
    let mut fixture = Fixture::new();
    let token = fixture.start("a");
    fixture.expect_nothing();
    fixture.heartbeat(&token, &[]);
    fixture.answer_heartbeat(&cancel());
    assert_eq!(fixture.expect_cancel().0, token);
}

#[test]
fn a_cancel_goes_before_a_task_that_came_earlier() {
    let mut fixture = Fixture::new();
    let token = fixture.start("a");
    fixture.answer_poll(&task("b"));
    fixture.heartbeat(&token, &[]);
    fixture.answer_heartbeat(&cancel());
    assert_eq!(fixture.expect_cancel().0, token);
    assert_eq!(fixture.expect_start().0, b"b");
}

#[test]
fn many_at_once_each_reach_their_activity() {
    let mut fixture = Fixture::with(corewasm_host::envelope::WorkerConfig {
        activity_slots: Some(crate::common::fixed(50)),
        ..config()
    });
    let tokens: Vec<_> = (0..50).map(|number| fixture.start(&format!("task {number:02}"))).collect();
    for token in &tokens {
        fixture.heartbeat(token, &["1"]);
    }
    for _ in &tokens {
        fixture.answer_heartbeat(&cancel());
    }
    let cancelled: Vec<_> = tokens.iter().map(|_| fixture.expect_cancel().0).collect();
    assert_eq!(cancelled, tokens);
    fixture.expect_nothing();
}

#[test]
fn a_cancel_of_an_activity_that_ended_meanwhile_is_dropped() {
    let mut fixture = Fixture::new();
    let token = fixture.start("a");
    fixture.heartbeat(&token, &[]);
    fixture.complete(&token, success());
    fixture.answer_heartbeat(&cancel());
    fixture.expect_nothing();
}
