//! Spec 1.7.2: the order of the jobs within an activation.

use crate::support::commands::{
    answer_query, cancel_activity, schedule_activity, schedule_local_activity, set_patch, start_timer,
};
use crate::support::names::{job_names, query};
use crate::support::recorder::update_message;
use crate::support::{Driver, completed_local_activity, task};
use corewasm_engine::PreparedTask;
use corewasm_testkit::HistoryBuilder;
use temporalio_protos::coresdk::workflow_commands::ActivityCancellationType::TryCancel;

/// Upstream: jobs_are_in_appropriate_order. Signals and updates keep their order among each other.
#[test]
fn signals_and_updates_come_before_what_was_waited_for_and_queries_alone() {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    let timer = history.timer_started("1");
    let scheduled = history.activity_scheduled("1");
    history.timer_fired(timer);
    let started = history.activity_started(scheduled);
    history.activity_completed(scheduled, started, "result".into());
    history.cancel_requested("because");
    let first = history.signaled("one");
    history.signaled("two");
    history.workflow_task_pending();
    let mut driver = Driver::new(task(&history.up_to_task(1)));
    driver.complete([start_timer(1), schedule_activity(1, TryCancel)]);
    let second = PreparedTask {
        messages: vec![update_message("between", first)],
        queries: vec![("1".to_owned(), query("state"))],
        ..task(&history.only_task(2))
    };
    driver.task(second);
    let expected = ["signal-one", "update-between", "signal-two", "timer-1", "activity-1", "cancel"];
    assert_eq!(driver.jobs(), expected);
    driver.complete([]);
    assert_eq!(driver.jobs(), ["query-1"]);
    driver.complete([answer_query("1")]);
    assert_eq!(driver.completions().len(), 2);
}

#[test]
fn the_start_comes_first_then_patches_then_the_seed() {
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    history.workflow_task_failed_by_reset("another-run");
    history.signaled("early");
    history.workflow_task();
    history.patch_marker("p", false);
    history.timer_started("1");
    history.signaled("poke");
    history.workflow_task_pending();
    let (driver, activations) = Driver::replay(task(&history.whole()), |a| match job_names(a)[0].as_str() {
        "init" => vec![set_patch("p", false), start_timer(1)],
        _ => vec![],
    });
    assert_eq!(job_names(&activations[0]), ["init", "patch-p", "seed", "signal-early"]);
    assert_eq!(job_names(&activations[1]), ["signal-poke"], "{:?}", driver.reports);
}

#[test]
fn results_of_local_activities_come_last() {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    let scheduled = history.activity_scheduled("1");
    let started = history.activity_started(scheduled);
    history.activity_completed(scheduled, started, "result".into());
    history.signaled("poke");
    history.workflow_task_pending();
    let mut driver = Driver::new(task(&history.up_to_task(1)));
    driver.complete([schedule_activity(1, TryCancel), schedule_local_activity(1, TryCancel)]);
    driver.heartbeat();
    driver.resolve(completed_local_activity(1));
    driver.task(task(&history.only_task(2)));
    assert_eq!(driver.jobs(), ["signal-poke", "activity-1", "local-1"]);
    driver.complete([cancel_activity(1)]);
    assert_eq!(driver.completions().len(), 2, "too late, and harmless: {:?}", driver.reports);
}
