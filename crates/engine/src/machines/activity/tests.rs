//! Spec 2.1, 17(12), 17(13): every pair of state and input, and what an activity tells lang.

use temporalio_protos::coresdk::workflow_activation::workflow_activation_job::Variant;
use temporalio_protos::temporal::api::common::v1::{ActivityType, Payloads};
use temporalio_protos::temporal::api::enums::v1::RetryState;
use temporalio_protos::temporal::api::failure::v1::failure::FailureInfo;
use temporalio_protos::temporal::api::failure::v1::{ActivityFailureInfo, CanceledFailureInfo};
use temporalio_protos::temporal::api::history::v1::history_event::Attributes;
use temporalio_protos::temporal::api::history::v1::*;

use super::*;
use crate::machines::all_pairs::{self, CHECKED, INVALID_CANCEL, REPLAY, Refusal, Via, event};

const STATES: [State; 11] = [
    State::ScheduleCommandCreated,
    State::ScheduledEventRecorded,
    State::Started,
    State::ScheduledActivityCancelCommandCreated,
    State::ScheduledActivityCancelEventRecorded,
    State::StartedActivityCancelCommandCreated,
    State::StartedActivityCancelEventRecorded,
    State::Completed,
    State::Failed,
    State::TimedOut,
    State::Canceled,
];

const TRY: ActivityCancellationType = ActivityCancellationType::TryCancel;
const WAIT: ActivityCancellationType = ActivityCancellationType::WaitCancellationCompleted;
const ABANDON: ActivityCancellationType = ActivityCancellationType::Abandon;

fn schedule(cancellation_type: ActivityCancellationType) -> ScheduleActivity {
    ScheduleActivity {
        seq: 4,
        activity_id: "act-id".to_owned(),
        activity_type: "act-type".to_owned(),
        cancellation_type: cancellation_type as i32,
        ..Default::default()
    }
}

fn at(state: State, cancellation_type: ActivityCancellationType) -> ActivityMachine {
    let (machine, _) = ActivityMachine::new(schedule(cancellation_type), false, Annotations::default());
    ActivityMachine { position: Position::new("ActivityMachine", TABLE, state), scheduled_event_id: 5, ..machine }
}

fn scheduled(id: &str, activity_type: &str) -> HistoryEvent {
    event(Attributes::ActivityTaskScheduledEventAttributes(ActivityTaskScheduledEventAttributes {
        activity_id: id.to_owned(),
        activity_type: Some(ActivityType { name: activity_type.to_owned() }),
        ..Default::default()
    }))
}

fn started() -> HistoryEvent {
    event(Attributes::ActivityTaskStartedEventAttributes(Default::default()))
}

fn completed(payloads: usize) -> HistoryEvent {
    event(Attributes::ActivityTaskCompletedEventAttributes(ActivityTaskCompletedEventAttributes {
        result: Some(Payloads { payloads: vec![Payload::default(); payloads] }),
        ..Default::default()
    }))
}

fn failed() -> HistoryEvent {
    event(Attributes::ActivityTaskFailedEventAttributes(ActivityTaskFailedEventAttributes {
        failure: Some("broken".into()),
        scheduled_event_id: 5,
        started_event_id: 6,
        identity: "worker".to_owned(),
        retry_state: RetryState::MaximumAttemptsReached as i32,
        ..Default::default()
    }))
}

fn timed_out() -> HistoryEvent {
    event(Attributes::ActivityTaskTimedOutEventAttributes(ActivityTaskTimedOutEventAttributes {
        failure: Some("late".into()),
        scheduled_event_id: 5,
        started_event_id: 6,
        retry_state: RetryState::Timeout as i32,
    }))
}

fn cancel_requested() -> HistoryEvent {
    event(Attributes::ActivityTaskCancelRequestedEventAttributes(Default::default()))
}

fn canceled() -> HistoryEvent {
    event(Attributes::ActivityTaskCanceledEventAttributes(ActivityTaskCanceledEventAttributes {
        details: Some(Payloads { payloads: vec![Payload::default()] }),
        scheduled_event_id: 5,
        started_event_id: 6,
        identity: "worker".to_owned(),
        ..Default::default()
    }))
}

fn cancel(machine: &mut ActivityMachine) -> Result<Vec<Response>> {
    machine.cancel(Annotations::default())
}

fn request_cancel() -> Response {
    let attributes = RequestCancelActivityTaskCommandAttributes { scheduled_event_id: 5 };
    Response::Command(NewCommand {
        attributes: command::Attributes::RequestCancelActivityTaskCommandAttributes(attributes),
        annotations: Annotations::default(),
    })
}

fn resolution(outcome: &Result<Vec<Response>>) -> Status {
    let responses = outcome.as_ref().expect("the machine takes this");
    match responses.last() {
        Some(Response::Job(Variant::ResolveActivity(resolve))) => {
            assert_eq!((resolve.seq, resolve.is_local), (4, false));
            resolve.result.clone().and_then(|result| result.status).expect("a resolution has a status")
        }
        other => panic!("not a resolution: {other:?}"),
    }
}

fn failure_of(status: Status) -> Failure {
    match status {
        Status::Failed(failed) => failed.failure,
        Status::Cancelled(cancelled) => cancelled.failure,
        other => panic!("no failure: {other:?}"),
    }
    .expect("it carries a failure")
}

#[test]
fn every_pair_of_state_and_input() {
    let inputs = |late_cancel: fn() -> Refusal| {
        [
            (Input::SchedulePrepared, Via::Command(CommandType::ScheduleActivityTask)),
            (Input::CancelPrepared, Via::Command(CommandType::RequestCancelActivityTask)),
            (Input::Scheduled, Via::event(scheduled("act-id", "act-type"))),
            (Input::Started, Via::event(started())),
            (Input::Completed, Via::event(completed(1))),
            (Input::Failed, Via::event(failed())),
            (Input::TimedOut, Via::event(timed_out())),
            (Input::CancelRequested, Via::event(cancel_requested())),
            (Input::Canceled, Via::event(canceled())),
            (Input::CancelTry, Via::Call(|machine| cancel_as(machine, TRY), late_cancel())),
            (Input::CancelWait, Via::Call(|machine| cancel_as(machine, WAIT), late_cancel())),
            (Input::CancelAbandon, Via::Call(|machine| cancel_as(machine, ABANDON), late_cancel())),
        ]
    };
    let names = inputs(|| INVALID_CANCEL).map(|(input, _)| input);
    all_pairs::check_table(TABLE, &STATES, &names);
    // A cancel is refused while one is under way, and ignored once the activity was resolved.
    let (running, resolved) = STATES.split_at(7);
    all_pairs::check_pairs(TABLE, running, |state| at(state, WAIT), &inputs(|| INVALID_CANCEL));
    all_pairs::check_pairs(TABLE, resolved, |state| at(state, WAIT), &inputs(|| Refusal::Ignored));
}

fn cancel_as(machine: &mut ActivityMachine, cancellation_type: ActivityCancellationType) -> Result<Vec<Response>> {
    machine.cancellation_type = cancellation_type;
    cancel(machine)
}

#[test]
fn takes_no_foreign_events() {
    let text = "Activity machine does not handle this event: HistoryEvent(id: 7, TimerFired)";
    all_pairs::check_foreign(&mut at(State::Started, TRY), EventType::TimerFired, text);
}

#[test]
fn id_and_type_are_checked_under_the_flag_only() {
    let text = |what: &str, other: &str, own: &str| {
        RunError::nondeterminism(format!(
            "Activity {what} of scheduled event '{other}' does not match activity {what} of activity command '{own}'"
        ))
    };
    let new = || at(State::ScheduleCommandCreated, TRY);
    assert_eq!(new().handle_event(scheduled("other", "other"), REPLAY), Ok(vec![]));
    assert_eq!(new().handle_event(scheduled("act-id", "act-type"), CHECKED), Ok(vec![]));
    let wrong_both = new().handle_event(scheduled("other", "other"), CHECKED);
    assert_eq!(wrong_both, Err(text("id", "other", "act-id")));
    let wrong_type = new().handle_event(scheduled("act-id", "other"), CHECKED);
    assert_eq!(wrong_type, Err(text("type", "other", "act-type")));
}

#[test]
fn the_flag_is_wanted_for_the_scheduled_event_alone() {
    let machine = at(State::ScheduleCommandCreated, TRY);
    let wanted = FlagWanted { flag: 1, should_record: true };
    assert_eq!(machine.wants_flag(&scheduled("a", "b"), true), Some(wanted));
    assert_eq!(machine.wants_flag(&started(), true), None);
}

#[test]
fn a_cancel_before_the_schedule_was_sent_vanishes_and_resolves() {
    for cancellation_type in [TRY, WAIT, ABANDON] {
        let mut machine = at(State::ScheduleCommandCreated, cancellation_type);
        let outcome = cancel(&mut machine);
        assert_eq!(outcome.as_ref().map(Vec::len), Ok(1), "no command");
        assert_eq!(failure_of(resolution(&outcome)).message, "Activity cancelled");
        assert!(machine.was_cancelled_before_sent());
    }
}

#[test]
fn a_cancel_after_the_schedule_goes_by_type() {
    for state in [State::ScheduledEventRecorded, State::Started] {
        assert_eq!(cancel(&mut at(state, WAIT)), Ok(vec![request_cancel()]));
        let tried = cancel(&mut at(state, TRY));
        assert_eq!(tried.as_ref().map(|responses| responses[0].clone()), Ok(request_cancel()));
        assert!(matches!(resolution(&tried), Status::Cancelled(_)));
        let mut abandoned = at(state, ABANDON);
        let outcome = cancel(&mut abandoned);
        assert_eq!(outcome.as_ref().map(Vec::len), Ok(1), "no command");
        assert!(matches!(resolution(&outcome), Status::Cancelled(_)));
        assert_eq!(abandoned.position.state(), State::Canceled);
        assert!(!abandoned.was_cancelled_before_sent());
    }
}

#[test]
fn after_a_tried_cancel_the_real_outcome_is_absorbed() {
    for outcome in [completed(1), failed(), timed_out(), canceled()] {
        let mut tried = at(State::StartedActivityCancelEventRecorded, TRY);
        assert_eq!(tried.handle_event(outcome.clone(), REPLAY), Ok(vec![]));
        let mut waited = at(State::StartedActivityCancelEventRecorded, WAIT);
        assert_eq!(waited.handle_event(outcome, REPLAY).map(|responses| responses.len()), Ok(1));
    }
}

#[test]
fn only_an_abandoned_activity_may_go_on() {
    for outcome in [started(), completed(1)] {
        assert_eq!(at(State::Canceled, ABANDON).handle_event(outcome.clone(), REPLAY), Ok(vec![]));
        let refused = at(State::Canceled, WAIT).handle_event(outcome, REPLAY);
        assert!(matches!(refused, Err(RunError::Nondeterminism(_))), "{refused:?}");
    }
    // Kept although it looks wrong: an abandoned activity that fails in the end breaks the workflow task
    // (docs/notes/quirks.md).
    for outcome in [failed(), timed_out(), canceled()] {
        let refused = at(State::Canceled, ABANDON).handle_event(outcome, REPLAY);
        assert!(matches!(refused, Err(RunError::Fatal(_))), "{refused:?}");
    }
}

#[test]
fn a_result_is_one_payload_or_none() {
    let complete = |event| at(State::Started, TRY).handle_event(event, REPLAY);
    let one = Status::Completed(Success { result: Some(Payload::default()) });
    assert_eq!(resolution(&complete(completed(1))), one);
    let none = event(Attributes::ActivityTaskCompletedEventAttributes(Default::default()));
    assert_eq!(resolution(&complete(none)), Status::Completed(Success { result: None }));
    let info = "for event: Some(EventInfo { event_id: 7, event_type: ActivityTaskCompleted })";
    for (payloads, problem) in [(0, "NoPayload"), (2, "MoreThanOnePayload")] {
        let text = format!("Not exactly one payload in activity result ({problem}) {info}");
        assert_eq!(complete(completed(payloads)), Err(RunError::fatal(text)));
    }
}

#[test]
fn failures_tell_who_failed_and_how() {
    let info = |identity: &str, retry_state: RetryState| {
        Some(FailureInfo::ActivityFailureInfo(ActivityFailureInfo {
            scheduled_event_id: 5,
            started_event_id: 6,
            identity: identity.to_owned(),
            activity_type: Some(ActivityType { name: "act-type".to_owned() }),
            activity_id: "act-id".to_owned(),
            retry_state: retry_state as i32,
        }))
    };
    let resolve = |event| {
        failure_of(resolution(&at(State::StartedActivityCancelEventRecorded, WAIT).handle_event(event, REPLAY)))
    };

    let failure = resolve(failed());
    assert_eq!(failure.message, "Activity task failed");
    assert_eq!(failure.failure_info, info("worker", RetryState::MaximumAttemptsReached));
    assert_eq!(failure.cause.expect("cause").message, "broken");

    let failure = resolve(timed_out());
    assert_eq!(failure.message, "Activity task timed out");
    assert_eq!(failure.failure_info, info("", RetryState::Timeout));
    assert_eq!(failure.cause.expect("cause").message, "late");

    let failure = resolve(canceled());
    assert_eq!(failure.message, "Activity cancelled");
    assert_eq!(failure.failure_info, info("worker", RetryState::CancelRequested));
    let details = Some(Payloads { payloads: vec![Payload::default()] });
    let cause = FailureInfo::CanceledFailureInfo(CanceledFailureInfo { details, ..Default::default() });
    assert_eq!(failure.cause.expect("cause").failure_info, Some(cause));
}
