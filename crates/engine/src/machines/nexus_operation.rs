//! A Nexus operation (spec 2.11).

mod resolutions;
#[cfg(test)]
mod tests;

use temporalio_protos::coresdk::nexus::NexusOperationCancellationType as CancellationType;
use temporalio_protos::coresdk::workflow_commands::ScheduleNexusOperation;
use temporalio_protos::temporal::api::command::v1::{RequestCancelNexusOperationCommandAttributes, command};
use temporalio_protos::temporal::api::enums::v1::{CommandType, EventType};
use temporalio_protos::temporal::api::history::v1::HistoryEvent;

use super::position::{EventInfo, Position, attributes_of};
use super::table::{Table, transitions};
use super::{Annotations, EventContext, FlagWanted, Machine, NEXUS_OPERATION_DETERMINISM_CHECKS, NewCommand, Response};
use crate::error::{Result, RunError};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    ScheduleCommandCreated,
    ScheduledEventRecorded,
    Started,
    Completed,
    Failed,
    TimedOut,
    Cancelled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    SchedulePrepared,
    CancelPrepared,
    Scheduled,
    Started,
    Completed,
    Failed,
    Canceled,
    TimedOut,
    CancelRequested,
    CancelRequestCompleted,
    /// As `CancelRequestCompleted`, for WAIT_CANCELLATION_REQUESTED: what lang waits for.
    AwaitedCancelRequestCompleted,
    CancelRequestFailed,
    /// As `CancelRequestFailed`, for WAIT_CANCELLATION_REQUESTED.
    AwaitedCancelRequestFailed,
    CancelAbandon,
    CancelTry,
    CancelWait,
    /// A cancel was requested before.
    CancelAgain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Nothing,
    RecordScheduled,
    Withdraw,
    RequestCancel,
    RequestCancelAndResolve,
    ResolveCancelled,
    ResolveStart,
    /// Start and end in one, for what completed synchronously.
    ResolveSync,
    ResolveStartFailed,
    Resolve,
    /// The inverse of what its text says (spec 2.11.6).
    RefuseIfAbandoned,
}

static TABLE: Table<State, Input, Action> = transitions! {
    ScheduleCommandCreated {
        SchedulePrepared => Nothing, ScheduleCommandCreated;
        Scheduled => RecordScheduled, ScheduledEventRecorded;
        CancelAbandon => Withdraw, Cancelled;
        CancelTry => Withdraw, Cancelled;
        CancelWait => Withdraw, Cancelled;
    }
    ScheduledEventRecorded {
        CancelAbandon => ResolveCancelled, ScheduledEventRecorded;
        CancelTry => RequestCancelAndResolve, ScheduledEventRecorded;
        CancelWait => RequestCancel, ScheduledEventRecorded;
        CancelAgain => Nothing, ScheduledEventRecorded;
        CancelPrepared => Nothing, ScheduledEventRecorded;
        CancelRequested => Nothing, ScheduledEventRecorded;
        Started => ResolveStart, Started;
        Completed => ResolveSync, Completed;
        Failed => ResolveStartFailed, Failed;
        Canceled => ResolveStartFailed, Cancelled;
        TimedOut => ResolveStartFailed, TimedOut;
    }
    Started {
        CancelAbandon => ResolveCancelled, Cancelled;
        CancelTry => RequestCancelAndResolve, Cancelled;
        CancelWait => RequestCancel, Started;
        CancelAgain => Nothing, Started;
        CancelPrepared => Nothing, Started;
        CancelRequested => Nothing, Started;
        Completed => Resolve, Completed;
        Failed => Resolve, Failed;
        Canceled => Resolve, Cancelled;
        TimedOut => Resolve, TimedOut;
        CancelRequestCompleted => Nothing, Started;
        AwaitedCancelRequestCompleted => Resolve, Cancelled;
        CancelRequestFailed => Nothing, Started;
        AwaitedCancelRequestFailed => Resolve, Started;
    }
    Cancelled {
        CancelAbandon => Nothing, Cancelled;
        CancelTry => Nothing, Cancelled;
        CancelWait => Nothing, Cancelled;
        CancelAgain => Nothing, Cancelled;
        CancelPrepared => Nothing, Cancelled;
        CancelRequested => Nothing, Cancelled;
        Completed => RefuseIfAbandoned, Cancelled;
        Failed => RefuseIfAbandoned, Cancelled;
        TimedOut => RefuseIfAbandoned, Cancelled;
        Canceled => Nothing, Cancelled;
        CancelRequestCompleted => Nothing, Cancelled;
        AwaitedCancelRequestCompleted => Nothing, Cancelled;
        CancelRequestFailed => Nothing, Cancelled;
        AwaitedCancelRequestFailed => Nothing, Cancelled;
    }
    Completed {
        CancelAbandon => Nothing, Completed;
        CancelTry => Nothing, Completed;
        CancelWait => Nothing, Completed;
        CancelAgain => Nothing, Completed;
        CancelRequestCompleted => Nothing, Completed;
        AwaitedCancelRequestCompleted => Nothing, Completed;
        CancelRequestFailed => Nothing, Completed;
        AwaitedCancelRequestFailed => Nothing, Completed;
    }
    Failed {
        CancelAbandon => Nothing, Failed;
        CancelTry => Nothing, Failed;
        CancelWait => Nothing, Failed;
        CancelAgain => Nothing, Failed;
        CancelRequestCompleted => Nothing, Failed;
        AwaitedCancelRequestCompleted => Nothing, Failed;
        CancelRequestFailed => Nothing, Failed;
        AwaitedCancelRequestFailed => Nothing, Failed;
    }
    TimedOut {
        CancelAbandon => Nothing, TimedOut;
        CancelTry => Nothing, TimedOut;
        CancelWait => Nothing, TimedOut;
        CancelAgain => Nothing, TimedOut;
        CancelRequestCompleted => Nothing, TimedOut;
        AwaitedCancelRequestCompleted => Nothing, TimedOut;
        CancelRequestFailed => Nothing, TimedOut;
        AwaitedCancelRequestFailed => Nothing, TimedOut;
    }
};

/// A Nexus operation that lang scheduled.
#[derive(Clone, Debug)]
pub struct NexusOperationMachine {
    position: Position<State, Input, Action>,
    seq: u32,
    endpoint: String,
    service: String,
    operation: String,
    /// Empty until the operation is known to have started.
    operation_token: String,
    scheduled_event_id: i64,
    cancellation_type: CancellationType,
    cancel_requested: bool,
    cancelled_before_sent: bool,
    annotations: Annotations,
}

impl NexusOperationMachine {
    /// A new operation and its ScheduleNexusOperation command.
    pub fn new(schedule: ScheduleNexusOperation, annotations: Annotations) -> (Self, NewCommand) {
        let machine = Self {
            position: Position::new("NexusOperationMachine", TABLE, State::ScheduleCommandCreated),
            seq: schedule.seq,
            endpoint: schedule.endpoint.clone(),
            service: schedule.service.clone(),
            operation: schedule.operation.clone(),
            operation_token: String::new(),
            scheduled_event_id: 0,
            cancellation_type: schedule.cancellation_type(),
            cancel_requested: false,
            cancelled_before_sent: false,
            annotations: annotations.clone(),
        };
        (machine, NewCommand { attributes: schedule.into(), annotations })
    }

    /// Lang cancels the operation (spec 2.11.2, 2.11.4).
    ///
    /// # Errors
    /// None today: every state takes a cancel.
    pub fn cancel(&mut self, annotations: Annotations) -> Result<Vec<Response>> {
        self.annotations.override_with(annotations);
        let input = match self.cancellation_type {
            _ if self.cancel_requested => Input::CancelAgain,
            CancellationType::Abandon => Input::CancelAbandon,
            CancellationType::TryCancel => Input::CancelTry,
            CancellationType::WaitCancellationCompleted | CancellationType::WaitCancellationRequested => {
                Input::CancelWait
            }
        };
        Ok(match self.position.on_cancel(input)? {
            Action::Withdraw => {
                self.cancelled_before_sent = true;
                vec![self.resolve_start_withdrawn()]
            }
            Action::RequestCancel => vec![self.request_cancel()],
            Action::RequestCancelAndResolve => vec![self.request_cancel(), self.resolve_cancelled()],
            Action::ResolveCancelled => {
                self.cancel_requested = true;
                vec![self.resolve_cancelled()]
            }
            _ => vec![],
        })
    }

    fn request_cancel(&mut self) -> Response {
        self.cancel_requested = true;
        Response::Command(NewCommand {
            attributes: command::Attributes::RequestCancelNexusOperationCommandAttributes(
                RequestCancelNexusOperationCommandAttributes { scheduled_event_id: self.scheduled_event_id },
            ),
            annotations: self.annotations.clone(),
        })
    }

    fn record_scheduled(&mut self, event: HistoryEvent, info: EventInfo, check: bool) -> Result<()> {
        let scheduled = attributes_of!(event, NexusOperationScheduledEventAttributes).ok_or_else(|| unset(info))?;
        if check && scheduled.service != self.service {
            return Err(RunError::nondeterminism(format!(
                "Nexus operation service of scheduled event '{}' does not match service of command '{}'",
                scheduled.service, self.service
            )));
        }
        if check && scheduled.operation != self.operation {
            return Err(RunError::nondeterminism(format!(
                "Nexus operation of scheduled event '{}' does not match operation of command '{}'",
                scheduled.operation, self.operation
            )));
        }
        self.scheduled_event_id = info.event_id;
        Ok(())
    }

    /// Native Core refuses exactly the type that its text excepts; histories are judged the same way everywhere, so we
    /// do too.
    fn refuse_if_abandoned(&self) -> Result<()> {
        if self.cancellation_type != CancellationType::Abandon {
            return Ok(());
        }
        Err(RunError::nondeterminism(
            "Nexus operation which don't have the ABANDON cancellation type cannot complete after being cancelled.",
        ))
    }

    fn input_of(&self, event: &HistoryEvent) -> Result<Input> {
        let awaits_request = self.cancellation_type == CancellationType::WaitCancellationRequested;
        Ok(match event.event_type() {
            EventType::NexusOperationScheduled => Input::Scheduled,
            EventType::NexusOperationStarted => Input::Started,
            EventType::NexusOperationCompleted => Input::Completed,
            EventType::NexusOperationFailed => Input::Failed,
            EventType::NexusOperationCanceled => Input::Canceled,
            EventType::NexusOperationTimedOut => Input::TimedOut,
            EventType::NexusOperationCancelRequested => Input::CancelRequested,
            EventType::NexusOperationCancelRequestCompleted if awaits_request => Input::AwaitedCancelRequestCompleted,
            EventType::NexusOperationCancelRequestCompleted => Input::CancelRequestCompleted,
            EventType::NexusOperationCancelRequestFailed if awaits_request => Input::AwaitedCancelRequestFailed,
            EventType::NexusOperationCancelRequestFailed => Input::CancelRequestFailed,
            _ => {
                let text = format!("Nexus operation machine does not handle this event: {event:?}");
                return Err(RunError::nondeterminism(text));
            }
        })
    }
}

impl Machine for NexusOperationMachine {
    fn name(&self) -> &'static str {
        self.position.machine()
    }

    fn handle_command_prepared(&mut self, command: CommandType) -> Result<Vec<Response>> {
        let input = match command {
            CommandType::ScheduleNexusOperation => Some(Input::SchedulePrepared),
            CommandType::RequestCancelNexusOperation => Some(Input::CancelPrepared),
            _ => None,
        };
        self.position.on_command(input, command)?;
        Ok(vec![])
    }

    fn wants_flag(&self, event: &HistoryEvent, last_task_in_history: bool) -> Option<FlagWanted> {
        let checked = event.event_type() == EventType::NexusOperationScheduled;
        checked.then_some(FlagWanted { flag: NEXUS_OPERATION_DETERMINISM_CHECKS, should_record: last_task_in_history })
    }

    fn handle_event(&mut self, event: HistoryEvent, context: EventContext) -> Result<Vec<Response>> {
        let info = EventInfo::of(&event);
        let input = self.input_of(&event)?;
        match self.position.on_event(input, info)? {
            Action::RecordScheduled => self.record_scheduled(event, info, context.determinism_checks)?,
            Action::RefuseIfAbandoned => self.refuse_if_abandoned()?,
            Action::ResolveStart => return Ok(vec![self.resolve_started(event, info)?]),
            Action::ResolveStartFailed => return Ok(vec![self.resolve_start_failed(event, info)?]),
            Action::ResolveSync => return Ok(vec![self.resolve_started_sync(), self.resolve_by_event(event, info)?]),
            Action::Resolve => return Ok(vec![self.resolve_by_event(event, info)?]),
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

/// The type field and the attributes of an event disagree.
fn unset(event: EventInfo) -> RunError {
    RunError::nondeterminism(format!("{:?} attributes were unset or malformed", event.event_type))
}
