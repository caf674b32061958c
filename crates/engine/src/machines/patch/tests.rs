//! Spec 2.8, 17(10): every pair of state and input, and the marker.

use temporalio_protos::temporal::api::command::v1::command;
use temporalio_protos::temporal::api::enums::v1::EventType;
use temporalio_protos::temporal::api::history::v1::{MarkerRecordedEventAttributes, history_event::Attributes};

use super::*;
use crate::machines::all_pairs::{self, REPLAY, Via, event};

const STATES: [State; 4] =
    [State::MarkerCommandCreated, State::MarkerCommandCreatedReplaying, State::Notified, State::MarkerCommandRecorded];

fn at(state: State) -> PatchMachine {
    PatchMachine { position: Position::new("PatchMachine", TABLE, state), patch_id: "mine".to_owned() }
}

fn recorded(id: &str) -> HistoryEvent {
    let patch = SetPatchMarker { patch_id: id.to_owned(), deprecated: true };
    let (_, command) = PatchMachine::new(patch, false, Annotations::default()).expect("it encodes");
    match command.attributes {
        command::Attributes::RecordMarkerCommandAttributes(record) => {
            event(Attributes::MarkerRecordedEventAttributes(MarkerRecordedEventAttributes {
                marker_name: record.marker_name,
                details: record.details,
                ..Default::default()
            }))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_pair_of_state_and_input() {
    let inputs =
        [(Input::Prepared, Via::Command(CommandType::RecordMarker)), (Input::Recorded, Via::event(recorded("mine")))];
    all_pairs::check(TABLE, &STATES, at, &inputs);
}

#[test]
fn takes_no_foreign_events() {
    let text = "Change machine cannot handle this event: HistoryEvent(id: 7, MarkerRecorded)";
    all_pairs::check_foreign(&mut at(State::Notified), EventType::MarkerRecorded, text);
}

#[test]
fn live_and_replayed_patches_end_alike() {
    for replaying in [false, true] {
        let patch = SetPatchMarker { patch_id: "mine".to_owned(), deprecated: false };
        let (mut machine, _) = PatchMachine::new(patch, replaying, Annotations::default()).expect("it encodes");
        assert_eq!(machine.patch_id(), "mine");
        assert_eq!(machine.handle_command_prepared(CommandType::RecordMarker), Ok(vec![]));
        assert_eq!(machine.handle_event(recorded("mine"), REPLAY), Ok(vec![]));
        assert!(machine.is_final());
    }
}

#[test]
fn the_marker_of_another_patch_is_nondeterminism() {
    let refused = at(State::Notified).handle_event(recorded("other"), REPLAY);
    assert_eq!(refused, Err(RunError::nondeterminism("Change id other does not match expected id mine")));
}
