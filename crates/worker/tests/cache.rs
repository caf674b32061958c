//! Spec 1.10, 17(8), 17(16), 17(18): the cache, its limits, and what waits for a place in it.

use std::collections::BTreeSet;

use crate::common::commands::{answer_query, start_timer};
use crate::common::{Harness, config, eviction, jobs};
use corewasm_host::envelope::WorkerConfig;
use corewasm_testkit::HistoryBuilder;
use temporalio_protos::coresdk::workflow_activation::remove_from_cache::EvictionReason;
use temporalio_protos::temporal::api::common::v1::WorkflowExecution;
use temporalio_protos::temporal::api::query::v1::WorkflowQuery;
use temporalio_protos::temporal::api::workflowservice::v1::{
    GetWorkflowExecutionHistoryRequest, PollWorkflowTaskQueueResponse, RespondQueryTaskCompletedRequest,
    RespondQueryTaskCompletedResponse, RespondWorkflowTaskCompletedRequest, RespondWorkflowTaskCompletedResponse,
    RespondWorkflowTaskFailedRequest, RespondWorkflowTaskFailedResponse,
};

fn history() -> HistoryBuilder {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    let timer = history.timer_started("1");
    history.timer_fired(timer);
    history.workflow_task_pending();
    history
}

fn of_run(run_id: &str, task: PollWorkflowTaskQueueResponse) -> PollWorkflowTaskQueueResponse {
    PollWorkflowTaskQueueResponse {
        workflow_execution: Some(WorkflowExecution { workflow_id: run_id.to_owned(), run_id: run_id.to_owned() }),
        task_token: format!("{run_id}-{}", task.started_event_id).into_bytes(),
        ..task
    }
}

fn first_task(run_id: &str) -> PollWorkflowTaskQueueResponse {
    of_run(run_id, history().up_to_task(1).poll_response())
}

fn accept(harness: &mut Harness) {
    harness.service.take("RespondWorkflowTaskCompleted").answer(&RespondWorkflowTaskCompletedResponse::default());
    harness.turn();
}

#[test]
fn a_full_cache_lets_the_least_used_run_go_first() {
    let mut harness = Harness::with(WorkerConfig { max_cached_workflows: 2, ..config() });
    let polled = harness.poll();
    for run_id in ["one", "two"] {
        harness.give_task(first_task(run_id));
        let _activation = if run_id == "one" { None } else { Some(harness.activation()) };
        let _completed = harness.succeed(run_id, [start_timer(1)]);
        accept(&mut harness);
    }
    assert!(polled.borrow().is_some());
    harness.give_task(first_task("three"));
    let evict = harness.activation();
    assert_eq!(evict.run_id, "one");
    assert_eq!(eviction(&evict), (EvictionReason::CacheFull.into(), "Workflow cache full".to_owned()));
    let _evicted = harness.succeed("one", []);
    let init = harness.activation();
    assert_eq!((init.run_id.as_str(), jobs(&init)), ("three", vec!["init"]));
}

/// Upstream: slot_provider_cant_hand_out_more_permits_than_cache_size, no_race_acquiring_permits.
#[test]
fn polls_stop_when_as_many_tasks_are_in_hand_as_runs_can_be_cached() {
    let mut harness = Harness::with(WorkerConfig { max_cached_workflows: 2, ..config() });
    let _polled = harness.poll();
    assert_eq!(harness.service.polls(false) + harness.service.polls(true), 2);
    harness.give_task(first_task("one"));
    assert_eq!(harness.service.polls(false) + harness.service.polls(true), 1);
}

#[test]
fn without_a_cache_every_task_is_the_last() {
    let mut harness = Harness::with(WorkerConfig { max_cached_workflows: 0, ..config() });
    let polled = harness.poll();
    assert_eq!(harness.service.polls(true), 0);
    harness.give_task(first_task("one"));
    assert!(polled.borrow().is_some());
    let _completed = harness.succeed("one", [start_timer(1)]);
    let call = harness.service.take("RespondWorkflowTaskCompleted");
    let request: RespondWorkflowTaskCompletedRequest = call.request();
    assert!(request.sticky_attributes.is_none() && !request.return_new_workflow_task);
    call.answer(&RespondWorkflowTaskCompletedResponse::default());
    harness.turn();
    assert_eq!(eviction(&harness.activation()).0, i32::from(EvictionReason::CacheFull));
    let _evicted = harness.succeed("one", []);
    harness.give_task(of_run("one", history().up_to_task(2).poll_response()));
    assert_eq!(jobs(&harness.activation()), ["init"]);
}

/// Upstream: cache_miss_will_fetch_history.
#[test]
fn a_partial_history_of_an_unknown_run_is_fetched_whole() {
    let mut harness = Harness::new();
    let polled = harness.poll();
    harness.give_sticky_task(of_run("one", history().only_task(2).poll_response()));
    assert!(polled.borrow().is_none());
    let call = harness.service.take("GetWorkflowExecutionHistory");
    let request: GetWorkflowExecutionHistoryRequest = call.request();
    assert_eq!(request.execution.expect("it names one").run_id, "one");
    assert!(request.next_page_token.is_empty());
    call.answer(&history().whole().history_response(&[]));
    harness.turn();
    assert!(polled.borrow().is_some());
    let _completed = harness.succeed("one", [start_timer(1)]);
    assert_eq!(jobs(&harness.activation()), ["timer"]);
}

/// Upstream: unstored_wft_fetch_failure_doesnt_spam_task_fails.
#[test]
fn a_history_that_can_not_be_fetched_fails_its_task_once() {
    for attempt in [1, 2] {
        let mut harness = Harness::new();
        let _polled = harness.poll();
        let task = of_run("one", history().only_task(2).poll_response());
        harness.give_sticky_task(PollWorkflowTaskQueueResponse { attempt, ..task });
        harness.service.take("GetWorkflowExecutionHistory").fail(corewasm_host::code::NOT_FOUND, "no such run");
        harness.turn();
        if attempt == 1 {
            let call = harness.service.take("RespondWorkflowTaskFailed");
            let request: RespondWorkflowTaskFailedRequest = call.request();
            let message = request.failure.expect("it has one").message;
            assert!(message.starts_with("Fetching history failed: "), "{message}");
            call.answer(&RespondWorkflowTaskFailedResponse::default());
            harness.turn();
        }
        assert_eq!(harness.service.waiting(), Vec::<&str>::new());
    }
}

fn query_of(run_id: &str, number: u32) -> PollWorkflowTaskQueueResponse {
    PollWorkflowTaskQueueResponse {
        task_token: format!("query-{number}").into_bytes(),
        query: Some(WorkflowQuery { query_type: "state".to_owned(), ..Default::default() }),
        ..first_task(run_id)
    }
}

/// Upstream: queries_arent_lost_in_buffer_void, for want of a place in the cache.
#[test]
fn queries_that_wait_for_a_place_in_the_cache_are_all_answered() {
    let mut harness = Harness::with(WorkerConfig { max_cached_workflows: 1, ..config() });
    let _polled = harness.poll();
    harness.give_task(first_task("one"));
    harness.give_sticky_task(query_of("two", 1));
    let _completed = harness.succeed("one", [start_timer(1)]);
    accept(&mut harness);
    harness.give_task(query_of("two", 2));
    assert_eq!(harness.activation().run_id, "one", "it must go first");
    let _evicted = harness.succeed("one", []);
    let init = harness.activation();
    assert_eq!((init.run_id.as_str(), jobs(&init)), ("two", vec!["init"]));
    let mut answered = Vec::new();
    let _completed = harness.succeed("two", [start_timer(1)]);
    for _ in 0..2 {
        assert_eq!(jobs(&harness.activation()), ["query"]);
        let _completed = harness.succeed("two", [answer_query("legacy_query")]);
        let call = harness.service.take("RespondQueryTaskCompleted");
        answered.push(call.request::<RespondQueryTaskCompletedRequest>().task_token);
        call.answer(&RespondQueryTaskCompletedResponse::default());
        harness.turn();
    }
    answered.sort();
    assert_eq!(answered, [b"query-1", b"query-2"]);
    assert_eq!(harness.service.waiting(), Vec::<&str>::new(), "nothing was answered as a task");
}

/// Tasks come faster than lang completes them; every run is seen through, and never more than fit are cached.
/// Upstream: poll_faster_than_complete_wont_overflow_cache, lots_of_workflows.
#[test]
fn many_runs_share_a_small_cache() {
    let mut harness = Harness::with(WorkerConfig { max_cached_workflows: 2, ..config() });
    let mut polled = harness.poll();
    let mut to_give: Vec<String> = (0..20).map(|number| format!("run-{number}")).rev().collect();
    let (mut cached, mut done) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..400 {
        if harness.service.polls(false) > 0
            && let Some(run_id) = to_give.pop()
        {
            harness.give_task(first_task(&run_id));
        }
        let Some(activation) = polled.borrow_mut().take() else { continue };
        let activation: temporalio_protos::coresdk::workflow_activation::WorkflowActivation =
            prost::Message::decode(activation.expect("polling goes well")).expect("it decodes");
        polled = harness.poll();
        let run_id = activation.run_id.clone();
        if jobs(&activation) == ["evict"] {
            assert!(cached.remove(&run_id));
            let _evicted = harness.succeed(&run_id, []);
        } else {
            assert!(cached.insert(run_id.clone()) && cached.len() <= 2, "{cached:?}");
            let _completed = harness.succeed(&run_id, [start_timer(1)]);
            accept(&mut harness);
            done.insert(run_id);
        }
    }
    assert_eq!(done.len(), 20);
}
