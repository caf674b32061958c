//! An update: a request that came as a message, answered by messages and their commands (spec 2.10).

mod messages;
#[cfg(test)]
mod tests;

use temporalio_protos::coresdk::workflow_activation::DoUpdate;
use temporalio_protos::coresdk::workflow_commands::{UpdateResponse, update_response};
use temporalio_protos::temporal::api::enums::v1::{CommandType, EventType};
use temporalio_protos::temporal::api::history::v1::HistoryEvent;
use temporalio_protos::temporal::api::update::v1::{Meta, Request};

use super::position::{EventInfo, Position};
use super::table::{Table, transitions};
use super::{EventContext, Machine, Response};
use crate::error::{Result, RunError};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    RequestInitiated,
    Rejected,
    Accepted,
    AcceptCommandCreated,
    AcceptCommandRecorded,
    CompletedImmediately,
    CompletedImmediatelyAcceptCreated,
    CompletedImmediatelyCompleteCreated,
    Completed,
    CompletedCommandCreated,
    CompletedCommandRecorded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Accept,
    Reject,
    Complete,
    CommandPrepared,
    UpdateAccepted,
    UpdateCompleted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Nothing,
    SendAccept,
    SendReject,
    SendComplete,
}

/// Accept and complete may come in one activation ("immediately"): both commands are then prepared before either event
/// is seen. Between, the accept command may be out while a local activity runs inside the handler.
static TABLE: Table<State, Input, Action> = transitions! {
    RequestInitiated {
        Accept => SendAccept, Accepted;
        Reject => SendReject, Rejected;
    }
    Accepted {
        Complete => SendComplete, CompletedImmediately;
        Reject => SendComplete, CompletedImmediately;
        CommandPrepared => Nothing, AcceptCommandCreated;
    }
    AcceptCommandCreated {
        UpdateAccepted => Nothing, AcceptCommandRecorded;
        Complete => SendComplete, CompletedImmediatelyAcceptCreated;
        Reject => SendComplete, CompletedImmediatelyAcceptCreated;
    }
    AcceptCommandRecorded {
        Complete => SendComplete, Completed;
        Reject => SendComplete, Completed;
    }
    CompletedImmediately {
        CommandPrepared => Nothing, CompletedImmediatelyAcceptCreated;
    }
    CompletedImmediatelyAcceptCreated {
        CommandPrepared => Nothing, CompletedImmediatelyCompleteCreated;
    }
    CompletedImmediatelyCompleteCreated {
        UpdateAccepted => Nothing, CompletedCommandCreated;
    }
    Completed {
        CommandPrepared => Nothing, CompletedCommandCreated;
    }
    CompletedCommandCreated {
        UpdateCompleted => Nothing, CompletedCommandRecorded;
    }
};

/// An update of the workflow.
#[derive(Clone, Debug)]
pub struct UpdateMachine {
    position: Position<State, Input, Action>,
    message_id: String,
    protocol_instance_id: String,
    sequencing_event_id: i64,
    meta: Meta,
    /// Sent back with the first answer, and gone then.
    request: Option<Request>,
}

impl UpdateMachine {
    /// The machine for a request of the message `message_id`, sequenced after an event, and the job that tells lang of
    /// it. Validators run unless replaying (spec 2.10.1). The request has input and meta; whoever received it saw to
    /// that.
    pub fn new(
        message_id: String,
        protocol_instance_id: String,
        sequencing_event_id: i64,
        request: Request,
        replaying: bool,
    ) -> (Self, Response) {
        let meta = request.meta.clone().unwrap_or_default();
        let input = request.input.clone().unwrap_or_default();
        let job = DoUpdate {
            id: meta.update_id.clone(),
            protocol_instance_id: protocol_instance_id.clone(),
            name: input.name,
            input: input.args.map(|args| args.payloads).unwrap_or_default(),
            headers: input.header.map(|header| header.fields).unwrap_or_default(),
            meta: Some(meta.clone()),
            run_validator: !replaying,
        };
        let position = Position::new("UpdateMachine", TABLE, State::RequestInitiated);
        let request = Some(request);
        let machine = Self { position, message_id, protocol_instance_id, sequencing_event_id, meta, request };
        (machine, Response::job(job))
    }

    /// Lang's answer (spec 2.10.2, 2.10.3).
    ///
    /// # Errors
    /// Fatal if it is empty, Nondeterminism if it does not come in order.
    pub fn handle_response(&mut self, response: UpdateResponse) -> Result<Vec<Response>> {
        let answer = response.response.ok_or_else(|| {
            let id = &self.meta.update_id;
            RunError::fatal(format!("Update response for update {id} had an empty result, this is a lang layer bug."))
        })?;
        let input = match answer {
            update_response::Response::Accepted(()) => Input::Accept,
            update_response::Response::Rejected(_) => Input::Reject,
            update_response::Response::Completed(_) => Input::Complete,
        };
        let state = self.position.state();
        let action = self.position.advance(input).ok_or_else(|| {
            let id = &self.meta.update_id;
            RunError::nondeterminism(format!(
                "Invalid transition while handling update response (id {id}) in state {state:?}"
            ))
        })?;
        Ok(match action {
            Action::Nothing => vec![],
            Action::SendAccept => self.accept(),
            Action::SendReject => self.reject(answer),
            Action::SendComplete => self.complete(answer),
        })
    }
}

impl Machine for UpdateMachine {
    fn name(&self) -> &'static str {
        self.position.machine()
    }

    fn handle_command_prepared(&mut self, command: CommandType) -> Result<Vec<Response>> {
        let input = (command == CommandType::ProtocolMessage).then_some(Input::CommandPrepared);
        self.position.on_command(input, command)?;
        Ok(vec![])
    }

    fn handle_event(&mut self, event: HistoryEvent, _context: EventContext) -> Result<Vec<Response>> {
        let info = EventInfo::of(&event);
        let input = match info.event_type {
            EventType::WorkflowExecutionUpdateAccepted => Input::UpdateAccepted,
            EventType::WorkflowExecutionUpdateCompleted => Input::UpdateCompleted,
            _ => return Err(RunError::nondeterminism(format!("Update machine does not handle this event: {info}"))),
        };
        self.position.on_event(input, info)?;
        Ok(vec![])
    }

    fn is_final(&self) -> bool {
        self.position.is_final()
    }
}
