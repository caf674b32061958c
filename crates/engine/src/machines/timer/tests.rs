//! Spec 2.2, 17(12): every pair of state and input, and what a timer tells lang.

use temporalio_protos::coresdk::workflow_activation::workflow_activation_job::Variant;
use temporalio_protos::temporal::api::command::v1::{
    CancelTimerCommandAttributes, StartTimerCommandAttributes, command,
};
use temporalio_protos::temporal::api::history::v1::{
    TimerCanceledEventAttributes, TimerFiredEventAttributes, TimerStartedEventAttributes, history_event::Attributes,
};
use temporalio_protos::temporal::api::sdk::v1::{EventGroupMarker, UserMetadata, event_group_marker};

use super::*;
use crate::machines::all_pairs::{self, INVALID_CANCEL, REPLAY, Via, event};

const STATES: [State; 6] = [
    State::StartCommandCreated,
    State::StartCommandRecorded,
    State::CancelTimerCommandCreated,
    State::CancelTimerCommandSent,
    State::Fired,
    State::Canceled,
];

fn timer() -> TimerMachine {
    TimerMachine::new(StartTimer { seq: 3, start_to_fire_timeout: None }, Annotations::default()).0
}

fn at(state: State) -> TimerMachine {
    TimerMachine { position: Position::new("TimerMachine", TABLE, state), ..timer() }
}

fn started() -> HistoryEvent {
    event(Attributes::TimerStartedEventAttributes(TimerStartedEventAttributes::default()))
}

fn fired(timer_id: &str) -> HistoryEvent {
    event(Attributes::TimerFiredEventAttributes(TimerFiredEventAttributes {
        timer_id: timer_id.to_owned(),
        started_event_id: 5,
    }))
}

fn canceled() -> HistoryEvent {
    event(Attributes::TimerCanceledEventAttributes(TimerCanceledEventAttributes::default()))
}

#[test]
fn every_pair_of_state_and_input() {
    all_pairs::check(
        TABLE,
        &STATES,
        at,
        &[
            (Input::StartPrepared, Via::Command(CommandType::StartTimer)),
            (Input::CancelPrepared, Via::Command(CommandType::CancelTimer)),
            (Input::TimerStarted, Via::event(started())),
            (Input::TimerFired, Via::event(fired("3"))),
            (Input::TimerCanceled, Via::event(canceled())),
            (Input::Cancel, Via::Call(|timer| timer.cancel(Annotations::default()), INVALID_CANCEL)),
        ],
    );
}

#[test]
fn takes_no_foreign_events() {
    let text = "Timer machine does not handle this event: HistoryEvent(id: 7, ActivityTaskStarted)";
    all_pairs::check_foreign(&mut timer(), EventType::ActivityTaskStarted, text);
}

#[test]
fn starts_and_fires() {
    let (mut timer, command) =
        TimerMachine::new(StartTimer { seq: 3, start_to_fire_timeout: None }, Annotations::default());
    let start = StartTimerCommandAttributes { timer_id: "3".to_owned(), start_to_fire_timeout: None };
    assert_eq!(command.attributes, command::Attributes::StartTimerCommandAttributes(start));
    assert_eq!(timer.handle_event(started(), REPLAY), Ok(vec![]));
    let fire = Response::Job(Variant::FireTimer(FireTimer { seq: 3 }));
    assert_eq!(timer.handle_event(fired("3"), REPLAY), Ok(vec![fire]));
}

#[test]
fn a_fired_event_of_another_timer_is_nondeterminism() {
    let error = RunError::nondeterminism("Timer fired event did not have expected timer id 3, it was 8!");
    assert_eq!(at(State::StartCommandRecorded).handle_event(fired("8"), REPLAY), Err(error));
}

#[test]
fn a_cancel_before_the_start_was_sent_leaves_no_trace() {
    let mut timer = timer();
    assert_eq!(timer.cancel(Annotations::default()), Ok(vec![]));
    assert!(timer.was_cancelled_before_sent());
}

#[test]
fn a_cancel_command_carries_what_the_start_had_and_the_cancel_overrides() {
    let summary = |text: &str| Some(text.into());
    let group = |id: &str| {
        let label = event_group_marker::Label { id: id.to_owned(), label: None };
        vec![EventGroupMarker { variant: Some(event_group_marker::Variant::Label(label)) }]
    };
    let start = Annotations {
        user_metadata: Some(UserMetadata { summary: summary("start"), details: summary("kept") }),
        event_group_markers: group("kept"),
    };
    let cancel = Annotations {
        user_metadata: Some(UserMetadata { summary: summary("cancel"), details: None }),
        event_group_markers: vec![],
    };
    let mut timer = TimerMachine { annotations: start, ..at(State::StartCommandRecorded) };
    let expected = NewCommand {
        attributes: command::Attributes::CancelTimerCommandAttributes(CancelTimerCommandAttributes {
            timer_id: "3".to_owned(),
        }),
        annotations: Annotations {
            user_metadata: Some(UserMetadata { summary: summary("cancel"), details: summary("kept") }),
            event_group_markers: group("kept"),
        },
    };
    assert_eq!(timer.cancel(cancel), Ok(vec![Response::Command(expected)]));
    assert!(!timer.was_cancelled_before_sent());
}

#[test]
fn only_a_cancel_is_left_after_the_end() {
    for state in [State::Fired, State::Canceled] {
        let mut timer = at(state);
        assert_eq!(timer.cancel(Annotations::default()), Ok(vec![]));
        assert_eq!(timer.position.state(), state);
    }
}
