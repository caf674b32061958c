//! Spec 2.9.1, 2.8.3: every pair of state and input, and the command.

use temporalio_protos::temporal::api::enums::v1::EventType;
use temporalio_protos::temporal::api::history::v1::history_event::Attributes;

use super::*;
use crate::machines::all_pairs::{self, Via, event};

fn at(state: State) -> UpsertSearchAttributesMachine {
    UpsertSearchAttributesMachine { position: Position::new("UpsertSearchAttributesMachine", TABLE, state) }
}

fn attributes(name: &str) -> SearchAttributes {
    SearchAttributes { indexed_fields: [(name.to_owned(), Default::default())].into() }
}

#[test]
fn every_pair_of_state_and_input() {
    let upserted = event(Attributes::UpsertWorkflowSearchAttributesEventAttributes(Default::default()));
    let inputs = [
        (Input::Prepared, Via::Command(CommandType::UpsertWorkflowSearchAttributes)),
        (Input::Upserted, Via::event(upserted)),
    ];
    all_pairs::check(TABLE, &[State::Created, State::CommandIssued, State::Done], at, &inputs);
}

#[test]
fn takes_no_foreign_events() {
    let text = "UpsertWorkflowSearchAttributesMachine does not handle HistoryEvent(id: 7, TimerFired)";
    all_pairs::check_foreign(&mut at(State::CommandIssued), EventType::TimerFired, text);
}

#[test]
fn the_command_carries_the_attributes() {
    let (_, command) = UpsertSearchAttributesMachine::new(attributes("key"), Annotations::default());
    match command.attributes {
        command::Attributes::UpsertWorkflowSearchAttributesCommandAttributes(upsert) => {
            assert_eq!(upsert.search_attributes, Some(attributes("key")));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_attribute_of_patches_is_recognised() {
    assert!(writes_change_version(&attributes("TemporalChangeVersion")));
    assert!(!writes_change_version(&attributes("CustomKeyword")));
}
