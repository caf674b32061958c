//! Child workflows.

use temporalio_protos::temporal::api::common::v1::{Payload, WorkflowExecution, WorkflowType};
use temporalio_protos::temporal::api::enums::v1::{RetryState, StartChildWorkflowExecutionFailedCause};
use temporalio_protos::temporal::api::history::v1::history_event::Attributes;
use temporalio_protos::temporal::api::history::v1::{
    ChildWorkflowExecutionCanceledEventAttributes, ChildWorkflowExecutionCompletedEventAttributes,
    ChildWorkflowExecutionFailedEventAttributes, ChildWorkflowExecutionStartedEventAttributes,
    ChildWorkflowExecutionTerminatedEventAttributes, ChildWorkflowExecutionTimedOutEventAttributes,
    StartChildWorkflowExecutionFailedEventAttributes, StartChildWorkflowExecutionInitiatedEventAttributes,
};

use super::execution::task_queue;
use super::value::payloads;
use super::{HistoryBuilder, NAMESPACE, failure};

/// Run id of every child.
const CHILD_RUN_ID: &str = "child-run-id";

impl HistoryBuilder {
    /// StartChildWorkflowExecutionInitiated.
    pub fn child_initiated(&mut self, workflow_id: &str, workflow_type: &str) -> i64 {
        self.add(StartChildWorkflowExecutionInitiatedEventAttributes {
            namespace: NAMESPACE.to_owned(),
            workflow_id: workflow_id.to_owned(),
            workflow_type: Some(WorkflowType { name: workflow_type.to_owned() }),
            task_queue: Some(task_queue()),
            workflow_task_completed_event_id: self.completed_id(),
            ..Default::default()
        })
    }

    /// RequestCancelExternalWorkflowExecutionInitiated, by which a child is cancelled.
    pub fn child_cancel_initiated(&mut self, initiated_event_id: i64) -> i64 {
        let workflow_id = self.child(initiated_event_id).execution.workflow_id;
        let id = self.cancel_external_initiated(&workflow_id);
        self.edit(id, |event| {
            if let Some(Attributes::RequestCancelExternalWorkflowExecutionInitiatedEventAttributes(cancel)) =
                &mut event.attributes
            {
                cancel.child_workflow_only = true;
            }
        });
        id
    }

    /// StartChildWorkflowExecutionFailed.
    ///
    /// # Panics
    /// If `initiated_event_id` is not that of a StartChildWorkflowExecutionInitiated event, as in all methods for
    /// children.
    pub fn child_start_failed(
        &mut self,
        initiated_event_id: i64,
        cause: StartChildWorkflowExecutionFailedCause,
    ) -> i64 {
        let child = self.child(initiated_event_id);
        self.add(StartChildWorkflowExecutionFailedEventAttributes {
            namespace: NAMESPACE.to_owned(),
            workflow_id: child.execution.workflow_id,
            workflow_type: child.workflow_type,
            cause: cause as i32,
            initiated_event_id,
            workflow_task_completed_event_id: self.completed_id(),
            ..Default::default()
        })
    }

    /// ChildWorkflowExecutionStarted.
    pub fn child_started(&mut self, initiated_event_id: i64) -> i64 {
        let child = self.child(initiated_event_id);
        self.add(ChildWorkflowExecutionStartedEventAttributes {
            namespace: NAMESPACE.to_owned(),
            initiated_event_id,
            workflow_execution: Some(child.execution),
            workflow_type: child.workflow_type,
            ..Default::default()
        })
    }

    /// ChildWorkflowExecutionCompleted.
    pub fn child_completed(&mut self, initiated_event_id: i64, started_event_id: i64, result: Payload) -> i64 {
        let child = self.child(initiated_event_id);
        self.add(ChildWorkflowExecutionCompletedEventAttributes {
            result: Some(payloads(result)),
            namespace: NAMESPACE.to_owned(),
            workflow_execution: Some(child.execution),
            workflow_type: child.workflow_type,
            initiated_event_id,
            started_event_id,
            ..Default::default()
        })
    }

    /// ChildWorkflowExecutionFailed.
    pub fn child_failed(&mut self, initiated_event_id: i64, started_event_id: i64, message: &str) -> i64 {
        let child = self.child(initiated_event_id);
        self.add(ChildWorkflowExecutionFailedEventAttributes {
            failure: Some(failure(message)),
            namespace: NAMESPACE.to_owned(),
            workflow_execution: Some(child.execution),
            workflow_type: child.workflow_type,
            initiated_event_id,
            started_event_id,
            retry_state: RetryState::NonRetryableFailure as i32,
            ..Default::default()
        })
    }

    /// ChildWorkflowExecutionCanceled.
    pub fn child_canceled(&mut self, initiated_event_id: i64, started_event_id: i64) -> i64 {
        let child = self.child(initiated_event_id);
        self.add(ChildWorkflowExecutionCanceledEventAttributes {
            namespace: NAMESPACE.to_owned(),
            workflow_execution: Some(child.execution),
            workflow_type: child.workflow_type,
            initiated_event_id,
            started_event_id,
            ..Default::default()
        })
    }

    /// ChildWorkflowExecutionTimedOut.
    pub fn child_timed_out(&mut self, initiated_event_id: i64, started_event_id: i64) -> i64 {
        let child = self.child(initiated_event_id);
        self.add(ChildWorkflowExecutionTimedOutEventAttributes {
            namespace: NAMESPACE.to_owned(),
            workflow_execution: Some(child.execution),
            workflow_type: child.workflow_type,
            initiated_event_id,
            started_event_id,
            retry_state: RetryState::Timeout as i32,
            ..Default::default()
        })
    }

    /// ChildWorkflowExecutionTerminated.
    pub fn child_terminated(&mut self, initiated_event_id: i64, started_event_id: i64) -> i64 {
        let child = self.child(initiated_event_id);
        self.add(ChildWorkflowExecutionTerminatedEventAttributes {
            namespace: NAMESPACE.to_owned(),
            workflow_execution: Some(child.execution),
            workflow_type: child.workflow_type,
            initiated_event_id,
            started_event_id,
            ..Default::default()
        })
    }

    fn child(&self, initiated_event_id: i64) -> Child {
        match self.attributes(initiated_event_id) {
            Attributes::StartChildWorkflowExecutionInitiatedEventAttributes(attributes) => Child {
                execution: WorkflowExecution {
                    workflow_id: attributes.workflow_id.clone(),
                    run_id: CHILD_RUN_ID.to_owned(),
                },
                workflow_type: attributes.workflow_type.clone(),
            },
            _ => panic!("event {initiated_event_id} is no StartChildWorkflowExecutionInitiated event"),
        }
    }
}

struct Child {
    execution: WorkflowExecution,
    workflow_type: Option<WorkflowType>,
}
