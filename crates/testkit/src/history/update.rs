//! Updates.

use temporalio_protos::temporal::api::common::v1::Payload;
use temporalio_protos::temporal::api::enums::v1::{EventType, UpdateAdmittedEventOrigin};
use temporalio_protos::temporal::api::history::v1::history_event::Attributes;
use temporalio_protos::temporal::api::history::v1::{
    WorkflowExecutionUpdateAcceptedEventAttributes, WorkflowExecutionUpdateAdmittedEventAttributes,
    WorkflowExecutionUpdateCompletedEventAttributes,
};
use temporalio_protos::temporal::api::update::v1::{Input, Meta, Outcome, Request, outcome};

use super::value::payloads;
use super::{HistoryBuilder, IDENTITY, failure};

impl HistoryBuilder {
    /// WorkflowExecutionUpdateAccepted, of a request that came with the workflow task scheduled last.
    pub fn update_accepted(&mut self, update_id: &str, name: &str) -> i64 {
        let sequencing_id = self.last_of(EventType::WorkflowTaskScheduled);
        self.update_accepted_of(update_id, name, sequencing_id)
    }

    /// WorkflowExecutionUpdateAccepted, of a request that was in order behind the event with this id.
    pub fn update_accepted_of(&mut self, update_id: &str, name: &str, sequencing_event_id: i64) -> i64 {
        self.add(WorkflowExecutionUpdateAcceptedEventAttributes {
            protocol_instance_id: update_id.to_owned(),
            accepted_request_message_id: format!("{update_id}/request"),
            accepted_request_sequencing_event_id: sequencing_event_id,
            accepted_request: Some(request(update_id, name)),
        })
    }

    /// WorkflowExecutionUpdateAccepted, of a request that the service had stored in the event with this id: that has
    /// the request.
    pub fn update_accepted_after_admission(&mut self, update_id: &str, admitted_event_id: i64) -> i64 {
        self.add(WorkflowExecutionUpdateAcceptedEventAttributes {
            protocol_instance_id: update_id.to_owned(),
            accepted_request_message_id: format!("{update_id}/request"),
            accepted_request_sequencing_event_id: admitted_event_id,
            accepted_request: None,
        })
    }

    /// WorkflowExecutionUpdateCompleted, successfully.
    ///
    /// # Panics
    /// If `accepted_event_id` is not that of a WorkflowExecutionUpdateAccepted event.
    pub fn update_completed(&mut self, accepted_event_id: i64, result: Payload) -> i64 {
        self.update_ended(accepted_event_id, outcome::Value::Success(payloads(result)))
    }

    /// WorkflowExecutionUpdateCompleted, with a failure.
    ///
    /// # Panics
    /// If `accepted_event_id` is not that of a WorkflowExecutionUpdateAccepted event.
    pub fn update_failed(&mut self, accepted_event_id: i64, message: &str) -> i64 {
        self.update_ended(accepted_event_id, outcome::Value::Failure(failure(message)))
    }

    /// WorkflowExecutionUpdateAdmitted, reapplied by a reset.
    pub fn update_admitted(&mut self, update_id: &str, name: &str) -> i64 {
        self.add(WorkflowExecutionUpdateAdmittedEventAttributes {
            request: Some(request(update_id, name)),
            origin: UpdateAdmittedEventOrigin::Reapply as i32,
        })
    }

    fn update_ended(&mut self, accepted_event_id: i64, value: outcome::Value) -> i64 {
        let meta = match self.attributes(accepted_event_id) {
            Attributes::WorkflowExecutionUpdateAcceptedEventAttributes(attributes) => {
                let id = &attributes.protocol_instance_id;
                attributes.accepted_request.clone().map_or_else(|| request(id, "").meta, |request| request.meta)
            }
            _ => panic!("event {accepted_event_id} is no WorkflowExecutionUpdateAccepted event"),
        };
        self.add(WorkflowExecutionUpdateCompletedEventAttributes {
            meta,
            accepted_event_id,
            outcome: Some(Outcome { value: Some(value) }),
        })
    }
}

fn request(update_id: &str, name: &str) -> Request {
    Request {
        meta: Some(Meta { update_id: update_id.to_owned(), identity: IDENTITY.to_owned() }),
        input: Some(Input { name: name.to_owned(), ..Default::default() }),
        ..Default::default()
    }
}
