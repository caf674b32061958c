//! The messages by which an update is answered (spec 2.10.2).

use prost::Message as _;
use temporalio_protos::coresdk::workflow_commands::update_response;
use temporalio_protos::temporal::api::command::v1::{ProtocolMessageCommandAttributes, command};
use temporalio_protos::temporal::api::protocol::v1::Message;
use temporalio_protos::temporal::api::update::v1::{
    Acceptance, Outcome, Rejection, Response as UpdateOutcome, outcome,
};

use super::super::{Annotations, NewCommand, Response};
use super::UpdateMachine;

const TYPE_URL_PREFIX: &str = "type.googleapis.com/temporal.api.update.v1.";

impl UpdateMachine {
    pub(super) fn accept(&mut self) -> Vec<Response> {
        let acceptance = Acceptance {
            accepted_request_message_id: self.message_id.clone(),
            accepted_request_sequencing_event_id: self.sequencing_event_id,
            accepted_request: self.request.take(),
        };
        self.message_with_command("accept", "Acceptance", acceptance.encode_to_vec())
    }

    /// A message alone: history has no trace of an update that was rejected by its validator.
    pub(super) fn reject(&mut self, answer: update_response::Response) -> Vec<Response> {
        let failure = match answer {
            update_response::Response::Rejected(failure) => Some(failure),
            update_response::Response::Accepted(()) | update_response::Response::Completed(_) => None,
        };
        let rejection = Rejection {
            rejected_request_message_id: self.message_id.clone(),
            rejected_request_sequencing_event_id: self.sequencing_event_id,
            rejected_request: self.request.take(),
            failure,
        };
        vec![self.message("reject", "Rejection", rejection.encode_to_vec())]
    }

    pub(super) fn complete(&self, answer: update_response::Response) -> Vec<Response> {
        let value = match answer {
            update_response::Response::Completed(payload) => Some(outcome::Value::Success(payload.into())),
            update_response::Response::Rejected(failure) => Some(outcome::Value::Failure(failure)),
            update_response::Response::Accepted(()) => None,
        };
        let response = UpdateOutcome { meta: Some(self.meta.clone()), outcome: Some(Outcome { value }) };
        self.message_with_command("complete", "Response", response.encode_to_vec())
    }

    fn message_with_command(&self, suffix: &str, body_type: &str, body: Vec<u8>) -> Vec<Response> {
        let attributes = ProtocolMessageCommandAttributes { message_id: self.outgoing_id(suffix) };
        let command = NewCommand {
            attributes: command::Attributes::ProtocolMessageCommandAttributes(attributes),
            annotations: Annotations::default(),
        };
        vec![self.message(suffix, body_type, body), Response::Command(command)]
    }

    fn message(&self, suffix: &str, body_type: &str, value: Vec<u8>) -> Response {
        Response::Message(Message {
            id: self.outgoing_id(suffix),
            protocol_instance_id: self.protocol_instance_id.clone(),
            sequencing_id: None,
            body: Some(prost_types::Any { type_url: format!("{TYPE_URL_PREFIX}{body_type}"), value }),
        })
    }

    fn outgoing_id(&self, suffix: &str) -> String {
        format!("{}/{suffix}", self.message_id)
    }
}
