//! A workflow task: scheduled, started, and ended in one of three ways (spec 1.5.12, 1.5.13).

use temporalio_protos::temporal::api::enums::v1::{CommandType, EventType, WorkflowTaskFailedCause};
use temporalio_protos::temporal::api::history::v1::{HistoryEvent, history_event};

use super::position::{EventInfo, Position};
use super::table::{Table, transitions};
use super::{EventContext, Machine, Response, TaskStarted};
use crate::error::{Result, RunError};

#[cfg(test)]
mod tests;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Created,
    Scheduled,
    Started,
    Completed,
    Failed,
    TimedOut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Scheduled,
    Started,
    Completed,
    Failed,
    FailedByPauseRequest,
    FailedByReset,
    TimedOut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Nothing,
    Start,
    /// The clock is set again, for those that skipped the started event.
    StartAgain,
    /// Only a pause fails a task that was not started.
    RefuseFailure,
    Reseed,
}

static TABLE: Table<State, Input, Action> = transitions! {
    Created {
        Scheduled => Nothing, Scheduled;
    }
    Scheduled {
        Started => Start, Started;
        FailedByPauseRequest => Nothing, Failed;
        Failed => RefuseFailure, Failed;
        FailedByReset => RefuseFailure, Failed;
        TimedOut => Nothing, TimedOut;
    }
    Started {
        Completed => StartAgain, Completed;
        Failed => Nothing, Failed;
        FailedByPauseRequest => Nothing, Failed;
        FailedByReset => Reseed, Failed;
        TimedOut => Nothing, TimedOut;
    }
};

/// A workflow task in history.
#[derive(Clone, Debug)]
pub struct WorkflowTaskMachine {
    position: Position<State, Input, Action>,
    next_started_event_id: i64,
    started: Option<TaskStarted>,
}

impl WorkflowTaskMachine {
    /// A task whose WorkflowTaskScheduled event comes next. `next_started_event_id` is the id of the
    /// WorkflowTaskStarted event that ends the sequence being applied; started events before that one were followed by
    /// a failure or a time-out and start nothing.
    pub fn new(next_started_event_id: i64) -> Self {
        let position = Position::new("WorkflowTaskMachine", TABLE, State::Created);
        Self { position, next_started_event_id, started: None }
    }

    fn start(&mut self, event: &HistoryEvent, info: EventInfo) -> Result<Vec<Response>> {
        let time = event
            .event_time
            .ok_or_else(|| RunError::fatal(format!("Workflow task started event must contain timestamp: {info}")))?;
        self.started = Some(TaskStarted { event_id: info.event_id, time });
        if info.event_id < self.next_started_event_id {
            return Ok(vec![]);
        }
        Ok(vec![Response::TaskStarted(TaskStarted { event_id: self.next_started_event_id, time })])
    }
}

impl Machine for WorkflowTaskMachine {
    fn name(&self) -> &'static str {
        self.position.machine()
    }

    fn handle_command_prepared(&mut self, command: CommandType) -> Result<Vec<Response>> {
        self.position.on_command(None, command)?;
        Ok(vec![])
    }

    fn handle_event(&mut self, event: HistoryEvent, _context: EventContext) -> Result<Vec<Response>> {
        let info = EventInfo::of(&event);
        let input = input_of(&event, info)?;
        match self.position.on_event(input, info)? {
            Action::Nothing => Ok(vec![]),
            Action::Start => self.start(&event, info),
            Action::StartAgain => Ok(self.started.take().map(Response::TaskStarted).into_iter().collect()),
            Action::RefuseFailure => {
                let cause = failed_cause(&event);
                Err(RunError::fatal(format!("Workflow task failed before it started with cause {cause:?}")))
            }
            Action::Reseed => Ok(vec![Response::UpdateRandomSeed { run_id: new_run_id(event) }]),
        }
    }

    fn is_final(&self) -> bool {
        self.position.is_final()
    }
}

fn input_of(event: &HistoryEvent, info: EventInfo) -> Result<Input> {
    Ok(match info.event_type {
        EventType::WorkflowTaskScheduled => Input::Scheduled,
        EventType::WorkflowTaskStarted => Input::Started,
        EventType::WorkflowTaskCompleted => Input::Completed,
        EventType::WorkflowTaskTimedOut => Input::TimedOut,
        EventType::WorkflowTaskFailed if event.attributes.is_none() => {
            return Err(RunError::fatal(format!("Workflow task failed is missing attributes: {info}")));
        }
        EventType::WorkflowTaskFailed => match failed_cause(event) {
            Some(WorkflowTaskFailedCause::WorkflowPauseRequestedBeforeTaskStarted) => Input::FailedByPauseRequest,
            Some(WorkflowTaskFailedCause::ResetWorkflow) => Input::FailedByReset,
            _ => Input::Failed,
        },
        _ => return Err(RunError::nondeterminism(format!("Event does not apply to a wf task machine: {info}"))),
    })
}

/// The cause, if it is one that we know.
fn failed_cause(event: &HistoryEvent) -> Option<WorkflowTaskFailedCause> {
    match &event.attributes {
        Some(history_event::Attributes::WorkflowTaskFailedEventAttributes(failed)) => {
            WorkflowTaskFailedCause::try_from(failed.cause).ok()
        }
        _ => None,
    }
}

fn new_run_id(event: HistoryEvent) -> String {
    match event.attributes {
        Some(history_event::Attributes::WorkflowTaskFailedEventAttributes(failed)) => failed.new_run_id,
        _ => String::new(),
    }
}
