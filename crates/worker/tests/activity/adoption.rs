//! A new instance takes over what an earlier one had in hand (design 4).

use corewasm_host::envelope::{WorkerConfig, WorkerLedger};
use prost::Message;
use temporalio_protos::coresdk::activity_task::{ActivityCancelReason, ActivityTask};
use temporalio_protos::temporal::api::workflowservice::v1::RespondActivityTaskCompletedResponse;

use crate::activity::support::*;
use crate::common::fixed;

fn ledger(tokens: &[&str]) -> WorkerLedger {
    let started = |token: &&str| {
        let response = task_with_heartbeat_timeout(token, secs(10));
        ActivityTask::start_from_poll_resp(response).encode_to_vec().into()
    };
    WorkerLedger { activity_tasks: tokens.iter().map(started).collect(), ..Default::default() }
}

#[test]
fn its_activities_are_completed_here_and_hold_their_slots_until_then() {
    let one_slot = WorkerConfig { activity_slots: Some(fixed(1)), ..config() };
    let mut fixture = Fixture::resumed(one_slot, Some(ledger(&["a"])));
    fixture.expect_nothing();
    assert_eq!(fixture.polls(), 0);
    fixture.complete(b"a", success());
    fixture.take("RespondActivityTaskCompleted").answer(&RespondActivityTaskCompletedResponse::default());
    fixture.expect_nothing();
    assert_eq!(fixture.polls(), 1);
}

#[test]
fn they_can_heartbeat_and_time_out() {
    let mut fixture = Fixture::resumed(config(), Some(ledger(&["a"])));
    fixture.heartbeat(b"a", &["x"]);
    assert_eq!(fixture.answer_heartbeat(&Default::default()), ["x"]);
    fixture.advance(secs(15));
    assert_eq!(fixture.expect_cancel().1.reason(), ActivityCancelReason::TimedOut);
}

#[test]
fn what_its_poll_brought_is_delivered() {
    let mut fixture = Fixture::resumed(config(), Some(ledger(&[])));
    let uri = "/temporal.api.workflowservice.v1.WorkflowService/PollActivityTaskQueue";
    fixture.harness.worker.adopt_rpc_result(uri, Ok(task("a").encode_to_vec().into()));
    assert_eq!(fixture.expect_start().0, b"a");
}
