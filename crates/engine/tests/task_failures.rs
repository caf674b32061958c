//! Spec 1.7.4, 1.8.7 to 1.8.10, 17(15): how workflow tasks fail.

use crate::support::commands::cancel_timer;
use crate::support::names::command_types;
use crate::support::{Driver, setup, task};
use corewasm_engine::{PreparedTask, ReportOutcome, ReportResult, RunSetup};
use corewasm_testkit::HistoryBuilder;
use temporalio_protos::coresdk::workflow_activation::remove_from_cache::EvictionReason;
use temporalio_protos::coresdk::workflow_activation::workflow_activation_job::Variant;
use temporalio_protos::temporal::api::enums::v1::WorkflowTaskFailedCause;

fn replayed_timer() -> HistoryBuilder {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    let timer = history.timer_started("1");
    history.timer_fired(timer);
    history.workflow_task_pending();
    history
}

fn eviction_reason(driver: &Driver) -> EvictionReason {
    match &driver.activation().jobs[0].variant {
        Some(Variant::RemoveFromCache(eviction)) => eviction.reason(),
        other => panic!("no eviction: {other:?}"),
    }
}

#[test]
fn lang_failing_fails_the_task_and_evicts() {
    let mut driver = Driver::new(task(&replayed_timer().up_to_task(1)));
    driver.fail("boom");
    let failure = driver.reports.last().expect("the task fails").failure();
    assert_eq!(failure.cause, WorkflowTaskFailedCause::WorkflowWorkerUnhandledFailure);
    assert_eq!(failure.failure.message, "boom");
    assert_eq!(eviction_reason(&driver), EvictionReason::LangFail);
    assert_eq!(driver.ended.len(), 1);
    driver.complete([]);
    assert!(driver.evicted.is_some());
    assert_eq!(driver.ended.len(), 1, "the permit goes back once");
}

#[test]
fn nondeterminism_has_a_cause_of_its_own() {
    let mut driver = Driver::new(task(&replayed_timer().whole()));
    driver.complete([]);
    let failure = driver.reports.last().expect("the task fails").failure();
    assert_eq!(failure.cause, WorkflowTaskFailedCause::NonDeterministicError);
    assert_eq!(eviction_reason(&driver), EvictionReason::Nondeterminism);
}

/// Upstream: workflow_failures_only_reported_once, failing_wft_doesnt_eat_permit_forever.
#[test]
fn a_later_attempt_is_dropped_but_its_permit_and_latency_count() {
    let second = PreparedTask { attempt: 2, ..task(&replayed_timer().up_to_task(1)) };
    let mut driver = Driver::new(second);
    driver.fail("boom");
    assert_eq!(driver.reports.last().expect("decided").failure().attempt, 2);
    assert!(driver.ended[0].record_latency);
}

/// Upstream: nondeterminism_errors_fail_workflow_when_configured_to.
#[test]
fn nondeterminism_fails_the_workflow_where_that_is_wanted() {
    let setup = RunSetup { nondeterminism_fails_workflow: true, ..setup() };
    let mut driver = Driver::with_setup(setup, task(&replayed_timer().whole()));
    driver.complete([]);
    let commands = &driver.last_completion().commands;
    assert_eq!(command_types(commands), ["FailWorkflowExecution"]);
    assert_eq!(driver.jobs(), ["evict"]);
}

#[test]
fn nondeterminism_on_a_later_attempt_never_fails_the_workflow() {
    let setup = RunSetup { nondeterminism_fails_workflow_types: vec!["TestWorkflow".to_owned()], ..setup() };
    let second = PreparedTask { attempt: 2, ..task(&replayed_timer().whole()) };
    let mut driver = Driver::with_setup(setup, second);
    driver.complete([]);
    assert_eq!(driver.reports.last().expect("the task fails").failure().attempt, 2);
}

#[test]
fn events_out_of_order_are_fatal() {
    let mut history = replayed_timer();
    history.edit(2, |event| event.event_id = 3);
    history.edit(3, |event| event.event_id = 4);
    let view = history.up_to_task(1);
    let driver = Driver::new(task(&view));
    let failure = driver.reports.last().expect("the task fails").failure();
    assert_eq!(
        failure.failure.message,
        "Fatal error in workflow machines: History is out of order. Last processed event: 1, event id: 3"
    );
}

#[test]
fn a_history_that_gives_a_new_run_nothing_to_do_completes_its_task() {
    let mut history = HistoryBuilder::empty();
    history.workflow_task_pending();
    let driver = Driver::new(task(&history.whole()));
    assert!(driver.activation.is_none());
    assert!(driver.last_completion().commands.is_empty());
}

#[test]
fn cancelling_what_never_was_is_nondeterminism() {
    let mut driver = Driver::new(task(&replayed_timer().up_to_task(1)));
    driver.complete([cancel_timer(7)]);
    let failure = driver.reports.last().expect("the task fails").failure();
    assert_eq!(failure.failure.message, "[TMPRL1100] Nondeterminism error: Missing associated machine for Timer(7)");
}

#[test]
fn the_result_of_cores_own_failure_leaves_langs_activation_alone() {
    let mut driver = Driver::new(task(&replayed_timer().up_to_task(1)));
    let outcome = ReportOutcome::Reported { reset_last_started_to: None };
    let result = ReportResult { outcome, is_autocomplete: true, replaying: false, next_task: None };
    driver.run.handle_report_result(result, driver.now);
    assert!(driver.run.has_outstanding_activation());
}
