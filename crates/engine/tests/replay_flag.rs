//! Spec 1.5.4, 1.7.1, 17(3): when an activation says that it replays.

use crate::support::commands::{answer_query, start_timer};
use crate::support::names::{job_names, query};
use crate::support::{Driver, legacy_query, task};
use corewasm_engine::PreparedTask;
use corewasm_testkit::{HistoryBuilder, TaskView};
use temporalio_protos::temporal::api::enums::v1::WorkflowTaskFailedCause;

fn flags(view: &TaskView) -> Vec<(Vec<String>, bool)> {
    let (_, activations) = Driver::replay(task(view), |activation| match job_names(activation)[0].as_str() {
        "init" => vec![start_timer(1)],
        _ => vec![],
    });
    activations.iter().map(|activation| (job_names(activation), activation.is_replaying)).collect()
}

fn expected(pairs: &[(&str, bool)]) -> Vec<(Vec<String>, bool)> {
    pairs.iter().map(|(job, replaying)| (vec![(*job).to_owned()], *replaying)).collect()
}

#[test]
fn the_last_task_is_live() {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.timer_started("1");
    history.signaled("one");
    history.workflow_task();
    history.signaled("two");
    history.workflow_task_pending();
    let seen = flags(&history.whole());
    assert_eq!(seen, expected(&[("init", true), ("signal-one", true), ("signal-two", false)]));
}

#[test]
fn a_history_that_ends_on_a_completed_task_replays_to_its_end() {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.timer_started("1");
    history.signaled("one");
    history.workflow_task();
    let seen = flags(&history.whole());
    assert_eq!(seen, expected(&[("init", true), ("signal-one", true)]));
}

#[test]
fn a_query_is_always_a_replay() {
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    let mut driver = Driver::new(task(&history.whole()));
    assert!(!driver.activation().is_replaying);
    driver.complete([start_timer(1)]);
    driver.task(legacy_query(3, "query"));
    assert!(driver.activation().is_replaying);
}

/// Upstream: replay_flag_correct_with_query. A query's history may hold a task's commands, but not yet what came of
/// them.
#[test]
fn a_query_on_a_history_that_ends_on_commands_replays_and_the_task_behind_it_is_live() {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    let timer = history.timer_started("1");
    let queried = TaskView { events: history.events().to_vec(), previous_started_event_id: 3, started_event_id: 3 };
    history.timer_fired(timer);
    history.workflow_task_pending();
    let mut driver = Driver::new(PreparedTask { legacy_query: Some(query("state")), ..task(&queried) });
    assert_eq!((driver.jobs(), driver.activation().is_replaying), (vec!["init".to_owned()], true));
    driver.complete([start_timer(1)]);
    let jobs = vec!["query-legacy_query".to_owned()];
    assert_eq!((driver.jobs(), driver.activation().is_replaying), (jobs, true));
    driver.complete([answer_query("legacy_query")]);
    assert_eq!(driver.reports.len(), 1, "the query alone is answered");
    driver.task(task(&history.only_task(2)));
    assert_eq!((driver.jobs(), driver.activation().is_replaying), (vec!["timer-1".to_owned()], false));
}

/// Upstream: replay_flag_correct_signal_before_query_ending_on_wft_completed.
#[test]
fn a_signal_before_a_query_on_a_history_that_ends_on_a_completed_task_replays() {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.timer_started("1");
    history.signaled("one");
    history.workflow_task();
    let with_query = PreparedTask { legacy_query: Some(query("state")), ..task(&history.whole()) };
    let (_, activations) = Driver::replay(with_query, |activation| match job_names(activation)[0].as_str() {
        "init" => vec![start_timer(1)],
        _ => vec![],
    });
    let seen: Vec<_> = activations.iter().take(3).map(|a| (job_names(a)[0].clone(), a.is_replaying)).collect();
    let seen: Vec<_> = seen.iter().map(|(job, replaying)| (job.as_str(), *replaying)).collect();
    assert_eq!(seen, [("init", true), ("signal-one", true), ("query-legacy_query", true)]);
}

/// Upstream: task_fail_causes_replay_unset_too_soon.
#[test]
fn a_failed_task_does_not_end_replay_too_soon() {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    let timer = history.timer_started("1");
    history.timer_fired(timer);
    history.workflow_task_pending();
    history.workflow_task_failed(WorkflowTaskFailedCause::WorkflowWorkerUnhandledFailure);
    history.workflow_task_pending();
    let seen = flags(&history.whole());
    assert_eq!(seen, expected(&[("init", true), ("timer-1", false)]));
}
