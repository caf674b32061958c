//! One history event as it was received.

use std::fmt;

use bytes::Bytes;
use prost::{DecodeError, Message};
use temporalio_protos::temporal::api::enums::v1::EventType;
use temporalio_protos::temporal::api::history::v1::HistoryEvent;

use super::HistoryError;
use super::wire::Fields;
use crate::deep_causes::{self, Carrier};

const MESSAGE: &str = "HistoryEvent";
const EVENT_ID: u32 = 1;
const EVENT_TYPE: u32 = 3;
const WORKER_MAY_IGNORE: u32 = 300;
const UPDATE_ACCEPTED_ATTRIBUTES: u32 = 46;
const ACCEPTED_REQUEST_SEQUENCING_EVENT_ID: u32 = 3;

/// An encoded history event, with what must be known of it before it is applied. Cloning it copies no bytes.
#[derive(Clone, PartialEq)]
pub struct Event {
    encoded: Bytes,
    id: i64,
    raw_type: i32,
    worker_may_ignore: bool,
}

impl Event {
    /// An event of its encoded form, which is kept as it is.
    ///
    /// # Errors
    /// `Malformed` if the bytes cannot be walked. Attributes are not looked into before [`Event::decode`].
    pub fn from_encoded(encoded: Bytes) -> Result<Self, HistoryError> {
        Self::scan(encoded).map_err(|e| HistoryError::malformed(MESSAGE, &e))
    }

    /// Decodes all of it, causes that are nested too deep cut off. Expensive: once per event, when it is applied.
    ///
    /// # Errors
    /// `Malformed` if the attributes or other fields are no such messages.
    pub fn decode(&self) -> Result<HistoryEvent, HistoryError> {
        deep_causes::decode(&self.encoded, Carrier::HistoryEvent).map_err(|e| HistoryError::malformed(MESSAGE, &e))
    }

    /// Number in the run's history, from 1.
    pub const fn id(&self) -> i64 {
        self.id
    }

    /// The type; Unspecified if this version does not know it.
    pub fn event_type(&self) -> EventType {
        EventType::try_from(self.raw_type).unwrap_or_default()
    }

    /// The type's number as received.
    pub const fn raw_type(&self) -> i32 {
        self.raw_type
    }

    /// The service says that a worker need not understand it (spec 1.5.7).
    pub const fn worker_may_ignore(&self) -> bool {
        self.worker_may_ignore
    }

    /// The bytes as received.
    pub const fn encoded(&self) -> &Bytes {
        &self.encoded
    }

    /// The event mirrors a command of the workflow (spec 1.4.8).
    pub fn is_command_event(&self) -> bool {
        is_command_event(self.event_type())
    }

    /// The event ends the workflow execution (spec 1.4.2).
    pub fn is_final_execution_event(&self) -> bool {
        is_final_execution_event(self.event_type())
    }

    /// `accepted_request_sequencing_event_id` of a WorkflowExecutionUpdateAccepted event; 0 if it has none.
    pub(super) fn accepted_request_sequencing_event_id(&self) -> i64 {
        let attributes = Fields::of(&self.encoded).flatten().filter(|f| f.number == UPDATE_ACCEPTED_ATTRIBUTES);
        let fields = attributes.filter_map(|f| f.value.delimited().ok()).flat_map(|a| Fields::of(a).flatten());
        let ids = fields.filter(|f| f.number == ACCEPTED_REQUEST_SEQUENCING_EVENT_ID);
        ids.filter_map(|f| f.value.varint().ok()).last().unwrap_or(0) as i64
    }

    fn scan(encoded: Bytes) -> Result<Self, DecodeError> {
        let (mut id, mut raw_type, mut worker_may_ignore) = (0, 0, false);
        for field in Fields::of(&encoded) {
            let field = field?;
            match field.number {
                EVENT_ID => id = field.value.varint()? as i64,
                EVENT_TYPE => raw_type = field.value.varint()? as i32,
                WORKER_MAY_IGNORE => worker_may_ignore = field.value.varint()? != 0,
                _ => {}
            }
        }
        Ok(Self { encoded, id, raw_type, worker_may_ignore })
    }
}

impl From<&HistoryEvent> for Event {
    /// Encodes an event that came decoded.
    fn from(event: &HistoryEvent) -> Self {
        Self {
            encoded: event.encode_to_vec().into(),
            id: event.event_id,
            raw_type: event.event_type,
            worker_may_ignore: event.worker_may_ignore,
        }
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Event({} {:?}, {} bytes)", self.id, self.event_type(), self.encoded.len())
    }
}

/// Events of this type mirror a command (spec 1.4.8).
pub const fn is_command_event(event_type: EventType) -> bool {
    use EventType as T;
    matches!(
        event_type,
        T::ActivityTaskScheduled
            | T::ActivityTaskCancelRequested
            | T::MarkerRecorded
            | T::RequestCancelExternalWorkflowExecutionInitiated
            | T::SignalExternalWorkflowExecutionInitiated
            | T::StartChildWorkflowExecutionInitiated
            | T::TimerStarted
            | T::TimerCanceled
            | T::UpsertWorkflowSearchAttributes
            | T::WorkflowPropertiesModified
            | T::NexusOperationScheduled
            | T::NexusOperationCancelRequested
            | T::WorkflowExecutionCanceled
            | T::WorkflowExecutionCompleted
            | T::WorkflowExecutionContinuedAsNew
            | T::WorkflowExecutionFailed
            | T::WorkflowExecutionUpdateAccepted
            | T::WorkflowExecutionUpdateRejected
            | T::WorkflowExecutionUpdateCompleted
    )
}

/// Events of this type end the workflow execution (spec 1.4.2).
pub const fn is_final_execution_event(event_type: EventType) -> bool {
    use EventType as T;
    matches!(
        event_type,
        T::WorkflowExecutionCompleted
            | T::WorkflowExecutionFailed
            | T::WorkflowExecutionTimedOut
            | T::WorkflowExecutionCanceled
            | T::WorkflowExecutionContinuedAsNew
            | T::WorkflowExecutionTerminated
    )
}
