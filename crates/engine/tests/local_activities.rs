//! Spec 1.9.8, 1.13, 17(5), 17(6), 17(7), 17(8): a task that is kept open for local activities.

use std::time::Duration;

use crate::support::commands::{
    answer_query, cancel_local_activity, complete_workflow, schedule_local_activity, start_timer,
};
use crate::support::names::{command_types, job_names, query};
use crate::support::recorder::record;
use crate::support::{Driver, Report, cancelled_local_activity, completed_local_activity, legacy_query, setup, task};
use corewasm_engine::{EvictionRequest, LocalActivitiesTaken, LocalActivityNotice, PreparedTask, RunSetup};
use corewasm_testkit::HistoryBuilder;
use temporalio_protos::coresdk::workflow_commands::ActivityCancellationType::{
    Abandon, TryCancel, WaitCancellationCompleted,
};

/// Two tasks: a heartbeat lies between them.
fn heartbeaten() -> HistoryBuilder {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.workflow_task_pending();
    history
}

fn with_one(setup: RunSetup) -> Driver {
    let mut driver = Driver::with_setup(setup, task(&heartbeaten().up_to_task(1)));
    driver.complete([schedule_local_activity(1, TryCancel)]);
    driver
}

#[test]
fn the_task_is_answered_when_the_result_has_run_the_workflow_on() {
    let mut driver = with_one(setup());
    assert_eq!(driver.local_activities[0].schedule.seq, 1);
    assert!(driver.reports.is_empty());
    assert!(driver.run.waits_for_local_activities());
    driver.resolve(completed_local_activity(1));
    assert_eq!(driver.jobs(), ["local-1"]);
    driver.complete([complete_workflow()]);
    let types = command_types(&driver.last_completion().commands);
    assert_eq!(types, ["RecordMarker", "CompleteWorkflowExecution"]);
    assert!(driver.heartbeat.is_none());
    assert_eq!(driver.local_activity_notices, [LocalActivityNotice::TaskCompleted]);
}

#[test]
fn the_heartbeat_is_due_at_four_fifths_of_the_task_timeout() {
    let driver = with_one(setup());
    let deadline = driver.heartbeat.expect("the timer runs");
    assert_eq!(deadline.since(driver.now.monotonic), Duration::from_secs(8));
}

/// Upstream: local_activity_with_heartbeat_only_causes_one_wakeup.
#[test]
fn a_heartbeat_wakes_lang_once_and_asks_for_another_task() {
    let mut driver = with_one(setup());
    driver.heartbeat();
    assert!(driver.last_completion().force_create_new_task);
    assert!(driver.activation.is_none());
    driver.task(task(&heartbeaten().only_task(2)));
    assert!(driver.activation.is_none(), "the task brought nothing for lang");
    assert!(driver.heartbeat.is_some(), "and has a heartbeat of its own");
    driver.resolve(completed_local_activity(1));
    assert_eq!(driver.jobs(), ["local-1"]);
}

#[test]
fn a_result_between_tasks_waits_for_the_next_one() {
    let mut driver = with_one(setup());
    driver.heartbeat();
    driver.resolve(completed_local_activity(1));
    assert!(driver.activation.is_none());
    driver.task(task(&heartbeaten().only_task(2)));
    assert_eq!(driver.jobs(), ["local-1"]);
}

/// Upstream: heartbeat_timeout_does_not_overlap_local_activity_resolution_activation.
#[test]
fn a_heartbeat_during_an_activation_is_made_up_for_right_behind_it() {
    let mut driver = Driver::new(task(&heartbeaten().up_to_task(1)));
    driver.complete([schedule_local_activity(1, TryCancel), schedule_local_activity(2, TryCancel)]);
    driver.resolve(completed_local_activity(1));
    assert_eq!(driver.jobs(), ["local-1"]);
    driver.heartbeat.get_or_insert(driver.now.monotonic);
    driver.heartbeat();
    assert!(driver.reports.is_empty());
    driver.complete([]);
    assert!(driver.last_completion().force_create_new_task);
    assert_eq!(command_types(&driver.last_completion().commands), ["RecordMarker"]);
}

#[test]
fn a_result_known_at_once_needs_no_waiting() {
    let mut driver = Driver::new(task(&heartbeaten().up_to_task(1)));
    driver
        .taken
        .push_back(LocalActivitiesTaken { resolutions: vec![completed_local_activity(1)], undelivered_cancels: false });
    driver.complete([schedule_local_activity(1, TryCancel)]);
    assert_eq!(driver.jobs(), ["local-1"]);
    assert!(driver.heartbeat.is_none());
}

#[test]
fn a_query_answered_meanwhile_asks_for_another_task() {
    let with_query =
        PreparedTask { queries: vec![("1".to_owned(), query("state"))], ..task(&heartbeaten().up_to_task(1)) };
    let mut driver = Driver::new(with_query);
    driver.complete([schedule_local_activity(1, TryCancel)]);
    assert_eq!(driver.jobs(), ["query-1"]);
    driver.complete([answer_query("1")]);
    assert!(driver.last_completion().force_create_new_task);
    assert_eq!(driver.last_completion().query_responses.len(), 1);
}

/// Upstream: query_during_wft_heartbeat_doesnt_accidentally_fail_to_continue_heartbeat.
#[test]
fn a_query_that_comes_with_a_heartbeats_task_does_not_end_the_heartbeats() {
    let mut history = heartbeaten();
    let mut driver = with_one(setup());
    driver.heartbeat();
    let queries = vec![("1".to_owned(), query("state"))];
    driver.task(PreparedTask { queries, ..task(&history.only_task(2)) });
    assert!(driver.activation.is_none(), "the query waits for the heartbeat");
    driver.heartbeat();
    assert_eq!(driver.completions().len(), 1, "its task is not reported before it is answered");
    assert_eq!(driver.jobs(), ["query-1"]);
    driver.complete([answer_query("1")]);
    let completion = driver.last_completion();
    assert_eq!((completion.query_responses.len(), completion.force_create_new_task), (1, true));

    record(&mut history, driver.last_completion());
    history.workflow_task_pending();
    driver.task(task(&history.only_task(3)));
    assert!(driver.activation.is_none());
    driver.heartbeat();
    assert!(driver.last_completion().force_create_new_task, "and goes on");
    record(&mut history, driver.last_completion());
    history.workflow_task_pending();
    driver.task(task(&history.only_task(4)));
    driver.resolve(completed_local_activity(1));
    assert_eq!(driver.jobs(), ["local-1"]);
    driver.complete([complete_workflow()]);
    assert_eq!(driver.completions().len(), 4);
}

/// Upstream: la_resolve_during_legacy_query_does_not_combine.
#[test]
fn a_result_that_comes_while_lang_answers_a_query_does_not_join_it() {
    let mut history = heartbeaten();
    let mut driver = with_one(setup());
    driver.heartbeat();
    let queries = vec![("1".to_owned(), query("state"))];
    driver.task(PreparedTask { queries, ..task(&history.only_task(2)) });
    driver.task(legacy_query(6, "query"));
    driver.heartbeat();
    assert_eq!(driver.jobs(), ["query-1"]);
    driver.resolve(completed_local_activity(1));
    assert_eq!(driver.jobs(), ["query-1"], "the query stays alone");
    driver.complete([answer_query("1")]);
    assert_eq!(driver.completions().len(), 2);
    assert!(driver.last_completion().force_create_new_task, "the result needs a task");
    assert_eq!(command_types(&driver.last_completion().commands), ["RecordMarker"]);
    record(&mut history, driver.last_completion());
    history.workflow_task_pending();
    assert_eq!(driver.jobs(), ["local-1"], "nor does the next query join it");
    driver.complete([start_timer(1)]);
    assert_eq!(driver.completions().len(), 2, "a query's task is not answered as a task");
    assert_eq!(driver.jobs(), ["query-legacy_query"]);
    driver.complete([answer_query("legacy_query")]);
    assert!(driver.activation.is_none());
    driver.task(task(&history.only_task(3)));
    assert_eq!(command_types(&driver.last_completion().commands), ["StartTimer"]);

    record(&mut history, driver.last_completion());
    history.signaled("poke");
    history.workflow_task_pending();
    let (replayed, activations) = Driver::replay(task(&history.whole()), |a| match job_names(a)[0].as_str() {
        "init" => vec![schedule_local_activity(1, TryCancel)],
        "local-1" => vec![start_timer(1)],
        _ => vec![],
    });
    let jobs: Vec<_> = activations.iter().map(job_names).collect();
    assert_eq!(jobs, [["init"], ["local-1"], ["signal-poke"]], "{:?}", replayed.reports);
}

/// A legacy query that comes between two tasks of a run with local activities waits for a heartbeat of its own.
#[test]
fn a_result_that_comes_while_lang_answers_a_legacy_query_waits_for_the_next_task() {
    let mut driver = with_one(setup());
    driver.heartbeat();
    driver.task(legacy_query(3, "query"));
    assert!(driver.activation.is_none());
    driver.heartbeat();
    assert_eq!(driver.jobs(), ["query-legacy_query"]);
    driver.resolve(completed_local_activity(1));
    assert_eq!(driver.jobs(), ["query-legacy_query"], "the query stays alone");
    driver.complete([answer_query("legacy_query")]);
    assert!(matches!(driver.reports.last(), Some(Report::LegacyQuery(_))));
    assert!(driver.activation.is_none(), "the result has no task yet");
    driver.task(task(&heartbeaten().only_task(2)));
    assert_eq!(driver.jobs(), ["local-1"]);
}

/// Upstream: legacy_query_while_waiting_on_la_is_buffered.
#[test]
fn a_legacy_query_waits_until_the_task_is_reported() {
    let mut driver = with_one(setup());
    driver.task(legacy_query(3, "query"));
    assert!(driver.activation.is_none());
    driver.resolve(completed_local_activity(1));
    driver.complete([start_timer(1)]);
    assert_eq!(driver.jobs(), ["query-legacy_query"]);
}

/// Upstream: la_cancel_delivered_before_eviction_activation.
#[test]
fn an_eviction_waits_until_lang_has_heard_of_the_cancels() {
    let mut driver = with_one(setup());
    driver.taken.push_back(LocalActivitiesTaken { resolutions: vec![], undelivered_cancels: true });
    driver.evict(EvictionRequest::cache_full());
    assert_eq!(driver.cancelled_all, 1);
    assert!(driver.activation.is_none());
    driver.taken.push_back(LocalActivitiesTaken { resolutions: vec![], undelivered_cancels: true });
    driver.resolve(cancelled_local_activity(1));
    assert!(driver.activation.is_none(), "a result that the eviction itself caused reaches nobody");
    driver.cancel_delivered();
    assert_eq!(driver.jobs(), ["evict"]);
    driver.complete([]);
    assert!(driver.evicted.is_some());
    assert_eq!(driver.local_activity_notices.last(), Some(&LocalActivityNotice::Forget));
    assert_eq!(driver.ended.len(), 1, "the task's permit goes back with the run");
    assert!(!driver.ended[0].record_latency);
}

/// Upstream: eviction_with_buffered_la_marker_replays_only_completed_la.
#[test]
fn an_eviction_brings_home_what_the_task_has_earned() {
    let mut driver = Driver::new(task(&heartbeaten().up_to_task(1)));
    driver.complete([schedule_local_activity(1, TryCancel), schedule_local_activity(2, TryCancel)]);
    driver.resolve(completed_local_activity(1));
    driver.complete([]);
    assert!(driver.reports.is_empty());
    driver.evict(EvictionRequest::cache_full());
    assert_eq!(driver.jobs(), ["evict"]);
    driver.complete([]);
    let completion = driver.last_completion();
    assert_eq!(command_types(&completion.commands), ["RecordMarker"]);
    assert!(completion.force_create_new_task);
    assert!(driver.evicted.is_some());
}

/// Upstream: zero_cache_doesnt_evict_before_wft_is_answered.
#[test]
fn without_a_cache_the_run_stays_until_the_task_is_answered() {
    let mut driver = with_one(RunSetup { caching: false, ..setup() });
    assert!(driver.activation.is_none());
    driver.resolve(completed_local_activity(1));
    assert_eq!(driver.jobs(), ["local-1"]);
    driver.complete([complete_workflow()]);
    assert!(matches!(driver.reports.last(), Some(Report::Complete(_))));
    assert_eq!(driver.jobs(), ["evict"]);
}

#[test]
fn a_cancel_reaches_the_executor_or_takes_the_request_back() {
    let mut driver = with_one(setup());
    driver.resolve(completed_local_activity(1));
    driver.complete([
        schedule_local_activity(2, WaitCancellationCompleted),
        schedule_local_activity(3, WaitCancellationCompleted),
        cancel_local_activity(3),
    ]);
    assert_eq!(driver.jobs(), ["local-3"], "never sent: resolved at once");
    driver.complete([cancel_local_activity(2)]);
    assert_eq!(driver.local_activity_cancels, [2]);
    let sent: Vec<_> = driver.local_activities.iter().map(|execution| execution.schedule.seq).collect();
    assert_eq!(sent, [1, 2]);
}

#[test]
fn an_abandoned_one_is_not_waited_for() {
    let mut driver = Driver::new(task(&heartbeaten().up_to_task(1)));
    driver.complete([schedule_local_activity(1, Abandon), schedule_local_activity(2, TryCancel)]);
    driver.resolve(completed_local_activity(2));
    driver.complete([cancel_local_activity(1)]);
    assert_eq!(driver.jobs(), ["local-1"]);
    driver.complete([start_timer(1)]);
    let types = command_types(&driver.last_completion().commands);
    assert_eq!(types, ["RecordMarker", "RecordMarker", "StartTimer"]);
    assert!(!driver.last_completion().force_create_new_task);
}

#[test]
fn the_end_of_the_workflow_cancels_the_rest() {
    let mut driver = Driver::new(task(&heartbeaten().up_to_task(1)));
    driver.complete([schedule_local_activity(1, TryCancel), schedule_local_activity(2, TryCancel)]);
    driver.resolve(completed_local_activity(1));
    driver.holds_reports = true;
    driver.complete([complete_workflow()]);
    assert_eq!(driver.cancelled_all, 1);
    driver.tell();
    let types = command_types(&driver.last_completion().commands);
    assert_eq!(types, ["RecordMarker", "CompleteWorkflowExecution"]);
}

#[test]
fn a_worker_that_executes_none_refuses() {
    let driver = with_one(RunSetup { local_activities: false, ..setup() });
    let failure = driver.reports.last().expect("the task fails").failure();
    assert_eq!(
        failure.failure.message,
        "Fatal error in workflow machines: Local activities are not enabled on this worker"
    );
}
