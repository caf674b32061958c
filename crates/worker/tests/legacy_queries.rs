//! Spec 1.15.1, 1.15.5: queries that come as tasks of their own.

use crate::common::commands::{answer_query, start_timer};
use crate::common::{Harness, jobs};
use corewasm_host::code;
use corewasm_testkit::HistoryBuilder;
use corewasm_testkit::history::RUN_ID;
use corewasm_worker::service::ServiceErrorKind;
use temporalio_protos::temporal::api::enums::v1::{QueryResultType, WorkflowTaskFailedCause};
use temporalio_protos::temporal::api::query::v1::WorkflowQuery;
use temporalio_protos::temporal::api::workflowservice::v1::{
    PollWorkflowTaskQueueResponse, RespondQueryTaskCompletedRequest, RespondQueryTaskCompletedResponse,
    RespondWorkflowTaskCompletedResponse,
};

const RPC: &str = "RespondQueryTaskCompleted";

/// A cached run that was asked something.
fn queried() -> Harness {
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    let mut harness = Harness::new();
    let _polled = harness.poll();
    harness.give_task(history.whole().poll_response());
    let _completed = harness.succeed(RUN_ID, [start_timer(1)]);
    harness.service.take("RespondWorkflowTaskCompleted").answer(&RespondWorkflowTaskCompletedResponse::default());
    harness.turn();
    let query = PollWorkflowTaskQueueResponse {
        task_token: b"query".to_vec(),
        query: Some(WorkflowQuery { query_type: "state".to_owned(), ..Default::default() }),
        history: Some(Default::default()),
        started_event_id: 0,
        previous_started_event_id: 3,
        ..history.whole().poll_response()
    };
    harness.give_sticky_task(query);
    assert_eq!(jobs(&harness.activation()), ["query"]);
    harness
}

#[test]
fn an_answer_goes_to_the_query_alone() {
    let mut harness = queried();
    let completed = harness.succeed(RUN_ID, [answer_query("legacy_query")]);
    let call = harness.service.take(RPC);
    let request: RespondQueryTaskCompletedRequest = call.request();
    assert_eq!(
        (request.task_token.as_slice(), request.completed_type()),
        (b"query".as_slice(), QueryResultType::Answered)
    );
    assert_eq!(request.query_result.expect("it was answered").payloads.len(), 1);
    call.answer(&RespondQueryTaskCompletedResponse::default());
    harness.turn();
    assert_eq!(completed.borrow_mut().take(), Some(Ok(())));
    assert!(harness.poll().borrow().is_none(), "the run stays");
}

#[test]
fn a_query_nobody_waits_for_any_more_is_not_fatal() {
    for code in [code::NOT_FOUND, code::PERMISSION_DENIED] {
        let mut harness = queried();
        let completed = harness.succeed(RUN_ID, [answer_query("legacy_query")]);
        harness.service.take(RPC).fail(code, "gone");
        harness.turn();
        assert_eq!(completed.borrow_mut().take(), Some(Ok(())));
        assert!(harness.poll().borrow().is_none(), "the run stays");
        assert_eq!(harness.service.waiting(), Vec::<&str>::new());
    }
}

#[test]
fn an_answer_that_is_too_large_becomes_a_failure() {
    let mut harness = queried();
    let _completed = harness.succeed(RUN_ID, [answer_query("legacy_query")]);
    harness.service.take(RPC).fail_as(ServiceErrorKind::MessageTooLarge, code::RESOURCE_EXHAUSTED, "too large");
    harness.turn();
    let request: RespondQueryTaskCompletedRequest = harness.service.take(RPC).request();
    assert_eq!(request.completed_type(), QueryResultType::Failed);
    assert_eq!(request.error_message, "GRPC Message too large");
    assert_eq!(request.cause(), WorkflowTaskFailedCause::GrpcMessageTooLarge);
}

#[test]
fn a_failed_activation_fails_the_query() {
    let mut harness = queried();
    let _failed = harness.fail(RUN_ID, "no state");
    let request: RespondQueryTaskCompletedRequest = harness.service.take(RPC).request();
    assert_eq!((request.completed_type(), request.error_message.as_str()), (QueryResultType::Failed, "no state"));
    assert_eq!(request.failure.expect("it has one").message, "no state");
}
