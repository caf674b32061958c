//! Spec 2.11: Nexus operations that a workflow calls, and their cancellation, live and in replay.

use crate::support::commands::{cancel_nexus, complete_workflow, schedule_nexus, start_timer};
use crate::support::names::{command_types, job_names};
use crate::support::{Driver, task};
use corewasm_testkit::HistoryBuilder;
use temporalio_protos::coresdk::nexus::NexusOperationCancellationType::{
    self, Abandon, TryCancel, WaitCancellationCompleted, WaitCancellationRequested,
};
use temporalio_protos::coresdk::nexus::nexus_operation_result::Status;
use temporalio_protos::coresdk::workflow_activation::WorkflowActivation;
use temporalio_protos::coresdk::workflow_activation::resolve_nexus_operation_start::Status as Start;
use temporalio_protos::coresdk::workflow_activation::workflow_activation_job::Variant as Job;
use temporalio_protos::temporal::api::command::v1::command::Attributes;

const TYPES: [NexusOperationCancellationType; 4] =
    [Abandon, TryCancel, WaitCancellationCompleted, WaitCancellationRequested];

/// Adds the end of the operation with this scheduled event.
type AddEnd = fn(&mut HistoryBuilder, i64) -> i64;
type IsEnd = fn(&Status) -> bool;

fn start(activation: &WorkflowActivation) -> Start {
    let started = activation.jobs.iter().find_map(|job| match &job.variant {
        Some(Job::ResolveNexusOperationStart(resolved)) => resolved.status.clone(),
        _ => None,
    });
    started.expect("an operation's start is resolved")
}

fn end(activation: &WorkflowActivation) -> Status {
    let ended = activation.jobs.iter().find_map(|job| match &job.variant {
        Some(Job::ResolveNexusOperation(resolved)) => resolved.result.clone(),
        _ => None,
    });
    ended.and_then(|result| result.status).expect("an operation is resolved")
}

/// An operation that has started, then a signal; the ids are those of its scheduled event and of the signal's task.
fn started() -> (HistoryBuilder, i64) {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    let scheduled = history.nexus_scheduled("service", "operation");
    history.nexus_started(scheduled, "token");
    history.signaled("cancel");
    history.workflow_task();
    (history, scheduled)
}

/// Replays all of this history; lang cancels when the signal comes.
fn replay(history: &HistoryBuilder, cancellation: NexusOperationCancellationType) -> (Driver, Vec<WorkflowActivation>) {
    Driver::replay(task(&history.whole()), |activation| {
        let jobs = job_names(activation);
        match jobs[0].as_str() {
            "init" => vec![schedule_nexus(1, cancellation)],
            _ if jobs.contains(&"signal-cancel".to_owned()) => vec![cancel_nexus(1)],
            _ => vec![],
        }
    })
}

fn jobs_of(activations: &[WorkflowActivation]) -> Vec<Vec<String>> {
    activations.iter().map(job_names).collect()
}

#[test]
fn an_operation_that_completes_at_once_resolves_start_and_end_together() {
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    let mut driver = Driver::new(task(&history.whole()));
    driver.complete([schedule_nexus(1, Abandon)]);
    let commands = &driver.last_completion().commands;
    let Some(Attributes::ScheduleNexusOperationCommandAttributes(schedule)) = &commands[0].attributes else {
        panic!("an operation: {commands:?}");
    };
    assert_eq!((schedule.endpoint.as_str(), schedule.operation.as_str()), ("endpoint", "operation"));
    history.workflow_task_completed();
    let scheduled = history.nexus_scheduled("service", "operation");
    history.nexus_completed(scheduled, "result".into());
    history.workflow_task_pending();
    driver.task(task(&history.only_task(2)));
    assert_eq!(driver.jobs(), ["nexus-start-1", "nexus-1"]);
    assert!(matches!(start(driver.activation()), Start::StartedSync(true)));
    assert!(matches!(end(driver.activation()), Status::Completed(_)));
}

#[test]
fn an_operation_that_goes_on_resolves_its_start_then_its_end() {
    let ends: [(AddEnd, IsEnd); 4] = [
        (|history, scheduled| history.nexus_completed(scheduled, "r".into()), |s| matches!(s, Status::Completed(_))),
        (|history, scheduled| history.nexus_failed(scheduled, "broken"), |s| matches!(s, Status::Failed(_))),
        (HistoryBuilder::nexus_canceled, |s| matches!(s, Status::Cancelled(_))),
        (HistoryBuilder::nexus_timed_out, |s| matches!(s, Status::TimedOut(_))),
    ];
    for (number, (end_operation, is_expected)) in ends.into_iter().enumerate() {
        let mut history = HistoryBuilder::new();
        history.workflow_task();
        let scheduled = history.nexus_scheduled("service", "operation");
        history.nexus_started(scheduled, "token");
        history.workflow_task();
        end_operation(&mut history, scheduled);
        history.workflow_task_pending();
        let (_, replayed) = replay(&history, Abandon);
        assert_eq!(jobs_of(&replayed), [["init"], ["nexus-start-1"], ["nexus-1"]], "{number}");
        assert!(matches!(start(&replayed[1]), Start::OperationToken(token) if token == "token"));
        assert!(is_expected(&end(&replayed[2])), "{number}");
    }
}

#[test]
fn an_operation_cancelled_before_it_is_sent_leaves_no_command_but_resolves() {
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    for cancellation in TYPES {
        let mut driver = Driver::new(task(&history.whole()));
        driver.complete([schedule_nexus(1, cancellation), cancel_nexus(1), start_timer(1)]);
        assert_eq!(driver.jobs(), ["nexus-start-1"], "{cancellation:?}");
        let Start::Failed(failure) = start(driver.activation()) else { panic!("it was cancelled") };
        assert_eq!(failure.message, "Nexus Operation cancelled before scheduled");
        driver.complete([complete_workflow()]);
        let types = command_types(&driver.last_completion().commands);
        assert_eq!(types, ["StartTimer", "CompleteWorkflowExecution"]);
    }
}

/// Upstream: nexus_cancellation_types.
#[test]
fn a_cancel_of_a_started_operation_resolves_by_its_type() {
    for cancellation in TYPES {
        let (mut history, scheduled) = started();
        if cancellation != Abandon {
            let requested = history.nexus_cancel_requested(scheduled);
            history.nexus_cancel_request_completed(scheduled, requested);
        }
        history.signaled("after");
        history.workflow_task_pending();
        let (driver, replayed) = replay(&history, cancellation);
        let mut expected = vec![vec!["init"], vec!["signal-cancel", "nexus-start-1"]];
        match cancellation {
            Abandon | TryCancel => expected.extend([vec!["nexus-1"], vec!["signal-after"]]),
            WaitCancellationRequested => expected.push(vec!["signal-after", "nexus-1"]),
            WaitCancellationCompleted => expected.push(vec!["signal-after"]),
        }
        assert_eq!(jobs_of(&replayed), expected, "{cancellation:?}: {:?}", driver.reports);
        if cancellation != WaitCancellationCompleted {
            let resolved = replayed.iter().find(|a| job_names(a).contains(&"nexus-1".to_owned()));
            assert!(matches!(end(resolved.expect("it is resolved")), Status::Cancelled(_)), "{cancellation:?}");
        }
    }
}

#[test]
fn a_tried_cancel_absorbs_the_real_end_and_one_that_waits_is_resolved_by_it() {
    for cancellation in [TryCancel, WaitCancellationCompleted] {
        let (mut history, scheduled) = started();
        history.nexus_cancel_requested(scheduled);
        history.nexus_completed(scheduled, "late".into());
        history.signaled("after");
        history.workflow_task_pending();
        let (driver, replayed) = replay(&history, cancellation);
        let last = jobs_of(&replayed).pop().expect("activations");
        match cancellation {
            TryCancel => assert_eq!(last, ["signal-after"], "{:?}", driver.reports),
            _ => assert_eq!(last, ["signal-after", "nexus-1"], "{:?}", driver.reports),
        }
    }
}

#[test]
fn a_live_cancel_asks_the_service_unless_the_operation_is_abandoned() {
    for cancellation in TYPES {
        let (history, scheduled) = started();
        let mut driver = Driver::new(task(&history.up_to_task(1)));
        driver.complete([schedule_nexus(1, cancellation)]);
        driver.task(task(&history.only_task(2)));
        driver.complete([cancel_nexus(1)]);
        if matches!(cancellation, Abandon | TryCancel) {
            assert_eq!(driver.jobs(), ["nexus-1"]);
            driver.complete([]);
        }
        let commands = &driver.last_completion().commands;
        let request = commands.iter().find_map(|command| match &command.attributes {
            Some(Attributes::RequestCancelNexusOperationCommandAttributes(request)) => Some(request.scheduled_event_id),
            _ => None,
        });
        assert_eq!(request, (cancellation != Abandon).then_some(scheduled), "{cancellation:?}");
    }
}

#[test]
fn another_service_or_operation_than_historys_is_nondeterminism_if_the_flag_is_on_record() {
    for (service, operation) in [("other", "operation"), ("service", "other")] {
        let mut history = HistoryBuilder::new();
        history.workflow_task_pending();
        let completed = history.workflow_task_completed();
        history.flags(completed, &[4], &[]);
        history.nexus_scheduled(service, operation);
        history.signaled("cancel");
        history.workflow_task();
        history.execution_completed();
        let mut driver = Driver::new(task(&history.whole()));
        driver.complete([schedule_nexus(1, Abandon)]);
        let message = &driver.reports.last().expect("the task fails").failure().failure.message;
        assert!(message.starts_with("[TMPRL1100] Nondeterminism error: Nexus operation "), "{message}");
    }
}
