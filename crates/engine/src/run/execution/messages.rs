//! Protocol messages in and out, and what stands in for them in replay (spec 1.5.5, 1.5.6, 1.5.11, 2.10).

use std::mem;

use litemap::LiteMap;
use prost::Message as _;
use temporalio_protos::coresdk::workflow_commands::UpdateResponse;
use temporalio_protos::temporal::api::command::v1::{Command, command};
use temporalio_protos::temporal::api::history::v1::history_event::Attributes;
use temporalio_protos::temporal::api::history::v1::{
    HistoryEvent, WorkflowExecutionUpdateAcceptedEventAttributes as UpdateAccepted,
    WorkflowExecutionUpdateAdmittedEventAttributes as UpdateAdmitted,
};
use temporalio_protos::temporal::api::protocol::v1::Message;
use temporalio_protos::temporal::api::protocol::v1::message::SequencingId;
use temporalio_protos::temporal::api::update::v1::Request;

use super::Execution;
use crate::error::{Result, RunError};
use crate::machines::any::AnyMachine;
use crate::machines::update::UpdateMachine;

/// A request to update the workflow, from the service or restored from history.
#[derive(Clone, Debug)]
pub(super) struct UpdateRequest {
    pub(super) message_id: String,
    pub(super) protocol_instance_id: String,
    pub(super) sequencing: Option<SequencingId>,
    /// Has input and meta.
    pub(super) request: Request,
}

/// Messages of the current workflow task.
#[derive(Debug, Default)]
pub(super) struct Messages {
    incoming: Vec<UpdateRequest>,
    /// Requests that the service stored while replayed events were handled, by protocol instance; used once they are
    /// accepted.
    admitted: LiteMap<String, UpdateRequest>,
    outgoing: Vec<Message>,
    /// Answers that lang made in replay, by message id, until the event of their command shows that the service has
    /// them.
    replayed: LiteMap<String, Message>,
}

impl Messages {
    /// The messages of a new task take the place of the last one's.
    ///
    /// # Errors
    /// Fatal: a body is no update request.
    pub(super) fn receive(&mut self, messages: Vec<Message>) -> Result<()> {
        self.incoming = messages.into_iter().map(UpdateRequest::from_message).collect::<Result<_>>()?;
        Ok(())
    }

    /// Some were not due yet.
    pub(super) fn has_incoming(&self) -> bool {
        !self.incoming.is_empty()
    }

    /// An event says that the service stored a request (spec 1.5.6).
    ///
    /// # Errors
    /// Fatal: the event has no valid request.
    pub(super) fn admit(&mut self, event_id: i64, admitted: UpdateAdmitted, replaying: bool) -> Result<()> {
        let request = UpdateRequest::from_admitted(event_id, admitted)?;
        if replaying {
            self.admitted.insert(request.protocol_instance_id.clone(), request);
        } else {
            self.incoming.push(request);
        }
        Ok(())
    }

    /// Takes the messages that come before event `event_id`, in order (spec 1.5.5).
    pub(super) fn due_before(&mut self, event_id: i64) -> Vec<UpdateRequest> {
        if self.incoming.is_empty() {
            return vec![];
        }
        let is_due = |request: &UpdateRequest| request.after_event().is_some_and(|after| after < event_id);
        let (due, rest) = mem::take(&mut self.incoming).into_iter().partition(is_due);
        self.incoming = rest;
        due
    }

    /// The request that an accepted update must have come from.
    ///
    /// # Errors
    /// Fatal: neither the event nor an earlier one has a valid request.
    pub(super) fn request_of_accepted(&mut self, accepted: UpdateAccepted) -> Result<UpdateRequest> {
        match self.admitted.remove(&accepted.protocol_instance_id) {
            Some(admitted) => Ok(admitted),
            None => UpdateRequest::from_accepted(accepted),
        }
    }

    /// The sequence of events is handled: what was admitted in it and not accepted right behind it is not waited for.
    pub(super) fn forget_admitted(&mut self) {
        self.admitted.clear();
    }

    /// An answer of lang's. History has those that it makes in replay, as a rule.
    pub(super) fn send(&mut self, message: Message, replaying: bool) {
        if replaying {
            self.replayed.insert(message.id.clone(), message);
        } else {
            self.outgoing.push(message);
        }
    }

    /// An event shows that the service has what this command refers to.
    pub(super) fn forget_replayed(&mut self, command: &Command) {
        if let Some(id) = message_id(command) {
            self.replayed.remove(id);
        }
    }

    /// Takes what goes out beside these commands. Those that lang made in replay, but that are not in history, need
    /// their messages now: lang heard of a local activity's result earlier in replay than in life
    /// (docs/notes/quirks.md).
    pub(super) fn take_outgoing(&mut self, commands: &[Command]) -> Vec<Message> {
        let replayed = commands.iter().filter_map(message_id).filter_map(|id| self.replayed.remove(id));
        let mut messages: Vec<_> = replayed.collect();
        messages.append(&mut self.outgoing);
        messages
    }

    pub(super) fn has_outgoing(&self) -> bool {
        !self.outgoing.is_empty()
    }
}

impl Execution {
    /// A request to update has arrived, or is about to be accepted in history.
    pub(super) fn handle_update_request(&mut self, request: UpdateRequest) -> Result<()> {
        let sequencing_event_id = request.sequencing_event()?;
        let UpdateRequest { message_id, protocol_instance_id, request, .. } = request;
        let replaying = self.progress.replaying;
        let instance = protocol_instance_id.clone();
        let (machine, response) = UpdateMachine::new(message_id, instance, sequencing_event_id, request, replaying);
        let key = self.machines.insert(machine);
        self.machines.name_by_protocol_instance(protocol_instance_id, key);
        self.handle_responses(key, vec![response])
    }

    /// Lang accepts, rejects or completes an update.
    pub(super) fn answer_update(&mut self, answer: UpdateResponse) -> Result<()> {
        let key = self.machines.of_protocol_instance(&answer.protocol_instance_id)?;
        let AnyMachine::Update(machine) = self.machines.get_mut(key) else {
            return Err(RunError::nondeterminism(format!(
                "Tried to handle an update response for update with instance id {} but it was not found!",
                answer.protocol_instance_id
            )));
        };
        let responses = machine.handle_response(answer)?;
        self.handle_responses(key, responses)
    }
}

impl UpdateRequest {
    fn from_message(message: Message) -> Result<Self> {
        let body = message.body.ok_or_else(|| RunError::fatal("Protocol message body must be populated"))?;
        let request = Request::decode(body.value.as_slice())
            .map_err(|error| RunError::fatal(format!("Protocol message is no update request: {error}")))?;
        Ok(Self {
            message_id: message.id,
            protocol_instance_id: message.protocol_instance_id,
            sequencing: message.sequencing_id,
            request: checked(request)?,
        })
    }

    fn from_admitted(event_id: i64, admitted: UpdateAdmitted) -> Result<Self> {
        let request =
            admitted.request.ok_or_else(|| unusable("Admitted", "Update admitted event must contain request"))?;
        let request = checked(request).map_err(|_| unusable("Admitted", "its request is incomplete"))?;
        let update_id = request.meta.as_ref().map(|meta| meta.update_id.clone()).unwrap_or_default();
        Ok(Self {
            message_id: format!("{update_id}/request"),
            protocol_instance_id: update_id,
            sequencing: Some(SequencingId::EventId(event_id)),
            request,
        })
    }

    fn from_accepted(accepted: UpdateAccepted) -> Result<Self> {
        let request = accepted.accepted_request;
        let request =
            request.ok_or_else(|| unusable("Accepted", "Update accepted event must contain accepted request"))?;
        Ok(Self {
            message_id: accepted.accepted_request_message_id,
            protocol_instance_id: accepted.protocol_instance_id,
            sequencing: Some(SequencingId::EventId(accepted.accepted_request_sequencing_event_id)),
            request: checked(request).map_err(|_| unusable("Accepted", "its request is incomplete"))?,
        })
    }

    /// The event behind which it is handled; none if it is ordered by commands, which never comes true (spec 1.5.5).
    const fn after_event(&self) -> Option<i64> {
        match self.sequencing {
            None => Some(0),
            Some(SequencingId::EventId(id)) => Some(id),
            Some(SequencingId::CommandIndex(_)) => None,
        }
    }

    /// # Errors
    /// Fatal: an update must be ordered by an event (spec 2.10.1).
    pub(super) fn sequencing_event(&self) -> Result<i64> {
        match self.sequencing {
            Some(SequencingId::EventId(id)) => Ok(id),
            _ => Err(RunError::fatal(
                "Update request messages must contain an event sequencing id! This is a server bug.",
            )),
        }
    }
}

/// The attributes of an event by which the service stored a request, if it is one.
pub(super) fn take_admitted(event: &mut HistoryEvent) -> Option<UpdateAdmitted> {
    match event.attributes.take() {
        Some(Attributes::WorkflowExecutionUpdateAdmittedEventAttributes(admitted)) => Some(admitted),
        other => {
            event.attributes = other;
            None
        }
    }
}

/// The message that a command refers to.
fn message_id(command: &Command) -> Option<&str> {
    match &command.attributes {
        Some(command::Attributes::ProtocolMessageCommandAttributes(attributes)) => Some(&attributes.message_id),
        _ => None,
    }
}

fn checked(request: Request) -> Result<Request> {
    if request.input.is_none() {
        return Err(RunError::fatal("Update request's `input` field must be populated"));
    }
    if request.meta.is_none() {
        return Err(RunError::fatal("Update request's `meta` field must be populated"));
    }
    Ok(request)
}

fn unusable(event: &str, reason: &str) -> RunError {
    RunError::fatal(format!("Failed to create protocol message from WorkflowExecutionUpdate{event}Event: {reason}"))
}
