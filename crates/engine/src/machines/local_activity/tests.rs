//! Spec 2.3, 17(4): every pair of state and input, results and markers.

mod ends;
mod requests;

use std::time::Duration;

use temporalio_protos::coresdk::activity_result::{Cancellation, Failure as FailedResult, Success};
use temporalio_protos::coresdk::external_data::LocalActivityMarkerData;
use temporalio_protos::temporal::api::command::v1::command;
use temporalio_protos::temporal::api::failure::v1::Failure;
use temporalio_protos::temporal::api::history::v1::{MarkerRecordedEventAttributes, history_event::Attributes};

use super::*;
use crate::input::LocalActivityResult;
use crate::machines::all_pairs::{self, CHECKED, INVALID_CANCEL, REPLAY, Refusal, Via, event};
use crate::machines::markers::record_local_activity;

const STATES: [State; 6] = [
    State::RequestSent,
    State::MarkerCommandCreated,
    State::ResultNotified,
    State::WaitingResolveFromMarkerLookAhead,
    State::ResolvedFromMarkerLookAheadWaitingMarkerEvent,
    State::MarkerCommandRecorded,
];

const TRY: ActivityCancellationType = ActivityCancellationType::TryCancel;
const WAIT: ActivityCancellationType = ActivityCancellationType::WaitCancellationCompleted;
const ABANDON: ActivityCancellationType = ActivityCancellationType::Abandon;

const CLOCK: prost_types::Timestamp = prost_types::Timestamp { seconds: 100, nanos: 900_000_000 };
const SCHEDULED: prost_types::Timestamp = prost_types::Timestamp { seconds: 90, nanos: 0 };

fn request(cancellation_type: ActivityCancellationType) -> ScheduleLocalActivity {
    ScheduleLocalActivity {
        seq: 4,
        activity_id: "act-id".to_owned(),
        activity_type: "act-type".to_owned(),
        attempt: 2,
        original_schedule_time: Some(SCHEDULED),
        cancellation_type: cancellation_type as i32,
        ..Default::default()
    }
}

fn new(replaying: bool, cancellation_type: ActivityCancellationType) -> LocalActivityMachine {
    LocalActivityMachine::new(request(cancellation_type), replaying, Some(CLOCK), Annotations::default()).0
}

/// Replaying in the states to which only replay leads.
fn at(state: State, cancellation_type: ActivityCancellationType) -> LocalActivityMachine {
    let replaying = format!("{state:?}").contains("LookAhead");
    let position = Position::new("LocalActivityMachine", TABLE, state);
    LocalActivityMachine { position, ..new(replaying, cancellation_type) }
}

fn ended(result: LocalActivityResult) -> LocalActivityResolution {
    LocalActivityResolution {
        seq: 4,
        result,
        runtime: Duration::from_millis(1200),
        attempt: 3,
        backoff: None,
        original_schedule_time: Some(SCHEDULED),
    }
}

fn success() -> LocalActivityResult {
    LocalActivityResult::Completed(Success { result: Some(payload("result")) })
}

fn failed(failure: Failure) -> LocalActivityResult {
    LocalActivityResult::Failed(FailedResult { failure: Some(failure), ..Default::default() })
}

fn payload(text: &str) -> Payload {
    Payload { data: text.as_bytes().to_vec(), ..Default::default() }
}

fn data() -> LocalActivityMarkerData {
    LocalActivityMarkerData {
        seq: 4,
        attempt: 3,
        activity_id: "act-id".to_owned(),
        activity_type: "act-type".to_owned(),
        complete_time: Some(prost_types::Timestamp { seconds: 102, nanos: 100_000_000 }),
        backoff: None,
        original_schedule_time: Some(SCHEDULED),
        activation_index: Some(1),
    }
}

fn marker(result: Result<Payload, Failure>) -> LocalActivityMarker {
    LocalActivityMarker { data: data(), result }
}

fn marker_event(data: LocalActivityMarkerData, result: Result<Payload, Failure>) -> HistoryEvent {
    let (result, failure) = (result.clone().ok(), result.err());
    match record_local_activity(data, result, failure, None) {
        command::Attributes::RecordMarkerCommandAttributes(record) => {
            event(Attributes::MarkerRecordedEventAttributes(MarkerRecordedEventAttributes {
                marker_name: record.marker_name,
                details: record.details,
                failure: record.failure,
                ..Default::default()
            }))
        }
        other => panic!("not a marker: {other:?}"),
    }
}

fn cancel_as(machine: &mut LocalActivityMachine, cancellation_type: ActivityCancellationType) -> Result<Vec<Response>> {
    machine.cancellation_type = cancellation_type;
    machine.cancel(1)
}

fn resolve_success(machine: &mut LocalActivityMachine) -> Result<Vec<Response>> {
    machine.resolve(ended(success()), 1)
}

#[test]
fn every_pair_of_state_and_input() {
    let inputs = [
        (Input::Result, Via::Call(resolve_success, Refusal::Fatal)),
        (
            Input::ResultFromMarker,
            Via::Call(
                |machine: &mut LocalActivityMachine| machine.resolve_from_marker(marker(Ok(payload("result")))),
                Refusal::Fatal,
            ),
        ),
        (Input::CancelTry, Via::Call(|machine| cancel_as(machine, TRY), INVALID_CANCEL)),
        (Input::CancelWait, Via::Call(|machine| cancel_as(machine, WAIT), INVALID_CANCEL)),
        (Input::CancelAbandon, Via::Call(|machine| cancel_as(machine, ABANDON), INVALID_CANCEL)),
        (Input::MarkerPrepared, Via::Command(CommandType::RecordMarker)),
        (Input::MarkerRecorded, Via::event(marker_event(data(), Ok(payload("result"))))),
        (
            Input::NonReplayTaskStarted,
            Via::Call(
                |machine: &mut LocalActivityMachine| Ok(machine.handle_non_replay_task_started()),
                Refusal::Ignored,
            ),
        ),
    ];
    all_pairs::check(TABLE, &STATES, |state| at(state, WAIT), &inputs);
}

#[test]
fn takes_no_foreign_events() {
    let text = "Local activity machine cannot handle this event: HistoryEvent(id: 7, TimerFired)";
    all_pairs::check_foreign(&mut at(State::ResultNotified, WAIT), EventType::TimerFired, text);
}

#[test]
fn takes_no_unreadable_marker() {
    let empty = event(Attributes::MarkerRecordedEventAttributes(Default::default()));
    let error = RunError::nondeterminism("Local activity machine encountered an unparsable marker");
    assert_eq!(at(State::ResultNotified, WAIT).handle_event(empty, REPLAY), Err(error));
}

#[test]
fn executes_at_once_unless_replaying() {
    let execute = Response::ScheduleLocalActivity { seq: 4 };
    let (mut live, responses) = LocalActivityMachine::new(request(WAIT), false, None, Annotations::default());
    assert_eq!(responses, std::slice::from_ref(&execute));
    assert_eq!(live.take_request(), Some(request(WAIT)));

    let (mut replayed, responses) = LocalActivityMachine::new(request(WAIT), true, None, Annotations::default());
    assert_eq!(responses, []);
    assert!(replayed.accepts_marker_result());
    assert_eq!(replayed.handle_non_replay_task_started(), [execute], "there was no marker: execute it now");
    assert!(!replayed.accepts_marker_result());
    assert_eq!(replayed.take_request(), Some(request(WAIT)));
}

#[test]
fn a_cancel_of_a_running_one_goes_by_type() {
    let cancel = Response::CancelLocalActivity { seq: 4 };
    let kinds = |cancellation_type| -> Vec<&'static str> {
        let responses = new(false, cancellation_type).cancel(1).expect("a running one can be cancelled");
        responses.iter().map(kind).collect()
    };
    assert_eq!(new(false, WAIT).cancel(1), Ok(vec![cancel]));
    assert_eq!(kinds(TRY), ["cancel", "job", "command"]);
    assert_eq!(kinds(ABANDON), ["job", "abandon", "command"]);
}

fn kind(response: &Response) -> &'static str {
    match response {
        Response::LocalActivityJob(_) => "job",
        Response::AdvanceClock(_) => "clock",
        Response::Command(_) => "command",
        Response::CancelLocalActivity { .. } => "cancel",
        Response::AbandonLocalActivity { .. } => "abandon",
        _ => "other",
    }
}

#[test]
fn a_cancel_in_replay_only_looks_for_the_result() {
    for state in [State::WaitingResolveFromMarkerLookAhead, State::ResolvedFromMarkerLookAheadWaitingMarkerEvent] {
        for cancellation_type in [TRY, WAIT, ABANDON] {
            let responses = at(state, cancellation_type).cancel(1);
            assert_eq!(responses, Ok(vec![Response::CancelLocalActivity { seq: 4 }]));
        }
    }
}

#[test]
fn a_late_cancel_stops_a_retry() {
    for (cancellation_type, responses) in [(TRY, 1), (WAIT, 1), (ABANDON, 0)] {
        let cancelled = at(State::MarkerCommandRecorded, cancellation_type).cancel(1);
        assert_eq!(cancelled.map(|cancelled| cancelled.len()), Ok(responses));
    }
}

#[test]
fn a_result_after_the_end_interests_nobody() {
    for state in [State::MarkerCommandCreated, State::ResultNotified, State::MarkerCommandRecorded] {
        assert_eq!(at(state, TRY).resolve(ended(success()), 1), Ok(vec![]));
    }
}

#[test]
fn the_marker_goes_by_its_command_or_without() {
    assert_eq!(at(State::ResultNotified, WAIT).takes_marker_without_command(), Ok(false));
    let replayed = at(State::ResolvedFromMarkerLookAheadWaitingMarkerEvent, WAIT);
    assert_eq!(replayed.takes_marker_without_command(), Ok(true));
    let text = "Attempted to check for LA marker handling in invalid state RequestSent";
    assert_eq!(at(State::RequestSent, WAIT).takes_marker_without_command(), Err(RunError::fatal(text)));
}

#[test]
fn the_marker_must_be_its_own() {
    let mut other = data();
    other.seq = 9;
    let text = "Local activity marker data has sequence number 9 but matched against LA command with sequence number 4";
    let record = |data, context| {
        at(State::ResolvedFromMarkerLookAheadWaitingMarkerEvent, WAIT)
            .handle_event(marker_event(data, Ok(payload("r"))), context)
    };
    assert_eq!(record(other, REPLAY), Err(RunError::nondeterminism(text)));

    let text = |what: &str, own: &str| {
        RunError::nondeterminism(format!(
            "Activity {what} of recorded marker 'other' does not match activity {what} of local activity \
             command '{own}'"
        ))
    };
    let other_id = LocalActivityMarkerData { activity_id: "other".to_owned(), ..data() };
    let other_type = LocalActivityMarkerData { activity_type: "other".to_owned(), ..data() };
    assert_eq!(record(data(), CHECKED), Ok(vec![]));
    assert_eq!(record(other_id.clone(), REPLAY), Ok(vec![]));
    assert_eq!(record(other_id, CHECKED), Err(text("id", "act-id")));
    assert_eq!(record(other_type, CHECKED), Err(text("type", "act-type")));
}

#[test]
fn the_marker_must_say_what_happened_here() {
    let record = |here: LocalActivityResult, recorded| {
        let mut machine = new(false, WAIT);
        machine.resolve(ended(here), 1).expect("it was running");
        machine.handle_command_prepared(CommandType::RecordMarker).expect("it recorded a marker");
        machine.handle_event(marker_event(data(), recorded), REPLAY)
    };
    let text = "Local activity (seq 4) completed successfully locally, but history said it failed!";
    assert_eq!(record(success(), Err("broken".into())), Err(RunError::nondeterminism(text)));
    let text = "Local activity (seq 4) failed locally, but history said it completed!";
    assert_eq!(record(failed("broken".into()), Ok(payload("r"))), Err(RunError::nondeterminism(text)));
    let cancelled = LocalActivityResult::Cancelled(Cancellation::from_details(None));
    assert_eq!(record(cancelled, Ok(payload("r"))), Ok(vec![]), "a cancelled one may have ended either way");
}

#[test]
fn the_flag_is_recorded_by_how_it_was_scheduled() {
    let event = marker_event(data(), Ok(payload("r")));
    let wanted = |machine: LocalActivityMachine| machine.wants_flag(&event, false);
    assert_eq!(wanted(new(false, WAIT)), Some(FlagWanted { flag: 1, should_record: true }));
    assert_eq!(wanted(new(true, WAIT)), Some(FlagWanted { flag: 1, should_record: false }));
    let mut resumed = new(true, WAIT);
    resumed.handle_non_replay_task_started();
    assert_eq!(wanted(resumed), Some(FlagWanted { flag: 1, should_record: true }));
}
