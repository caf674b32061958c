//! A change of the workflow's properties: its memo (spec 2.9.2).

use temporalio_protos::coresdk::workflow_commands::ModifyWorkflowProperties;
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
    Created,
    CommandIssued,
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Prepared,
    Modified,
}

static TABLE: Table<State, Input, ()> = transitions! {
    Created {
        Prepared => CommandIssued;
    }
    CommandIssued {
        Modified => Done;
    }
};

/// A change of workflow properties. Nothing resolves it.
#[derive(Clone, Debug)]
pub struct ModifyWorkflowPropertiesMachine {
    position: Position<State, Input, ()>,
}

impl ModifyWorkflowPropertiesMachine {
    /// The machine and its command.
    pub fn new(command: ModifyWorkflowProperties, annotations: Annotations) -> (Self, NewCommand) {
        let position = Position::new("ModifyWorkflowPropertiesMachine", TABLE, State::Created);
        (Self { position }, NewCommand { attributes: command.into(), annotations })
    }
}

impl Machine for ModifyWorkflowPropertiesMachine {
    fn name(&self) -> &'static str {
        self.position.machine()
    }

    fn handle_command_prepared(&mut self, command: CommandType) -> Result<Vec<Response>> {
        let input = (command == CommandType::ModifyWorkflowProperties).then_some(Input::Prepared);
        self.position.on_command(input, command)?;
        Ok(vec![])
    }

    fn handle_event(&mut self, event: HistoryEvent, _context: EventContext) -> Result<Vec<Response>> {
        let info = EventInfo::of(&event);
        if info.event_type != EventType::WorkflowPropertiesModified {
            return Err(RunError::nondeterminism(format!("ModifyWorkflowPropertiesMachine does not handle {info}")));
        }
        self.position.on_event(Input::Modified, info)?;
        Ok(vec![])
    }

    fn is_final(&self) -> bool {
        self.position.is_final()
    }
}
