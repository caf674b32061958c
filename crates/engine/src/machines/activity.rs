//! An activity (spec 2.1).

pub(super) mod failures;
#[cfg(test)]
mod tests;

use temporalio_protos::coresdk::activity_result::{
    ActivityResolution, Cancellation, Failure as FailedResult, Success, activity_resolution::Status,
};
use temporalio_protos::coresdk::workflow_activation::ResolveActivity;
use temporalio_protos::coresdk::workflow_commands::{ActivityCancellationType, ScheduleActivity};
use temporalio_protos::temporal::api::command::v1::{
    RequestCancelActivityTaskCommandAttributes, command, schedule_activity_cmd_to_api,
};
use temporalio_protos::temporal::api::common::v1::Payload;
use temporalio_protos::temporal::api::enums::v1::{CommandType, EventType};
use temporalio_protos::temporal::api::failure::v1::Failure;
use temporalio_protos::temporal::api::history::v1::{ActivityTaskCanceledEventAttributes, HistoryEvent};

use super::position::{EventInfo, Position, attributes_of};
use super::table::{Table, transitions};
use super::{Annotations, EventContext, FlagWanted, ID_AND_TYPE_DETERMINISM_CHECKS, Machine, NewCommand, Response};
use crate::error::{Result, RunError};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    ScheduleCommandCreated,
    ScheduledEventRecorded,
    Started,
    ScheduledActivityCancelCommandCreated,
    ScheduledActivityCancelEventRecorded,
    StartedActivityCancelCommandCreated,
    StartedActivityCancelEventRecorded,
    Completed,
    Failed,
    TimedOut,
    Canceled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    SchedulePrepared,
    CancelPrepared,
    Scheduled,
    Started,
    Completed,
    Failed,
    TimedOut,
    CancelRequested,
    Canceled,
    CancelTry,
    CancelWait,
    CancelAbandon,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Nothing,
    RecordScheduled,
    Withdraw,
    RequestCancel,
    RequestCancelAndResolve,
    ResolveCancelled,
    /// Resolve with what the event says.
    Resolve,
    /// As `Resolve`, but TRY_CANCEL resolved already when lang cancelled (spec 2.1.6).
    ResolveIfWaited,
    /// Only what was abandoned may go on after it was cancelled (spec 2.1.7).
    TolerateIfAbandoned,
}

static TABLE: Table<State, Input, Action> = transitions! {
    ScheduleCommandCreated {
        SchedulePrepared => Nothing, ScheduleCommandCreated;
        Scheduled => RecordScheduled, ScheduledEventRecorded;
        CancelTry => Withdraw, Canceled;
        CancelWait => Withdraw, Canceled;
        CancelAbandon => Withdraw, Canceled;
    }
    ScheduledEventRecorded {
        Started => Nothing, Started;
        TimedOut => Resolve, TimedOut;
        CancelTry => RequestCancelAndResolve, ScheduledActivityCancelCommandCreated;
        CancelWait => RequestCancel, ScheduledActivityCancelCommandCreated;
        CancelAbandon => ResolveCancelled, Canceled;
    }
    Started {
        Completed => Resolve, Completed;
        Failed => Resolve, Failed;
        TimedOut => Resolve, TimedOut;
        CancelTry => RequestCancelAndResolve, StartedActivityCancelCommandCreated;
        CancelWait => RequestCancel, StartedActivityCancelCommandCreated;
        CancelAbandon => ResolveCancelled, Canceled;
    }
    ScheduledActivityCancelCommandCreated {
        CancelPrepared => Nothing, ScheduledActivityCancelCommandCreated;
        CancelRequested => Nothing, ScheduledActivityCancelEventRecorded;
    }
    ScheduledActivityCancelEventRecorded {
        Canceled => ResolveIfWaited, Canceled;
        Started => Nothing, StartedActivityCancelEventRecorded;
        TimedOut => ResolveIfWaited, TimedOut;
    }
    StartedActivityCancelCommandCreated {
        CancelPrepared => Nothing, StartedActivityCancelCommandCreated;
        CancelRequested => Nothing, StartedActivityCancelEventRecorded;
    }
    StartedActivityCancelEventRecorded {
        Completed => ResolveIfWaited, Completed;
        Failed => ResolveIfWaited, Failed;
        TimedOut => ResolveIfWaited, TimedOut;
        Canceled => ResolveIfWaited, Canceled;
    }
    Canceled {
        Started => TolerateIfAbandoned, Canceled;
        Completed => TolerateIfAbandoned, Canceled;
    }
};

/// An activity that lang scheduled.
#[derive(Clone, Debug)]
pub struct ActivityMachine {
    position: Position<State, Input, Action>,
    seq: u32,
    activity_id: String,
    activity_type: String,
    cancellation_type: ActivityCancellationType,
    scheduled_event_id: i64,
    annotations: Annotations,
    cancelled_before_sent: bool,
}

impl ActivityMachine {
    /// A new activity and its ScheduleActivityTask command; `use_workflow_build_id` is the answer of spec 8.5.
    pub fn new(
        schedule: ScheduleActivity,
        use_workflow_build_id: bool,
        annotations: Annotations,
    ) -> (Self, NewCommand) {
        let machine = Self {
            position: Position::new("ActivityMachine", TABLE, State::ScheduleCommandCreated),
            seq: schedule.seq,
            activity_id: schedule.activity_id.clone(),
            activity_type: schedule.activity_type.clone(),
            cancellation_type: ActivityCancellationType::try_from(schedule.cancellation_type)
                .unwrap_or(ActivityCancellationType::TryCancel),
            scheduled_event_id: 0,
            annotations: annotations.clone(),
            cancelled_before_sent: false,
        };
        let attributes = schedule_activity_cmd_to_api(schedule, use_workflow_build_id);
        (machine, NewCommand { attributes, annotations })
    }

    /// Lang cancels the activity (spec 2.1.4, 2.1.5, 2.1.8).
    ///
    /// # Errors
    /// Nondeterminism if a cancel request is under way.
    pub fn cancel(&mut self, annotations: Annotations) -> Result<Vec<Response>> {
        self.annotations.override_with(annotations);
        if self.is_resolved() {
            return Ok(vec![]);
        }
        let input = match self.cancellation_type {
            ActivityCancellationType::TryCancel => Input::CancelTry,
            ActivityCancellationType::WaitCancellationCompleted => Input::CancelWait,
            ActivityCancellationType::Abandon => Input::CancelAbandon,
        };
        Ok(match self.position.on_cancel(input)? {
            Action::Withdraw => {
                self.cancelled_before_sent = true;
                vec![self.resolve_cancelled(ActivityTaskCanceledEventAttributes::default())]
            }
            Action::RequestCancel => vec![self.request_cancel()],
            Action::RequestCancelAndResolve => {
                vec![self.request_cancel(), self.resolve_cancelled(ActivityTaskCanceledEventAttributes::default())]
            }
            Action::ResolveCancelled => vec![self.resolve_cancelled(ActivityTaskCanceledEventAttributes::default())],
            _ => vec![],
        })
    }

    fn is_resolved(&self) -> bool {
        matches!(self.position.state(), State::Completed | State::Failed | State::TimedOut | State::Canceled)
    }

    fn request_cancel(&self) -> Response {
        Response::Command(NewCommand {
            attributes: command::Attributes::RequestCancelActivityTaskCommandAttributes(
                RequestCancelActivityTaskCommandAttributes { scheduled_event_id: self.scheduled_event_id },
            ),
            annotations: self.annotations.clone(),
        })
    }

    fn resolve(&self, status: Status) -> Response {
        Response::job(ResolveActivity {
            seq: self.seq,
            result: Some(ActivityResolution { status: Some(status) }),
            is_local: false,
        })
    }

    fn resolve_failed(&self, failure: Failure) -> Response {
        self.resolve(Status::Failed(FailedResult { failure: Some(failure), ..Default::default() }))
    }

    fn resolve_cancelled(&self, event: ActivityTaskCanceledEventAttributes) -> Response {
        self.resolve(Status::Cancelled(Cancellation { failure: Some(self.cancelled_failure(event)) }))
    }

    fn record_scheduled(&mut self, event: HistoryEvent, info: EventInfo, check: bool) -> Result<()> {
        let scheduled = attributes_of!(event, ActivityTaskScheduledEventAttributes)
            .ok_or_else(|| RunError::fatal(format!("Activity scheduled attributes were unset: {info}")))?;
        let event_type = scheduled.activity_type.unwrap_or_default().name;
        if check && scheduled.activity_id != self.activity_id {
            return Err(mismatch("id", &scheduled.activity_id, &self.activity_id));
        }
        if check && event_type != self.activity_type {
            return Err(mismatch("type", &event_type, &self.activity_type));
        }
        self.scheduled_event_id = info.event_id;
        Ok(())
    }

    fn resolve_by_event(&self, event: HistoryEvent, info: EventInfo) -> Result<Response> {
        let unset = |what: &str| RunError::fatal(format!("Activity {what} attributes were unset: {info}"));
        Ok(match info.event_type {
            EventType::ActivityTaskCompleted => {
                let completed =
                    attributes_of!(event, ActivityTaskCompletedEventAttributes).ok_or_else(|| unset("completion"))?;
                let result = completed.result.map(Payload::try_from).transpose().map_err(|problem| {
                    let event = Some(info);
                    RunError::fatal(format!(
                        "Not exactly one payload in activity result ({problem}) for event: {event:?}"
                    ))
                })?;
                self.resolve(Status::Completed(Success { result }))
            }
            EventType::ActivityTaskFailed => self.resolve_failed(self.failed_failure(
                attributes_of!(event, ActivityTaskFailedEventAttributes).ok_or_else(|| unset("failure"))?,
            )),
            EventType::ActivityTaskTimedOut => self.resolve_failed(self.timed_out_failure(
                attributes_of!(event, ActivityTaskTimedOutEventAttributes).ok_or_else(|| unset("timeout"))?,
            )),
            _ => self.resolve_cancelled(
                attributes_of!(event, ActivityTaskCanceledEventAttributes).ok_or_else(|| unset("cancellation"))?,
            ),
        })
    }

    fn tolerate_if_abandoned(&self, event: HistoryEvent, info: EventInfo) -> Result<()> {
        if self.cancellation_type == ActivityCancellationType::Abandon {
            return Ok(());
        }
        Err(RunError::nondeterminism(match attributes_of!(event, ActivityTaskCompletedEventAttributes) {
            Some(completed) => {
                format!("Non-Abandon cancel mode activities cannot be completed after being cancelled: {completed:?}")
            }
            None => format!(
                "Non-Abandon cancel mode activities cannot be started after being cancelled. Seq: {}",
                info.event_id
            ),
        }))
    }
}

impl Machine for ActivityMachine {
    fn name(&self) -> &'static str {
        self.position.machine()
    }

    fn handle_command_prepared(&mut self, command: CommandType) -> Result<Vec<Response>> {
        let input = match command {
            CommandType::ScheduleActivityTask => Some(Input::SchedulePrepared),
            CommandType::RequestCancelActivityTask => Some(Input::CancelPrepared),
            _ => None,
        };
        self.position.on_command(input, command)?;
        Ok(vec![])
    }

    fn wants_flag(&self, event: &HistoryEvent, last_task_in_history: bool) -> Option<FlagWanted> {
        let checked = event.event_type() == EventType::ActivityTaskScheduled;
        checked.then_some(FlagWanted { flag: ID_AND_TYPE_DETERMINISM_CHECKS, should_record: last_task_in_history })
    }

    fn handle_event(&mut self, event: HistoryEvent, context: EventContext) -> Result<Vec<Response>> {
        let info = EventInfo::of(&event);
        let input = input_of(info)?;
        match self.position.on_event(input, info)? {
            Action::RecordScheduled => self.record_scheduled(event, info, context.determinism_checks)?,
            Action::TolerateIfAbandoned => self.tolerate_if_abandoned(event, info)?,
            Action::Resolve => return Ok(vec![self.resolve_by_event(event, info)?]),
            Action::ResolveIfWaited if self.cancellation_type != ActivityCancellationType::TryCancel => {
                return Ok(vec![self.resolve_by_event(event, info)?]);
            }
            _ => {}
        }
        Ok(vec![])
    }

    fn is_final(&self) -> bool {
        self.position.is_final()
    }

    fn was_cancelled_before_sent(&self) -> bool {
        self.cancelled_before_sent
    }
}

fn input_of(event: EventInfo) -> Result<Input> {
    Ok(match event.event_type {
        EventType::ActivityTaskScheduled => Input::Scheduled,
        EventType::ActivityTaskStarted => Input::Started,
        EventType::ActivityTaskCompleted => Input::Completed,
        EventType::ActivityTaskFailed => Input::Failed,
        EventType::ActivityTaskTimedOut => Input::TimedOut,
        EventType::ActivityTaskCancelRequested => Input::CancelRequested,
        EventType::ActivityTaskCanceled => Input::Canceled,
        _ => return Err(RunError::nondeterminism(format!("Activity machine does not handle this event: {event}"))),
    })
}

fn mismatch(what: &str, event: &str, command: &str) -> RunError {
    RunError::nondeterminism(format!(
        "Activity {what} of scheduled event '{event}' does not match activity {what} of activity command '{command}'"
    ))
}
