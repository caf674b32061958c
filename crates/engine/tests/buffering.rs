//! Spec 1.11, 1.8.12, 17(16): tasks that come while the run is busy.

use crate::support::commands::{answer_query, start_timer};
use crate::support::names::query;
use crate::support::{Driver, legacy_query, task};
use corewasm_engine::{EvictionRequest, PreparedTask};
use corewasm_testkit::HistoryBuilder;
use temporalio_protos::coresdk::workflow_activation::remove_from_cache::EvictionReason;

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

/// Upstream: lang_slower_than_wft_timeouts. The service times the task out, schedules it again, and will not hear of
/// the first one's result: the run goes, and the newer task begins it anew.
#[test]
fn a_task_given_again_while_lang_was_slow_begins_a_fresh_run() {
    let mut again = HistoryBuilder::new();
    again.workflow_task_pending();
    again.workflow_task_timed_out();
    again.workflow_task_pending();
    let mut driver = Driver::new(task(&history().up_to_task(1)));
    driver.task(PreparedTask { attempt: 2, ..task(&again.whole()) });
    assert_eq!(driver.jobs(), ["init"], "lang has what it had");
    // The service's refusal comes before the outcome of the report (spec 1.8.11).
    driver.holds_reports = true;
    driver.complete([start_timer(1)]);
    driver.evict(EvictionRequest::report_refused(EvictionReason::TaskNotFound));
    driver.tell();
    assert_eq!(driver.jobs(), ["evict"], "the newer task waits behind the eviction");
    driver.complete([]);
    driver.tell();
    let mut evicted = driver.evicted.expect("lang let go");
    let mut fresh = Driver::new(evicted.buffered.remove(0));
    assert_eq!(fresh.jobs(), ["init"]);
    fresh.complete([start_timer(1)]);
    let completion = fresh.last_completion();
    assert_eq!((&completion.task_token[..], completion.attempt), (&b"token-6"[..], 2));
}

/// Upstream: queries_arent_lost_in_buffer_void.
#[test]
fn no_query_that_waits_is_lost_and_each_is_answered_under_its_own_token() {
    let mut driver = Driver::new(task(&history().up_to_task(1)));
    let tokens = ["one", "two", "three"];
    for token in tokens {
        driver.task(legacy_query(3, token));
    }
    driver.complete([start_timer(1)]);
    for token in tokens {
        assert_eq!(driver.jobs(), ["query-legacy_query"]);
        driver.complete([answer_query("legacy_query")]);
        assert_eq!(driver.ended.last().map(|ended| &ended.task_token[..]), Some(token.as_bytes()));
    }
    assert!(driver.activation.is_none() && !driver.run.has_buffered_tasks());
}

/// Upstream: queries_handled_before_next_wft.
#[test]
fn a_query_of_the_task_in_hand_is_answered_before_the_next_task() {
    let with_query = PreparedTask { queries: vec![("1".to_owned(), query("state"))], ..task(&history().up_to_task(1)) };
    let mut driver = Driver::new(with_query);
    driver.task(task(&history().only_task(2)));
    driver.complete([start_timer(1)]);
    assert_eq!(driver.jobs(), ["query-1"]);
    assert!(driver.reports.is_empty());
    driver.complete([answer_query("1")]);
    assert_eq!(driver.last_completion().query_responses.len(), 1);
    assert_eq!(driver.jobs(), ["signal-first"]);
}

/// Upstream: new_server_work_while_eviction_outstanding_doesnt_overwrite_activation.
#[test]
fn a_task_that_comes_during_an_eviction_does_not_take_its_place() {
    let mut driver = Driver::new(task(&history().up_to_task(1)));
    driver.complete([start_timer(1)]);
    driver.evict(EvictionRequest::cache_full());
    driver.task(task(&history().only_task(2)));
    driver.task(legacy_query(8, "query"));
    assert_eq!(driver.jobs(), ["evict"]);
    driver.complete([]);
    let evicted = driver.evicted.expect("lang let go");
    let tokens: Vec<_> = evicted.buffered.iter().map(|task| &task.task_token[..]).collect();
    assert_eq!(tokens, [&b"query"[..], b"token-8"]);
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
