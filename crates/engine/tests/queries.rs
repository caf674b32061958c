//! Spec 1.15, 17(3), 17(16), 17(17): queries, of the old kind and the new.

use crate::support::commands::{answer_query, complete_workflow, start_timer};
use crate::support::names::{command_types, query};
use crate::support::{Driver, Report, legacy_query, task};
use corewasm_engine::output::TaskFailureKind;
use corewasm_engine::{EvictionRequest, PreparedTask};
use corewasm_testkit::HistoryBuilder;
use temporalio_protos::coresdk::workflow_activation::remove_from_cache::EvictionReason;

fn timer_history() -> HistoryBuilder {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    let timer = history.timer_started("1");
    history.timer_fired(timer);
    history.workflow_task();
    history.execution_completed();
    history
}

/// A run that waits for its timer.
fn waiting_run() -> Driver {
    let mut driver = Driver::new(task(&timer_history().up_to_task(1)));
    driver.complete([start_timer(1)]);
    driver
}

/// Upstream: legacy_query.
#[test]
fn a_cached_run_answers_a_legacy_query() {
    let mut driver = waiting_run();
    driver.task(legacy_query(3, "query-token"));
    assert_eq!(driver.jobs(), ["query-legacy_query"]);
    assert!(driver.activation().is_replaying);
    assert_eq!(driver.reports.len(), 1, "the query task is not answered as a task");

    driver.complete([answer_query("legacy_query")]);
    assert!(matches!(driver.reports.last(), Some(Report::LegacyQuery(result)) if result.query_id == "legacy_query"));
    assert_eq!(driver.ended.last().map(|ended| &ended.task_token[..]), Some(&b"query-token"[..]));
    assert!(!driver.run.has_pending_work(false, false));
}

/// Upstream: legacy_query_after_complete.
#[test]
fn a_legacy_query_on_a_closed_workflow_replays_it_and_answers_nothing_else() {
    let whole = timer_history().whole();
    let mut driver = Driver::new(PreparedTask { legacy_query: Some(query("state")), ..task(&whole) });
    assert_eq!(driver.jobs(), ["init"]);
    driver.complete([start_timer(1)]);
    assert_eq!(driver.jobs(), ["timer-1"]);
    driver.complete([complete_workflow()]);
    assert_eq!(driver.jobs(), ["query-legacy_query"]);
    assert!(driver.reports.is_empty());
    driver.complete([answer_query("legacy_query")]);
    assert_eq!(driver.reports.len(), 1);
    assert!(matches!(driver.reports[0], Report::LegacyQuery(_)));
    assert_eq!(driver.jobs(), ["evict"]);
}

/// Upstream: new_queries.
#[test]
fn new_queries_come_after_the_task_and_are_answered_with_it() {
    let queries = ["1", "2"].map(|id| (id.to_owned(), query("state")));
    let first = PreparedTask { queries: queries.to_vec(), ..task(&timer_history().up_to_task(1)) };
    let mut driver = Driver::new(first);
    assert_eq!(driver.jobs(), ["init"]);
    driver.complete([start_timer(1)]);
    assert!(driver.reports.is_empty(), "the task waits for its queries");
    assert_eq!(driver.jobs(), ["query-1", "query-2"]);
    driver.complete([answer_query("1"), answer_query("2")]);
    let completion = driver.last_completion();
    assert_eq!(completion.query_responses.len(), 2);
    assert_eq!(command_types(&completion.commands), ["StartTimer"]);
}

#[test]
fn a_stale_legacy_query_is_not_failed_for_good_and_lang_answers_it_from_the_newer_state() {
    let mut driver = waiting_run();
    driver.task(legacy_query(0, "query-token"));
    let failure = driver.reports.last().expect("the query fails").failure();
    assert_eq!(failure.failure.message, "Fatal error in workflow machines: Query expired");
    assert_eq!(failure.kind, TaskFailureKind::RetryableLegacyQuery, "nobody is told");
    assert_eq!(driver.jobs(), ["query-legacy_query"]);
    driver.complete([answer_query("legacy_query")]);
    assert!(matches!(driver.reports.last(), Some(Report::LegacyQuery(_))));
    assert_eq!(driver.ended.len(), 2);
}

#[test]
fn a_task_with_both_kinds_is_left_to_time_out_and_the_run_goes() {
    let both = || PreparedTask {
        legacy_query: Some(query("state")),
        queries: vec![("1".to_owned(), query("state"))],
        ..task(&timer_history().up_to_task(2))
    };
    let mut waiting = waiting_run();
    waiting.task(both());
    assert_eq!(waiting.reports.len(), 1, "nobody is told: {:?}", waiting.reports);
    let fresh = Driver::new(both());
    assert!(fresh.reports.is_empty());
    for mut driver in [waiting, fresh] {
        assert_eq!(driver.discarded, ["token-8"], "its permit goes back");
        assert_eq!(driver.jobs(), ["evict"]);
        driver.complete([]);
        assert!(driver.evicted.is_some());
    }
}

#[test]
fn a_query_on_a_history_that_can_not_be_applied_is_dropped_and_the_run_goes() {
    let mut history = timer_history();
    history.edit(2, |event| event.event_id = 9);
    let mut driver = Driver::new(PreparedTask { legacy_query: Some(query("state")), ..task(&history.whole()) });
    let failure = driver.reports.last().expect("the query fails").failure();
    assert_eq!(failure.kind, TaskFailureKind::RetryableLegacyQuery, "nobody is told");
    assert_eq!(driver.jobs(), ["evict"]);
    driver.complete([]);
    assert_eq!(driver.ended.len(), 1, "the permit goes back with the run");
}

/// Upstream: legacy_query_failure_on_wft_failure.
#[test]
fn lang_failing_a_legacy_query_fails_the_query_and_not_the_task() {
    let mut driver = waiting_run();
    driver.task(legacy_query(3, "query-token"));
    driver.fail("boom");
    let failure = driver.reports.last().expect("the query fails").failure();
    assert_eq!(failure.kind, TaskFailureKind::LegacyQuery);
    assert_eq!(failure.failure.message, "boom");
    assert_eq!(driver.jobs(), ["evict"]);
}

#[test]
fn an_eviction_because_of_a_fault_drops_pending_queries_of_the_new_kind() {
    let first =
        PreparedTask { queries: vec![("1".to_owned(), query("state"))], ..task(&timer_history().up_to_task(1)) };
    let mut driver = Driver::new(first);
    driver.evict(EvictionRequest::because(EvictionReason::Fatal, "a fault"));
    driver.complete([start_timer(1)]);
    assert_eq!(driver.jobs(), ["evict"]);
}

#[test]
fn an_eviction_for_want_of_space_lets_pending_queries_finish() {
    let first =
        PreparedTask { queries: vec![("1".to_owned(), query("state"))], ..task(&timer_history().up_to_task(1)) };
    let mut driver = Driver::new(first);
    driver.evict(EvictionRequest::cache_full());
    driver.complete([start_timer(1)]);
    assert_eq!(driver.jobs(), ["query-1"]);
    driver.complete([answer_query("1")]);
    assert_eq!(driver.last_completion().query_responses.len(), 1);
    assert_eq!(driver.jobs(), ["evict"]);
}

/// Upstream: query_failure_because_nondeterminism.
#[test]
fn a_nondeterminism_during_playback_fails_the_query() {
    let whole = timer_history().whole();
    let mut driver = Driver::new(PreparedTask { legacy_query: Some(query("state")), ..task(&whole) });
    driver.complete([]);
    let failure = driver.reports.last().expect("the query fails").failure();
    assert_eq!(failure.kind, TaskFailureKind::LegacyQuery);
    assert_eq!(driver.jobs(), ["evict"]);
}
