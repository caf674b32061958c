//! Spec 2.7, 2.7.2: every pair of state and input, and what the successor inherits.

use temporalio_protos::temporal::api::command::v1::command;
use temporalio_protos::temporal::api::common::v1::Payload;
use temporalio_protos::temporal::api::history::v1::history_event::Attributes;

use super::*;
use crate::machines::all_pairs::{self, REPLAY, Via, event};

const STATES: [State; 2] = [State::ContinueAsNewWorkflowCommandCreated, State::ContinueAsNewWorkflowCommandRecorded];

fn at(state: State) -> ContinueAsNewWorkflowMachine {
    ContinueAsNewWorkflowMachine { position: Position::new("ContinueAsNewWorkflowMachine", TABLE, state) }
}

fn recorded() -> HistoryEvent {
    event(Attributes::WorkflowExecutionContinuedAsNewEventAttributes(Default::default()))
}

#[test]
fn every_pair_of_state_and_input() {
    let inputs = [
        (Input::Prepared, Via::Command(CommandType::ContinueAsNewWorkflowExecution)),
        (Input::WorkflowExecutionContinuedAsNew, Via::event(recorded())),
    ];
    all_pairs::check(TABLE, &STATES, at, &inputs);
}

#[test]
fn takes_no_foreign_events() {
    let text = "Continue as new workflow machine does not handle this event: HistoryEvent(id: 7, TimerFired)";
    all_pairs::check_foreign(&mut at(State::ContinueAsNewWorkflowCommandCreated), EventType::TimerFired, text);
}

#[test]
fn is_done_when_its_event_is_seen() {
    let mut machine = at(State::ContinueAsNewWorkflowCommandCreated);
    assert!(!machine.is_final());
    assert_eq!(machine.handle_event(recorded(), REPLAY), Ok(vec![]));
    assert!(machine.is_final());
}

fn payload(text: &str) -> Payload {
    Payload { data: text.as_bytes().to_vec(), ..Default::default() }
}

fn inherited() -> Inherited {
    Inherited {
        memo: Some(Memo { fields: [("memo".to_owned(), payload("start"))].into() }),
        retry_policy: Some(RetryPolicy { maximum_attempts: 3, ..Default::default() }),
        search_attributes: SearchAttributes { indexed_fields: [("sa".to_owned(), payload("now"))].into() },
    }
}

#[test]
fn what_lang_left_out_comes_from_the_run() {
    let mut lang = ContinueAsNewWorkflowExecution::default();
    inherited().fill(&mut lang);
    assert_eq!(lang.memo, [("memo".to_owned(), payload("start"))].into());
    assert_eq!(lang.retry_policy, inherited().retry_policy);
    assert_eq!(lang.search_attributes, Some(inherited().search_attributes));
}

#[test]
fn what_lang_gave_stays() {
    let given = ContinueAsNewWorkflowExecution {
        memo: [("memo".to_owned(), payload("given"))].into(),
        retry_policy: Some(RetryPolicy::default()),
        search_attributes: Some(SearchAttributes::default()),
        ..Default::default()
    };
    let mut lang = given.clone();
    inherited().fill(&mut lang);
    assert_eq!(lang, given, "an empty message of search attributes clears them");
}

#[test]
fn without_search_attributes_none_are_sent() {
    let mut lang = ContinueAsNewWorkflowExecution::default();
    Inherited::default().fill(&mut lang);
    assert_eq!(lang.search_attributes, None);
}

#[test]
fn the_command_carries_the_versioning() {
    let lang = ContinueAsNewWorkflowExecution {
        workflow_type: "type".to_owned(),
        initial_versioning_behavior: 1,
        ..Default::default()
    };
    let (_, command) = ContinueAsNewWorkflowMachine::new(lang, true, Annotations::default());
    match command.attributes {
        #[allow(deprecated)]
        command::Attributes::ContinueAsNewWorkflowExecutionCommandAttributes(again) => {
            assert!(again.inherit_build_id);
            assert_eq!(again.initial_versioning_behavior, 1);
            assert_eq!((again.header, again.memo), (None, None), "empty maps are not sent");
        }
        other => panic!("{other:?}"),
    }
}
