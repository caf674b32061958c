//! Spec 1.8.2, 2.7, 17(9): commands that end the workflow, and those that come after them.

use crate::support::commands::{complete_workflow, continue_as_new, fail_workflow, start_timer, upsert};
use crate::support::names::command_types;
use crate::support::{Driver, task};
use corewasm_testkit::HistoryBuilder;
use temporalio_protos::temporal::api::command::v1::command::Attributes;
use temporalio_protos::temporal::api::common::v1::{Memo, SearchAttributes};
use temporalio_protos::temporal::api::history::v1::history_event::Attributes as Event;

/// Completed with a timer, and with or without flag 3 on record.
fn completed_with_timer(flags: &[u32]) -> HistoryBuilder {
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    let completed = history.workflow_task_completed();
    history.flags(completed, flags, &[]);
    history.timer_started("1");
    history.execution_completed();
    history
}

/// Upstream: post_terminal_commands_are_retained_when_not_replaying.
#[test]
fn live_the_first_terminal_command_moves_to_the_end() {
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    let mut driver = Driver::new(task(&history.whole()));
    driver.complete([complete_workflow(), start_timer(1), fail_workflow("too late")]);
    let types = command_types(&driver.last_completion().commands);
    assert_eq!(types, ["StartTimer", "CompleteWorkflowExecution"]);
}

/// Upstream: post_terminal_commands_are_retained_when_replaying_and_flag_set.
#[test]
fn in_replay_it_moves_if_history_has_the_flag() {
    let mut driver = Driver::new(task(&completed_with_timer(&[3]).whole()));
    driver.complete([complete_workflow(), start_timer(1)]);
    assert!(driver.reports.is_empty(), "{:?}", driver.reports);
}

/// Upstream: post_terminal_commands_are_not_retained_when_replaying_and_flag_not_set.
#[test]
fn in_replay_what_follows_it_is_dropped_if_history_has_no_flag() {
    let mut driver = Driver::new(task(&completed_with_timer(&[]).whole()));
    driver.complete([complete_workflow(), start_timer(1)]);
    let failure = driver.reports.last().expect("the task fails").failure();
    assert!(failure.failure.message.contains("Nondeterminism"), "{}", failure.failure.message);
}

#[test]
fn nothing_is_told_of_a_workflow_that_history_has_ended() {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.execution_completed();
    let mut driver = Driver::new(task(&history.whole()));
    driver.complete([complete_workflow()]);
    assert!(driver.reports.is_empty());
    assert_eq!(driver.ended.len(), 1, "the end of the workflow ends the task");
}

/// Upstream: continue_as_new_preserves_some_values.
#[test]
fn continuing_as_new_passes_on_what_lang_leaves_out() {
    let mut history = HistoryBuilder::new();
    let fields = |key: &str| [(key.to_owned(), "value".into())].into_iter().collect();
    history.edit(1, |event| {
        if let Some(Event::WorkflowExecutionStartedEventAttributes(started)) = &mut event.attributes {
            started.memo = Some(Memo { fields: fields("memo") });
            started.search_attributes = Some(SearchAttributes { indexed_fields: fields("start") });
        }
    });
    history.workflow_task_pending();
    let mut driver = Driver::new(task(&history.whole()));
    driver.complete([upsert("upserted"), continue_as_new()]);
    let commands = &driver.last_completion().commands;
    assert_eq!(command_types(commands), ["UpsertWorkflowSearchAttributes", "ContinueAsNewWorkflowExecution"]);
    let Some(Attributes::ContinueAsNewWorkflowExecutionCommandAttributes(command)) = &commands[1].attributes else {
        panic!("a continue-as-new command has its attributes");
    };
    assert!(command.memo.as_ref().is_some_and(|memo| memo.fields.contains_key("memo")));
    let mut attributes: Vec<_> =
        command.search_attributes.iter().flat_map(|attributes| attributes.indexed_fields.keys()).collect();
    attributes.sort();
    assert_eq!(attributes, ["start", "upserted"]);
}
