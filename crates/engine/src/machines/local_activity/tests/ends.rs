use temporalio_protos::coresdk::activity_result::DoBackoff;
use temporalio_protos::coresdk::activity_result::activity_resolution::Status;
use temporalio_protos::coresdk::workflow_activation::workflow_activation_job::Variant;
use temporalio_protos::temporal::api::command::v1::RecordMarkerCommandAttributes;
use temporalio_protos::temporal::api::common::v1::ActivityType;
use temporalio_protos::temporal::api::enums::v1::{RetryState, TimeoutType};
use temporalio_protos::temporal::api::failure::v1::failure::FailureInfo;
use temporalio_protos::temporal::api::failure::v1::{ActivityFailureInfo, CanceledFailureInfo, TimeoutFailureInfo};
use temporalio_protos::temporal::api::sdk::v1::UserMetadata;

use super::*;
use crate::machines::NewCommand;
use crate::machines::markers::local_activity_marker;

fn status(responses: &[Response]) -> Status {
    match responses.iter().find(|response| kind(response) == "job") {
        Some(Response::LocalActivityJob(Variant::ResolveActivity(resolve))) => {
            assert_eq!((resolve.seq, resolve.is_local), (4, true));
            resolve.result.clone().and_then(|result| result.status).expect("a resolution has a status")
        }
        other => panic!("no resolution: {other:?}"),
    }
}

fn recorded(responses: &[Response]) -> RecordMarkerCommandAttributes {
    match responses.last() {
        Some(Response::Command(NewCommand {
            attributes: command::Attributes::RecordMarkerCommandAttributes(record),
            ..
        })) => record.clone(),
        other => panic!("no marker: {other:?}"),
    }
}

fn recorded_marker(responses: &[Response]) -> LocalActivityMarker {
    let record = recorded(responses);
    let event = event(Attributes::MarkerRecordedEventAttributes(MarkerRecordedEventAttributes {
        marker_name: record.marker_name,
        details: record.details,
        failure: record.failure,
        ..Default::default()
    }));
    local_activity_marker(event).expect("what was written can be read")
}

fn live(result: LocalActivityResult) -> Vec<Response> {
    new(false, WAIT).resolve(ended(result), 1).expect("it was running")
}

fn timeout_failure() -> Failure {
    let info = TimeoutFailureInfo { timeout_type: TimeoutType::StartToClose as i32, last_heartbeat_details: None };
    Failure {
        message: "Activity timed out".to_owned(),
        failure_info: Some(FailureInfo::TimeoutFailureInfo(info)),
        ..Default::default()
    }
}

fn timed_out() -> LocalActivityResult {
    LocalActivityResult::TimedOut(FailedResult { failure: Some(timeout_failure()), ..Default::default() })
}

fn cancelled() -> LocalActivityResult {
    LocalActivityResult::Cancelled(Cancellation::from_details(None))
}

fn assert_wrapped(failure: Option<Failure>, message: &str, cause: Option<Failure>) {
    let failure = failure.expect("it carries a failure");
    assert_eq!(failure.message, message);
    assert_eq!(
        failure.failure_info,
        Some(FailureInfo::ActivityFailureInfo(ActivityFailureInfo {
            activity_type: Some(ActivityType { name: "act-type".to_owned() }),
            activity_id: "act-id".to_owned(),
            retry_state: RetryState::CancelRequested as i32,
            ..Default::default()
        }))
    );
    assert_eq!(failure.cause.map(|cause| *cause), cause);
}

#[test]
fn a_success_resolves_moves_the_clock_and_leaves_a_marker() {
    let responses = live(success());
    assert_eq!(responses.iter().map(kind).collect::<Vec<_>>(), ["job", "clock", "command"]);
    assert_eq!(status(&responses), Status::Completed(Success { result: Some(payload("result")) }));
    let complete = prost_types::Timestamp { seconds: 102, nanos: 100_000_000 };
    assert_eq!(responses[1], Response::AdvanceClock(complete), "the clock at schedule and 1.2 seconds");
    assert_eq!(recorded_marker(&responses), marker(Ok(payload("result"))));
}

#[test]
fn a_plain_failure_is_not_wrapped() {
    let responses = live(failed("broken".into()));
    match status(&responses) {
        Status::Failed(failed) => assert_eq!(failed.failure, Some("broken".into())),
        other => panic!("{other:?}"),
    }
    assert_eq!(recorded_marker(&responses), marker(Err("broken".into())));
}

#[test]
fn a_time_out_resolves_as_a_wrapped_failure_and_is_recorded_bare() {
    let responses = live(timed_out());
    match status(&responses) {
        Status::Failed(failed) => assert_wrapped(failed.failure, "Local Activity timed out", Some(timeout_failure())),
        other => panic!("{other:?}"),
    }
    assert_eq!(recorded_marker(&responses), marker(Err(timeout_failure())));
}

#[test]
fn a_time_out_from_a_marker_is_bare() {
    // Kept although it looks wrong: a marker does not say that it was a time-out (docs/notes/quirks.md).
    let responses = new(true, WAIT).resolve_from_marker(marker(Err(timeout_failure()))).expect("it waited");
    match status(&responses) {
        Status::Failed(failed) => assert_eq!(failed.failure, Some(timeout_failure())),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_cancellation_is_wrapped_live_and_from_a_marker() {
    let cause = Cancellation::from_details(None).failure;
    let replayed = new(true, WAIT)
        .resolve_from_marker(marker(Err(cause.clone().expect("it carries a failure"))))
        .expect("it waited");
    for responses in [live(cancelled()), replayed] {
        match status(&responses) {
            Status::Cancelled(cancelled) => {
                assert_wrapped(cancelled.failure, "Local Activity cancelled", cause.clone());
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_failure_caused_by_a_cancellation_is_a_cancellation_from_a_marker() {
    let info = FailureInfo::CanceledFailureInfo(CanceledFailureInfo::default());
    let cause = Failure { failure_info: Some(info), ..Default::default() };
    let failure = Failure { cause: Some(Box::new(cause)), .."outer".into() };
    let responses = new(true, WAIT).resolve_from_marker(marker(Err(failure.clone()))).expect("it waited");
    match status(&responses) {
        Status::Cancelled(cancelled) => assert_eq!(cancelled.failure, Some(failure), "it is wrapped already"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_marker_resolves_without_a_new_one() {
    let mut machine = new(true, WAIT);
    let responses = machine.resolve_from_marker(marker(Ok(payload("result")))).expect("it waited");
    assert_eq!(responses.iter().map(kind).collect::<Vec<_>>(), ["job", "clock"]);
    assert_eq!(machine.take_request(), None, "nothing is left to execute");
}

#[test]
fn one_that_was_resumed_after_replay_leaves_a_marker() {
    let mut machine = new(true, WAIT);
    machine.handle_non_replay_task_started();
    let responses = machine.resolve(ended(success()), 1).expect("it was running");
    assert_eq!(recorded_marker(&responses), marker(Ok(payload("result"))));
}

#[test]
fn a_cancel_that_does_not_wait_leaves_the_clock_and_records_what_lang_scheduled() {
    for cancellation_type in [TRY, ABANDON] {
        let responses = new(false, cancellation_type).cancel(6).expect("a running one can be cancelled");
        let recorded = recorded_marker(&responses).data;
        assert_eq!((recorded.complete_time, recorded.activation_index), (None, Some(6)));
        assert_eq!((recorded.attempt, recorded.original_schedule_time), (2, Some(SCHEDULED)));
    }
}

#[test]
fn the_end_of_an_abandoned_one_stops_the_waiting() {
    let abandons = |result| {
        let responses = new(false, ABANDON).resolve(ended(result), 1).expect("it was running");
        responses.contains(&Response::AbandonLocalActivity { seq: 4 })
    };
    assert!(abandons(cancelled()) && abandons(timed_out()));
    assert!(!abandons(success()) && !abandons(failed("broken".into())));
}

#[test]
fn a_backoff_is_langs_to_wait() {
    let backoff = prost_types::Duration { seconds: 90, nanos: 0 };
    let retry = LocalActivityResolution { backoff: Some(backoff), ..ended(failed("broken".into())) };
    let responses = new(false, WAIT).resolve(retry, 1).expect("it was running");
    let expected = DoBackoff { attempt: 4, backoff_duration: Some(backoff), original_schedule_time: Some(SCHEDULED) };
    assert_eq!(status(&responses), Status::Backoff(expected));
    let marker = recorded_marker(&responses);
    assert_eq!((marker.data.backoff, marker.result), (Some(backoff), Err("broken".into())));
}

#[test]
fn arguments_and_annotations_go_into_the_marker_where_asked_for() {
    let asked = ScheduleLocalActivity {
        include_arguments_in_marker: true,
        arguments: vec![payload("argument")],
        ..request(WAIT)
    };
    let summary = UserMetadata { summary: Some(payload("summary")), details: None };
    let annotations = Annotations { user_metadata: Some(summary), event_group_markers: vec![] };
    let (mut machine, _) = LocalActivityMachine::new(asked, false, None, annotations.clone());
    let responses = machine.resolve(ended(success()), 1).expect("it was running");
    assert_eq!(recorded(&responses).details["input"].payloads, [payload("argument")]);
    assert!(matches!(responses.last(), Some(Response::Command(command)) if command.annotations == annotations));
    assert!(!recorded(&live(success())).details.contains_key("input"));
}
