//! Spec 1, 17(15), 17(16): workflow tasks from the poll to the completion, against a scripted service.

use std::time::Duration;

use crate::common::commands::{complete_workflow, start_timer};
use crate::common::{Harness, config, eviction, fixed, jobs};
use corewasm_host::code;
use corewasm_host::envelope::{MetricsOptions, Open, WorkerConfig};
use corewasm_host::testing::VirtualHost;
use corewasm_testkit::HistoryBuilder;
use corewasm_testkit::history::{RUN_ID, TASK_QUEUE};
use temporalio_protos::coresdk::workflow_activation::remove_from_cache::EvictionReason;
use temporalio_protos::temporal::api::workflowservice::v1::{
    PollWorkflowTaskQueueResponse, RespondWorkflowTaskCompletedRequest, RespondWorkflowTaskCompletedResponse,
    RespondWorkflowTaskFailedRequest, RespondWorkflowTaskFailedResponse,
};

fn one_timer() -> HistoryBuilder {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    let timer = history.timer_started("1");
    history.timer_fired(timer);
    history.workflow_task_pending();
    history
}

/// Upstream: poller_wont_poll_until_lang_polls.
#[test]
fn nothing_is_polled_before_lang_polls() {
    let mut harness = Harness::new();
    assert_eq!(harness.service.polls(false) + harness.service.polls(true), 0);
    let _polled = harness.poll();
    assert_eq!((harness.service.polls(false), harness.service.polls(true)), (1, 1));
}

#[test]
fn a_workflow_runs_from_its_start_to_its_end() {
    let history = one_timer();
    let mut harness = Harness::new();
    let polled = harness.poll();
    harness.give_task(history.up_to_task(1).poll_response());
    let activation = polled.borrow_mut().take().expect("it came").expect("it is one");
    assert!(!activation.is_empty());

    let completed = harness.succeed(RUN_ID, [start_timer(1)]);
    let call = harness.service.take("RespondWorkflowTaskCompleted");
    let request: RespondWorkflowTaskCompletedRequest = call.request();
    assert_eq!(request.commands.len(), 1);
    assert_eq!(request.task_token, b"token-3");
    assert_eq!(request.identity, "tester");
    assert!(request.return_new_workflow_task);
    let sticky = request.sticky_attributes.and_then(|sticky| sticky.worker_task_queue).expect("it caches");
    assert!(sticky.name.starts_with("tester-"));
    assert_eq!(sticky.normal_name, TASK_QUEUE);
    assert!(request.capabilities.expect("always").discard_speculative_workflow_task_with_events);
    assert_eq!(request.sdk_metadata.expect("always").sdk_name, "test-sdk");
    assert!(completed.borrow().is_none(), "lang waits for the service");
    call.answer(&RespondWorkflowTaskCompletedResponse::default());
    harness.turn();
    assert_eq!(completed.borrow_mut().take(), Some(Ok(())));

    harness.give_sticky_task(history.only_task(2).poll_response());
    assert_eq!(jobs(&harness.activation()), ["timer"]);
    let _completed = harness.succeed(RUN_ID, [complete_workflow()]);
    harness.service.take("RespondWorkflowTaskCompleted").answer(&RespondWorkflowTaskCompletedResponse::default());
    harness.turn();
    let evict = harness.activation();
    assert_eq!(eviction(&evict).0, i32::from(EvictionReason::WorkflowExecutionEnding));
    let evicted = harness.succeed(RUN_ID, []);
    assert_eq!(evicted.borrow_mut().take(), Some(Ok(())));
}

/// Upstream: tasks_from_completion_are_delivered.
#[test]
fn a_task_that_comes_with_the_answer_goes_on_at_once() {
    let history = one_timer();
    let mut harness = Harness::new();
    let _polled = harness.poll();
    harness.give_task(history.up_to_task(1).poll_response());
    let _completed = harness.succeed(RUN_ID, [start_timer(1)]);
    let answer = RespondWorkflowTaskCompletedResponse {
        workflow_task: Some(history.only_task(2).poll_response()),
        ..Default::default()
    };
    harness.service.take("RespondWorkflowTaskCompleted").answer(&answer);
    harness.turn();
    assert_eq!(jobs(&harness.activation()), ["timer"]);
}

#[test]
fn a_long_poll_without_a_task_is_made_again() {
    let mut harness = Harness::new();
    let polled = harness.poll();
    harness.give_task(PollWorkflowTaskQueueResponse::default());
    assert_eq!(harness.service.polls(false), 1);
    assert!(polled.borrow().is_none());
}

#[test]
fn an_unreadable_task_is_dropped_with_its_slot() {
    let mut harness = Harness::new();
    let polled = harness.poll();
    for _ in 0..20 {
        let nameless = PollWorkflowTaskQueueResponse { workflow_type: None, ..one_timer().whole().poll_response() };
        harness.give_task(nameless);
    }
    assert!(polled.borrow().is_none());
    assert_eq!(harness.service.polls(false), 1);
}

/// Upstream: workflow_failures_only_reported_once.
#[test]
fn a_failure_is_reported_on_the_first_attempt_only() {
    let mut harness = Harness::new();
    let _polled = harness.poll();
    for attempt in 1..4 {
        let task = PollWorkflowTaskQueueResponse { attempt, ..one_timer().up_to_task(1).poll_response() };
        harness.give_task(task);
        let _init = (attempt > 1).then(|| harness.activation());
        let failed = harness.fail(RUN_ID, "it went wrong");
        if attempt == 1 {
            let call = harness.service.take("RespondWorkflowTaskFailed");
            let request: RespondWorkflowTaskFailedRequest = call.request();
            assert_eq!(request.failure.expect("it has one").message, "it went wrong");
            call.answer(&RespondWorkflowTaskFailedResponse::default());
            harness.turn();
        }
        assert_eq!(harness.service.waiting(), Vec::<&str>::new());
        assert_eq!(failed.borrow_mut().take(), Some(Ok(())));
        assert_eq!(eviction(&harness.activation()).0, i32::from(EvictionReason::LangFail));
        let _evicted = harness.succeed(RUN_ID, []);
    }
}

/// Upstream: failing_wft_doesnt_eat_permit_forever. The only slot is free again after each failure.
#[test]
fn a_task_that_fails_again_and_again_gives_its_slot_back() {
    let one_slot = WorkerConfig { workflow_slots: Some(fixed(1)), max_cached_workflows: 0, ..config() };
    let mut harness = Harness::with(one_slot);
    let _polled = harness.poll();
    for attempt in 1..6 {
        assert_eq!(harness.service.polls(false), 1, "attempt {attempt}");
        let task = PollWorkflowTaskQueueResponse { attempt, ..one_timer().up_to_task(1).poll_response() };
        harness.give_task(task);
        assert_eq!(harness.service.polls(false), 0, "the slot is in use");
        if attempt > 1 {
            assert_eq!(jobs(&harness.activation()), ["init"]);
        }
        let _failed = harness.fail(RUN_ID, "it went wrong");
        if attempt == 1 {
            harness.service.take("RespondWorkflowTaskFailed").answer(&RespondWorkflowTaskFailedResponse::default());
            harness.turn();
        }
        assert_eq!(jobs(&harness.activation()), ["evict"]);
        let _evicted = harness.succeed(RUN_ID, []);
    }
}

/// Upstream: wf_task_latency_recorded_on_dropped_wft.
#[test]
fn the_latency_of_a_dropped_task_is_measured() {
    for attempt in [1, 2] {
        let host = VirtualHost::open(Open {
            metrics: Some(MetricsOptions { enabled: true, ..Default::default() }),
            ..Default::default()
        });
        let mut harness = Harness::on(host, config(), None);
        let _polled = harness.poll();
        harness.give_task(PollWorkflowTaskQueueResponse { attempt, ..one_timer().up_to_task(1).poll_response() });
        harness.advance(Duration::from_millis(1_500));
        assert!(harness.recorded("workflow_task_execution_latency").is_empty());
        let _failed = harness.fail(RUN_ID, "it went wrong");
        if attempt == 1 {
            let call = harness.service.take("RespondWorkflowTaskFailed");
            call.answer(&RespondWorkflowTaskFailedResponse::default());
            harness.turn();
        }
        assert_eq!(harness.recorded("workflow_task_execution_latency"), [1_500], "attempt {attempt}");
        assert_eq!(harness.recorded("workflow_task_execution_failed"), [1]);
    }
}

/// Upstream: lang_slower_than_wft_timeouts. The service gives the task again while lang is slow, and then will not hear
/// of the first one.
#[test]
fn a_task_that_timed_out_while_lang_was_slow_is_begun_anew() {
    let mut harness = Harness::new();
    let polled = harness.poll();
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    harness.give_task(history.whole().poll_response());
    assert!(polled.borrow().is_some());
    history.workflow_task_timed_out();
    history.workflow_task_pending();
    harness.give_task(PollWorkflowTaskQueueResponse { attempt: 2, ..history.whole().poll_response() });
    let late = harness.succeed(RUN_ID, [start_timer(1)]);
    harness.service.take("RespondWorkflowTaskCompleted").fail(code::NOT_FOUND, "task timed out");
    harness.turn();
    assert_eq!(late.borrow_mut().take(), Some(Ok(())));
    assert_eq!(eviction(&harness.activation()).0, i32::from(EvictionReason::TaskNotFound));
    let _evicted = harness.succeed(RUN_ID, []);
    assert_eq!(jobs(&harness.activation()), ["init"]);
    let _completed = harness.succeed(RUN_ID, [start_timer(1)]);
    let request: RespondWorkflowTaskCompletedRequest = harness.service.take("RespondWorkflowTaskCompleted").request();
    assert_eq!(request.task_token, b"token-6");
}

#[test]
fn a_refused_completion_evicts_the_run() {
    let cases = [
        (code::NOT_FOUND, "gone", EvictionReason::TaskNotFound),
        (code::INVALID_ARGUMENT, "UnhandledCommand", EvictionReason::UnhandledCommand),
        (code::INVALID_ARGUMENT, "bad attributes", EvictionReason::Fatal),
        (code::PERMISSION_DENIED, "no", EvictionReason::Fatal),
    ];
    for (code, message, reason) in cases {
        let mut harness = Harness::new();
        let _polled = harness.poll();
        harness.give_task(one_timer().up_to_task(1).poll_response());
        let completed = harness.succeed(RUN_ID, [start_timer(1)]);
        harness.service.take("RespondWorkflowTaskCompleted").fail(code, message);
        harness.turn();
        assert_eq!(completed.borrow_mut().take(), Some(Ok(())), "errors of the service are not lang's");
        let evict = eviction(&harness.activation());
        assert_eq!(evict, (reason.into(), "Error reporting WFT to server".to_owned()));
        assert_eq!(harness.service.waiting(), Vec::<&str>::new());
    }
}

#[test]
fn an_undelivered_activation_comes_first_again() {
    let mut harness = Harness::new();
    let polled = harness.poll();
    harness.give_task(one_timer().up_to_task(1).poll_response());
    let activation = polled.borrow_mut().take().expect("it came").expect("it is one");
    harness.worker.undelivered(corewasm_worker::TaskKind::Workflow, activation.clone());
    let again = harness.poll();
    assert_eq!(again.borrow_mut().take(), Some(Ok(activation)));
}
