//! A local activity: what the workflow sees of it and the marker that it leaves (spec 2.3). It is executed elsewhere
//! (spec 4).

mod request;
mod resolution;
#[cfg(test)]
mod tests;

use temporalio_protos::coresdk::external_data::LocalActivityMarkerData;
use temporalio_protos::coresdk::workflow_commands::{ActivityCancellationType, ScheduleLocalActivity};
use temporalio_protos::temporal::api::common::v1::Payload;
use temporalio_protos::temporal::api::enums::v1::{CommandType, EventType};
use temporalio_protos::temporal::api::history::v1::HistoryEvent;

pub use self::request::validate;
use self::resolution::{Outcome, Resolution};
use super::markers::{LocalActivityMarker, local_activity_marker, local_activity_marker_of};
use super::position::{EventInfo, Position};
use super::table::{Table, transitions};
use super::{Annotations, EventContext, FlagWanted, ID_AND_TYPE_DETERMINISM_CHECKS, Machine, Response};
use crate::error::{Result, RunError};
use crate::input::LocalActivityResolution;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    RequestSent,
    MarkerCommandCreated,
    ResultNotified,
    WaitingResolveFromMarkerLookAhead,
    ResolvedFromMarkerLookAheadWaitingMarkerEvent,
    MarkerCommandRecorded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Result,
    ResultFromMarker,
    CancelTry,
    CancelWait,
    CancelAbandon,
    MarkerPrepared,
    MarkerRecorded,
    NonReplayTaskStarted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Nothing,
    Execute,
    Resolve,
    ResolveCancelled,
    RequestCancel,
    RequestCancelAndResolve,
    CheckMarker,
    CheckOutcomeAndMarker,
}

static TABLE: Table<State, Input, Action> = transitions! {
    // The activity runs here. TRY_CANCEL and ABANDON do not wait for it to end, but leave a marker.
    RequestSent {
        Result => Resolve, MarkerCommandCreated;
        CancelWait => RequestCancel, RequestSent;
        CancelTry => RequestCancelAndResolve, MarkerCommandCreated;
        CancelAbandon => ResolveCancelled, MarkerCommandCreated;
    }
    MarkerCommandCreated {
        MarkerPrepared => Nothing, ResultNotified;
        Result => Nothing, MarkerCommandCreated;
    }
    ResultNotified {
        MarkerRecorded => CheckOutcomeAndMarker, MarkerCommandRecorded;
        Result => Nothing, ResultNotified;
    }
    // Its marker is expected in history. A cancel is still asked for: the result may lie ready, found while looking
    // ahead.
    WaitingResolveFromMarkerLookAhead {
        ResultFromMarker => Resolve, ResolvedFromMarkerLookAheadWaitingMarkerEvent;
        CancelWait => RequestCancel, WaitingResolveFromMarkerLookAhead;
        CancelTry => RequestCancel, WaitingResolveFromMarkerLookAhead;
        CancelAbandon => RequestCancel, WaitingResolveFromMarkerLookAhead;
        // A worker died while it ran: replay is over and there was no marker.
        NonReplayTaskStarted => Execute, RequestSent;
    }
    ResolvedFromMarkerLookAheadWaitingMarkerEvent {
        CancelWait => RequestCancel, ResolvedFromMarkerLookAheadWaitingMarkerEvent;
        CancelTry => RequestCancel, ResolvedFromMarkerLookAheadWaitingMarkerEvent;
        CancelAbandon => RequestCancel, ResolvedFromMarkerLookAheadWaitingMarkerEvent;
        MarkerRecorded => CheckMarker, MarkerCommandRecorded;
    }
    // What failed may be backing off where it is executed: a cancel must reach it there.
    MarkerCommandRecorded {
        CancelWait => RequestCancel, MarkerCommandRecorded;
        CancelTry => RequestCancel, MarkerCommandRecorded;
        CancelAbandon => Nothing, MarkerCommandRecorded;
        Result => Nothing, MarkerCommandRecorded;
    }
};

/// A local activity that lang scheduled.
#[derive(Clone, Debug)]
pub struct LocalActivityMachine {
    position: Position<State, Input, Action>,
    seq: u32,
    activity_id: String,
    activity_type: String,
    /// The attempt that lang scheduled.
    attempt: u32,
    original_schedule_time: Option<prost_types::Timestamp>,
    cancellation_type: ActivityCancellationType,
    /// Arguments for the marker, where lang wants them there.
    marker_input: Option<Vec<Payload>>,
    annotations: Annotations,
    /// The request, until it is taken to be executed or a marker made it needless.
    request: Option<ScheduleLocalActivity>,
    /// Scheduled while replaying, and no task beyond replay has started since.
    replaying: bool,
    workflow_time: Option<prost_types::Timestamp>,
    /// How it ended here; a replayed one has no end here.
    outcome: Option<Outcome>,
}

impl LocalActivityMachine {
    /// A new local activity, and the order to execute it unless the run is replaying. `request` comes out of
    /// [`validate`]; `workflow_time` is the workflow's clock.
    pub fn new(
        request: ScheduleLocalActivity,
        replaying: bool,
        workflow_time: Option<prost_types::Timestamp>,
        annotations: Annotations,
    ) -> (Self, Vec<Response>) {
        let (state, responses) = if replaying {
            (State::WaitingResolveFromMarkerLookAhead, vec![])
        } else {
            (State::RequestSent, vec![Response::ScheduleLocalActivity { seq: request.seq }])
        };
        let machine = Self {
            position: Position::new("LocalActivityMachine", TABLE, state),
            seq: request.seq,
            activity_id: request.activity_id.clone(),
            activity_type: request.activity_type.clone(),
            attempt: request.attempt,
            original_schedule_time: request.original_schedule_time,
            cancellation_type: request::cancellation_type(&request),
            marker_input: request.include_arguments_in_marker.then(|| request.arguments.clone()),
            annotations,
            request: Some(request),
            replaying,
            workflow_time,
            outcome: None,
        };
        (machine, responses)
    }

    /// The request that [`Response::ScheduleLocalActivity`] is about; given out once.
    pub fn take_request(&mut self) -> Option<ScheduleLocalActivity> {
        self.request.take()
    }

    /// A result found in a marker while looking ahead can be applied, see [`Self::resolve_from_marker`].
    pub fn accepts_marker_result(&self) -> bool {
        self.position.state() == State::WaitingResolveFromMarkerLookAhead
    }

    /// The marker event now at hand goes to this machine without matching a command: there is none, for it was resolved
    /// by looking ahead.
    ///
    /// # Errors
    /// Fatal if no marker can be expected in this state.
    pub fn takes_marker_without_command(&self) -> Result<bool> {
        match self.position.state() {
            State::ResultNotified => Ok(false),
            State::ResolvedFromMarkerLookAheadWaitingMarkerEvent => Ok(true),
            state => {
                Err(RunError::fatal(format!("Attempted to check for LA marker handling in invalid state {state:?}")))
            }
        }
    }

    /// A workflow task beyond replay has started: what still waits for a marker is executed instead.
    pub fn handle_non_replay_task_started(&mut self) -> Vec<Response> {
        if self.position.advance(Input::NonReplayTaskStarted).is_none() {
            return vec![];
        }
        self.replaying = false;
        vec![Response::ScheduleLocalActivity { seq: self.seq }]
    }

    /// It ended where it was executed. `activation_index` is the place of the next activation in the task (spec 2.3.6).
    /// No responses mean that nobody waits for it any more.
    ///
    /// # Errors
    /// Fatal if it was not being executed.
    pub fn resolve(&mut self, ended: LocalActivityResolution, activation_index: u64) -> Result<Vec<Response>> {
        let action = self.on_resolve(Input::Result, false)?;
        if action == Action::Nothing {
            return Ok(vec![]);
        }
        let resolution = Resolution::of_execution(ended, self.workflow_time, activation_index);
        Ok(self.resolve_with(resolution))
    }

    /// Its marker was found while looking ahead.
    ///
    /// # Errors
    /// Fatal unless [`Self::accepts_marker_result`].
    pub fn resolve_from_marker(&mut self, marker: LocalActivityMarker) -> Result<Vec<Response>> {
        self.on_resolve(Input::ResultFromMarker, true)?;
        self.request = None;
        Ok(self.resolve_with(Resolution::of_marker(marker)))
    }

    /// Lang cancels the local activity (spec 2.3.7).
    ///
    /// # Errors
    /// Nondeterminism between its end and the marker event of a local activity that ran here.
    pub fn cancel(&mut self, activation_index: u64) -> Result<Vec<Response>> {
        let input = match self.cancellation_type {
            ActivityCancellationType::TryCancel => Input::CancelTry,
            ActivityCancellationType::WaitCancellationCompleted => Input::CancelWait,
            ActivityCancellationType::Abandon => Input::CancelAbandon,
        };
        let action = self.position.on_cancel(input)?;
        let mut responses = vec![];
        if matches!(action, Action::RequestCancel | Action::RequestCancelAndResolve) {
            responses.push(Response::CancelLocalActivity { seq: self.seq });
        }
        if matches!(action, Action::ResolveCancelled | Action::RequestCancelAndResolve) {
            let cancelled = Resolution::of_cancel(self.attempt, self.original_schedule_time, activation_index);
            responses.extend(self.resolve_with(cancelled));
        }
        Ok(responses)
    }

    /// The marker event for which [`Self::takes_marker_without_command`] is true; `data` was read from it.
    ///
    /// # Errors
    /// Nondeterminism: it is the marker of another local activity.
    pub fn handle_resolved_marker(
        &mut self,
        event: HistoryEvent,
        data: LocalActivityMarkerData,
        context: EventContext,
    ) -> Result<Vec<Response>> {
        let info = EventInfo::of(&event);
        let marker = local_activity_marker_of(event, data).ok_or_else(unparsable_marker)?;
        self.handle_marker(&marker, info, context)
    }

    fn handle_marker(
        &mut self,
        marker: &LocalActivityMarker,
        info: EventInfo,
        context: EventContext,
    ) -> Result<Vec<Response>> {
        if self.position.on_event(Input::MarkerRecorded, info)? == Action::CheckOutcomeAndMarker {
            self.check_outcome(marker)?;
        }
        self.check_marker(marker, context.determinism_checks)?;
        Ok(vec![])
    }

    fn on_resolve(&mut self, input: Input, from_marker: bool) -> Result<Action> {
        let (seq, state) = (self.seq, self.position.state());
        self.position.advance(input).ok_or_else(|| {
            RunError::fatal(format!(
                "Invalid transition resolving local activity (seq {seq}, from marker: {from_marker}) in {state:?}"
            ))
        })
    }

    fn check_outcome(&self, marker: &LocalActivityMarker) -> Result<()> {
        let seq = self.seq;
        let text = match (self.outcome, marker.result.is_ok()) {
            (Some(Outcome::Completed), false) => {
                format!("Local activity (seq {seq}) completed successfully locally, but history said it failed!")
            }
            (Some(Outcome::Failed), true) => {
                format!("Local activity (seq {seq}) failed locally, but history said it completed!")
            }
            _ => return Ok(()),
        };
        Err(RunError::nondeterminism(text))
    }

    fn check_marker(&self, marker: &LocalActivityMarker, check_id_and_type: bool) -> Result<()> {
        let data = &marker.data;
        if data.seq != self.seq {
            return Err(RunError::nondeterminism(format!(
                "Local activity marker data has sequence number {} but matched against LA command with sequence \
                 number {}",
                data.seq, self.seq
            )));
        }
        if check_id_and_type && data.activity_id != self.activity_id {
            return Err(mismatch("id", &data.activity_id, &self.activity_id));
        }
        if check_id_and_type && data.activity_type != self.activity_type {
            return Err(mismatch("type", &data.activity_type, &self.activity_type));
        }
        Ok(())
    }
}

impl Machine for LocalActivityMachine {
    fn name(&self) -> &'static str {
        self.position.machine()
    }

    fn handle_command_prepared(&mut self, command: CommandType) -> Result<Vec<Response>> {
        let input = (command == CommandType::RecordMarker).then_some(Input::MarkerPrepared);
        self.position.on_command(input, command)?;
        Ok(vec![])
    }

    /// Recorded by whether it was replayed when it was scheduled: a marker event is always replayed (spec 2.3.9).
    fn wants_flag(&self, event: &HistoryEvent, _last_task_in_history: bool) -> Option<FlagWanted> {
        let checked = event.event_type() == EventType::MarkerRecorded;
        checked.then_some(FlagWanted { flag: ID_AND_TYPE_DETERMINISM_CHECKS, should_record: !self.replaying })
    }

    fn handle_event(&mut self, event: HistoryEvent, context: EventContext) -> Result<Vec<Response>> {
        let info = EventInfo::of(&event);
        if info.event_type != EventType::MarkerRecorded {
            let text = format!("Local activity machine cannot handle this event: {info}");
            return Err(RunError::nondeterminism(text));
        }
        let marker = local_activity_marker(event).ok_or_else(unparsable_marker)?;
        self.handle_marker(&marker, info, context)
    }

    fn is_final(&self) -> bool {
        self.position.is_final()
    }

    // `was_cancelled_before_sent` stays false: the marker of a cancelled local activity must be sent.
}

fn unparsable_marker() -> RunError {
    RunError::nondeterminism("Local activity machine encountered an unparsable marker")
}

fn mismatch(what: &str, marker: &str, command: &str) -> RunError {
    RunError::nondeterminism(format!(
        "Activity {what} of recorded marker '{marker}' does not match activity {what} of local activity command \
         '{command}'"
    ))
}
