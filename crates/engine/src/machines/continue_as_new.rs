//! Continue-as-new (spec 2.7, 2.7.2).

use temporalio_protos::coresdk::workflow_commands::ContinueAsNewWorkflowExecution;
use temporalio_protos::temporal::api::command::v1::continue_as_new_cmd_to_api;
use temporalio_protos::temporal::api::common::v1::{Memo, RetryPolicy, SearchAttributes};
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
    ContinueAsNewWorkflowCommandCreated,
    ContinueAsNewWorkflowCommandRecorded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Prepared,
    WorkflowExecutionContinuedAsNew,
}

/// The table alone says all: nothing is done but to go on.
static TABLE: Table<State, Input, ()> = transitions! {
    ContinueAsNewWorkflowCommandCreated {
        Prepared => ContinueAsNewWorkflowCommandCreated;
        WorkflowExecutionContinuedAsNew => ContinueAsNewWorkflowCommandRecorded;
    }
};

/// The workflow continues as a new run.
#[derive(Clone, Debug)]
pub struct ContinueAsNewWorkflowMachine {
    position: Position<State, Input, ()>,
}

impl ContinueAsNewWorkflowMachine {
    /// The machine and its command; `inherit_build_id` is the answer of spec 8.5. Fill in with [`Inherited::fill`]
    /// before.
    pub fn new(
        command: ContinueAsNewWorkflowExecution,
        inherit_build_id: bool,
        annotations: Annotations,
    ) -> (Self, NewCommand) {
        let position = Position::new("ContinueAsNewWorkflowMachine", TABLE, State::ContinueAsNewWorkflowCommandCreated);
        let attributes = continue_as_new_cmd_to_api(command, inherit_build_id);
        (Self { position }, NewCommand { attributes, annotations })
    }
}

impl Machine for ContinueAsNewWorkflowMachine {
    fn name(&self) -> &'static str {
        self.position.machine()
    }

    fn handle_command_prepared(&mut self, command: CommandType) -> Result<Vec<Response>> {
        let input = (command == CommandType::ContinueAsNewWorkflowExecution).then_some(Input::Prepared);
        self.position.on_command(input, command)?;
        Ok(vec![])
    }

    fn handle_event(&mut self, event: HistoryEvent, _context: EventContext) -> Result<Vec<Response>> {
        let info = EventInfo::of(&event);
        if info.event_type != EventType::WorkflowExecutionContinuedAsNew {
            return Err(RunError::nondeterminism(format!(
                "Continue as new workflow machine does not handle this event: {info}"
            )));
        }
        self.position.on_event(Input::WorkflowExecutionContinuedAsNew, info)?;
        Ok(vec![])
    }

    fn is_final(&self) -> bool {
        self.position.is_final()
    }
}

/// What the next run gets from this one where lang says nothing (spec 2.7.2).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inherited {
    /// Memo of the start event.
    pub memo: Option<Memo>,
    /// Retry policy of the start event.
    pub retry_policy: Option<RetryPolicy>,
    /// Search attributes of the start event, overlaid with every upsert of lang's in this run.
    pub search_attributes: SearchAttributes,
}

impl Inherited {
    /// Fills in what `command` leaves out. A message of search attributes that is there, though empty, stays.
    pub fn fill(self, command: &mut ContinueAsNewWorkflowExecution) {
        if command.memo.is_empty() {
            command.memo = self.memo.unwrap_or_default().fields;
        }
        if command.retry_policy.is_none() {
            command.retry_policy = self.retry_policy;
        }
        if command.search_attributes.is_none() && !self.search_attributes.indexed_fields.is_empty() {
            command.search_attributes = Some(self.search_attributes);
        }
    }
}
