//! Spec 12.2, 12.3: a whole history as the task of a replay worker.

use crate::history_service::slices;
use corewasm_engine::history::{ReplayError, ReplayHistory};
use corewasm_testkit::HistoryBuilder;
use corewasm_testkit::history::{RUN_ID, TASK_QUEUE, WORKFLOW_TYPE};
use temporalio_protos::temporal::api::enums::v1::WorkflowTaskFailedCause;
use temporalio_protos::temporal::api::history::v1::WorkflowExecutionStartedEventAttributes;
use temporalio_protos::temporal::api::history::v1::history_event::Attributes;

fn replay(history: &HistoryBuilder) -> Result<ReplayHistory, ReplayError> {
    ReplayHistory::of("workflow-id".to_owned(), slices(history.events()))
}

fn ids(history: &HistoryBuilder) -> (i64, i64) {
    let task = replay(history).expect("a valid history").task;
    (task.previous_started_event_id, task.started_event_id)
}

#[test]
fn the_first_event_says_what_runs() {
    // Spec 12.2.
    let replay = replay(&HistoryBuilder::new()).expect("a valid history");
    assert_eq!(replay.task.workflow_id, "workflow-id");
    assert_eq!((replay.task.run_id.as_str(), replay.workflow_type.as_str()), (RUN_ID, WORKFLOW_TYPE));
    assert_eq!(replay.task_queue, TASK_QUEUE);
}

#[test]
fn everything_is_replay_up_to_the_last_completed_task() {
    // Spec 12.2.
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.timer_started("1");
    history.workflow_task();
    assert_eq!(ids(&history), (7, 7));
    history.execution_completed();
    assert_eq!(ids(&history), (7, 7));
}

#[test]
fn a_task_that_has_just_started_is_live() {
    // Spec 12.2.
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    assert_eq!(ids(&history), (0, 3));
    history.workflow_task_completed();
    history.signaled("go on");
    history.workflow_task_pending();
    assert_eq!(ids(&history), (3, 7));
}

#[test]
fn failed_and_timed_out_tasks_do_not_count() {
    // Spec 12.2, 12.3.
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.workflow_task_pending();
    history.workflow_task_failed(WorkflowTaskFailedCause::UnhandledCommand);
    history.workflow_task_pending();
    history.workflow_task_timed_out();
    assert_eq!(ids(&history), (3, 3));
    history.workflow_task_pending();
    history.execution_terminated();
    assert_eq!(ids(&history), (3, 3));
}

#[test]
fn a_history_that_is_none_is_refused() {
    // Spec 12.3.
    assert_eq!(replay(&HistoryBuilder::empty()).expect_err("empty"), ReplayError::Empty);

    let mut headless = HistoryBuilder::empty();
    headless.workflow_task();
    assert_eq!(replay(&headless).expect_err("no start"), ReplayError::NoStart);

    let mut nameless = HistoryBuilder::empty();
    nameless.add(WorkflowExecutionStartedEventAttributes::default());
    assert_eq!(replay(&nameless).expect_err("no type"), ReplayError::NoWorkflowType);

    let mut odd = HistoryBuilder::new();
    odd.workflow_task_pending();
    odd.signaled("in between");
    let error = replay(&odd).expect_err("a signal cannot follow");
    assert_eq!(error, ReplayError::BadTask { event_id: 4, event_type: "EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED" });
}

#[test]
fn a_run_may_be_without_an_id() {
    // Spec 12.2.
    let mut unnamed = HistoryBuilder::new();
    unnamed.edit(1, |event| {
        if let Some(Attributes::WorkflowExecutionStartedEventAttributes(start)) = &mut event.attributes {
            start.original_execution_run_id.clear();
        }
    });
    assert_eq!(replay(&unnamed).expect("native replays it").task.run_id, "");
}
