//! What the service is told of a Nexus task that lang completed (spec 5.4, 5.5).

use temporalio_protos::coresdk::nexus::nexus_task_completion::Status;
use temporalio_protos::temporal::api::enums::v1::NexusHandlerErrorRetryBehavior;
use temporalio_protos::temporal::api::failure::v1::Failure;
use temporalio_protos::temporal::api::failure::v1::failure::FailureInfo;
use temporalio_protos::temporal::api::nexus::v1::{
    Failure as NexusFailure, HandlerError, Response, StartOperationResponse, UnsuccessfulOperationError, response,
    start_operation_response,
};

use super::failure_json;
use crate::activities::completion::PAYLOADS_TOO_LARGE;

/// What the details of a converted failure are.
const FAILURE_TYPE: &str = "temporal.api.failure.v1.Failure";

/// What the request asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// To start an operation.
    Start,
    /// To cancel one.
    Cancel,
}

/// What to tell the service, and how the task is counted.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The RPC; none for an acknowledged cancel.
    pub answer: Option<Answer>,
    /// Label `failure_reason` if the task counts as failed (spec 5.7).
    pub failure_reason: Option<String>,
}

/// The RPC about a completed task.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// RespondNexusTaskCompleted.
    Completed(Box<Response>),
    /// RespondNexusTaskFailed with the deprecated error, for older services and SDKs.
    LegacyError(Box<HandlerError>),
    /// RespondNexusTaskFailed with a failure.
    Failure(Box<Failure>),
}

/// Lang's completion is not one that the service could take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedCompletion {
    /// It says nothing.
    #[error("Nexus completion had empty status field")]
    NoStatus,
    /// The response says nothing.
    #[error("Nexus completion must contain a status variant ")]
    NoVariant,
    /// A start was answered, but a cancel was asked for.
    #[error("Nexus response was StartOperation but request was not")]
    NotStart,
    /// A cancel was answered, but a start was asked for.
    #[error("Nexus response was CancelOperation but request was not")]
    NotCancel,
    /// The failure of an operation is of another kind.
    #[error("Nexus StartOperationResponse with a failure must contain ApplicationFailureInfo or CanceledFailureInfo")]
    NotOperationFailure,
    /// The failure of a handler is of another kind.
    #[error("Nexus completions with a failure must contain a NexusHandlerFailureInfo")]
    NotHandlerFailure,
}

/// What to tell the service. Services that do not take Temporal's own failures get the older forms.
pub fn reply(status: Status, kind: RequestKind, takes_temporal_failures: bool) -> Result<Reply, MalformedCompletion> {
    match status {
        Status::Completed(response) => completed(response, kind, takes_temporal_failures),
        Status::AckCancel(_) => Ok(Reply { answer: None, failure_reason: Some("timeout".to_owned()) }),
        #[allow(deprecated, reason = "SDKs that know nothing newer use it")]
        Status::Error(error) => Ok(Reply {
            failure_reason: Some(handler_reason(&error.error_type)),
            answer: Some(Answer::LegacyError(Box::new(error))),
        }),
        Status::Failure(failure) => failed(failure, takes_temporal_failures),
    }
}

/// The answer in place of one that is too large to be sent (spec 5.6).
pub fn oversized(violation: &str) -> Answer {
    Answer::LegacyError(Box::new(HandlerError {
        error_type: PAYLOADS_TOO_LARGE.to_owned(),
        failure: Some(NexusFailure { message: violation.to_owned(), ..Default::default() }),
        retry_behavior: NexusHandlerErrorRetryBehavior::Retryable.into(),
    }))
}

fn completed(
    mut response: Response,
    kind: RequestKind,
    takes_temporal_failures: bool,
) -> Result<Reply, MalformedCompletion> {
    let failure_reason = match &mut response.variant {
        Some(response::Variant::StartOperation(start)) => {
            let state = operation_failure(start, takes_temporal_failures)?;
            check(kind == RequestKind::Start, MalformedCompletion::NotStart)?;
            state.map(|state| format!("operation_{state}"))
        }
        Some(response::Variant::CancelOperation(_)) => {
            check(kind == RequestKind::Cancel, MalformedCompletion::NotCancel)?;
            None
        }
        None => return Err(MalformedCompletion::NoVariant),
    };
    Ok(Reply { answer: Some(Answer::Completed(Box::new(response))), failure_reason })
}

/// The state in which the operation ended, if it did not succeed. Its failure takes the form that the service knows.
#[allow(deprecated, reason = "older services know nothing newer")]
fn operation_failure(
    start: &mut StartOperationResponse,
    takes_temporal_failures: bool,
) -> Result<Option<String>, MalformedCompletion> {
    let failure = match &start.variant {
        Some(start_operation_response::Variant::OperationError(error)) => {
            return Ok(Some(error.operation_state.clone()));
        }
        Some(start_operation_response::Variant::Failure(failure)) => failure,
        _ => return Ok(None),
    };
    let state = match &failure.failure_info {
        Some(FailureInfo::ApplicationFailureInfo(_)) => "failed",
        Some(FailureInfo::CanceledFailureInfo(_)) => "canceled",
        _ => return Err(MalformedCompletion::NotOperationFailure),
    };
    if !takes_temporal_failures {
        let error =
            UnsuccessfulOperationError { operation_state: state.to_owned(), failure: Some(to_nexus(failure.clone())) };
        start.variant = Some(start_operation_response::Variant::OperationError(error));
    }
    Ok(Some(state.to_owned()))
}

fn failed(failure: Failure, takes_temporal_failures: bool) -> Result<Reply, MalformedCompletion> {
    let Some(FailureInfo::NexusHandlerFailureInfo(info)) = failure.failure_info.clone() else {
        return Err(MalformedCompletion::NotHandlerFailure);
    };
    let failure_reason = Some(handler_reason(&info.r#type));
    let answer = if takes_temporal_failures {
        Answer::Failure(Box::new(failure))
    } else {
        Answer::LegacyError(Box::new(HandlerError {
            error_type: info.r#type,
            failure: Some(to_nexus(failure)),
            retry_behavior: info.retry_behavior,
        }))
    };
    Ok(Reply { answer: Some(answer), failure_reason })
}

/// The message is taken out, the rest becomes the details, as JSON.
fn to_nexus(mut failure: Failure) -> NexusFailure {
    let message = std::mem::take(&mut failure.message);
    NexusFailure {
        message,
        metadata: [("type".to_owned(), FAILURE_TYPE.to_owned())].into(),
        details: serde_json::to_vec(&failure_json::to_json(&failure)).unwrap_or_default(),
        stack_trace: failure.stack_trace,
        cause: None,
    }
}

fn handler_reason(error_type: &str) -> String {
    format!("handler_error_{error_type}")
}

fn check(holds: bool, otherwise: MalformedCompletion) -> Result<(), MalformedCompletion> {
    if holds { Ok(()) } else { Err(otherwise) }
}
