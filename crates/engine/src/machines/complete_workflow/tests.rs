//! Spec 2.7: every pair of state and input, and the command.

use temporalio_protos::temporal::api::command::v1::command;
use temporalio_protos::temporal::api::common::v1::Payload;
use temporalio_protos::temporal::api::history::v1::history_event::Attributes;

use super::*;
use crate::machines::all_pairs::{self, REPLAY, Via, event};

const STATES: [State; 2] = [State::CompleteWorkflowCommandCreated, State::CompleteWorkflowCommandRecorded];

fn at(state: State) -> CompleteWorkflowMachine {
    CompleteWorkflowMachine { position: Position::new("CompleteWorkflowMachine", TABLE, state) }
}

fn recorded() -> HistoryEvent {
    event(Attributes::WorkflowExecutionCompletedEventAttributes(Default::default()))
}

#[test]
fn every_pair_of_state_and_input() {
    let inputs = [
        (Input::Prepared, Via::Command(CommandType::CompleteWorkflowExecution)),
        (Input::WorkflowExecutionCompleted, Via::event(recorded())),
    ];
    all_pairs::check(TABLE, &STATES, at, &inputs);
}

#[test]
fn takes_no_foreign_events() {
    let text = "Complete workflow machine does not handle this event: HistoryEvent(id: 7, TimerFired)";
    all_pairs::check_foreign(&mut at(State::CompleteWorkflowCommandCreated), EventType::TimerFired, text);
}

#[test]
fn is_done_when_its_event_is_seen() {
    let mut machine = at(State::CompleteWorkflowCommandCreated);
    assert!(!machine.is_final());
    assert_eq!(machine.handle_event(recorded(), REPLAY), Ok(vec![]));
    assert!(machine.is_final());
}

#[test]
fn the_command_carries_the_result() {
    let result = Payload { data: b"42".to_vec(), ..Default::default() };
    let lang = CompleteWorkflowExecution { result: Some(result.clone()) };
    let (_, command) = CompleteWorkflowMachine::new(lang, Annotations::default());
    match command.attributes {
        command::Attributes::CompleteWorkflowExecutionCommandAttributes(complete) => {
            assert_eq!(complete.result, Some(result.into()));
        }
        other => panic!("{other:?}"),
    }
}
