//! Spec 1.8.11, 1.8.13, 17(15): completions that are too large, and those that go out in pages.

use std::time::Duration;

use crate::common::commands::start_timer;
use crate::common::{Harness, eviction, jobs};
use bytes::Bytes;
use corewasm_host::code;
use corewasm_testkit::HistoryBuilder;
use corewasm_testkit::history::RUN_ID;
use corewasm_worker::service::{PayloadLimits, ServiceErrorKind};
use prost::Message;
use temporalio_protos::coresdk::workflow_activation::remove_from_cache::EvictionReason;
use temporalio_protos::coresdk::workflow_commands::workflow_command::Variant;
use temporalio_protos::coresdk::workflow_commands::{ScheduleActivity, WorkflowCommand};
use temporalio_protos::temporal::api::common::v1::Payload;
use temporalio_protos::temporal::api::enums::v1::WorkflowTaskFailedCause;
use temporalio_protos::temporal::api::namespace::v1::NamespaceInfo;
use temporalio_protos::temporal::api::namespace::v1::namespace_info::{Capabilities, Limits};
use temporalio_protos::temporal::api::workflowservice::v1::{
    DescribeNamespaceResponse, PollWorkflowTaskQueueResponse, RespondWorkflowTaskCompletedRequest,
    RespondWorkflowTaskCompletedResponse, RespondWorkflowTaskFailedRequest, RespondWorkflowTaskFailedResponse,
};

const RPC: &str = "RespondWorkflowTaskCompleted";
const MEGABYTE: usize = 1024 * 1024;

/// A worker in a namespace of these limits that takes pages, with its first activation in hand.
fn harness(limits: Limits) -> Harness {
    let mut harness = Harness::new();
    let worker = harness.worker.clone();
    let validated = harness.spawn(async move { worker.validate().await });
    let capabilities = Some(Capabilities { workflow_task_completion_pagination: true, ..Default::default() });
    let namespace_info = Some(NamespaceInfo { capabilities, limits: Some(limits), ..Default::default() });
    let description = DescribeNamespaceResponse { namespace_info, ..Default::default() };
    harness.service.take("DescribeNamespace").answer(&description);
    harness.turn();
    assert!(matches!(validated.borrow_mut().take(), Some(Ok(_))));
    let _polled = harness.poll();
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    harness.give_task(history.whole().poll_response());
    harness
}

fn large(seq: u32, bytes: usize) -> WorkflowCommand {
    let schedule = ScheduleActivity {
        seq,
        activity_id: seq.to_string(),
        activity_type: "activity".to_owned(),
        arguments: vec![Payload { data: vec![0; bytes], ..Default::default() }],
        start_to_close_timeout: Some(prost_types::Duration { seconds: 1, nanos: 0 }),
        ..Default::default()
    };
    WorkflowCommand { variant: Some(Variant::ScheduleActivity(schedule)), ..Default::default() }
}

#[test]
fn a_large_completion_goes_out_in_pages_and_the_last_one_comes_last() {
    let mut harness = harness(Limits::default());
    let completed = harness.succeed(RUN_ID, (1..=5).map(|seq| large(seq, 2 * MEGABYTE)));
    assert_eq!(harness.service.waiting(), [RPC, RPC, RPC], "three at a time");
    let mut pages = Vec::new();
    for _ in 0..5 {
        let call = harness.service.take(RPC);
        let page: RespondWorkflowTaskCompletedRequest = call.request();
        assert!(page.intermediate_page && page.sticky_attributes.is_none());
        pages.push((page.page_number, page.commands.len()));
        call.answer(&RespondWorkflowTaskCompletedResponse::default());
        harness.turn();
    }
    assert_eq!(pages, [(0, 1), (1, 1), (2, 1), (3, 1), (4, 1)]);
    assert!(completed.borrow().is_none());
    let call = harness.service.take(RPC);
    let last: RespondWorkflowTaskCompletedRequest = call.request();
    assert_eq!((last.page_number, last.intermediate_page, last.commands.len()), (5, false, 0));
    assert!(last.sticky_attributes.is_some());
    call.answer(&RespondWorkflowTaskCompletedResponse::default());
    harness.turn();
    assert_eq!(completed.borrow_mut().take(), Some(Ok(())));
}

#[test]
fn pages_that_the_server_lost_are_all_sent_again() {
    let mut harness = harness(Limits::default());
    let _completed = harness.succeed(RUN_ID, [large(1, 2 * MEGABYTE), large(2, 2 * MEGABYTE)]);
    for _ in 0..2 {
        harness.service.take(RPC).answer(&RespondWorkflowTaskCompletedResponse::default());
        harness.turn();
    }
    harness.service.take(RPC).fail_with_details(code::FAILED_PRECONDITION, "lost", buffer_lost());
    harness.turn();
    assert_eq!(harness.service.waiting(), Vec::<&str>::new());
    harness.advance(Duration::from_millis(100));
    assert_eq!(harness.service.waiting(), [RPC, RPC]);
}

#[test]
fn a_completion_over_the_namespaces_limit_fails_without_being_sent() {
    let limit = 3 * MEGABYTE as i64;
    let mut harness = harness(Limits { workflow_task_completion_size_limit_error: limit, ..Default::default() });
    let _completed = harness.succeed(RUN_ID, [large(1, 2 * MEGABYTE), large(2, 2 * MEGABYTE)]);
    assert_failed(&mut harness, WorkflowTaskFailedCause::RequestTooLarge, "RequestTooLarge");
}

#[test]
fn a_completion_that_is_too_large_fails_its_task_then_evicts() {
    let cases = [
        (ServiceErrorKind::MessageTooLarge, WorkflowTaskFailedCause::GrpcMessageTooLarge, "GrpcMessageTooLarge"),
        (
            ServiceErrorKind::PayloadsTooLarge("[TMPRL1103] too large".to_owned()),
            WorkflowTaskFailedCause::PayloadsTooLarge,
            "PayloadsTooLarge",
        ),
    ];
    for (kind, cause, name) in cases {
        let mut harness = harness(Limits::default());
        let _completed = harness.succeed(RUN_ID, [start_timer(1)]);
        harness.service.take(RPC).fail_as(kind, code::RESOURCE_EXHAUSTED, "too large");
        harness.turn();
        assert_failed(&mut harness, cause, name);
    }
}

/// Upstream: payloads_too_large_doesnt_spam_task_fails, and its siblings.
#[test]
fn a_completion_that_is_too_large_again_is_not_told_again() {
    let violation = ServiceErrorKind::PayloadsTooLarge("[TMPRL1103] too large".to_owned());
    for kind in [ServiceErrorKind::MessageTooLarge, ServiceErrorKind::RequestTooLarge, violation] {
        let mut harness = harness(Limits::default());
        for attempt in 1..4 {
            if attempt > 1 {
                let mut history = HistoryBuilder::new();
                history.workflow_task_pending();
                harness.give_task(PollWorkflowTaskQueueResponse { attempt, ..history.whole().poll_response() });
                assert_eq!(jobs(&harness.activation()), ["init"]);
            }
            let completed = harness.succeed(RUN_ID, [start_timer(1)]);
            harness.service.take(RPC).fail_as(kind.clone(), code::RESOURCE_EXHAUSTED, "too large");
            harness.turn();
            if attempt == 1 {
                let call = harness.service.take("RespondWorkflowTaskFailed");
                call.answer(&RespondWorkflowTaskFailedResponse::default());
                harness.turn();
            }
            assert_eq!(harness.service.waiting(), Vec::<&str>::new(), "attempt {attempt}");
            assert_eq!(completed.borrow_mut().take(), Some(Ok(())));
            assert_eq!(eviction(&harness.activation()).0, i32::from(EvictionReason::Fatal));
            let _evicted = harness.succeed(RUN_ID, []);
        }
    }
}

#[test]
fn the_namespaces_payload_limits_are_held_to() {
    let limits = Limits { blob_size_limit_error: 77, memo_size_limit_error: 7, ..Default::default() };
    let mut harness = harness(limits);
    let _completed = harness.succeed(RUN_ID, [start_timer(1)]);
    let call = harness.service.take(RPC);
    assert_eq!(call.call.payload_limits, Some(PayloadLimits { blob: 77, memo: 7 }));
    call.answer(&RespondWorkflowTaskCompletedResponse::default());
}

fn assert_failed(harness: &mut Harness, cause: WorkflowTaskFailedCause, name: &str) {
    assert_eq!(harness.service.waiting(), ["RespondWorkflowTaskFailed"]);
    let call = harness.service.take("RespondWorkflowTaskFailed");
    let request: RespondWorkflowTaskFailedRequest = call.request();
    assert_eq!(request.cause(), cause);
    let failure = request.failure.expect("it has one");
    assert_eq!(failure.maybe_application_failure().expect("it is one").r#type, name);
    call.answer(&RespondWorkflowTaskFailedResponse::default());
    harness.turn();
    assert_eq!(eviction(&harness.activation()).0, i32::from(EvictionReason::Fatal));
}

/// google.rpc.Status with the server's sign that it lost the pages.
fn buffer_lost() -> Bytes {
    #[derive(Clone, PartialEq, Message)]
    struct Status {
        #[prost(message, repeated, tag = "3")]
        details: Vec<prost_types::Any>,
    }
    let name = "temporal.api.errordetails.v1.WorkflowTaskCompletionBufferLostFailure";
    let detail = prost_types::Any { type_url: format!("type.googleapis.com/{name}"), ..Default::default() };
    Status { details: vec![detail] }.encode_to_vec().into()
}
