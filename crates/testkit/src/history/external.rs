//! Signals and cancel requests to other workflows.

use temporalio_protos::temporal::api::common::v1::WorkflowExecution;
use temporalio_protos::temporal::api::enums::v1::{
    CancelExternalWorkflowExecutionFailedCause, SignalExternalWorkflowExecutionFailedCause,
};
use temporalio_protos::temporal::api::history::v1::{
    ExternalWorkflowExecutionCancelRequestedEventAttributes, ExternalWorkflowExecutionSignaledEventAttributes,
    RequestCancelExternalWorkflowExecutionFailedEventAttributes,
    RequestCancelExternalWorkflowExecutionInitiatedEventAttributes,
    SignalExternalWorkflowExecutionFailedEventAttributes, SignalExternalWorkflowExecutionInitiatedEventAttributes,
};

use super::{HistoryBuilder, NAMESPACE};

impl HistoryBuilder {
    /// SignalExternalWorkflowExecutionInitiated.
    pub fn signal_external_initiated(&mut self, workflow_id: &str, signal_name: &str) -> i64 {
        self.add(SignalExternalWorkflowExecutionInitiatedEventAttributes {
            workflow_task_completed_event_id: self.completed_id(),
            namespace: NAMESPACE.to_owned(),
            workflow_execution: Some(other(workflow_id)),
            signal_name: signal_name.to_owned(),
            ..Default::default()
        })
    }

    /// ExternalWorkflowExecutionSignaled.
    pub fn external_signaled(&mut self, initiated_event_id: i64) -> i64 {
        self.add(ExternalWorkflowExecutionSignaledEventAttributes {
            initiated_event_id,
            namespace: NAMESPACE.to_owned(),
            ..Default::default()
        })
    }

    /// SignalExternalWorkflowExecutionFailed.
    pub fn signal_external_failed(
        &mut self,
        initiated_event_id: i64,
        cause: SignalExternalWorkflowExecutionFailedCause,
    ) -> i64 {
        self.add(SignalExternalWorkflowExecutionFailedEventAttributes {
            cause: cause as i32,
            initiated_event_id,
            namespace: NAMESPACE.to_owned(),
            ..Default::default()
        })
    }

    /// RequestCancelExternalWorkflowExecutionInitiated.
    pub fn cancel_external_initiated(&mut self, workflow_id: &str) -> i64 {
        self.add(RequestCancelExternalWorkflowExecutionInitiatedEventAttributes {
            workflow_task_completed_event_id: self.completed_id(),
            namespace: NAMESPACE.to_owned(),
            workflow_execution: Some(other(workflow_id)),
            ..Default::default()
        })
    }

    /// ExternalWorkflowExecutionCancelRequested.
    pub fn external_cancel_requested(&mut self, initiated_event_id: i64) -> i64 {
        self.add(ExternalWorkflowExecutionCancelRequestedEventAttributes {
            initiated_event_id,
            namespace: NAMESPACE.to_owned(),
            ..Default::default()
        })
    }

    /// RequestCancelExternalWorkflowExecutionFailed.
    pub fn cancel_external_failed(
        &mut self,
        initiated_event_id: i64,
        cause: CancelExternalWorkflowExecutionFailedCause,
    ) -> i64 {
        self.add(RequestCancelExternalWorkflowExecutionFailedEventAttributes {
            cause: cause as i32,
            initiated_event_id,
            namespace: NAMESPACE.to_owned(),
            ..Default::default()
        })
    }
}

fn other(workflow_id: &str) -> WorkflowExecution {
    WorkflowExecution { workflow_id: workflow_id.to_owned(), ..Default::default() }
}
