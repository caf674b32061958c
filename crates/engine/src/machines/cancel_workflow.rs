//! The end of the workflow by cancellation (spec 2.7).

use temporalio_protos::coresdk::workflow_commands::CancelWorkflowExecution;
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
    CancelWorkflowCommandCreated,
    CancelWorkflowCommandRecorded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Prepared,
    WorkflowExecutionCanceled,
}

/// The table alone says all: nothing is done but to go on.
static TABLE: Table<State, Input, ()> = transitions! {
    CancelWorkflowCommandCreated {
        Prepared => CancelWorkflowCommandCreated;
        WorkflowExecutionCanceled => CancelWorkflowCommandRecorded;
    }
};

/// The workflow ends as cancelled.
#[derive(Clone, Debug)]
pub struct CancelWorkflowMachine {
    position: Position<State, Input, ()>,
}

impl CancelWorkflowMachine {
    /// The machine and its CancelWorkflowExecution command.
    pub fn new(command: CancelWorkflowExecution, annotations: Annotations) -> (Self, NewCommand) {
        let position = Position::new("CancelWorkflowMachine", TABLE, State::CancelWorkflowCommandCreated);
        (Self { position }, NewCommand { attributes: command.into(), annotations })
    }
}

impl Machine for CancelWorkflowMachine {
    fn name(&self) -> &'static str {
        self.position.machine()
    }

    fn handle_command_prepared(&mut self, command: CommandType) -> Result<Vec<Response>> {
        let input = (command == CommandType::CancelWorkflowExecution).then_some(Input::Prepared);
        self.position.on_command(input, command)?;
        Ok(vec![])
    }

    fn handle_event(&mut self, event: HistoryEvent, _context: EventContext) -> Result<Vec<Response>> {
        let info = EventInfo::of(&event);
        if info.event_type != EventType::WorkflowExecutionCanceled {
            return Err(RunError::nondeterminism(format!(
                "Cancel workflow machine does not handle this event: {info}"
            )));
        }
        self.position.on_event(Input::WorkflowExecutionCanceled, info)?;
        Ok(vec![])
    }

    fn is_final(&self) -> bool {
        self.position.is_final()
    }
}
