//! Spec 2.4, 17(12), 17(14): child workflows and their cancellation, live and in replay.

use crate::support::commands::{
    cancel_child, cancel_external, complete_workflow, signal_external, start_child, start_timer,
};
use crate::support::names::{command_types, job_names};
use crate::support::{Driver, task};
use corewasm_testkit::HistoryBuilder;
use temporalio_protos::coresdk::child_workflow::ChildWorkflowCancellationType::{
    self, Abandon, TryCancel, WaitCancellationCompleted, WaitCancellationRequested,
};
use temporalio_protos::coresdk::child_workflow::child_workflow_result::Status;
use temporalio_protos::coresdk::workflow_activation::WorkflowActivation;
use temporalio_protos::coresdk::workflow_activation::resolve_child_workflow_execution_start::Status as Start;
use temporalio_protos::coresdk::workflow_activation::workflow_activation_job::Variant as Job;
use temporalio_protos::coresdk::workflow_commands::workflow_command::Variant;
use temporalio_protos::temporal::api::command::v1::command::Attributes;
use temporalio_protos::temporal::api::enums::v1::StartChildWorkflowExecutionFailedCause;

const TYPES: [ChildWorkflowCancellationType; 4] =
    [Abandon, TryCancel, WaitCancellationCompleted, WaitCancellationRequested];

/// How the only child of this activation ended.
fn end(activation: &WorkflowActivation) -> Status {
    let ended = activation.jobs.iter().find_map(|job| match &job.variant {
        Some(Job::ResolveChildWorkflowExecution(resolved)) => resolved.result.clone(),
        _ => None,
    });
    ended.and_then(|result| result.status).expect("a child is resolved")
}

fn start(activation: &WorkflowActivation) -> Start {
    let started = activation.jobs.iter().find_map(|job| match &job.variant {
        Some(Job::ResolveChildWorkflowExecutionStart(resolved)) => resolved.status.clone(),
        _ => None,
    });
    started.expect("a child's start is resolved")
}

/// A child was started; history has its initiated event, and its started one if wanted. Then comes a signal.
fn initiated(is_started: bool) -> (HistoryBuilder, i64, i64) {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    let initiated = history.child_initiated("child-1", "Child");
    let started = if is_started { history.child_started(initiated) } else { 0 };
    history.signaled("cancel");
    (history, initiated, started)
}

/// A run that has the second task, with the signal, in hand.
fn live(history: &mut HistoryBuilder, cancellation: ChildWorkflowCancellationType) -> Driver {
    history.workflow_task_pending();
    let mut driver = Driver::new(task(&history.up_to_task(1)));
    driver.complete([start_child(1, cancellation)]);
    assert_eq!(command_types(&driver.last_completion().commands), ["StartChildWorkflowExecution"]);
    driver.task(task(&history.only_task(2)));
    driver
}

/// Replays all of this history; lang cancels when the signal comes.
fn replay(history: &HistoryBuilder, cancellation: ChildWorkflowCancellationType) -> (Driver, Vec<WorkflowActivation>) {
    Driver::replay(task(&history.whole()), |activation| {
        let jobs = job_names(activation);
        match jobs[0].as_str() {
            "init" => vec![start_child(1, cancellation)],
            _ if jobs.contains(&"signal-cancel".to_owned()) => vec![cancel_child(1, "enough")],
            _ => vec![],
        }
    })
}

fn jobs_of(activations: &[WorkflowActivation]) -> Vec<Vec<String>> {
    activations.iter().map(job_names).collect()
}

/// Upstream: single_child_workflow_cancel_before_sent.
#[test]
fn a_child_cancelled_before_it_is_sent_leaves_no_command_but_its_start_resolves() {
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    for cancellation in TYPES {
        let mut driver = Driver::new(task(&history.whole()));
        driver.complete([start_child(1, cancellation), cancel_child(1, "enough"), start_timer(1)]);
        assert_eq!(driver.jobs(), ["child-start-1"], "{cancellation:?}");
        assert!(driver.reports.is_empty(), "the task goes on");
        let Start::Cancelled(cancelled) = start(driver.activation()) else { panic!("it was cancelled") };
        let failure = cancelled.failure.expect("it says why");
        assert_eq!(failure.message, "Child Workflow Execution cancelled before scheduled: enough");
        driver.complete([]);
        assert_eq!(command_types(&driver.last_completion().commands), ["StartTimer"]);
    }
}

/// Upstream: child_start_failure_activation.
#[test]
fn a_child_that_can_not_start_says_why() {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    let initiated = history.child_initiated("child-1", "Child");
    history.child_start_failed(initiated, StartChildWorkflowExecutionFailedCause::WorkflowAlreadyExists);
    let driver = live(&mut history, Abandon);
    assert_eq!(driver.jobs(), ["child-start-1"]);
    let Start::Failed(failed) = start(driver.activation()) else { panic!("it failed") };
    assert_eq!((failed.workflow_id.as_str(), failed.workflow_type.as_str()), ("child-1", "Child"));
    assert_eq!(failed.cause().as_str_name(), "START_CHILD_WORKFLOW_EXECUTION_FAILED_CAUSE_WORKFLOW_ALREADY_EXISTS");
}

#[test]
fn a_started_child_that_completes_resolves_twice() {
    let (mut history, initiated, started) = initiated(true);
    history.child_completed(initiated, started, "result".into());
    let mut driver = live(&mut history, Abandon);
    assert_eq!(driver.jobs(), ["signal-cancel", "child-start-1", "child-1"]);
    assert!(matches!(start(driver.activation()), Start::Succeeded(succeeded) if succeeded.run_id == "child-run-id"));
    assert!(matches!(end(driver.activation()), Status::Completed(_)));
    driver.complete([complete_workflow()]);
    let (_, replayed) = replay(&history, Abandon);
    assert_eq!(jobs_of(&replayed)[..2], [vec!["init"], vec!["signal-cancel", "child-start-1", "child-1"]]);
}

/// Upstream: cancel_child_before_started_event and its siblings.
#[test]
fn a_cancel_while_the_start_is_in_flight_asks_the_service_and_resolves_by_type() {
    for cancellation in TYPES {
        let (mut history, ..) = initiated(false);
        let mut driver = live(&mut history, cancellation);
        assert_eq!(driver.jobs(), ["signal-cancel"]);
        driver.complete([cancel_child(1, "enough")]);
        if matches!(cancellation, Abandon | TryCancel) {
            assert_eq!(driver.jobs(), ["child-1"], "{cancellation:?}: it ends without ever having started");
            let Status::Cancelled(cancelled) = end(driver.activation()) else { panic!("it was cancelled") };
            assert_eq!(cancelled.failure.expect("it says why").message, "Child Workflow execution cancelled");
            driver.complete([]);
        }
        assert!(driver.activation.is_none());
        let commands = &driver.last_completion().commands;
        if cancellation == Abandon {
            assert!(commands.is_empty());
            continue;
        }
        let [command] = &commands[..] else { panic!("one command: {commands:?}") };
        let Some(Attributes::RequestCancelExternalWorkflowExecutionCommandAttributes(request)) = &command.attributes
        else {
            panic!("a cancel request: {command:?}");
        };
        assert_eq!((request.workflow_id.as_str(), request.reason.as_str()), ("child-1", "enough"));
        assert!(request.child_workflow_only);
    }
}

/// Upstream: cancel_in_start_event_recorded, cancel_before_started. The started event and the real end come later.
#[test]
fn a_cancelled_child_absorbs_what_comes_later_and_the_request_is_not_langs_business() {
    let ends: [fn(&mut HistoryBuilder, i64, i64) -> i64; 3] = [
        |history, initiated, started| history.child_completed(initiated, started, "late".into()),
        HistoryBuilder::child_canceled,
        HistoryBuilder::child_terminated,
    ];
    for cancellation in [Abandon, TryCancel] {
        for end_child in ends {
            let (mut history, initiated, _) = initiated(false);
            history.workflow_task();
            if cancellation == TryCancel {
                let request = history.cancel_external_initiated("child-1");
                history.external_cancel_requested(request);
            }
            let started = history.child_started(initiated);
            end_child(&mut history, initiated, started);
            history.signaled("after");
            history.workflow_task_pending();
            let (driver, replayed) = replay(&history, cancellation);
            assert_eq!(
                jobs_of(&replayed),
                [["init"], ["signal-cancel"], ["child-1"], ["signal-after"]],
                "{cancellation:?}: {:?}",
                driver.reports
            );
            assert!(matches!(end(&replayed[2]), Status::Cancelled(_)));
        }
    }
}

/// Upstream: cancelled_child_gets_reason, and 2.4.8: "requested" waits like "completed".
#[test]
fn a_cancel_that_waits_is_resolved_by_the_childs_end() {
    for cancellation in [WaitCancellationCompleted, WaitCancellationRequested] {
        let (mut history, initiated, started) = initiated(true);
        history.workflow_task();
        let request = history.cancel_external_initiated("child-1");
        history.external_cancel_requested(request);
        history.signaled("between");
        history.workflow_task();
        history.child_canceled(initiated, started);
        history.workflow_task_pending();
        let (_, replayed) = replay(&history, cancellation);
        let expected = [vec!["init"], vec!["signal-cancel", "child-start-1"], vec!["signal-between"], vec!["child-1"]];
        assert_eq!(jobs_of(&replayed), expected, "{cancellation:?}");
        assert!(matches!(end(&replayed[3]), Status::Cancelled(_)));
    }
}

/// Upstream: abandoned_child_resolves_post_cancel, abandoned_child_bug_repro.
#[test]
fn an_abandoned_child_is_left_alone_and_its_end_is_absorbed() {
    let (mut history, initiated, started) = initiated(true);
    let mut driver = live(&mut history, Abandon);
    driver.complete([cancel_child(1, "enough")]);
    assert_eq!(driver.jobs(), ["child-1"]);
    driver.complete([start_timer(1)]);
    assert_eq!(command_types(&driver.last_completion().commands), ["StartTimer"], "nothing is asked of the service");
    history.workflow_task_completed();
    let timer = history.timer_started("1");
    history.child_completed(initiated, started, "late".into());
    history.timer_fired(timer);
    history.workflow_task_pending();
    driver.task(task(&history.only_task(3)));
    assert_eq!(driver.jobs(), ["timer-1"]);
    driver.complete([complete_workflow()]);
    assert_eq!(command_types(&driver.last_completion().commands), ["CompleteWorkflowExecution"]);
}

/// Upstream: cancel_child_after_cancel_external_uses_correct_seq. Lang's request and Core's have numbers of their own.
#[test]
fn cores_own_cancel_request_does_not_collide_with_langs() {
    let lang = |activation: &WorkflowActivation| -> Vec<Variant> {
        let jobs = job_names(activation);
        match jobs[0].as_str() {
            "init" => vec![start_child(1, WaitCancellationCompleted), cancel_external(1, "target")],
            "signal-cancel" => {
                vec![cancel_child(1, "enough"), cancel_external(2, "other"), signal_external(1, "third")]
            }
            _ => vec![],
        }
    };
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    let child = history.child_initiated("child-1", "Child");
    let first = history.cancel_external_initiated("target");
    let started = history.child_started(child);
    history.external_cancel_requested(first);
    history.signaled("cancel");
    history.workflow_task();
    let of_core = history.cancel_external_initiated("child-1");
    let second = history.cancel_external_initiated("other");
    let signal = history.signal_external_initiated("third", "poke");
    history.external_cancel_requested(of_core);
    history.external_cancel_requested(second);
    history.external_signaled(signal);
    history.child_canceled(child, started);
    history.workflow_task_pending();
    let (driver, replayed) = Driver::replay(task(&history.whole()), lang);
    assert_eq!(
        jobs_of(&replayed),
        [
            vec!["init"],
            vec!["signal-cancel", "child-start-1", "cancel-external-1"],
            vec!["cancel-external-2", "signal-external-1", "child-1"],
        ],
        "{:?}",
        driver.reports
    );
}

/// Upstream: cancel_already_complete_child_ignored.
#[test]
fn a_cancel_of_a_child_that_completed_is_ignored() {
    let (mut history, initiated, started) = initiated(true);
    history.child_completed(initiated, started, "result".into());
    let mut driver = live(&mut history, TryCancel);
    driver.complete([cancel_child(1, "too late")]);
    assert!(driver.last_completion().commands.is_empty());
    assert!(driver.activation.is_none());
}

/// Upstream: child_wf_id_or_type_change_is_nondeterministic.
#[test]
fn another_id_or_type_than_historys_is_nondeterminism_if_the_flag_is_on_record() {
    for (id, child_type, what) in [("other", "Child", "id"), ("child-1", "Other", "type")] {
        let mut history = HistoryBuilder::new();
        history.workflow_task_pending();
        let completed = history.workflow_task_completed();
        history.flags(completed, &[1], &[]);
        history.child_initiated(id, child_type);
        history.signaled("cancel");
        history.workflow_task();
        history.execution_completed();
        let mut driver = Driver::new(task(&history.whole()));
        driver.complete([start_child(1, Abandon)]);
        let message = &driver.reports.last().expect("the task fails").failure().failure.message;
        assert!(message.starts_with("[TMPRL1100] Nondeterminism error: Child workflow "), "{message}");
        assert!(message.contains(&format!("workflow {what} of scheduled event")), "{message}");
    }
}
