//! Spec 2.1, 17(12), 17(13): activities and their cancellation, live and in replay.

use crate::support::commands::{cancel_activity, complete_workflow, schedule_activity, start_timer};
use crate::support::names::{command_types, job_names};
use crate::support::recorder::record;
use crate::support::{Driver, task};
use corewasm_testkit::HistoryBuilder;
use temporalio_protos::coresdk::activity_result::activity_resolution::Status;
use temporalio_protos::coresdk::workflow_activation::WorkflowActivation;
use temporalio_protos::coresdk::workflow_activation::workflow_activation_job::Variant;
use temporalio_protos::coresdk::workflow_commands::ActivityCancellationType::{
    self, Abandon, TryCancel, WaitCancellationCompleted,
};
use temporalio_protos::temporal::api::enums::v1::TimeoutType;

/// An activity is scheduled; a signal; the workflow may cancel; then the activity completes all the same.
fn completes_after_the_signal(cancel_is_recorded: bool) -> HistoryBuilder {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    let scheduled = history.activity_scheduled("1");
    history.timer_started("1");
    history.signaled("cancel");
    history.workflow_task();
    if cancel_is_recorded {
        history.activity_cancel_requested(scheduled);
    }
    let started = history.activity_started(scheduled);
    history.activity_completed(scheduled, started, "result".into());
    history.signaled("after");
    history.workflow_task_pending();
    history
}

fn status(activation: &WorkflowActivation) -> Status {
    let resolved = activation.jobs.iter().find_map(|job| match &job.variant {
        Some(Variant::ResolveActivity(resolved)) => resolved.result.clone(),
        _ => None,
    });
    resolved.and_then(|resolution| resolution.status).expect("an activity is resolved")
}

fn replay(cancellation: ActivityCancellationType) -> Vec<WorkflowActivation> {
    let history = completes_after_the_signal(cancellation != Abandon);
    let (driver, activations) =
        Driver::replay(task(&history.whole()), |activation| match job_names(activation)[0].as_str() {
            "init" => vec![schedule_activity(1, cancellation), start_timer(1)],
            "signal-cancel" => vec![cancel_activity(1)],
            _ => vec![],
        });
    assert_eq!(driver.completions().len(), 1, "{:?}", driver.reports);
    activations
}

#[test]
fn a_tried_cancel_resolves_at_once_and_absorbs_the_real_end() {
    for cancellation in [TryCancel, Abandon] {
        let activations = replay(cancellation);
        let jobs: Vec<_> = activations.iter().map(job_names).collect();
        assert_eq!(
            jobs,
            [vec!["init"], vec!["signal-cancel"], vec!["activity-1"], vec!["signal-after"]],
            "{cancellation:?}"
        );
        assert!(matches!(status(&activations[2]), Status::Cancelled(_)));
    }
}

#[test]
fn a_cancel_that_waits_is_resolved_by_the_real_end() {
    let activations = replay(WaitCancellationCompleted);
    let jobs: Vec<_> = activations.iter().map(job_names).collect();
    assert_eq!(jobs, [vec!["init"], vec!["signal-cancel"], vec!["signal-after", "activity-1"]]);
    assert!(matches!(status(&activations[2]), Status::Completed(_)));
}

/// Upstream: immediate_activity_cancelation.
#[test]
fn a_cancel_before_it_is_sent_leaves_no_command_but_resolves() {
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    for cancellation in [TryCancel, WaitCancellationCompleted, Abandon] {
        let mut driver = Driver::new(task(&history.whole()));
        driver.complete([schedule_activity(1, cancellation), cancel_activity(1)]);
        assert_eq!(driver.jobs(), ["activity-1"], "{cancellation:?}");
        assert!(driver.reports.is_empty(), "the task goes on");
        driver.complete([complete_workflow()]);
        assert_eq!(command_types(&driver.last_completion().commands), ["CompleteWorkflowExecution"]);
    }
}

/// A task of a run that lang has told to cancel its only activity.
fn live_cancel(cancellation: ActivityCancellationType, is_started: bool) -> (Driver, HistoryBuilder, i64, i64) {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    let scheduled = history.activity_scheduled("1");
    let started = if is_started { history.activity_started(scheduled) } else { 0 };
    history.signaled("cancel");
    history.workflow_task_pending();
    let mut driver = Driver::new(task(&history.up_to_task(1)));
    driver.complete([schedule_activity(1, cancellation)]);
    driver.task(task(&history.only_task(2)));
    driver.complete([cancel_activity(1)]);
    (driver, history, scheduled, started)
}

/// Upstream: activity_cancellation_plus_complete_doesnt_double_resolve,
/// activity_not_canceled_when_also_completed_repro.
#[test]
fn a_tried_cancel_is_asked_of_the_service_and_the_real_end_is_absorbed_live() {
    for is_started in [false, true] {
        let (mut driver, mut history, scheduled, started) = live_cancel(TryCancel, is_started);
        assert_eq!(driver.jobs(), ["activity-1"]);
        assert!(matches!(status(driver.activation()), Status::Cancelled(_)));
        driver.complete([start_timer(1)]);
        let types = command_types(&driver.last_completion().commands);
        assert_eq!(types, ["RequestCancelActivityTask", "StartTimer"]);
        record(&mut history, driver.last_completion());
        let started = if is_started { started } else { history.activity_started(scheduled) };
        history.activity_completed(scheduled, started, "late".into());
        history.signaled("after");
        history.workflow_task_pending();
        driver.task(task(&history.only_task(3)));
        assert_eq!(driver.jobs(), ["signal-after"], "it is resolved once");
        driver.complete([complete_workflow()]);
        assert_eq!(command_types(&driver.last_completion().commands), ["CompleteWorkflowExecution"]);
    }
}

/// Upstream: activity_not_canceled_on_replay_repro. What history has after the request does not reach lang.
#[test]
fn a_tried_cancel_replays_whatever_the_end_was() {
    let ends: [fn(&mut HistoryBuilder, i64, i64) -> i64; 4] = [
        |history, scheduled, started| history.activity_completed(scheduled, started, "late".into()),
        |history, scheduled, started| history.activity_failed(scheduled, started, "broken"),
        HistoryBuilder::activity_canceled,
        |history, scheduled, started| history.activity_timed_out(scheduled, started, TimeoutType::StartToClose),
    ];
    for end in ends {
        let (mut driver, mut history, scheduled, started) = live_cancel(TryCancel, true);
        driver.complete([]);
        record(&mut history, driver.last_completion());
        end(&mut history, scheduled, started);
        history.signaled("after");
        history.workflow_task_pending();
        let (replayed, activations) = Driver::replay(task(&history.whole()), |a| match job_names(a)[0].as_str() {
            "init" => vec![schedule_activity(1, TryCancel)],
            "signal-cancel" => vec![cancel_activity(1)],
            _ => vec![],
        });
        let jobs: Vec<_> = activations.iter().map(job_names).collect();
        let reports = &replayed.reports;
        assert_eq!(jobs, [["init"], ["signal-cancel"], ["activity-1"], ["signal-after"]], "{reports:?}");
    }
}

#[test]
fn a_live_cancel_that_waits_only_asks() {
    let (mut driver, mut history, scheduled, started) = live_cancel(WaitCancellationCompleted, true);
    assert!(driver.activation.is_none());
    assert_eq!(command_types(&driver.last_completion().commands), ["RequestCancelActivityTask"]);
    record(&mut history, driver.last_completion());
    history.activity_canceled(scheduled, started);
    history.workflow_task_pending();
    driver.task(task(&history.only_task(3)));
    assert_eq!(driver.jobs(), ["activity-1"]);
    assert!(matches!(status(driver.activation()), Status::Cancelled(_)));
}

#[test]
fn a_live_cancel_of_an_abandoned_one_asks_nothing() {
    let (mut driver, ..) = live_cancel(Abandon, true);
    assert_eq!(driver.jobs(), ["activity-1"]);
    driver.complete([]);
    assert!(driver.last_completion().commands.is_empty());
}

#[test]
fn another_id_than_historys_is_nondeterminism_if_the_flag_is_on_record() {
    for (flags, differs) in [(&[1][..], true), (&[][..], false)] {
        let mut history = HistoryBuilder::new();
        history.workflow_task_pending();
        let completed = history.workflow_task_completed();
        history.flags(completed, flags, &[]);
        let scheduled = history.activity_scheduled("other");
        let started = history.activity_started(scheduled);
        history.activity_completed(scheduled, started, "result".into());
        history.workflow_task();
        history.signaled("poke");
        history.workflow_task_pending();
        let mut driver = Driver::new(task(&history.whole()));
        driver.complete([schedule_activity(1, TryCancel)]);
        if differs {
            let failure = driver.reports.last().expect("the task fails").failure();
            assert_eq!(
                failure.failure.message,
                "[TMPRL1100] Nondeterminism error: Activity id of scheduled event 'other' does not match activity id \
                 of activity command '1'"
            );
        } else {
            assert_eq!(driver.jobs(), ["activity-1"]);
        }
    }
}
