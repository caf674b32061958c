//! The service over the host's gRPC client.

use bytes::Bytes;
use corewasm_client::{CallOptions, PayloadErrorLimits, Retry, RetryOptions, Rpc, RpcError};
use corewasm_host::{GrpcStatus, code};
use futures::future::LocalBoxFuture;
use temporalio_protos::temporal::api::workflowservice::v1::get_system_info_response::Capabilities;

use super::{Call, RetryKind, Service, ServiceError, ServiceErrorKind};

/// Says of a status whether it is passed on at once.
type StatusTest = fn(&GrpcStatus) -> bool;

/// One of the host's clients.
pub(super) struct LiveService(pub(super) corewasm_client::Connection);

impl Service for LiveService {
    fn call(&self, call: Call) -> LocalBoxFuture<'static, Result<Bytes, ServiceError>> {
        let connection = self.0.clone();
        Box::pin(async move {
            let options = options_of(&call);
            let answer = connection.call_raw(Rpc::workflow_service(call.rpc), call.body, options).await?;
            Ok(answer.body)
        })
    }

    fn identity(&self) -> String {
        self.0.identity().to_owned()
    }

    fn sdk(&self) -> (String, String) {
        (self.0.client_name().to_owned(), self.0.client_version().to_owned())
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }
}

fn options_of(call: &Call) -> CallOptions {
    // A worker does not follow the user's retry policy (spec 0.4).
    let (retry, no_retry_on): (_, Option<StatusTest>) = match call.retry {
        RetryKind::Default => (Retry::Policy(RetryOptions::default()), None),
        RetryKind::TaskPoll => (Retry::TaskPoll, None),
        RetryKind::ScalingTaskPoll => (Retry::TaskPoll, Some(tells_to_scale)),
        RetryKind::Unless(matches) => (Retry::Policy(RetryOptions::default()), Some(matches)),
        RetryKind::Never => (Retry::Off, None),
    };
    let limits =
        call.payload_limits.map(|limits| PayloadErrorLimits { blob: limits.blob as u64, memo: limits.memo as u64 });
    CallOptions {
        retry,
        timeout: call.timeout,
        no_retry_on,
        payload_error_limits: limits.unwrap_or_default(),
        worker: call.worker,
        ..CallOptions::default()
    }
}

/// What an autoscaling poller wants to know of at once (spec 6.3.4).
fn tells_to_scale(status: &GrpcStatus) -> bool {
    matches!(status.code, code::RESOURCE_EXHAUSTED | code::CANCELLED | code::DEADLINE_EXCEEDED)
}

impl From<RpcError> for ServiceError {
    fn from(error: RpcError) -> Self {
        let kind = match error.payload_limit {
            Some(violation) => ServiceErrorKind::PayloadsTooLarge(violation.to_string()),
            None if error.message_too_large => ServiceErrorKind::MessageTooLarge,
            None if error.short_circuit => ServiceErrorKind::ShortCircuited,
            None => ServiceErrorKind::Plain,
        };
        Self { status: error.status, kind }
    }
}
