//! Nexus operations.

use temporalio_protos::temporal::api::common::v1::Payload;
use temporalio_protos::temporal::api::history::v1::{
    NexusOperationCancelRequestCompletedEventAttributes, NexusOperationCancelRequestFailedEventAttributes,
    NexusOperationCancelRequestedEventAttributes, NexusOperationCanceledEventAttributes,
    NexusOperationCompletedEventAttributes, NexusOperationFailedEventAttributes,
    NexusOperationScheduledEventAttributes, NexusOperationStartedEventAttributes,
    NexusOperationTimedOutEventAttributes,
};

use super::{HistoryBuilder, failure};

impl HistoryBuilder {
    /// NexusOperationScheduled, on an endpoint named "endpoint".
    pub fn nexus_scheduled(&mut self, service: &str, operation: &str) -> i64 {
        self.add(NexusOperationScheduledEventAttributes {
            endpoint: "endpoint".to_owned(),
            service: service.to_owned(),
            operation: operation.to_owned(),
            workflow_task_completed_event_id: self.completed_id(),
            request_id: "request-id".to_owned(),
            ..Default::default()
        })
    }

    /// NexusOperationStarted.
    pub fn nexus_started(&mut self, scheduled_event_id: i64, operation_token: &str) -> i64 {
        self.add(NexusOperationStartedEventAttributes {
            scheduled_event_id,
            operation_token: operation_token.to_owned(),
            request_id: "request-id".to_owned(),
            ..Default::default()
        })
    }

    /// NexusOperationCompleted.
    pub fn nexus_completed(&mut self, scheduled_event_id: i64, result: Payload) -> i64 {
        self.add(NexusOperationCompletedEventAttributes {
            scheduled_event_id,
            result: Some(result),
            ..Default::default()
        })
    }

    /// NexusOperationFailed.
    pub fn nexus_failed(&mut self, scheduled_event_id: i64, message: &str) -> i64 {
        self.add(NexusOperationFailedEventAttributes {
            scheduled_event_id,
            failure: Some(failure(message)),
            ..Default::default()
        })
    }

    /// NexusOperationCanceled.
    pub fn nexus_canceled(&mut self, scheduled_event_id: i64) -> i64 {
        self.add(NexusOperationCanceledEventAttributes {
            scheduled_event_id,
            failure: Some(failure("canceled")),
            ..Default::default()
        })
    }

    /// NexusOperationTimedOut.
    pub fn nexus_timed_out(&mut self, scheduled_event_id: i64) -> i64 {
        self.add(NexusOperationTimedOutEventAttributes {
            scheduled_event_id,
            failure: Some(failure("timed out")),
            ..Default::default()
        })
    }

    /// NexusOperationCancelRequested.
    pub fn nexus_cancel_requested(&mut self, scheduled_event_id: i64) -> i64 {
        self.add(NexusOperationCancelRequestedEventAttributes {
            scheduled_event_id,
            workflow_task_completed_event_id: self.completed_id(),
        })
    }

    /// NexusOperationCancelRequestCompleted.
    pub fn nexus_cancel_request_completed(&mut self, scheduled_event_id: i64, requested_event_id: i64) -> i64 {
        self.add(NexusOperationCancelRequestCompletedEventAttributes {
            requested_event_id,
            scheduled_event_id,
            ..Default::default()
        })
    }

    /// NexusOperationCancelRequestFailed.
    pub fn nexus_cancel_request_failed(&mut self, scheduled_event_id: i64, requested_event_id: i64) -> i64 {
        self.add(NexusOperationCancelRequestFailedEventAttributes {
            requested_event_id,
            scheduled_event_id,
            failure: Some(failure("cancel request failed")),
            ..Default::default()
        })
    }
}
