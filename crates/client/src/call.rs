//! One call: what is sent, how often, and what comes of it.

use std::time::Duration;

use bytes::Bytes;
use corewasm_engine::time::Instant;
use corewasm_host::{
    GrpcRequest, GrpcResponse, GrpcStatus, HostRef, Metadata, MetricsAttributesRef, code, envelope::CallError,
};

use crate::{
    Connection, PayloadErrorLimits, PayloadLimitViolation, RetryOptions, eager,
    retry::{RetryState, Verdict},
    shape::{self, RequestShape},
};

const NAMESPACE_HEADER: &str = "temporal-namespace";
const WORKFLOW_SERVICE: &str = "temporal.api.workflowservice.v1.WorkflowService";
const START_WORKFLOW: &str = "StartWorkflowExecution";

/// Spec 10.1.5.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
const LONG_POLL_TIMEOUT: Duration = Duration::from_secs(70);

/// A method of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rpc<'a> {
    /// Full name, e.g. "temporal.api.workflowservice.v1.WorkflowService".
    pub service: &'a str,
    /// E.g. "GetSystemInfo".
    pub method: &'a str,
}

impl<'a> Rpc<'a> {
    /// A method of Temporal's WorkflowService.
    pub const fn workflow_service(method: &'a str) -> Self {
        Self { service: WORKFLOW_SERVICE, method }
    }

    fn uri(self) -> String {
        format!("/{}/{}", self.service, self.method)
    }
}

/// How often a call is made.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Retry {
    /// By the connection's policy.
    #[default]
    Normal,
    /// For ever, as polls for tasks are; the call waits at the server.
    TaskPoll,
    /// By a policy of this call's own.
    Policy(RetryOptions),
    /// Once, past all that a client does but its headers: no retry, no measuring of payloads, no eager start.
    Off,
}

/// What may be said of a call.
#[derive(Clone, Debug, Default)]
pub struct CallOptions {
    /// How often it is made.
    pub retry: Retry,
    /// Time for each attempt; none: 30 s, or 70 s for a call that waits at the server.
    pub timeout: Option<Duration>,
    /// Errors that are given to the caller at once (spec 10.2.5).
    pub no_retry_on: Option<fn(&GrpcStatus) -> bool>,
    /// Wins over the connection's headers.
    pub metadata: Metadata,
    /// From which size on payloads fail the call.
    pub payload_error_limits: PayloadErrorLimits,
    /// The worker for which it is made.
    pub worker: Option<HostRef>,
}

/// Why a call failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("{status}")]
pub struct RpcError {
    /// The last attempt's status.
    pub status: GrpcStatus,
    /// It was given up because [`CallOptions::no_retry_on`] matched.
    pub short_circuit: bool,
    /// The server found the message too large: it will do so again.
    pub message_too_large: bool,
    /// Nothing was sent because a payload is over the limit.
    pub payload_limit: Option<PayloadLimitViolation>,
}

impl From<GrpcStatus> for RpcError {
    fn from(status: GrpcStatus) -> Self {
        Self { status, ..Self::default() }
    }
}

impl From<PayloadLimitViolation> for RpcError {
    fn from(violation: PayloadLimitViolation) -> Self {
        let status = GrpcStatus::new(code::INVALID_ARGUMENT, violation.to_string());
        Self { payload_limit: Some(violation), ..Self::from(status) }
    }
}

impl From<RpcError> for CallError {
    fn from(error: RpcError) -> Self {
        Self::rpc(error.status.code, error.status.message, error.status.details)
    }
}

/// All that the attempts of one call have in common.
struct PreparedCall<'a> {
    rpc: Rpc<'a>,
    request: GrpcRequest,
    is_long: bool,
    attributes: MetricsAttributesRef,
}

impl Connection {
    /// Makes a call with an encoded request. Dropping the future cancels it.
    pub async fn call_raw(&self, rpc: Rpc<'_>, body: Bytes, options: CallOptions) -> Result<GrpcResponse, RpcError> {
        let uri = rpc.uri();
        let shape = shape::lookup(&uri);
        if let (Some(shape), true) = (shape, options.retry != Retry::Off) {
            self.check_payloads(shape, &body, options.payload_error_limits)?;
        }
        let (retry, no_retry_on) = (options.retry, options.no_retry_on);
        let call = self.prepare(rpc, uri, shape, body, options);
        let policy = match retry {
            Retry::Off => return self.attempt(&call).await.map_err(RpcError::from),
            Retry::Normal => self.retry_options(),
            Retry::TaskPoll => RetryOptions::task_poll(),
            Retry::Policy(policy) => policy,
        };
        let state = RetryState::new(self.host().clone(), rpc.method, policy, retry == Retry::TaskPoll, no_retry_on);
        self.attempt_until_done(&call, state).await
    }

    fn prepare<'a>(
        &self,
        rpc: Rpc<'a>,
        uri: String,
        shape: Option<&RequestShape>,
        body: Bytes,
        options: CallOptions,
    ) -> PreparedCall<'a> {
        let through_layers = options.retry != Retry::Off;
        let waits = through_layers && shape.is_some_and(|shape| shape.is_long_poll(&body));
        let is_long = options.retry == Retry::TaskPoll || waits;
        let namespace = shape.map(|shape| shape.namespace(&body));
        let task_queue = shape.and_then(|shape| shape.task_queue(&uri, &body));
        let attributes = self.metrics().attributes(rpc.method, namespace.as_deref(), task_queue.as_deref());
        let mut metadata = options.metadata;
        if let Some(namespace) = namespace {
            metadata.insert(NAMESPACE_HEADER, self.namespace_header(namespace));
        }
        let default_timeout = if is_long { LONG_POLL_TIMEOUT } else { DEFAULT_TIMEOUT };
        let request = GrpcRequest {
            uri,
            body,
            metadata,
            timeout: options.timeout.unwrap_or(default_timeout),
            gzip: false,
            worker: options.worker,
        };
        PreparedCall { rpc, request, is_long, attributes }
    }

    async fn attempt_until_done(
        &self,
        call: &PreparedCall<'_>,
        mut state: RetryState,
    ) -> Result<GrpcResponse, RpcError> {
        loop {
            let status = match self.attempt_with_eager_start(call).await {
                Ok(response) => return Ok(response),
                Err(status) => status,
            };
            match state.handle_failure(status) {
                Verdict::RetryAfter(pause) => self.host().sleep(pause).await,
                Verdict::GiveUp(error) => return Err(error),
            }
        }
    }

    async fn attempt_with_eager_start(&self, call: &PreparedCall<'_>) -> Result<GrpcResponse, GrpcStatus> {
        let is_start = call.rpc == Rpc::workflow_service(START_WORKFLOW);
        if !is_start || !eager::asks_for_eager_start(&call.request.body) {
            return self.attempt(call).await;
        }
        let (body, slot) = eager::prepare(self.eager_starter(), &call.request.body).await;
        let response = self.send(call, body).await?;
        if let Some(slot) = slot {
            eager::deliver(self.host(), &response, slot);
        }
        Ok(response)
    }

    async fn attempt(&self, call: &PreparedCall<'_>) -> Result<GrpcResponse, GrpcStatus> {
        self.send(call, call.request.body.clone()).await
    }

    async fn send(&self, call: &PreparedCall<'_>, body: Bytes) -> Result<GrpcResponse, GrpcStatus> {
        let mut request = GrpcRequest { body, gzip: self.gzip(), ..call.request.clone() };
        self.add_headers(&mut request.metadata);
        self.metrics().started(call.is_long, &call.attributes);
        let started_at: Instant = self.host().now().monotonic;
        let result = self.grpc().grpc_unary(request).await;
        let latency = self.host().now().monotonic.since(started_at);
        self.metrics().finished(call.is_long, &call.attributes, latency, result.as_ref().err());
        result
    }
}
