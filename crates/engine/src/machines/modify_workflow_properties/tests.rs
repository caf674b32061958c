//! Spec 2.9.2: every pair of state and input, and the command.

use temporalio_protos::temporal::api::command::v1::command;
use temporalio_protos::temporal::api::common::v1::Memo;
use temporalio_protos::temporal::api::history::v1::history_event::Attributes;

use super::*;
use crate::machines::all_pairs::{self, Via, event};

fn at(state: State) -> ModifyWorkflowPropertiesMachine {
    ModifyWorkflowPropertiesMachine { position: Position::new("ModifyWorkflowPropertiesMachine", TABLE, state) }
}

#[test]
fn every_pair_of_state_and_input() {
    let modified = event(Attributes::WorkflowPropertiesModifiedEventAttributes(Default::default()));
    let inputs = [
        (Input::Prepared, Via::Command(CommandType::ModifyWorkflowProperties)),
        (Input::Modified, Via::event(modified)),
    ];
    all_pairs::check(TABLE, &[State::Created, State::CommandIssued, State::Done], at, &inputs);
}

#[test]
fn takes_no_foreign_events() {
    let text = "ModifyWorkflowPropertiesMachine does not handle HistoryEvent(id: 7, TimerFired)";
    all_pairs::check_foreign(&mut at(State::CommandIssued), EventType::TimerFired, text);
}

#[test]
fn the_command_carries_the_memo() {
    let memo = Memo { fields: [("key".to_owned(), Default::default())].into() };
    let lang = ModifyWorkflowProperties { upserted_memo: Some(memo.clone()) };
    let (_, command) = ModifyWorkflowPropertiesMachine::new(lang, Annotations::default());
    match command.attributes {
        command::Attributes::ModifyWorkflowPropertiesCommandAttributes(modify) => {
            assert_eq!(modify.upserted_memo, Some(memo));
        }
        other => panic!("{other:?}"),
    }
}
