//! Spec 9.3, 17(19): how a worker ends.

use crate::common::commands::{complete_workflow, start_timer};
use crate::common::{Harness, config, jobs};
use corewasm_host::code;
use corewasm_host::envelope::WorkerConfig;
use corewasm_testkit::HistoryBuilder;
use corewasm_testkit::history::{RUN_ID, TASK_QUEUE};
use corewasm_worker::{TaskKind, WorkerError};
use temporalio_protos::temporal::api::enums::v1::TaskQueueType;
use temporalio_protos::temporal::api::namespace::v1::NamespaceInfo;
use temporalio_protos::temporal::api::namespace::v1::namespace_info::Capabilities;
use temporalio_protos::temporal::api::workflowservice::v1::{
    DescribeNamespaceResponse, PollWorkflowTaskQueueResponse, RespondWorkflowTaskCompletedResponse,
    ShutdownWorkerRequest, ShutdownWorkerResponse,
};

fn first_task() -> PollWorkflowTaskQueueResponse {
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    history.whole().poll_response()
}

/// Upstream: graceful_shutdown_sends_shutdown_worker_rpc_during_initiate.
#[test]
fn a_worker_that_never_polled_shuts_down() {
    let mut harness = Harness::new();
    let finalized = harness.finalize();
    let call = harness.service.take("ShutdownWorker");
    let request: ShutdownWorkerRequest = call.request();
    assert_eq!(request.reason, "graceful shutdown");
    assert_eq!(request.task_queue, TASK_QUEUE);
    assert_eq!(request.task_queue_types, [i32::from(TaskQueueType::Workflow)]);
    assert!(request.sticky_task_queue.starts_with("tester-"));
    assert!(finalized.borrow().is_none(), "the call is awaited");
    call.answer(&ShutdownWorkerResponse::default());
    harness.turn();
    assert!(finalized.borrow().is_some());
    let polled = harness.poll();
    assert_eq!(polled.borrow_mut().take(), Some(Err(WorkerError::Shutdown)));
}

#[test]
fn shutdown_is_told_once_and_its_refusal_does_not_matter() {
    for code in [code::UNIMPLEMENTED, code::UNAVAILABLE, code::PERMISSION_DENIED] {
        let mut harness = Harness::new();
        harness.initiate_shutdown();
        harness.initiate_shutdown();
        harness.service.take("ShutdownWorker").fail(code, "no");
        let finalized = harness.finalize();
        assert_eq!(harness.service.waiting(), Vec::<&str>::new());
        assert!(finalized.borrow().is_some());
    }
}

#[test]
fn lang_completes_what_it_has_in_hand_before_polls_end() {
    let mut harness = Harness::new();
    let _polled = harness.poll();
    harness.give_task(first_task());
    harness.initiate_shutdown();
    harness.service.take("ShutdownWorker").answer(&ShutdownWorkerResponse::default());
    let polled = harness.poll();
    assert!(polled.borrow().is_none(), "an activation is outstanding");
    let _completed = harness.succeed(RUN_ID, [start_timer(1)]);
    assert!(polled.borrow().is_none(), "its report is under way");
    harness.service.take("RespondWorkflowTaskCompleted").answer(&RespondWorkflowTaskCompletedResponse::default());
    harness.turn();
    assert_eq!(polled.borrow_mut().take(), Some(Err(WorkerError::Shutdown)));
    let finalized = harness.finalize();
    assert!(finalized.borrow().is_some());
}

/// Upstream: inflight_poll_survives_shutdown_only_when_graceful.
#[test]
fn polls_are_cut_off_unless_the_server_ends_them() {
    for graceful in [false, true] {
        let mut harness = Harness::new();
        let worker = harness.worker.clone();
        let _validated = harness.spawn(async move { worker.validate().await });
        let capabilities = Capabilities { worker_poll_complete_on_shutdown: graceful, ..Default::default() };
        let namespace_info = Some(NamespaceInfo { capabilities: Some(capabilities), ..Default::default() });
        let description = DescribeNamespaceResponse { namespace_info, ..Default::default() };
        harness.service.take("DescribeNamespace").answer(&description);
        harness.turn();
        let _polled = harness.poll();
        harness.initiate_shutdown();
        let expected = if graceful { 1 } else { 0 };
        assert_eq!((harness.service.polls(false), harness.service.polls(true)), (expected, expected));
    }
}

/// Upstream: complete_eviction_after_shutdown_doesnt_panic; and one that lang owes holds shutdown, unless it need not.
#[test]
fn an_eviction_that_lang_has_in_hand_holds_shutdown_unless_evictions_are_ignored() {
    for ignored in [false, true] {
        let mut harness = Harness::with(WorkerConfig { ignore_evicts_on_shutdown: ignored, ..config() });
        let _polled = harness.poll();
        harness.give_task(first_task());
        let _completed = harness.succeed(RUN_ID, [complete_workflow()]);
        harness.service.take("RespondWorkflowTaskCompleted").answer(&RespondWorkflowTaskCompletedResponse::default());
        harness.turn();
        assert_eq!(jobs(&harness.activation()), ["evict"]);
        harness.initiate_shutdown();
        harness.service.take("ShutdownWorker").answer(&ShutdownWorkerResponse::default());
        let polled = harness.poll();
        assert_eq!(polled.borrow().is_some(), ignored);
        let late = harness.succeed(RUN_ID, []);
        assert_eq!(late.borrow_mut().take(), Some(Ok(())));
        assert_eq!(polled.borrow_mut().take(), Some(Err(WorkerError::Shutdown)));
        let finalized = harness.finalize();
        assert!(finalized.borrow().is_some());
    }
}

#[test]
fn a_final_poll_error_reaches_lang_and_shuts_the_worker_down() {
    let mut harness = Harness::new();
    let polled = harness.poll();
    harness.service.take_poll(false).fail(code::PERMISSION_DENIED, "no entry");
    harness.turn();
    let error = polled.borrow_mut().take().expect("it came").expect_err("it is an error");
    assert!(error.to_string().starts_with("Poll failure: Unhandled grpc error when polling: "), "{error}");
    harness.service.take("ShutdownWorker").answer(&ShutdownWorkerResponse::default());
    let polled = harness.poll();
    assert_eq!(polled.borrow_mut().take(), Some(Err(WorkerError::Shutdown)));
}

#[test]
fn kinds_that_are_not_enabled_end_at_once() {
    let mut harness = Harness::new();
    for kind in [TaskKind::Activity, TaskKind::Nexus] {
        let worker = harness.worker.clone();
        let polled = harness.spawn(async move { worker.poll(kind).await });
        assert_eq!(polled.borrow_mut().take(), Some(Err(WorkerError::Shutdown)));
        let worker = harness.worker.clone();
        let completed = harness.spawn(async move { worker.complete(kind, Default::default()).await });
        assert!(matches!(completed.borrow_mut().take(), Some(Err(WorkerError::Completion(_)))));
    }
}
