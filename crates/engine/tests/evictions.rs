//! Spec 1.9, 1.10.3, 17(16): when a run goes, and what it leaves behind.

use crate::support::commands::{complete_workflow, start_timer};
use crate::support::{Driver, Report, setup, task};
use corewasm_engine::input::UnstoredTask;
use corewasm_engine::{EvictionRequest, RunSetup};
use corewasm_testkit::HistoryBuilder;
use temporalio_protos::coresdk::workflow_activation::RemoveFromCache;
use temporalio_protos::coresdk::workflow_activation::remove_from_cache::EvictionReason;
use temporalio_protos::coresdk::workflow_activation::workflow_activation_job::Variant;

fn history() -> HistoryBuilder {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    let timer = history.timer_started("1");
    history.timer_fired(timer);
    history.workflow_task_pending();
    history
}

fn waiting_run() -> Driver {
    let mut driver = Driver::new(task(&history().up_to_task(1)));
    driver.complete([start_timer(1)]);
    driver
}

fn eviction(driver: &Driver) -> RemoveFromCache {
    match &driver.activation().jobs[0].variant {
        Some(Variant::RemoveFromCache(eviction)) => eviction.clone(),
        other => panic!("no eviction: {other:?}"),
    }
}

#[test]
fn an_idle_run_goes_at_once() {
    let mut driver = waiting_run();
    driver.evict(EvictionRequest::by_lang());
    assert_eq!(eviction(&driver).message, "Eviction explicitly requested by lang");
    assert_eq!(eviction(&driver).reason(), EvictionReason::LangRequested);
    assert_eq!(driver.activation().history_length, 3);
    assert!(driver.activation().timestamp.is_none());
    driver.complete([]);
    assert!(driver.evicted.is_some_and(|evicted| !evicted.workflow_ended && evicted.buffered.is_empty()));
    assert_eq!(driver.reports.len(), 1, "an eviction without a task tells nobody");
}

#[test]
fn a_run_with_an_activation_goes_after_it_with_the_latest_reason() {
    let mut driver = Driver::new(task(&history().up_to_task(1)));
    driver.evict(EvictionRequest::cache_full());
    driver.evict(EvictionRequest::by_lang());
    assert_eq!(driver.jobs(), ["init"]);
    driver.complete([start_timer(1)]);
    assert_eq!(driver.completions().len(), 1);
    assert_eq!(eviction(&driver).reason(), EvictionReason::LangRequested);
}

#[test]
fn a_replaying_run_goes_when_replay_is_over() {
    let mut driver = Driver::new(task(&history().whole()));
    driver.evict(EvictionRequest::cache_full());
    driver.complete([start_timer(1)]);
    assert_eq!(driver.jobs(), ["timer-1"]);
    driver.complete([]);
    assert_eq!(driver.completions().len(), 1);
    assert_eq!(driver.jobs(), ["evict"]);
}

#[test]
fn a_task_that_comes_during_the_eviction_is_left_to_a_fresh_run() {
    let mut driver = waiting_run();
    driver.evict(EvictionRequest::cache_full());
    driver.task(task(&history().only_task(2)));
    assert_eq!(driver.jobs(), ["evict"]);
    driver.complete([]);
    let evicted = driver.evicted.expect("lang let go");
    assert_eq!(evicted.buffered.len(), 1);
    assert_eq!(driver.ended.len(), 1, "the buffered task keeps its permit");
}

#[test]
fn without_a_cache_the_run_goes_after_each_task() {
    let mut driver = Driver::with_setup(RunSetup { caching: false, ..setup() }, task(&history().up_to_task(1)));
    driver.complete([start_timer(1)]);
    assert_eq!(driver.completions().len(), 1);
    assert_eq!(eviction(&driver).message, "Workflow cache full");
}

#[test]
fn a_replay_worker_goes_after_the_last_activation() {
    let mut driver = Driver::with_setup(RunSetup { replay_only: true, ..setup() }, task(&history().whole()));
    driver.complete([start_timer(1)]);
    assert_eq!(driver.jobs(), ["timer-1"]);
    driver.complete([complete_workflow()]);
    assert_eq!(eviction(&driver).reason(), EvictionReason::LangRequested);
    assert_eq!(eviction(&driver).message, "Always evict workflows after replay");
}

#[test]
fn a_task_that_could_not_be_stored_fails_when_lang_lets_go() {
    let mut driver = waiting_run();
    driver.evict(EvictionRequest {
        fail_task: Some(UnstoredTask { task_token: "lost".into(), attempt: 1 }),
        ..EvictionRequest::because(EvictionReason::PaginationOrHistoryFetch, "Fetching history failed: gone")
    });
    driver.complete([]);
    let Some(Report::Fail(failure)) = driver.reports.last() else { panic!("the lost task fails") };
    assert_eq!(&failure.task_token[..], b"lost");
    assert_eq!(failure.failure.message, "Fetching history failed: gone");
    assert!(driver.evicted.is_some());
}

#[test]
fn commands_in_the_reply_to_an_eviction_are_dropped() {
    let mut driver = waiting_run();
    driver.evict(EvictionRequest::cache_full());
    driver.complete([start_timer(2)]);
    assert!(driver.evicted.is_some());
    assert_eq!(driver.completions().len(), 1);
}
