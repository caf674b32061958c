//! Spec 1.15.1, 1.15.5, 17(17): queries that come as tasks of their own, and those whose run is not cached.

use crate::common::commands::{answer_query, complete_workflow, start_timer};
use crate::common::{Harness, got, jobs};
use corewasm_host::code;
use corewasm_testkit::history::RUN_ID;
use corewasm_testkit::{HistoryBuilder, TaskView};
use corewasm_worker::service::ServiceErrorKind;
use temporalio_protos::temporal::api::enums::v1::{QueryResultType, WorkflowTaskFailedCause};
use temporalio_protos::temporal::api::history::v1::HistoryEvent;
use temporalio_protos::temporal::api::query::v1::WorkflowQuery;
use temporalio_protos::temporal::api::workflowservice::v1::{
    PollWorkflowTaskQueueResponse, RespondQueryTaskCompletedRequest, RespondQueryTaskCompletedResponse,
    RespondWorkflowTaskCompletedRequest, RespondWorkflowTaskCompletedResponse,
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

/// Upstream: query_cache_miss_causes_page_fetch_dont_reply_wft_too_early. A query comes with a task whose run is not
/// cached; history comes with it whole, in part, or not at all, and then in pages.
#[test]
fn a_query_waits_until_its_run_is_played_back_and_the_task_is_answered_with_it() {
    let history = one_timer();
    let nothing = TaskView { events: Vec::new(), ..history.whole() };
    for (given, is_whole) in [(history.whole(), true), (history.only_task(2), false), (nothing, false)] {
        let mut harness = Harness::new();
        let polled = harness.poll();
        let queries =
            [("the-query".to_owned(), WorkflowQuery { query_type: "state".to_owned(), ..Default::default() })];
        harness.give_task(PollWorkflowTaskQueueResponse { queries: queries.into(), ..given.poll_response() });
        if !is_whole {
            give_pages(&mut harness, &history);
        }
        assert_eq!(jobs(&got(&polled)), ["init"], "the query does not come along");
        let _completed = harness.succeed(RUN_ID, [start_timer(1)]);
        assert_eq!(harness.service.waiting(), Vec::<&str>::new(), "nothing is told while it plays back");
        assert_eq!(jobs(&harness.activation()), ["timer"]);
        let _completed = harness.succeed(RUN_ID, [complete_workflow()]);
        assert_eq!(harness.service.waiting(), Vec::<&str>::new(), "the task waits for its query");
        assert_eq!(jobs(&harness.activation()), ["query"]);
        let _completed = harness.succeed(RUN_ID, [answer_query("the-query")]);
        let request: RespondWorkflowTaskCompletedRequest =
            harness.service.take("RespondWorkflowTaskCompleted").request();
        assert_eq!((request.commands.len(), request.query_results.len()), (1, 1));
    }
}

/// Upstream: legacy_query_after_complete. Each plays the closed workflow back and is answered alone.
#[test]
fn a_closed_workflow_answers_queries_and_tells_nothing_else() {
    let mut history = one_timer();
    history.workflow_task_completed();
    history.execution_completed();
    let mut harness = Harness::new();
    let mut polled = harness.poll();
    for _ in 0..2 {
        let query = Some(WorkflowQuery { query_type: "state".to_owned(), ..Default::default() });
        let task = PollWorkflowTaskQueueResponse { query, started_event_id: 0, ..history.whole().poll_response() };
        harness.give_task(task);
        assert_eq!(jobs(&got(&polled)), ["init"]);
        let _completed = harness.succeed(RUN_ID, [start_timer(1)]);
        assert_eq!(jobs(&harness.activation()), ["timer"]);
        let _completed = harness.succeed(RUN_ID, [complete_workflow()]);
        assert_eq!(jobs(&harness.activation()), ["query"]);
        assert_eq!(harness.service.waiting(), Vec::<&str>::new());
        let _completed = harness.succeed(RUN_ID, [answer_query("legacy_query")]);
        harness.service.take(RPC).answer(&RespondQueryTaskCompletedResponse::default());
        harness.turn();
        assert_eq!(jobs(&harness.activation()), ["evict"], "the workflow has ended");
        let _evicted = harness.succeed(RUN_ID, []);
        polled = harness.poll();
    }
    assert_eq!(harness.service.waiting(), Vec::<&str>::new());
}

fn one_timer() -> HistoryBuilder {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    let timer = history.timer_started("1");
    history.timer_fired(timer);
    history.workflow_task_pending();
    history
}

/// The whole history, event by event, with empty pages between.
fn give_pages(harness: &mut Harness, history: &HistoryBuilder) {
    let page = |events: &[HistoryEvent]| TaskView { events: events.to_vec(), ..history.whole() };
    for event in history.events() {
        for events in [&[][..], std::slice::from_ref(event)] {
            if harness.service.waiting().is_empty() {
                return;
            }
            let token: &[u8] = if event.event_id == history.last_id() && !events.is_empty() { b"" } else { b"more" };
            harness.service.take("GetWorkflowExecutionHistory").answer(&page(events).history_response(token));
            harness.turn();
        }
    }
}
