//! Spec 1.5.1, 1.5.5, 1.5.6, 1.12, 2.10, 17(11): updates, live, in replay, and in tasks that the service drops.

use crate::support::commands::{
    accept_update, complete_update, complete_workflow, reject_update, schedule_local_activity, start_timer,
};
use crate::support::names::{command_types, job_names};
use crate::support::recorder::{record, update_message};
use crate::support::{Driver, task};
use corewasm_engine::PreparedTask;
use corewasm_testkit::{HistoryBuilder, LocalActivityMarker, TaskView};
use temporalio_protos::coresdk::workflow_activation::DoUpdate;
use temporalio_protos::coresdk::workflow_activation::WorkflowActivation;
use temporalio_protos::coresdk::workflow_activation::workflow_activation_job::Variant;
use temporalio_protos::coresdk::workflow_commands::ActivityCancellationType::TryCancel;
use temporalio_protos::temporal::api::protocol::v1::message::SequencingId;

fn update(activation: &WorkflowActivation) -> DoUpdate {
    let update = activation.jobs.iter().find_map(|job| match &job.variant {
        Some(Variant::DoUpdate(update)) => Some(update.clone()),
        _ => None,
    });
    update.expect("the activation has an update")
}

/// A task whose messages bring an update.
fn with_update(history: &HistoryBuilder, number: usize, update_id: &str) -> PreparedTask {
    let view = history.only_task(number);
    let message = update_message(update_id, view.started_event_id - 1);
    PreparedTask { messages: vec![message], ..task(&view) }
}

fn message_kinds(driver: &Driver) -> Vec<&str> {
    let bodies = driver.last_completion().messages.iter().filter_map(|message| message.body.as_ref());
    bodies.map(|body| body.type_url.rsplit('.').next().expect("a type")).collect()
}

/// A run that has started a timer, and its history with a second task pending.
fn waiting_run() -> (Driver, HistoryBuilder) {
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    let mut driver = Driver::new(task(&history.whole()));
    driver.complete([start_timer(1)]);
    record(&mut history, driver.last_completion());
    history.workflow_task_pending();
    (driver, history)
}

#[test]
fn a_live_update_is_validated_accepted_and_completed() {
    let (mut driver, history) = waiting_run();
    driver.task(with_update(&history, 2, "u1"));
    let job = update(driver.activation());
    assert!(job.run_validator);
    assert_eq!((job.id.as_str(), job.name.as_str()), ("u1", "update"));
    driver.complete([accept_update("u1"), complete_update("u1")]);
    let types = command_types(&driver.last_completion().commands);
    assert_eq!(types, ["ProtocolMessage", "ProtocolMessage"]);
    assert_eq!(message_kinds(&driver), ["Acceptance", "Response"]);
    let ids: Vec<_> = driver.last_completion().messages.iter().map(|message| message.id.as_str()).collect();
    assert_eq!(ids, ["u1/request/accept", "u1/request/complete"]);
}

#[test]
fn a_rejection_is_a_message_without_a_command() {
    let (mut driver, history) = waiting_run();
    driver.task(with_update(&history, 2, "u1"));
    driver.complete([reject_update("u1")]);
    assert_eq!(message_kinds(&driver), ["Rejection"]);
    assert!(driver.last_completion().commands.is_empty());
}

#[test]
fn a_replayed_update_comes_in_its_task_unvalidated_and_sends_nothing() {
    let (mut driver, mut history) = waiting_run();
    driver.task(with_update(&history, 2, "u1"));
    driver.complete([accept_update("u1"), complete_update("u1")]);
    record(&mut history, driver.last_completion());
    history.signaled("poke");
    history.workflow_task_pending();

    let mut replayed = Driver::new(task(&history.whole()));
    assert_eq!(replayed.jobs(), ["init"]);
    replayed.complete([start_timer(1)]);
    assert_eq!(replayed.jobs(), ["update-u1"]);
    assert!(!update(replayed.activation()).run_validator);
    replayed.complete([accept_update("u1"), complete_update("u1")]);
    assert_eq!(replayed.jobs(), ["signal-poke"]);
    replayed.complete([]);
    assert!(replayed.last_completion().messages.is_empty());
    assert!(replayed.last_completion().commands.is_empty());
}

/// A task can end with a local activity's marker alone, whose result lang has not heard of: a query was answered beside
/// it. In replay lang hears of it in that very task, too early for what it answers to be in history.
#[test]
fn what_completes_an_update_is_sent_though_lang_made_it_in_replay() {
    let mut history = HistoryBuilder::new();
    let completed = history.workflow_task();
    history.update_accepted_of("u1", "update", completed - 2);
    history.update_accepted_of("u2", "update", completed - 2);
    history.local_activity_marker(&LocalActivityMarker::completed(1));
    history.workflow_task_pending();
    let (driver, activations) =
        Driver::replay(task(&history.whole()), |activation| match job_names(activation)[0].as_str() {
            "init" => vec![accept_update("u1"), accept_update("u2"), schedule_local_activity(1, TryCancel)],
            _ => vec![complete_update("u1"), complete_update("u2"), start_timer(1)],
        });
    let jobs: Vec<_> = activations.iter().map(job_names).collect();
    assert_eq!(jobs, [vec!["init", "update-u1", "update-u2"], vec!["local-1"]]);
    assert!(activations[1].is_replaying);
    let types = command_types(&driver.last_completion().commands);
    assert_eq!(types, ["ProtocolMessage", "ProtocolMessage", "StartTimer"]);
    let ids: Vec<_> = driver.last_completion().messages.iter().map(|message| message.id.as_str()).collect();
    assert_eq!(ids, ["u1/request/complete", "u2/request/complete"]);
}

#[test]
fn a_signal_before_an_update_stays_before_it() {
    let (mut driver, _) = waiting_run();
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.timer_started("1");
    let signal = history.signaled("before");
    history.workflow_task_pending();
    let view = history.only_task(2);
    driver.task(PreparedTask { messages: vec![update_message("u1", signal)], ..task(&view) });
    assert_eq!(driver.jobs(), ["signal-before", "update-u1"]);
}

/// Upstream: replay_with_signal_and_update_same_task.
#[test]
fn a_signal_and_an_update_of_one_task_replay_in_their_order() {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.timer_started("1");
    let signal = history.signaled("before");
    history.workflow_task();
    let accepted = history.update_accepted_of("u1", "update", signal);
    history.update_completed(accepted, "done".into());
    history.signaled("poke");
    history.workflow_task_pending();
    let (driver, activations) =
        Driver::replay(task(&history.whole()), |activation| match job_names(activation)[0].as_str() {
            "init" => vec![start_timer(1)],
            "signal-before" => vec![accept_update("u1"), complete_update("u1")],
            _ => vec![],
        });
    let jobs: Vec<_> = activations.iter().map(job_names).collect();
    assert_eq!(jobs, [vec!["init"], vec!["signal-before", "update-u1"], vec!["signal-poke"]]);
    assert!(!update(&activations[1]).run_validator);
    assert_eq!(driver.completions().len(), 1, "{:?}", driver.reports);
}

/// Upstream: update_after_empty_wft. The update came with a task that otherwise was a heartbeat.
#[test]
fn an_update_behind_an_empty_task_replays_where_it_came() {
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    let mut driver = Driver::new(task(&history.whole()));
    driver.complete([]);
    record(&mut history, driver.last_completion());
    history.workflow_task_pending();
    driver.task(with_update(&history, 2, "u1"));
    assert_eq!(driver.jobs(), ["update-u1"]);
    driver.complete([accept_update("u1"), start_timer(1)]);
    record(&mut history, driver.last_completion());
    history.timer_fired(9);
    history.workflow_task_pending();
    driver.task(task(&history.only_task(3)));
    assert_eq!(driver.jobs(), ["timer-1"]);
    driver.complete([complete_update("u1"), complete_workflow()]);
    record(&mut history, driver.last_completion());

    let (replayed, activations) =
        Driver::replay(task(&history.whole()), |activation| match job_names(activation)[0].as_str() {
            "update-u1" => vec![accept_update("u1"), start_timer(1)],
            "timer-1" => vec![complete_update("u1"), complete_workflow()],
            _ => vec![],
        });
    let jobs: Vec<_> = activations.iter().map(job_names).collect();
    assert_eq!(jobs, [["init"], ["update-u1"], ["timer-1"]], "{:?}", replayed.reports);
}

/// Upstream: speculative_wft_with_command_event. What came before the dropped task's own events stays handled.
#[test]
fn a_dropped_speculative_task_keeps_the_command_events_it_brought() {
    let (mut driver, history) = waiting_run();
    assert_eq!(history.event(5).event_type().as_str_name(), "EVENT_TYPE_TIMER_STARTED");
    driver.task(with_update(&history, 2, "u1"));
    driver.reset_last_started_to = Some(3);
    driver.complete([reject_update("u1")]);
    // The next task begins behind what was given already: the timer's event does not come again.
    let mut next = HistoryBuilder::of_events(history.events()[..5].to_vec());
    next.timer_fired(5);
    next.workflow_task_pending();
    let view = TaskView { events: next.events()[5..].to_vec(), ..next.only_task(2) };
    driver.task(task(&view));
    assert_eq!(driver.jobs(), ["timer-1"]);
    driver.complete([complete_workflow()]);
    assert_eq!(command_types(&driver.last_completion().commands), ["CompleteWorkflowExecution"]);
}

/// Upstream: reapplied_updates_due_to_reset.
#[test]
fn an_admitted_update_is_stashed_in_replay_until_it_is_accepted() {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.timer_started("1");
    let admitted = history.update_admitted("u1", "update");
    history.workflow_task();
    let accepted = history.update_accepted_of("u1", "update", admitted);
    history.update_completed(accepted, "done".into());
    history.signaled("poke");
    history.workflow_task_pending();
    let (driver, activations) =
        Driver::replay(task(&history.whole()), |activation| match job_names(activation)[0].as_str() {
            "init" => vec![start_timer(1)],
            "update-u1" => vec![accept_update("u1"), complete_update("u1")],
            _ => vec![],
        });
    let jobs: Vec<_> = activations.iter().map(job_names).collect();
    assert_eq!(jobs, [["init"], ["update-u1"], ["signal-poke"]]);
    assert_eq!(driver.completions().len(), 1, "{:?}", driver.reports);
}

#[test]
fn an_admitted_update_that_is_new_comes_at_once() {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.timer_started("1");
    history.update_admitted("u1", "update");
    history.workflow_task_pending();
    let mut driver = Driver::new(task(&history.up_to_task(1)));
    driver.complete([start_timer(1)]);
    driver.task(task(&history.only_task(2)));
    assert_eq!(driver.jobs(), ["update-u1"]);
    assert!(update(driver.activation()).run_validator);
}

#[test]
fn a_dropped_speculative_task_leaves_no_trace() {
    let (mut driver, history) = waiting_run();
    // The task after the reset has the same ids: the service never wrote the dropped one down.
    driver.task(with_update(&history, 2, "u1"));
    driver.reset_last_started_to = Some(3);
    driver.complete([reject_update("u1")]);
    assert_eq!(driver.run.last_event_id(), 5);
    assert_eq!(driver.ended[1].next_event_id, 8, "the dropped task's own events are told as its");

    let mut next = HistoryBuilder::of_events(history.events()[..5].to_vec());
    next.signaled("poke");
    next.workflow_task_pending();
    driver.task(task(&next.only_task(2)));
    assert_eq!(driver.jobs(), ["signal-poke"]);
    driver.complete([]);
    assert_eq!(driver.completions().len(), 3);
}

#[test]
fn a_request_that_never_became_due_is_dropped_with_a_warning() {
    let (mut driver, history) = waiting_run();
    let mut undue = update_message("u1", 0);
    undue.sequencing_id = Some(SequencingId::CommandIndex(1));
    let view = history.only_task(2);
    driver.task(PreparedTask { messages: vec![undue], ..task(&view) });
    assert!(driver.activation.is_none(), "Core completes the task");
    let mut next = history;
    record(&mut next, driver.last_completion());
    next.workflow_task_pending();
    driver.task(with_update(&next, 3, "u2"));
    assert_eq!(driver.jobs(), ["update-u2"]);
    let text = "There are unprocessed protocol messages while receiving new work";
    assert_eq!(driver.warnings(), [text]);
}

#[test]
fn an_answer_to_an_unknown_update_is_fatal() {
    let (mut driver, history) = waiting_run();
    driver.task(with_update(&history, 2, "u1"));
    driver.complete([accept_update("u2")]);
    let failure = driver.reports.last().expect("the task fails").failure();
    assert_eq!(
        failure.failure.message,
        "Fatal error in workflow machines: Missing associated machine for protocol message u2"
    );
}
