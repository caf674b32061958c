//! The jobs and failures by which a child resolves (spec 2.4.3 to 2.4.7).

use temporalio_protos::coresdk::child_workflow::{
    Cancellation, ChildWorkflowResult, Failure as FailedResult, StartChildWorkflowExecutionFailedCause as LangCause,
    Success, child_workflow_result::Status,
};
use temporalio_protos::coresdk::workflow_activation::{
    ResolveChildWorkflowExecution, ResolveChildWorkflowExecutionStart, ResolveChildWorkflowExecutionStartCancelled,
    ResolveChildWorkflowExecutionStartFailure, ResolveChildWorkflowExecutionStartSuccess,
    resolve_child_workflow_execution_start::Status as StartStatus,
};
use temporalio_protos::temporal::api::common::v1::{Payload, WorkflowExecution, WorkflowType};
use temporalio_protos::temporal::api::enums::v1::{
    EventType, RetryState, StartChildWorkflowExecutionFailedCause as FailedCause, TimeoutType,
};
use temporalio_protos::temporal::api::failure::v1::failure::FailureInfo;
use temporalio_protos::temporal::api::failure::v1::{
    CanceledFailureInfo, ChildWorkflowExecutionFailureInfo, Failure, TerminatedFailureInfo, TimeoutFailureInfo,
};
use temporalio_protos::temporal::api::history::v1::HistoryEvent;

use super::super::position::{EventInfo, attributes_of};
use super::{ChildWorkflowMachine, Response};
use crate::error::{Result, RunError};

impl ChildWorkflowMachine {
    pub(super) fn resolve_started(&mut self, event: HistoryEvent, info: EventInfo) -> Result<Response> {
        let execution = attributes_of!(event, ChildWorkflowExecutionStartedEventAttributes)
            .and_then(|started| started.workflow_execution)
            .ok_or_else(|| RunError::fatal("ChildWorkflowExecutionStarted attributes were unset or malformed"))?;
        self.started_event_id = info.event_id;
        self.run_id = execution.run_id.clone();
        let success = ResolveChildWorkflowExecutionStartSuccess { run_id: execution.run_id };
        Ok(self.resolve_start(StartStatus::Succeeded(success)))
    }

    pub(super) fn resolve_start_failed(&self, event: HistoryEvent) -> Result<Response> {
        let failed = attributes_of!(event, StartChildWorkflowExecutionFailedEventAttributes)
            .ok_or_else(|| RunError::fatal("StartChildWorkflowExecutionFailed attributes were unset"))?;
        let cause = FailedCause::try_from(failed.cause)
            .map_err(|_| RunError::fatal("Invalid StartChildWorkflowExecutionFailedCause"))?;
        Ok(self.resolve_start(StartStatus::Failed(ResolveChildWorkflowExecutionStartFailure {
            workflow_id: self.workflow_id.clone(),
            workflow_type: self.workflow_type.clone(),
            cause: lang_cause(cause) as i32,
        })))
    }

    pub(super) fn resolve_start_cancelled(&self, reason: &str) -> Response {
        let message = format!("Child Workflow Execution cancelled before scheduled: {reason}");
        let failure = self.failure(message, Some(cancelled_cause()), RetryState::NonRetryableFailure);
        let cancelled = ResolveChildWorkflowExecutionStartCancelled { failure: Some(failure) };
        self.resolve_start(StartStatus::Cancelled(cancelled))
    }

    pub(super) fn resolve_cancelled(&self) -> Response {
        let message = "Child Workflow execution cancelled".to_owned();
        let failure = self.failure(message, Some(cancelled_cause()), RetryState::NonRetryableFailure);
        self.resolve(Status::Cancelled(Cancellation { failure: Some(failure) }))
    }

    /// By one of the five events with which a started child ends.
    pub(super) fn resolve_by_event(&mut self, event: HistoryEvent, info: EventInfo) -> Result<Response> {
        match info.event_type {
            EventType::ChildWorkflowExecutionCompleted => self.resolve_completed(event, info),
            EventType::ChildWorkflowExecutionFailed => {
                let failed = attributes_of!(event, ChildWorkflowExecutionFailedEventAttributes)
                    .ok_or_else(|| RunError::fatal("ChildWorkflowExecutionFailed attributes were unset"))?;
                let retry_state = failed.retry_state();
                Ok(self.resolve_failed("Child Workflow execution failed", failed.failure, retry_state))
            }
            EventType::ChildWorkflowExecutionTimedOut => {
                let timed_out =
                    attributes_of!(event, ChildWorkflowExecutionTimedOutEventAttributes).ok_or_else(|| {
                        RunError::fatal("ChildWorkflowExecutionTimedOut attributes were unset or malformed")
                    })?;
                let message = "Child Workflow execution timed out";
                Ok(self.resolve_failed(message, Some(timed_out_cause()), timed_out.retry_state()))
            }
            EventType::ChildWorkflowExecutionTerminated => Ok(self.resolve_failed(
                "Child Workflow execution terminated",
                Some(terminated_cause()),
                RetryState::NonRetryableFailure,
            )),
            _ => {
                self.seen_canceled_event = true;
                Ok(self.resolve_cancelled())
            }
        }
    }

    fn resolve_completed(&self, event: HistoryEvent, info: EventInfo) -> Result<Response> {
        let completed = attributes_of!(event, ChildWorkflowExecutionCompletedEventAttributes)
            .ok_or_else(|| RunError::fatal("ChildWorkflowExecutionCompleted attributes were unset or malformed"))?;
        let result = completed.result.map(Payload::try_from).transpose().map_err(|problem| {
            let event = Some(info);
            RunError::fatal(format!(
                "Not exactly one payload in child workflow result ({problem}) for event: {event:?}"
            ))
        })?;
        Ok(self.resolve(Status::Completed(Success { result })))
    }

    fn resolve_failed(&self, message: &str, cause: Option<Failure>, retry_state: RetryState) -> Response {
        let failure = self.failure(message.to_owned(), cause, retry_state);
        self.resolve(Status::Failed(FailedResult { failure: Some(failure) }))
    }

    fn resolve_start(&self, status: StartStatus) -> Response {
        Response::job(ResolveChildWorkflowExecutionStart { seq: self.seq, status: Some(status) })
    }

    fn resolve(&self, status: Status) -> Response {
        let result = Some(ChildWorkflowResult { status: Some(status) });
        Response::job(ResolveChildWorkflowExecution { seq: self.seq, result })
    }

    fn failure(&self, message: String, cause: Option<Failure>, retry_state: RetryState) -> Failure {
        let info = ChildWorkflowExecutionFailureInfo {
            namespace: self.namespace.clone(),
            workflow_execution: Some(WorkflowExecution {
                workflow_id: self.workflow_id.clone(),
                run_id: self.run_id.clone(),
            }),
            workflow_type: Some(WorkflowType { name: self.workflow_type.clone() }),
            initiated_event_id: self.initiated_event_id,
            started_event_id: self.started_event_id,
            retry_state: retry_state as i32,
        };
        Failure {
            message,
            cause: cause.map(Box::new),
            failure_info: Some(FailureInfo::ChildWorkflowExecutionFailureInfo(info)),
            ..Default::default()
        }
    }
}

fn cancelled_cause() -> Failure {
    let info = FailureInfo::CanceledFailureInfo(CanceledFailureInfo::default());
    Failure { failure_info: Some(info), ..Default::default() }
}

fn timed_out_cause() -> Failure {
    let info = TimeoutFailureInfo { timeout_type: TimeoutType::StartToClose as i32, last_heartbeat_details: None };
    Failure {
        message: "Timed out".to_owned(),
        failure_info: Some(FailureInfo::TimeoutFailureInfo(info)),
        ..Default::default()
    }
}

fn terminated_cause() -> Failure {
    Failure {
        message: "Terminated".to_owned(),
        failure_info: Some(FailureInfo::TerminatedFailureInfo(TerminatedFailureInfo::default())),
        ..Default::default()
    }
}

fn lang_cause(cause: FailedCause) -> LangCause {
    match cause {
        FailedCause::Unspecified => LangCause::Unspecified,
        FailedCause::WorkflowAlreadyExists => LangCause::WorkflowAlreadyExists,
        FailedCause::NamespaceNotFound => LangCause::NamespaceNotFound,
        FailedCause::InvalidVersioningOverride => LangCause::InvalidVersioningOverride,
    }
}
