//! Spec 2.2, 1.5, 17(12): a workflow with timers, live and in replay.

use crate::support::commands::{cancel_timer, complete_workflow, start_timer};
use crate::support::names::{command_types, job_names};
use crate::support::recorder::record;
use crate::support::{Driver, task};
use corewasm_testkit::HistoryBuilder;

/// Started, a timer of number 1 fires, completed.
fn one_timer() -> HistoryBuilder {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    let timer = history.timer_started("1");
    history.timer_fired(timer);
    history.workflow_task_pending();
    history
}

#[test]
fn a_live_timer_goes_from_task_to_task() {
    let history = one_timer();
    let mut driver = Driver::new(task(&history.up_to_task(1)));
    assert_eq!(driver.jobs(), ["init"]);
    assert!(!driver.activation().is_replaying);

    driver.complete([start_timer(1)]);
    assert_eq!(command_types(&driver.last_completion().commands), ["StartTimer"]);
    assert!(driver.activation.is_none());

    driver.task(task(&history.only_task(2)));
    assert_eq!(driver.jobs(), ["timer-1"]);
    driver.complete([complete_workflow()]);
    assert_eq!(command_types(&driver.last_completion().commands), ["CompleteWorkflowExecution"]);
    assert_eq!(driver.jobs(), ["evict"]);
    driver.complete([]);
    assert!(driver.evicted.is_some_and(|evicted| evicted.workflow_ended));
    assert_eq!(driver.ended.len(), 2);
}

#[test]
fn a_replayed_timer_gives_the_same_activations() {
    let (driver, activations) =
        Driver::replay(task(&one_timer().whole()), |activation| match job_names(activation)[0].as_str() {
            "init" => vec![start_timer(1)],
            "timer-1" => vec![complete_workflow()],
            _ => vec![],
        });
    let jobs: Vec<_> = activations.iter().map(job_names).collect();
    assert_eq!(jobs, [["init"], ["timer-1"], ["evict"]]);
    assert_eq!(activations.iter().map(|activation| activation.is_replaying).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(command_types(&driver.last_completion().commands), ["CompleteWorkflowExecution"]);
}

/// Upstream: cancel_before_sent_to_server.
#[test]
fn a_timer_cancelled_before_it_is_sent_vanishes_and_tells_nobody() {
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    let mut driver = Driver::new(task(&history.whole()));
    driver.complete([start_timer(1), cancel_timer(1), start_timer(2)]);
    let commands = &driver.last_completion().commands;
    assert_eq!(command_types(commands), ["StartTimer"]);
    assert!(driver.activation.is_none(), "no job tells of the cancelled one");

    record(&mut history, driver.last_completion());
    history.signaled("poke");
    history.workflow_task_pending();
    let (replayed, activations) = Driver::replay(task(&history.whole()), |a| match job_names(a)[0].as_str() {
        "init" => vec![start_timer(1), cancel_timer(1), start_timer(2)],
        _ => vec![],
    });
    let jobs: Vec<_> = activations.iter().map(job_names).collect();
    assert_eq!(jobs, [["init"], ["signal-poke"]], "{:?}", replayed.reports);
}

#[test]
fn a_timer_cancelled_after_it_was_sent_is_cancelled_at_the_service() {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    let timer = history.timer_started("1");
    history.signaled("poke");
    history.workflow_task_pending();
    let mut driver = Driver::new(task(&history.up_to_task(1)));
    driver.complete([start_timer(1)]);
    driver.task(task(&history.only_task(2)));
    driver.complete([cancel_timer(1)]);
    assert_eq!(command_types(&driver.last_completion().commands), ["CancelTimer"]);
    assert!(driver.activation.is_none(), "no job tells of it");
    history.workflow_task_completed();
    history.timer_canceled(timer);
    history.signaled("again");
    history.workflow_task_pending();
    driver.task(task(&history.only_task(3)));
    assert_eq!(driver.jobs(), ["signal-again"]);
}

#[test]
fn a_timer_of_another_number_is_nondeterminism() {
    let mut driver = Driver::new(task(&one_timer().whole()));
    driver.complete([start_timer(2)]);
    let failure = driver.reports.last().expect("the task fails").failure();
    assert_eq!(
        failure.failure.message,
        "[TMPRL1100] Nondeterminism error: Timer fired event did not have expected timer id 2, it was 1!"
    );
    assert_eq!(driver.jobs(), ["evict"]);
}

#[test]
fn a_missing_timer_is_nondeterminism() {
    let mut driver = Driver::new(task(&one_timer().whole()));
    driver.complete([]);
    let failure = driver.reports.last().expect("the task fails").failure();
    assert_eq!(
        failure.failure.message,
        "[TMPRL1100] Nondeterminism error: No command scheduled for event HistoryEvent(id: 5, TimerStarted)"
    );
}
