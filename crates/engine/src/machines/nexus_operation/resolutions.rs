//! The jobs and failures by which a Nexus operation resolves (spec 2.11.2 to 2.11.5).

use temporalio_protos::coresdk::nexus::{NexusOperationResult, nexus_operation_result::Status};
use temporalio_protos::coresdk::workflow_activation::resolve_nexus_operation_start::Status as StartStatus;
use temporalio_protos::coresdk::workflow_activation::{ResolveNexusOperation, ResolveNexusOperationStart};
use temporalio_protos::temporal::api::enums::v1::EventType;
use temporalio_protos::temporal::api::failure::v1::failure::FailureInfo;
use temporalio_protos::temporal::api::failure::v1::{CanceledFailureInfo, Failure, NexusOperationFailureInfo};
use temporalio_protos::temporal::api::history::v1::HistoryEvent;

use super::super::position::{EventInfo, attributes_of};
use super::{NexusOperationMachine, Response, unset};
use crate::error::Result;

impl NexusOperationMachine {
    pub(super) fn resolve_started(&mut self, event: HistoryEvent, info: EventInfo) -> Result<Response> {
        let started = attributes_of!(event, NexusOperationStartedEventAttributes).ok_or_else(|| unset(info))?;
        self.operation_token = started.operation_token.clone();
        Ok(self.resolve_start(StartStatus::OperationToken(started.operation_token)))
    }

    pub(super) fn resolve_started_sync(&self) -> Response {
        self.resolve_start(StartStatus::StartedSync(true))
    }

    pub(super) fn resolve_start_withdrawn(&self) -> Response {
        self.resolve_start(StartStatus::Failed(self.cancelled_failure("Nexus Operation cancelled before scheduled")))
    }

    /// It ended badly before it was known to have started.
    pub(super) fn resolve_start_failed(&self, event: HistoryEvent, info: EventInfo) -> Result<Response> {
        Ok(self.resolve_start(StartStatus::Failed(event_failure(event, info)?)))
    }

    pub(super) fn resolve_cancelled(&self) -> Response {
        self.resolve(Status::Cancelled(self.cancelled_failure("Nexus operation cancelled after starting")))
    }

    /// By an end of the operation, or of the cancel request that lang waits for.
    pub(super) fn resolve_by_event(&self, event: HistoryEvent, info: EventInfo) -> Result<Response> {
        let status = match info.event_type {
            EventType::NexusOperationCompleted => {
                let completed =
                    attributes_of!(event, NexusOperationCompletedEventAttributes).ok_or_else(|| unset(info))?;
                Status::Completed(completed.result.unwrap_or_default())
            }
            EventType::NexusOperationFailed => Status::Failed(event_failure(event, info)?),
            EventType::NexusOperationCanceled => Status::Cancelled(event_failure(event, info)?),
            EventType::NexusOperationTimedOut => Status::TimedOut(event_failure(event, info)?),
            EventType::NexusOperationCancelRequestFailed => Status::Failed(self.cancel_request_failure(event, info)?),
            _ => Status::Cancelled(self.cancelled_failure("Nexus operation cancellation request completed")),
        };
        Ok(self.resolve(status))
    }

    fn cancel_request_failure(&self, event: HistoryEvent, info: EventInfo) -> Result<Failure> {
        let message = "Nexus operation cancellation request failed";
        let failed =
            attributes_of!(event, NexusOperationCancelRequestFailedEventAttributes).ok_or_else(|| unset(info))?;
        Ok(self.failure(message, failed.failure.unwrap_or_else(|| message_only(message))))
    }

    fn cancelled_failure(&self, message: &str) -> Failure {
        let info = FailureInfo::CanceledFailureInfo(CanceledFailureInfo::default());
        self.failure(message, Failure { failure_info: Some(info), ..Default::default() })
    }

    fn failure(&self, message: &str, cause: Failure) -> Failure {
        let info = NexusOperationFailureInfo {
            scheduled_event_id: self.scheduled_event_id,
            endpoint: self.endpoint.clone(),
            service: self.service.clone(),
            operation: self.operation.clone(),
            operation_token: self.operation_token.clone(),
            ..Default::default()
        };
        Failure {
            message: message.to_owned(),
            cause: Some(Box::new(cause)),
            failure_info: Some(FailureInfo::NexusOperationExecutionFailureInfo(info)),
            ..Default::default()
        }
    }

    fn resolve_start(&self, status: StartStatus) -> Response {
        Response::job(ResolveNexusOperationStart { seq: self.seq, status: Some(status) })
    }

    fn resolve(&self, status: Status) -> Response {
        let result = Some(NexusOperationResult { status: Some(status) });
        Response::job(ResolveNexusOperation { seq: self.seq, result })
    }
}

/// The failure of an event by which an operation ends, or one that says that there was none.
fn event_failure(event: HistoryEvent, info: EventInfo) -> Result<Failure> {
    let (failure, how) = match info.event_type {
        EventType::NexusOperationFailed => {
            let failed = attributes_of!(event, NexusOperationFailedEventAttributes).ok_or_else(|| unset(info))?;
            (failed.failure, "failed")
        }
        EventType::NexusOperationCanceled => {
            let canceled = attributes_of!(event, NexusOperationCanceledEventAttributes).ok_or_else(|| unset(info))?;
            (canceled.failure, "was cancelled")
        }
        _ => {
            let timed_out = attributes_of!(event, NexusOperationTimedOutEventAttributes).ok_or_else(|| unset(info))?;
            (timed_out.failure, "timed out")
        }
    };
    Ok(failure.unwrap_or_else(|| message_only(&format!("Nexus operation {how} but failure field was not populated"))))
}

fn message_only(message: &str) -> Failure {
    Failure { message: message.to_owned(), ..Default::default() }
}
