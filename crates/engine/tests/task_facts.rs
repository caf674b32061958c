//! Spec 1.5.9, 1.7.1: what an activation says of its task.

use crate::support::commands::start_timer;
use crate::support::{Driver, legacy_query, task};
use corewasm_testkit::HistoryBuilder;
use temporalio_protos::coresdk::workflow_activation::WorkflowActivation;
use temporalio_protos::temporal::api::enums::v1::{SuggestContinueAsNewReason, WorkflowTaskFailedCause};
use temporalio_protos::temporal::api::history::v1::WorkflowTaskStartedEventAttributes;
use temporalio_protos::temporal::api::history::v1::history_event::Attributes;

const TOO_MANY: i32 = SuggestContinueAsNewReason::TooManyHistoryEvents as i32;

fn edit_started(history: &mut HistoryBuilder, id: i64, edit: impl FnOnce(&mut WorkflowTaskStartedEventAttributes)) {
    history.edit(id, |event| match &mut event.attributes {
        Some(Attributes::WorkflowTaskStartedEventAttributes(started)) => edit(started),
        other => panic!("no started task: {other:?}"),
    });
}

/// Two tasks; the second one's started event suggests to continue as new.
fn suggesting() -> HistoryBuilder {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.timer_started("1");
    history.signaled("poke");
    history.workflow_task_pending();
    edit_started(&mut history, 3, |started| started.history_size_bytes = 100);
    edit_started(&mut history, 8, |started| {
        started.history_size_bytes = 200;
        started.suggest_continue_as_new = true;
        started.suggest_continue_as_new_reasons = vec![TOO_MANY];
        started.target_worker_deployment_version_changed = true;
    });
    history
}

fn facts(activation: &WorkflowActivation) -> (u32, u64, bool, Vec<i32>, bool) {
    (
        activation.history_length,
        activation.history_size_bytes,
        activation.continue_as_new_suggested,
        activation.suggest_continue_as_new_reasons.clone(),
        activation.target_worker_deployment_version_changed,
    )
}

/// Upstream: history_byte_size_and_can_suggestion_in_activation.
#[test]
fn length_size_and_the_suggestion_to_continue_as_new_stand_in_the_activation() {
    let history = suggesting();
    let mut replayed = Driver::new(task(&history.whole()));
    let mut live = Driver::new(task(&history.up_to_task(1)));
    for driver in [&mut replayed, &mut live] {
        assert_eq!(facts(driver.activation()), (3, 100, false, vec![], false));
        driver.complete([start_timer(1)]);
    }
    live.task(task(&history.only_task(2)));
    for driver in [&mut replayed, &mut live] {
        assert_eq!(facts(driver.activation()), (8, 200, true, vec![TOO_MANY], true));
        driver.complete([]);
        driver.task(legacy_query(8, "query"));
        assert_eq!(facts(driver.activation()), (8, 200, true, vec![TOO_MANY], true), "a query sees the same");
    }
}

/// Upstream: history_length_with_fail_and_timeout.
#[test]
fn failed_and_timed_out_tasks_count_for_the_length() {
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    history.workflow_task_failed(WorkflowTaskFailedCause::WorkflowWorkerUnhandledFailure);
    history.workflow_task_pending();
    history.workflow_task_timed_out();
    history.workflow_task_pending();
    let driver = Driver::new(task(&history.whole()));
    assert_eq!(driver.activation().history_length, 9);
}

#[test]
fn time_is_that_of_the_task_in_hand() {
    let history = suggesting();
    let mut driver = Driver::new(task(&history.whole()));
    assert_eq!(driver.activation().timestamp, Some(history.time_of(3)));
    driver.complete([start_timer(1)]);
    assert_eq!(driver.activation().timestamp, Some(history.time_of(8)));
}
