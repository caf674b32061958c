//! Spec 1.11, 1.8.12: tasks that come while the run is busy.

use crate::support::commands::{answer_query, start_timer};
use crate::support::{Driver, legacy_query, task};
use corewasm_testkit::HistoryBuilder;

fn history() -> HistoryBuilder {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.timer_started("1");
    history.signaled("first");
    history.workflow_task();
    history.signaled("second");
    history.workflow_task_pending();
    history
}

#[test]
fn a_task_waits_until_lang_is_done_with_the_one_before() {
    let mut driver = Driver::new(task(&history().up_to_task(1)));
    driver.task(task(&history().only_task(2)));
    assert!(driver.run.has_buffered_tasks());
    driver.complete([start_timer(1)]);
    assert_eq!(driver.jobs(), ["signal-first"]);
    assert!(!driver.run.has_buffered_tasks());
}

#[test]
fn a_newer_task_replaces_a_waiting_one_and_its_queries() {
    let mut driver = Driver::new(task(&history().up_to_task(1)));
    driver.task(legacy_query(3, "before"));
    driver.task(task(&history().only_task(2)));
    driver.task(legacy_query(8, "behind"));
    let mut newer = task(&history().only_task(2));
    newer.task_token = "newer".into();
    driver.task(newer);
    assert_eq!(driver.discarded, ["token-8", "behind"]);

    driver.complete([start_timer(1)]);
    assert_eq!(driver.jobs(), ["query-legacy_query"]);
    driver.complete([answer_query("legacy_query")]);
    assert_eq!(driver.ended.last().map(|ended| &ended.task_token[..]), Some(&b"before"[..]));
    assert_eq!(driver.jobs(), ["signal-first"]);
    driver.complete([]);
    assert_eq!(driver.ended.last().map(|ended| &ended.task_token[..]), Some(&b"newer"[..]));
}

#[test]
fn queries_behind_a_waiting_task_are_served_just_before_it() {
    let mut driver = Driver::new(task(&history().up_to_task(1)));
    driver.task(task(&history().only_task(2)));
    driver.task(legacy_query(3, "behind"));
    driver.complete([start_timer(1)]);
    assert_eq!(driver.jobs(), ["query-legacy_query"]);
    driver.complete([answer_query("legacy_query")]);
    assert_eq!(driver.jobs(), ["signal-first"]);
}

#[test]
fn a_task_that_comes_with_the_response_takes_over_the_permit() {
    let mut driver = Driver::new(task(&history().up_to_task(1)));
    driver.next_tasks.push_back(task(&history().only_task(2)));
    driver.complete([start_timer(1)]);
    assert_eq!(driver.jobs(), ["signal-first"]);
    assert_eq!(driver.ended[0].permit_taken_over_by.as_deref(), Some(&b"token-8"[..]));
}

#[test]
fn a_task_that_brings_nothing_is_completed_without_lang() {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.timer_started("1");
    history.workflow_task_pending();
    let mut driver = Driver::new(task(&history.up_to_task(1)));
    driver.complete([start_timer(1)]);
    driver.task(task(&history.only_task(2)));
    assert!(driver.activation.is_none());
    assert!(driver.last_completion().commands.is_empty());
    assert_eq!(driver.ended.len(), 2);
}
