//! Design 4: a new instance takes up what the one that trapped had in hand.

use crate::common::commands::start_timer;
use crate::common::{Harness, config, eviction, fixed, jobs};
use corewasm_host::envelope::{
    CustomSlots, HeldPermit, HeldRun, SlotKind, SlotSupplier, WorkerConfig, WorkerLedger, effect, slot_supplier,
};
use corewasm_testkit::HistoryBuilder;
use corewasm_testkit::history::RUN_ID;
use corewasm_worker::WorkerError;
use prost::Message;
use temporalio_protos::temporal::api::enums::v1::TaskQueueKind;
use temporalio_protos::temporal::api::workflowservice::v1::{
    PollWorkflowTaskQueueRequest, RespondWorkflowTaskCompletedResponse, RespondWorkflowTaskFailedRequest,
    RespondWorkflowTaskFailedResponse, ShutdownWorkerResponse,
};

fn history() -> HistoryBuilder {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    let timer = history.timer_started("1");
    history.timer_fired(timer);
    history.workflow_task_pending();
    history
}

fn ledger() -> WorkerLedger {
    WorkerLedger {
        runs: vec![HeldRun { run_id: RUN_ID.to_owned(), activation_outstanding: true }],
        workflow_tasks: vec![history().only_task(2).poll_response().encode_to_vec().into()],
        sticky_queue: "the-same-queue".to_owned(),
        worker_instance_key: "the-same-key".to_owned(),
        ..Default::default()
    }
}

/// The service answers what a resumed worker asks in the background.
fn resumed(config: WorkerConfig, ledger: WorkerLedger) -> Harness {
    let mut harness = Harness::resumed(config, Some(ledger));
    harness.service.take("DescribeNamespace").fail(corewasm_host::code::UNIMPLEMENTED, "old");
    harness.turn();
    harness
}

#[test]
fn lang_gives_up_its_run_before_the_task_is_taken_again() {
    let mut harness = resumed(config(), ledger());
    let polled = harness.poll();
    assert!(polled.borrow().is_none(), "lang still owes an answer");
    let late = harness.succeed(RUN_ID, [start_timer(7)]);
    assert_eq!(late.borrow_mut().take(), Some(Ok(())), "it goes nowhere");
    assert!(polled.borrow().is_some(), "the eviction");
    let _evicted = harness.succeed(RUN_ID, []);
    harness.service.take("GetWorkflowExecutionHistory").answer(&history().whole().history_response(&[]));
    harness.turn();
    let init = harness.activation();
    assert_eq!(jobs(&init), ["init"]);
    assert!(init.is_replaying);
}

#[test]
fn the_worker_keeps_its_names() {
    let mut harness = resumed(config(), ledger());
    let _polled = harness.poll();
    let request: PollWorkflowTaskQueueRequest = harness.service.take_poll(true).request();
    let queue = request.task_queue.expect("it names one");
    assert_eq!((queue.name.as_str(), queue.kind()), ("the-same-queue", TaskQueueKind::Sticky));
    assert_eq!(request.worker_instance_key, "the-same-key");
}

#[test]
fn the_task_that_trapped_fails_with_the_panic() {
    let ledger = WorkerLedger {
        trapped_run_id: RUN_ID.to_owned(),
        panic_text: "index out of bounds".to_owned(),
        runs: vec![HeldRun { run_id: RUN_ID.to_owned(), activation_outstanding: false }],
        ..ledger()
    };
    let mut harness = resumed(config(), ledger);
    let call = harness.service.take("RespondWorkflowTaskFailed");
    let request: RespondWorkflowTaskFailedRequest = call.request();
    assert!(request.failure.expect("it has one").message.contains("index out of bounds"));
    call.answer(&RespondWorkflowTaskFailedResponse::default());
    harness.turn();
    assert_eq!(eviction(&harness.activation()).1, "The instance that held this run is gone");
    let _evicted = harness.succeed(RUN_ID, []);
    assert_eq!(harness.service.waiting(), Vec::<&str>::new());
}

#[test]
fn permits_of_the_host_are_used_again_and_released_once() {
    let custom = SlotSupplier { kind: Some(slot_supplier::Kind::Custom(CustomSlots {})) };
    let held = |permit| HeldPermit { permit, kind: SlotKind::WorkflowSlot.into() };
    let ledger = WorkerLedger { permits: vec![held(11), held(12)], runs: Vec::new(), ..ledger() };
    let mut harness = resumed(WorkerConfig { workflow_slots: Some(custom), ..config() }, ledger);
    assert_eq!(released(&harness), [12], "nothing was found for it");
    let _polled = harness.poll();
    harness.service.take("GetWorkflowExecutionHistory").answer(&history().whole().history_response(&[]));
    harness.turn();
    let _completed = harness.succeed(RUN_ID, [start_timer(1)]);
    assert_eq!(jobs(&harness.activation()), ["timer"]);
    let _completed = harness.succeed(RUN_ID, [start_timer(2)]);
    assert_eq!(released(&harness), [12]);
    harness.service.take("RespondWorkflowTaskCompleted").answer(&RespondWorkflowTaskCompletedResponse::default());
    harness.turn();
    assert_eq!(released(&harness), [12, 11]);
}

#[test]
fn a_shutdown_that_had_begun_goes_on() {
    let ledger = WorkerLedger { shutdown_initiated: true, workflow_tasks: Vec::new(), ..ledger() };
    let mut harness = resumed(config(), ledger);
    harness.service.take("ShutdownWorker").answer(&ShutdownWorkerResponse::default());
    let polled = harness.poll();
    let _late = harness.succeed(RUN_ID, []);
    assert!(matches!(polled.borrow_mut().take(), Some(Ok(_))), "lang's run is evicted first");
    let _evicted = harness.succeed(RUN_ID, []);
    let polled = harness.poll();
    assert_eq!(polled.borrow_mut().take(), Some(Err(WorkerError::Shutdown)));
}

#[test]
fn the_answer_to_an_earlier_poll_is_a_task() {
    let mut harness = Harness::new();
    let polled = harness.poll();
    let response = history().up_to_task(1).poll_response().encode_to_vec();
    let uri = "/temporal.api.workflowservice.v1.WorkflowService/PollWorkflowTaskQueue";
    harness.worker.adopt_rpc_result(uri, Ok(response.into()));
    harness.turn();
    assert!(polled.borrow().is_some());
}

#[test]
fn the_answer_to_an_earlier_poll_does_not_wait_for_polls() {
    let mut harness =
        Harness::with(WorkerConfig { workflow_slots: Some(fixed(2)), max_cached_workflows: 2, ..config() });
    let polled = harness.poll();
    let _each_holds_a_slot = [harness.service.take_poll(false), harness.service.take_poll(true)];
    let response = history().up_to_task(1).poll_response().encode_to_vec();
    let uri = "/temporal.api.workflowservice.v1.WorkflowService/PollWorkflowTaskQueue";
    harness.worker.adopt_rpc_result(uri, Ok(response.into()));
    harness.turn();
    assert!(polled.borrow().is_some());
}

fn released(harness: &Harness) -> Vec<u32> {
    let release = |effect: &effect::Kind| match effect {
        effect::Kind::SlotRelease(release) => Some(release.permit),
        _ => None,
    };
    harness.effects.iter().filter_map(release).collect()
}
