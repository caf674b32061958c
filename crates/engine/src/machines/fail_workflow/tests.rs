//! Spec 2.7: every pair of state and input, and the command.

use temporalio_protos::temporal::api::command::v1::command;
use temporalio_protos::temporal::api::history::v1::history_event::Attributes;

use super::*;
use crate::machines::all_pairs::{self, REPLAY, Via, event};

const STATES: [State; 2] = [State::FailWorkflowCommandCreated, State::FailWorkflowCommandRecorded];

fn at(state: State) -> FailWorkflowMachine {
    FailWorkflowMachine { position: Position::new("FailWorkflowMachine", TABLE, state) }
}

fn recorded() -> HistoryEvent {
    event(Attributes::WorkflowExecutionFailedEventAttributes(Default::default()))
}

#[test]
fn every_pair_of_state_and_input() {
    let inputs = [
        (Input::Prepared, Via::Command(CommandType::FailWorkflowExecution)),
        (Input::WorkflowExecutionFailed, Via::event(recorded())),
    ];
    all_pairs::check(TABLE, &STATES, at, &inputs);
}

#[test]
fn takes_no_foreign_events() {
    let text = "Fail workflow machine does not handle this event: HistoryEvent(id: 7, TimerFired)";
    all_pairs::check_foreign(&mut at(State::FailWorkflowCommandCreated), EventType::TimerFired, text);
}

#[test]
fn is_done_when_its_event_is_seen() {
    let mut machine = at(State::FailWorkflowCommandCreated);
    assert!(!machine.is_final());
    assert_eq!(machine.handle_event(recorded(), REPLAY), Ok(vec![]));
    assert!(machine.is_final());
}

#[test]
fn the_command_carries_the_failure() {
    let lang = FailWorkflowExecution { failure: Some("broken".into()) };
    let (_, command) = FailWorkflowMachine::new(lang, Annotations::default());
    match command.attributes {
        command::Attributes::FailWorkflowExecutionCommandAttributes(fail) => {
            assert_eq!(fail.failure, Some("broken".into()));
        }
        other => panic!("{other:?}"),
    }
}
