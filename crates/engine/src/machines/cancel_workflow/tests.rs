//! Spec 2.7: every pair of state and input, and the command.

use temporalio_protos::temporal::api::command::v1::command;
use temporalio_protos::temporal::api::common::v1::Payloads;
use temporalio_protos::temporal::api::history::v1::history_event::Attributes;

use super::*;
use crate::machines::all_pairs::{self, REPLAY, Via, event};

const STATES: [State; 2] = [State::CancelWorkflowCommandCreated, State::CancelWorkflowCommandRecorded];

fn at(state: State) -> CancelWorkflowMachine {
    CancelWorkflowMachine { position: Position::new("CancelWorkflowMachine", TABLE, state) }
}

fn recorded() -> HistoryEvent {
    event(Attributes::WorkflowExecutionCanceledEventAttributes(Default::default()))
}

#[test]
fn every_pair_of_state_and_input() {
    let inputs = [
        (Input::Prepared, Via::Command(CommandType::CancelWorkflowExecution)),
        (Input::WorkflowExecutionCanceled, Via::event(recorded())),
    ];
    all_pairs::check(TABLE, &STATES, at, &inputs);
}

#[test]
fn takes_no_foreign_events() {
    let text = "Cancel workflow machine does not handle this event: HistoryEvent(id: 7, TimerFired)";
    all_pairs::check_foreign(&mut at(State::CancelWorkflowCommandCreated), EventType::TimerFired, text);
}

#[test]
fn is_done_when_its_event_is_seen() {
    let mut machine = at(State::CancelWorkflowCommandCreated);
    assert!(!machine.is_final());
    assert_eq!(machine.handle_event(recorded(), REPLAY), Ok(vec![]));
    assert!(machine.is_final());
}

#[test]
fn the_command_carries_the_details() {
    let details = Some(Payloads { payloads: vec![Default::default()] });
    let lang = CancelWorkflowExecution { details: details.clone() };
    let (_, command) = CancelWorkflowMachine::new(lang, Annotations::default());
    match command.attributes {
        command::Attributes::CancelWorkflowExecutionCommandAttributes(cancel) => assert_eq!(cancel.details, details),
        other => panic!("{other:?}"),
    }
}
