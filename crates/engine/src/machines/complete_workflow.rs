//! The completion of the workflow (spec 2.7).

use temporalio_protos::coresdk::workflow_commands::CompleteWorkflowExecution;
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
    CompleteWorkflowCommandCreated,
    CompleteWorkflowCommandRecorded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Prepared,
    WorkflowExecutionCompleted,
}

/// The table alone says all: nothing is done but to go on.
static TABLE: Table<State, Input, ()> = transitions! {
    CompleteWorkflowCommandCreated {
        Prepared => CompleteWorkflowCommandCreated;
        WorkflowExecutionCompleted => CompleteWorkflowCommandRecorded;
    }
};

/// The workflow completes.
#[derive(Clone, Debug)]
pub struct CompleteWorkflowMachine {
    position: Position<State, Input, ()>,
}

impl CompleteWorkflowMachine {
    /// The machine and its CompleteWorkflowExecution command.
    pub fn new(command: CompleteWorkflowExecution, annotations: Annotations) -> (Self, NewCommand) {
        let position = Position::new("CompleteWorkflowMachine", TABLE, State::CompleteWorkflowCommandCreated);
        (Self { position }, NewCommand { attributes: command.into(), annotations })
    }
}

impl Machine for CompleteWorkflowMachine {
    fn name(&self) -> &'static str {
        self.position.machine()
    }

    fn handle_command_prepared(&mut self, command: CommandType) -> Result<Vec<Response>> {
        let input = (command == CommandType::CompleteWorkflowExecution).then_some(Input::Prepared);
        self.position.on_command(input, command)?;
        Ok(vec![])
    }

    fn handle_event(&mut self, event: HistoryEvent, _context: EventContext) -> Result<Vec<Response>> {
        let info = EventInfo::of(&event);
        if info.event_type != EventType::WorkflowExecutionCompleted {
            return Err(RunError::nondeterminism(format!(
                "Complete workflow machine does not handle this event: {info}"
            )));
        }
        self.position.on_event(Input::WorkflowExecutionCompleted, info)?;
        Ok(vec![])
    }

    fn is_final(&self) -> bool {
        self.position.is_final()
    }
}
