//! The execution itself: its start, what comes to it from outside, its end.

use prost_types::Duration;
use temporalio_protos::temporal::api::common::v1::{Payload, Payloads, WorkflowExecution, WorkflowType};
use temporalio_protos::temporal::api::history::v1::{
    WorkflowExecutionCancelRequestedEventAttributes, WorkflowExecutionCanceledEventAttributes,
    WorkflowExecutionCompletedEventAttributes, WorkflowExecutionContinuedAsNewEventAttributes,
    WorkflowExecutionFailedEventAttributes, WorkflowExecutionOptionsUpdatedEventAttributes,
    WorkflowExecutionSignaledEventAttributes, WorkflowExecutionStartedEventAttributes,
    WorkflowExecutionTerminatedEventAttributes, WorkflowExecutionTimedOutEventAttributes,
};
use temporalio_protos::temporal::api::taskqueue::v1::TaskQueue;

use super::{HistoryBuilder, IDENTITY, failure};

/// Namespace of every history.
pub const NAMESPACE: &str = "default";
/// Workflow id of every history.
pub const WORKFLOW_ID: &str = "workflow-id";
/// Run id of every history.
pub const RUN_ID: &str = "c7d6d7a2-5b6c-4a53-8f6e-0123456789ab";
/// Workflow type of every history.
pub const WORKFLOW_TYPE: &str = "TestWorkflow";
/// Task queue of every history.
pub const TASK_QUEUE: &str = "task-queue";

impl HistoryBuilder {
    /// WorkflowExecutionStarted, of the names in this module.
    pub fn execution_started(&mut self) -> i64 {
        self.add(WorkflowExecutionStartedEventAttributes {
            workflow_type: Some(WorkflowType { name: WORKFLOW_TYPE.to_owned() }),
            workflow_id: WORKFLOW_ID.to_owned(),
            task_queue: Some(task_queue()),
            input: Some(Payloads::default()),
            original_execution_run_id: RUN_ID.to_owned(),
            first_execution_run_id: RUN_ID.to_owned(),
            identity: IDENTITY.to_owned(),
            workflow_task_timeout: Some(Duration { seconds: 10, nanos: 0 }),
            attempt: 1,
            ..Default::default()
        })
    }

    /// WorkflowExecutionSignaled, without arguments.
    pub fn signaled(&mut self, name: &str) -> i64 {
        self.signaled_with(name, Vec::new())
    }

    /// WorkflowExecutionSignaled.
    pub fn signaled_with(&mut self, name: &str, payloads: Vec<Payload>) -> i64 {
        self.add(WorkflowExecutionSignaledEventAttributes {
            signal_name: name.to_owned(),
            input: Some(Payloads { payloads }),
            identity: IDENTITY.to_owned(),
            ..Default::default()
        })
    }

    /// WorkflowExecutionCancelRequested.
    pub fn cancel_requested(&mut self, cause: &str) -> i64 {
        self.add(WorkflowExecutionCancelRequestedEventAttributes {
            cause: cause.to_owned(),
            identity: IDENTITY.to_owned(),
            ..Default::default()
        })
    }

    /// WorkflowExecutionOptionsUpdated, which workers may ignore.
    pub fn options_updated(&mut self) -> i64 {
        let id = self.add(WorkflowExecutionOptionsUpdatedEventAttributes::default());
        self.edit(id, |e| e.worker_may_ignore = true);
        id
    }

    /// WorkflowExecutionCompleted, without a result.
    pub fn execution_completed(&mut self) -> i64 {
        self.add(WorkflowExecutionCompletedEventAttributes {
            workflow_task_completed_event_id: self.completed_id(),
            ..Default::default()
        })
    }

    /// WorkflowExecutionFailed.
    pub fn execution_failed(&mut self, message: &str) -> i64 {
        self.add(WorkflowExecutionFailedEventAttributes {
            failure: Some(failure(message)),
            workflow_task_completed_event_id: self.completed_id(),
            ..Default::default()
        })
    }

    /// WorkflowExecutionCanceled.
    pub fn execution_canceled(&mut self) -> i64 {
        self.add(WorkflowExecutionCanceledEventAttributes {
            workflow_task_completed_event_id: self.completed_id(),
            ..Default::default()
        })
    }

    /// WorkflowExecutionContinuedAsNew, as the same type on the same task queue.
    pub fn continued_as_new(&mut self) -> i64 {
        self.add(WorkflowExecutionContinuedAsNewEventAttributes {
            new_execution_run_id: "next-run-id".to_owned(),
            workflow_type: Some(WorkflowType { name: WORKFLOW_TYPE.to_owned() }),
            task_queue: Some(task_queue()),
            workflow_task_completed_event_id: self.completed_id(),
            ..Default::default()
        })
    }

    /// WorkflowExecutionTerminated.
    pub fn execution_terminated(&mut self) -> i64 {
        self.add(WorkflowExecutionTerminatedEventAttributes { identity: IDENTITY.to_owned(), ..Default::default() })
    }

    /// WorkflowExecutionTimedOut.
    pub fn execution_timed_out(&mut self) -> i64 {
        self.add(WorkflowExecutionTimedOutEventAttributes::default())
    }
}

/// The execution that every history is of.
pub(super) fn execution() -> WorkflowExecution {
    WorkflowExecution { workflow_id: WORKFLOW_ID.to_owned(), run_id: RUN_ID.to_owned() }
}

/// The task queue of every history.
pub(super) fn task_queue() -> TaskQueue {
    TaskQueue { name: TASK_QUEUE.to_owned(), ..Default::default() }
}
