//! Spec 2.5, 2.6, 17(12): signals and cancel requests to other workflows.

use crate::support::commands::{cancel_external, cancel_signal, complete_workflow, signal_external, start_timer};
use crate::support::names::command_types;
use crate::support::{Driver, task};
use corewasm_testkit::HistoryBuilder;
use corewasm_testkit::history::RUN_ID;
use temporalio_protos::coresdk::workflow_activation::workflow_activation_job::Variant;
use temporalio_protos::temporal::api::command::v1::command::Attributes;
use temporalio_protos::temporal::api::enums::v1::{
    CancelExternalWorkflowExecutionFailedCause, SignalExternalWorkflowExecutionFailedCause,
};
use temporalio_protos::temporal::api::failure::v1::Failure;
use temporalio_protos::temporal::api::failure::v1::failure::FailureInfo;

fn first_task() -> HistoryBuilder {
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    history
}

/// The failure of the outstanding activation's only job.
fn failure(driver: &Driver) -> Option<Failure> {
    match &driver.activation().jobs[0].variant {
        Some(Variant::ResolveSignalExternalWorkflow(resolved)) => resolved.failure.clone(),
        Some(Variant::ResolveRequestCancelExternalWorkflow(resolved)) => resolved.failure.clone(),
        other => panic!("no answer to a request: {other:?}"),
    }
}

/// Message and type of an application failure.
fn application(failure: Option<Failure>) -> (String, String) {
    let failure = failure.expect("it failed");
    match failure.failure_info {
        Some(FailureInfo::ApplicationFailureInfo(info)) => (failure.message, info.r#type),
        other => panic!("no application failure: {other:?}"),
    }
}

/// Upstream: cancels_before_sending.
#[test]
fn a_signal_cancelled_before_it_is_sent_leaves_no_command_but_resolves() {
    let mut driver = Driver::new(task(&first_task().whole()));
    driver.complete([signal_external(1, "other"), cancel_signal(1), start_timer(1)]);
    assert_eq!(driver.jobs(), ["signal-external-1"]);
    assert!(driver.reports.is_empty(), "the task goes on");
    let cancelled = failure(&driver).expect("it was cancelled");
    assert_eq!(cancelled.message, "Signal was cancelled before being sent");
    assert!(matches!(cancelled.failure_info, Some(FailureInfo::CanceledFailureInfo(_))));
    driver.complete([complete_workflow()]);
    let types = command_types(&driver.last_completion().commands);
    assert_eq!(types, ["StartTimer", "CompleteWorkflowExecution"]);
}

#[test]
fn a_signal_is_sent_and_its_delivery_told() {
    let mut history = first_task();
    let mut driver = Driver::new(task(&history.whole()));
    driver.complete([signal_external(1, "other")]);
    let commands = &driver.last_completion().commands;
    let Some(Attributes::SignalExternalWorkflowExecutionCommandAttributes(signal)) = &commands[0].attributes else {
        panic!("a signal: {commands:?}");
    };
    assert_eq!((signal.signal_name.as_str(), signal.child_workflow_only), ("poke", false));
    history.workflow_task_completed();
    let initiated = history.signal_external_initiated("other", "poke");
    history.external_signaled(initiated);
    history.workflow_task_pending();
    driver.task(task(&history.only_task(2)));
    assert_eq!(driver.jobs(), ["signal-external-1"]);
    assert_eq!(failure(&driver), None);
    driver.complete([cancel_signal(1)]);
    assert!(driver.last_completion().commands.is_empty(), "too late, and harmless");
}

#[test]
fn a_signal_that_can_not_be_delivered_says_why() {
    use SignalExternalWorkflowExecutionFailedCause::{
        ExternalWorkflowExecutionNotFound, SignalCountLimitExceeded, Unspecified,
    };
    let cases = [
        (ExternalWorkflowExecutionNotFound, "it was not found"),
        (SignalCountLimitExceeded, "The per-workflow signal limit was exceeded"),
        (Unspecified, "unknown"),
    ];
    for (cause, text) in cases {
        let mut history = first_task();
        history.workflow_task_completed();
        let initiated = history.signal_external_initiated("other", "poke");
        history.signal_external_failed(initiated, cause);
        history.workflow_task_pending();
        let mut driver = Driver::new(task(&history.whole()));
        driver.complete([signal_external(1, "other")]);
        assert_eq!(driver.jobs(), ["signal-external-1"]);
        let (message, _) = application(failure(&driver));
        assert_eq!(message, format!("Unable to signal external workflow because {text}"));
    }
}

#[test]
fn a_cancel_request_names_who_asks_and_its_delivery_is_told() {
    let mut history = first_task();
    let mut driver = Driver::new(task(&history.whole()));
    driver.complete([cancel_external(1, "other")]);
    let commands = &driver.last_completion().commands;
    let Some(Attributes::RequestCancelExternalWorkflowExecutionCommandAttributes(request)) = &commands[0].attributes
    else {
        panic!("a cancel request: {commands:?}");
    };
    let reason = format!("Cancel requested by workflow with run id {RUN_ID} with reason: enough");
    assert_eq!((request.workflow_id.as_str(), request.reason.as_str()), ("other", reason.as_str()));
    assert!(!request.child_workflow_only);
    history.workflow_task_completed();
    let initiated = history.cancel_external_initiated("other");
    history.external_cancel_requested(initiated);
    history.workflow_task_pending();
    driver.task(task(&history.only_task(2)));
    assert_eq!(driver.jobs(), ["cancel-external-1"]);
    assert_eq!(failure(&driver), None);
}

#[test]
fn a_cancel_request_that_can_not_be_delivered_says_why() {
    use CancelExternalWorkflowExecutionFailedCause::{ExternalWorkflowExecutionNotFound, Unspecified};
    for (cause, text) in [(ExternalWorkflowExecutionNotFound, "not found"), (Unspecified, "unknown")] {
        let mut history = first_task();
        history.workflow_task_completed();
        let initiated = history.cancel_external_initiated("other");
        history.cancel_external_failed(initiated, cause);
        history.workflow_task_pending();
        let mut driver = Driver::new(task(&history.whole()));
        driver.complete([cancel_external(1, "other")]);
        let (message, kind) = application(failure(&driver));
        assert_eq!(message, format!("Unable to cancel external workflow because {text}"));
        assert!(!kind.is_empty());
    }
}
