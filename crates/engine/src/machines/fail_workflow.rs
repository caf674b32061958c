//! The failure of the workflow (spec 2.7).

use temporalio_protos::coresdk::workflow_commands::FailWorkflowExecution;
use temporalio_protos::temporal::api::enums::v1::{CommandType, EventType};
use temporalio_protos::temporal::api::history::v1::HistoryEvent;

use super::position::{EventInfo, Position};
use super::table::{Table, transitions};
use super::{Annotations, EventContext, Machine, NewCommand, Response};
use crate::error::{Result, RunError};

#[cfg(test)]
mod tests;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    FailWorkflowCommandCreated,
    FailWorkflowCommandRecorded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Prepared,
    WorkflowExecutionFailed,
}

/// The table alone says all: nothing is done but to go on.
static TABLE: Table<State, Input, ()> = transitions! {
    FailWorkflowCommandCreated {
        Prepared => FailWorkflowCommandCreated;
        WorkflowExecutionFailed => FailWorkflowCommandRecorded;
    }
};

/// The workflow fails.
#[derive(Clone, Debug)]
pub struct FailWorkflowMachine {
    position: Position<State, Input, ()>,
}

impl FailWorkflowMachine {
    /// The machine and its FailWorkflowExecution command.
    pub fn new(command: FailWorkflowExecution, annotations: Annotations) -> (Self, NewCommand) {
        let position = Position::new("FailWorkflowMachine", TABLE, State::FailWorkflowCommandCreated);
        (Self { position }, NewCommand { attributes: command.into(), annotations })
    }
}

impl Machine for FailWorkflowMachine {
    fn name(&self) -> &'static str {
        self.position.machine()
    }

    fn handle_command_prepared(&mut self, command: CommandType) -> Result<Vec<Response>> {
        let input = (command == CommandType::FailWorkflowExecution).then_some(Input::Prepared);
        self.position.on_command(input, command)?;
        Ok(vec![])
    }

    fn handle_event(&mut self, event: HistoryEvent, _context: EventContext) -> Result<Vec<Response>> {
        let info = EventInfo::of(&event);
        if info.event_type != EventType::WorkflowExecutionFailed {
            return Err(RunError::nondeterminism(format!("Fail workflow machine does not handle this event: {info}")));
        }
        self.position.on_event(Input::WorkflowExecutionFailed, info)?;
        Ok(vec![])
    }

    fn is_final(&self) -> bool {
        self.position.is_final()
    }
}
