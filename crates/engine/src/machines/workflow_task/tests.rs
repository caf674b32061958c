//! Spec 1.5.12, 1.5.13, 17(1): every pair of state and input, and what a task tells the run.

use temporalio_protos::temporal::api::history::v1::WorkflowTaskFailedEventAttributes;
use temporalio_protos::temporal::api::history::v1::history_event::Attributes;

use super::*;
use crate::machines::all_pairs::{self, REPLAY, Via, event};

const STATES: [State; 6] =
    [State::Created, State::Scheduled, State::Started, State::Completed, State::Failed, State::TimedOut];

const TIME: prost_types::Timestamp = prost_types::Timestamp { seconds: 9, nanos: 0 };

fn at(state: State) -> WorkflowTaskMachine {
    WorkflowTaskMachine {
        position: Position::new("WorkflowTaskMachine", TABLE, state),
        next_started_event_id: 7,
        started: Some(TaskStarted { event_id: 3, time: TIME }),
    }
}

fn started() -> HistoryEvent {
    let started = event(Attributes::WorkflowTaskStartedEventAttributes(Default::default()));
    HistoryEvent { event_time: Some(TIME), ..started }
}

fn completed() -> HistoryEvent {
    event(Attributes::WorkflowTaskCompletedEventAttributes(Default::default()))
}

fn failed(cause: WorkflowTaskFailedCause) -> HistoryEvent {
    event(Attributes::WorkflowTaskFailedEventAttributes(WorkflowTaskFailedEventAttributes {
        cause: cause as i32,
        new_run_id: "new-run".to_owned(),
        ..Default::default()
    }))
}

#[test]
fn every_pair_of_state_and_input() {
    use WorkflowTaskFailedCause::{
        ResetWorkflow, WorkflowPauseRequestedBeforeTaskStarted, WorkflowWorkerUnhandledFailure,
    };
    let scheduled = event(Attributes::WorkflowTaskScheduledEventAttributes(Default::default()));
    let timed_out = event(Attributes::WorkflowTaskTimedOutEventAttributes(Default::default()));
    let inputs = [
        (Input::Scheduled, Via::event(scheduled)),
        (Input::Started, Via::event(started())),
        (Input::Completed, Via::event(completed())),
        (Input::Failed, Via::event(failed(WorkflowWorkerUnhandledFailure))),
        (Input::FailedByPauseRequest, Via::event(failed(WorkflowPauseRequestedBeforeTaskStarted))),
        (Input::FailedByReset, Via::event(failed(ResetWorkflow))),
        (Input::TimedOut, Via::event(timed_out)),
    ];
    all_pairs::check(TABLE, &STATES, at, &inputs);
}

#[test]
fn takes_no_foreign_events() {
    let text = "Event does not apply to a wf task machine: HistoryEvent(id: 7, TimerFired)";
    all_pairs::check_foreign(&mut at(State::Scheduled), EventType::TimerFired, text);
}

#[test]
fn the_concluding_started_event_starts_the_task() {
    let start = Response::TaskStarted(TaskStarted { event_id: 7, time: TIME });
    assert_eq!(at(State::Scheduled).handle_event(started(), REPLAY), Ok(vec![start]));
}

#[test]
fn an_earlier_started_event_starts_nothing() {
    let mut machine = WorkflowTaskMachine { next_started_event_id: 12, ..at(State::Scheduled) };
    assert_eq!(machine.handle_event(started(), REPLAY), Ok(vec![]));
}

#[test]
fn the_completed_event_sets_the_clock_again() {
    let mut machine = WorkflowTaskMachine { next_started_event_id: 12, ..at(State::Scheduled) };
    assert_eq!(machine.handle_event(started(), REPLAY), Ok(vec![]));
    let start = Response::TaskStarted(TaskStarted { event_id: 7, time: TIME });
    assert_eq!(machine.handle_event(completed(), REPLAY), Ok(vec![start]));
}

#[test]
fn a_started_event_without_time_is_fatal() {
    let text = "Workflow task started event must contain timestamp: HistoryEvent(id: 7, WorkflowTaskStarted)";
    let timeless = HistoryEvent { event_time: None, ..started() };
    assert_eq!(at(State::Scheduled).handle_event(timeless, REPLAY), Err(RunError::fatal(text)));
}

#[test]
fn a_reset_reseeds_with_the_new_run_id() {
    let reseed = Response::UpdateRandomSeed { run_id: "new-run".to_owned() };
    let reset = failed(WorkflowTaskFailedCause::ResetWorkflow);
    assert_eq!(at(State::Started).handle_event(reset, REPLAY), Ok(vec![reseed]));
    let other = failed(WorkflowTaskFailedCause::NonDeterministicError);
    assert_eq!(at(State::Started).handle_event(other, REPLAY), Ok(vec![]));
}

#[test]
fn before_its_start_a_task_fails_by_a_pause_alone() {
    let pause = failed(WorkflowTaskFailedCause::WorkflowPauseRequestedBeforeTaskStarted);
    assert_eq!(at(State::Scheduled).handle_event(pause, REPLAY), Ok(vec![]));
    let text = "Workflow task failed before it started with cause Some(ResetWorkflow)";
    let reset = failed(WorkflowTaskFailedCause::ResetWorkflow);
    assert_eq!(at(State::Scheduled).handle_event(reset, REPLAY), Err(RunError::fatal(text)));
}
