//! Spec 1.4, 17(1): where logical workflow tasks end.

use crate::history_service::{slices, span, take, try_take, update};
use corewasm_engine::history::{HistoryUpdate, NextSequence};
use corewasm_testkit::{HistoryBuilder, LocalActivityMarker};
use serde_json::Value;
use temporalio_protos::temporal::api::enums::v1::WorkflowTaskFailedCause;

/// Every sequence of a fresh run, as first and last event id.
fn assert_sequences(history: &HistoryBuilder, expected: &[(i64, i64)]) {
    let mut update = update(history);
    let mut last = 0;
    let mut spans = Vec::new();
    while let NextSequence::Sequence(sequence) = try_take(&mut update, last) {
        spans.push(span(&sequence.events));
        last = spans[spans.len() - 1].1;
    }
    assert_eq!(spans, expected);
}

fn one_timer() -> HistoryBuilder {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    let timer = history.timer_started("1");
    history.timer_fired(timer);
    history.workflow_task_pending();
    history
}

/// Three tasks with commands, then a chain of heartbeats, then the end.
fn three_tasks_then_heartbeats() -> HistoryBuilder {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.timer_started("1");
    history.workflow_task();
    history.timer_started("2");
    for _ in 0..50 {
        history.workflow_task();
    }
    history.execution_completed();
    history
}

#[test]
fn a_started_task_ends_a_sequence() {
    // Spec 1.4.6.
    assert_sequences(&one_timer(), &[(1, 3), (4, 8)]);
}

#[test]
fn events_already_handled_are_left_out() {
    // Spec 1.4.7: the first task was never taken, and must not be.
    let mut update = update(&one_timer());
    assert_eq!(span(&take(&mut update, 3)), (4, 8));
    assert_eq!(update.take_next_sequence(8), NextSequence::ReplayOver);
}

/// Upstream: skips_wft_failed.
#[test]
fn a_failed_task_ends_nothing() {
    // Spec 1.4.3.
    let mut history = one_timer();
    history.workflow_task_failed_by_reset("run-id");
    history.workflow_task_pending();
    assert_sequences(&history, &[(1, 3), (4, 11)]);
}

/// Upstream: skips_wft_timeout.
#[test]
fn a_timed_out_task_ends_nothing() {
    // Spec 1.4.3.
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    let activity = history.activity_scheduled("1");
    history.signaled("at-started");
    history.workflow_task_scheduled();
    history.signaled("at-completed");
    let started = history.activity_started(activity);
    history.activity_completed(activity, started, corewasm_testkit::history::json(&Value::Null));
    history.workflow_task_started();
    history.workflow_task_timed_out();
    history.workflow_task();
    history.execution_completed();
    assert_sequences(&history, &[(1, 3), (4, 14), (15, 16)]);
}

/// Upstream: history_ends_abruptly.
#[test]
fn an_abrupt_end_belongs_to_the_task_it_ends() {
    // Spec 1.4.2, 1.4.3.
    for end in [HistoryBuilder::execution_terminated, HistoryBuilder::execution_timed_out] {
        let mut history = one_timer();
        end(&mut history);
        assert_sequences(&history, &[(1, 3), (4, 9)]);
    }
}

/// Upstream: heartbeats_skipped.
#[test]
fn heartbeats_are_part_of_the_next_task() {
    // Spec 1.4.4.
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.workflow_task();
    history.timer_started("1");
    history.workflow_task();
    history.workflow_task();
    history.workflow_task();
    history.workflow_task();
    history.timer_started("2");
    history.workflow_task();
    history.signaled("whee");
    history.workflow_task();
    history.execution_completed();
    assert_sequences(&history, &[(1, 6), (7, 10), (11, 19), (20, 23), (24, 27), (28, 29)]);
}

/// Upstream: heartbeat_marker_end.
#[test]
fn a_marker_after_a_heartbeat_ends_the_task_before() {
    // Spec 1.4.4: the heartbeat's own task had already been handled.
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.workflow_task();
    history.local_activity_marker(&LocalActivityMarker::completed(1));
    history.execution_completed();
    let mut update = update(&history);
    assert_eq!(span(&take(&mut update, 3)), (4, 6));
    assert_eq!(span(&take(&mut update, 6)), (7, 9));
}

/// Upstream: task_just_before_heartbeat_chain_is_taken.
#[test]
fn the_task_before_a_chain_of_heartbeats_stands_alone() {
    // Spec 1.4.4.
    assert_sequences(&three_tasks_then_heartbeats(), &[(1, 3), (4, 7), (8, 11), (12, 158), (159, 160)]);
}

/// Upstream: just_signal_is_complete_wft.
#[test]
fn a_signal_alone_makes_a_task() {
    // Spec 1.4.6.
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.signaled("whatever");
    history.workflow_task();
    history.signaled("whatever");
    history.workflow_task();
    history.execution_completed();
    assert_sequences(&history, &[(1, 3), (4, 7), (8, 11), (12, 13)]);
}

/// Upstream: la_marker_chunking.
#[test]
fn local_activity_markers_and_timed_out_tasks_go_together() {
    // Spec 1.4.3, 1.4.8.
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.signaled("whatever");
    history.workflow_task();
    history.local_activity_marker(&LocalActivityMarker::completed(1));
    let activity = history.activity_scheduled("1");
    let started = history.activity_started(activity);
    history.activity_completed(activity, started, corewasm_testkit::history::json(&Value::Null));
    history.workflow_task_pending();
    history.workflow_task_timed_out();
    history.workflow_task_pending();
    history.workflow_task_timed_out();
    history.workflow_task_pending();
    assert_sequences(&history, &[(1, 3), (4, 7), (8, 20)]);
}

/// Upstream: update_accepted_after_empty_wft.
#[test]
fn an_update_goes_back_to_the_task_it_came_with() {
    // Spec 1.4.5: the first, empty task happened with the start alone, the update came with the second.
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.workflow_task();
    with_update(&mut history);
    assert_sequences(&history, &[(1, 3), (4, 6), (7, 13)]);
}

/// Upstream: wft_fail_on_first_task_with_update.
#[test]
fn an_update_does_not_go_back_to_a_failed_task() {
    // Spec 1.4.5, 1.4.3: else looking ahead would not see that it was accepted.
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    history.workflow_task_failed(WorkflowTaskFailedCause::Unspecified);
    history.workflow_task();
    with_update(&mut history);
    assert_sequences(&history, &[(1, 6), (7, 13)]);
}

/// An update is accepted and completed, a timer in between; then another task.
fn with_update(history: &mut HistoryBuilder) {
    let accepted = history.update_accepted("1", "update");
    let timer = history.timer_started("1");
    history.update_completed(accepted, corewasm_testkit::history::json(&Value::Null));
    history.timer_fired(timer);
    history.workflow_task();
}

#[test]
fn an_update_sequenced_before_everything_stays_where_it_was_accepted() {
    // Spec 1.4.5: no task started before the event that the request was in order behind.
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.workflow_task();
    history.update_accepted_of("1", "update", 3);
    history.workflow_task_pending();
    assert_sequences(&history, &[(1, 6), (7, 10)]);
}

#[test]
fn events_between_a_task_and_its_end_conclude_it_only_after_a_command() {
    // Spec 1.4.6: not recorded by today's service, which buffers them.
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.signaled("early");
    history.workflow_task_pending();
    history.signaled("during");
    history.workflow_task_completed();
    history.timer_started("1");
    history.workflow_task_pending();
    assert_sequences(&history, &[(1, 3), (4, 12)]);
}

#[test]
fn every_final_event_ends_a_sequence() {
    // Spec 1.4.2.
    let ends = [
        HistoryBuilder::execution_completed,
        |h: &mut HistoryBuilder| h.execution_failed("broken"),
        HistoryBuilder::execution_canceled,
        HistoryBuilder::continued_as_new,
        HistoryBuilder::execution_terminated,
        HistoryBuilder::execution_timed_out,
    ];
    for end in ends {
        let mut history = HistoryBuilder::new();
        history.workflow_task();
        end(&mut history);
        assert_sequences(&history, &[(1, 3), (4, 5)]);
    }
}

#[test]
fn a_remainder_at_the_end_is_a_sequence_unless_it_is_one_event() {
    // Spec 1.4.7.
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    assert_sequences(&history, &[(1, 3)]);
    history.signaled("late");
    assert_sequences(&history, &[(1, 3), (4, 5)]);
}

#[test]
fn a_task_with_nothing_but_a_signal_takes_its_completion_with_it_at_the_end() {
    // Spec 1.4.6, 1.4.7: nothing interesting was seen, so the last task is not concluded on its own.
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.signaled("only");
    history.workflow_task();
    assert_sequences(&history, &[(1, 3), (4, 8)]);
}

#[test]
fn the_last_sequence_is_marked() {
    // Spec 1.5.4 needs to know the final sequence.
    let mut update = update(&one_timer());
    let marks: Vec<_> = [0, 3]
        .map(|from| match update.take_next_sequence(from) {
            NextSequence::Sequence(sequence) => sequence.is_last,
            other => panic!("a sequence, not {other:?}"),
        })
        .into();
    assert_eq!(marks, [false, true]);
}

#[test]
fn looking_ahead_shows_completions_of_tasks_still_to_come() {
    // Spec 1.5.2.
    let mut update = update(&three_tasks_then_heartbeats());
    let id = |update: &HistoryUpdate, from| update.peek_next_task_completed(from).map(|e| e.id());
    assert_eq!(id(&update, 0), Some(4));
    assert_eq!(id(&update, 4), Some(4));
    assert_eq!(id(&update, 5), Some(8));
    take(&mut update, 0);
    assert_eq!(id(&update, 3), Some(4));
    assert_eq!(id(&update, 160), None);
}

#[test]
fn a_task_is_incremental_unless_it_brings_the_first_event() {
    // Spec 1.3.1.
    let history = one_timer();
    assert!(!update(&history).is_incremental());
    assert!(HistoryUpdate::whole(slices(&history.only_task(2).events), 3, 8).is_incremental());
    assert!(HistoryUpdate::whole([], 3, 8).is_incremental());
}

#[test]
fn the_default_update_is_not_real() {
    // Spec 1.5.1: it only fills a place.
    assert!(!HistoryUpdate::default().is_real());
    assert!(update(&one_timer()).is_real());
}
