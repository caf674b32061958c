//! A child workflow (spec 2.4).

mod resolutions;
#[cfg(test)]
mod tests;

use temporalio_protos::coresdk::child_workflow::ChildWorkflowCancellationType as CancellationType;
use temporalio_protos::coresdk::workflow_commands::StartChildWorkflowExecution;
use temporalio_protos::temporal::api::command::v1::start_child_workflow_cmd_to_api;
use temporalio_protos::temporal::api::enums::v1::{CommandType, EventType};
use temporalio_protos::temporal::api::history::v1::HistoryEvent;

use super::position::{EventInfo, Position, attributes_of};
use super::table::{Table, transitions};
use super::{
    Annotations, CoreCommand, EventContext, FlagWanted, ID_AND_TYPE_DETERMINISM_CHECKS, Machine, NewCommand, Response,
};
use crate::error::{Result, RunError};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    StartCommandCreated,
    StartEventRecorded,
    StartFailed,
    Started,
    Completed,
    Failed,
    TimedOut,
    Terminated,
    Cancelled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    StartPrepared,
    CancelPrepared,
    Initiated,
    StartFailed,
    Started,
    Completed,
    Failed,
    TimedOut,
    Terminated,
    Canceled,
    CancelAbandon,
    CancelTry,
    /// Both types that wait: Core treats "requested" as "completed" (spec 2.4.8).
    CancelWait,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Nothing,
    RecordInitiated,
    Withdraw,
    ResolveStart,
    ResolveStartFailed,
    Resolve,
    ResolveCancelled,
    CancelChild,
    CancelChildAndResolve,
    /// The child was resolved before; its own word comes once.
    AbsorbCanceledOnce,
    /// Only what was resolved at once on cancelling may end some other way.
    TolerateIfImmediate,
}

static TABLE: Table<State, Input, Action> = transitions! {
    StartCommandCreated {
        StartPrepared => Nothing, StartCommandCreated;
        Initiated => RecordInitiated, StartEventRecorded;
        CancelAbandon => Withdraw, Cancelled;
        CancelTry => Withdraw, Cancelled;
        CancelWait => Withdraw, Cancelled;
    }
    StartEventRecorded {
        Started => ResolveStart, Started;
        StartFailed => ResolveStartFailed, StartFailed;
        CancelAbandon => ResolveCancelled, Cancelled;
        CancelTry => CancelChildAndResolve, Cancelled;
        CancelWait => CancelChild, StartEventRecorded;
        CancelPrepared => Nothing, StartEventRecorded;
    }
    Started {
        Completed => Resolve, Completed;
        Failed => Resolve, Failed;
        TimedOut => Resolve, TimedOut;
        Terminated => Resolve, Terminated;
        Canceled => Resolve, Cancelled;
        CancelAbandon => ResolveCancelled, Cancelled;
        CancelTry => CancelChildAndResolve, Cancelled;
        CancelWait => CancelChild, Started;
        CancelPrepared => Nothing, Started;
    }
    Cancelled {
        CancelAbandon => Nothing, Cancelled;
        CancelTry => Nothing, Cancelled;
        CancelWait => Nothing, Cancelled;
        CancelPrepared => Nothing, Cancelled;
        Started => Nothing, Cancelled;
        StartFailed => Nothing, Cancelled;
        Canceled => AbsorbCanceledOnce, Cancelled;
        Completed => TolerateIfImmediate, Cancelled;
        Failed => TolerateIfImmediate, Cancelled;
        TimedOut => TolerateIfImmediate, Cancelled;
        Terminated => TolerateIfImmediate, Cancelled;
    }
    StartFailed {
        CancelAbandon => Nothing, StartFailed;
        CancelTry => Nothing, StartFailed;
        CancelWait => Nothing, StartFailed;
    }
    Completed {
        CancelAbandon => Nothing, Completed;
        CancelTry => Nothing, Completed;
        CancelWait => Nothing, Completed;
    }
    Failed {
        CancelAbandon => Nothing, Failed;
        CancelTry => Nothing, Failed;
        CancelWait => Nothing, Failed;
    }
    TimedOut {
        CancelAbandon => Nothing, TimedOut;
        CancelTry => Nothing, TimedOut;
        CancelWait => Nothing, TimedOut;
    }
};

/// A child that lang started.
#[derive(Clone, Debug)]
pub struct ChildWorkflowMachine {
    position: Position<State, Input, Action>,
    seq: u32,
    namespace: String,
    workflow_id: String,
    workflow_type: String,
    /// Empty until the child is known to have started.
    run_id: String,
    initiated_event_id: i64,
    started_event_id: i64,
    cancellation_type: CancellationType,
    seen_canceled_event: bool,
    cancelled_before_sent: bool,
    annotations: Annotations,
}

impl ChildWorkflowMachine {
    /// A new child and its StartChildWorkflowExecution command; `inherit_build_id` is the answer of spec 8.5.
    pub fn new(
        start: StartChildWorkflowExecution,
        inherit_build_id: bool,
        annotations: Annotations,
    ) -> (Self, NewCommand) {
        let machine = Self {
            position: Position::new("ChildWorkflowMachine", TABLE, State::StartCommandCreated),
            seq: start.seq,
            namespace: start.namespace.clone(),
            workflow_id: start.workflow_id.clone(),
            workflow_type: start.workflow_type.clone(),
            run_id: String::new(),
            initiated_event_id: 0,
            started_event_id: 0,
            cancellation_type: start.cancellation_type(),
            seen_canceled_event: false,
            cancelled_before_sent: false,
            annotations: annotations.clone(),
        };
        let attributes = start_child_workflow_cmd_to_api(start, inherit_build_id);
        (machine, NewCommand { attributes, annotations })
    }

    /// Lang cancels the child (spec 2.4.4, 2.4.5, 2.4.7).
    ///
    /// # Errors
    /// Nondeterminism if the child was terminated.
    pub fn cancel(&mut self, reason: String, annotations: Annotations) -> Result<Vec<Response>> {
        self.annotations.override_with(annotations);
        let input = match self.cancellation_type {
            CancellationType::Abandon => Input::CancelAbandon,
            CancellationType::TryCancel => Input::CancelTry,
            CancellationType::WaitCancellationCompleted | CancellationType::WaitCancellationRequested => {
                Input::CancelWait
            }
        };
        Ok(match self.position.on_cancel(input)? {
            Action::Withdraw => {
                self.cancelled_before_sent = true;
                vec![self.resolve_start_cancelled(&reason)]
            }
            Action::CancelChild => vec![self.cancel_child(reason)],
            Action::CancelChildAndResolve => vec![self.cancel_child(reason), self.resolve_cancelled()],
            Action::ResolveCancelled => vec![self.resolve_cancelled()],
            _ => vec![],
        })
    }

    fn cancel_child(&self, reason: String) -> Response {
        Response::CoreCommand(CoreCommand::CancelChild {
            namespace: self.namespace.clone(),
            workflow_id: self.workflow_id.clone(),
            run_id: self.run_id.clone(),
            reason,
            annotations: self.annotations.clone(),
        })
    }

    fn record_initiated(&mut self, event: HistoryEvent, info: EventInfo, check: bool) -> Result<()> {
        let initiated = attributes_of!(event, StartChildWorkflowExecutionInitiatedEventAttributes)
            .ok_or_else(|| RunError::fatal("StartChildWorkflowExecutionInitiated attributes were unset"))?;
        let event_type = initiated.workflow_type.unwrap_or_default().name;
        if check && initiated.workflow_id != self.workflow_id {
            return Err(mismatch("id", &initiated.workflow_id, &self.workflow_id));
        }
        if check && event_type != self.workflow_type {
            return Err(mismatch("type", &event_type, &self.workflow_type));
        }
        self.initiated_event_id = info.event_id;
        Ok(())
    }

    fn absorb_canceled_once(&mut self) -> Result<()> {
        if self.seen_canceled_event {
            return Err(RunError::fatal(
                "Child workflow has already seen a ChildWorkflowExecutionCanceledEvent, and now another is being \
                 applied! \
                 This is a bug, please report.",
            ));
        }
        self.seen_canceled_event = true;
        Ok(())
    }

    fn tolerate_if_immediate(&self) -> Result<()> {
        if matches!(self.cancellation_type, CancellationType::Abandon | CancellationType::TryCancel) {
            return Ok(());
        }
        Err(RunError::nondeterminism(
            "Child workflows which don't resolve immediately on cancellation cannot complete after being cancelled.",
        ))
    }
}

impl Machine for ChildWorkflowMachine {
    fn name(&self) -> &'static str {
        self.position.machine()
    }

    fn handle_command_prepared(&mut self, command: CommandType) -> Result<Vec<Response>> {
        let input = match command {
            CommandType::StartChildWorkflowExecution => Some(Input::StartPrepared),
            CommandType::RequestCancelExternalWorkflowExecution => Some(Input::CancelPrepared),
            _ => None,
        };
        self.position.on_command(input, command)?;
        Ok(vec![])
    }

    fn wants_flag(&self, event: &HistoryEvent, last_task_in_history: bool) -> Option<FlagWanted> {
        let checked = event.event_type() == EventType::StartChildWorkflowExecutionInitiated;
        checked.then_some(FlagWanted { flag: ID_AND_TYPE_DETERMINISM_CHECKS, should_record: last_task_in_history })
    }

    fn handle_event(&mut self, event: HistoryEvent, context: EventContext) -> Result<Vec<Response>> {
        let info = EventInfo::of(&event);
        let input = input_of(&event)?;
        match self.position.on_event(input, info)? {
            Action::RecordInitiated => self.record_initiated(event, info, context.determinism_checks)?,
            Action::AbsorbCanceledOnce => self.absorb_canceled_once()?,
            Action::TolerateIfImmediate => self.tolerate_if_immediate()?,
            Action::ResolveStart => return Ok(vec![self.resolve_started(event, info)?]),
            Action::ResolveStartFailed => return Ok(vec![self.resolve_start_failed(event)?]),
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

fn input_of(event: &HistoryEvent) -> Result<Input> {
    Ok(match event.event_type() {
        EventType::StartChildWorkflowExecutionInitiated => Input::Initiated,
        EventType::StartChildWorkflowExecutionFailed => Input::StartFailed,
        EventType::ChildWorkflowExecutionStarted => Input::Started,
        EventType::ChildWorkflowExecutionCompleted => Input::Completed,
        EventType::ChildWorkflowExecutionFailed => Input::Failed,
        EventType::ChildWorkflowExecutionTimedOut => Input::TimedOut,
        EventType::ChildWorkflowExecutionTerminated => Input::Terminated,
        EventType::ChildWorkflowExecutionCanceled => Input::Canceled,
        _ => {
            let text = format!("Child workflow machine does not handle this event: {event:?}");
            return Err(RunError::nondeterminism(text));
        }
    })
}

fn mismatch(what: &str, event: &str, command: &str) -> RunError {
    RunError::nondeterminism(format!(
        "Child workflow {what} of scheduled event '{event}' does not match child workflow {what} of command '{command}'"
    ))
}
