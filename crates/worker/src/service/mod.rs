//! What the worker says to the service, and in whose name.

mod connection;
mod eager;
mod live;
mod namespace;
mod stamps;

use std::cell::RefCell;
use std::time::Duration;

use bytes::Bytes;
use corewasm_host::{GrpcStatus, Host, HostRef, code};
use futures::future::LocalBoxFuture;
use prost::Message;
use temporalio_protos::temporal::api::workflowservice::v1::get_system_info_response::Capabilities;

pub use connection::{Connection, Registration};
pub(crate) use eager::EagerWorkflows;
pub use namespace::{Description, NamespaceCapabilities, NamespaceDescription};

use crate::config::{Config, Versioning};
use crate::patience::Patience;

/// A connection to the service, as far as a worker needs one. Implemented over the host's gRPC client, and by the
/// replay worker in memory.
pub trait Service {
    /// Make one call of the WorkflowService. Dropping the future cancels it.
    fn call(&self, call: Call) -> LocalBoxFuture<'static, Result<Bytes, ServiceError>>;
    /// The client's identity.
    fn identity(&self) -> String;
    /// Lang's name and version.
    fn sdk(&self) -> (String, String);
    /// What the server can do, as far as it is known.
    fn capabilities(&self) -> Capabilities;
}

/// One call.
#[derive(Clone, Debug)]
pub struct Call {
    /// CamelCase method name.
    pub rpc: &'static str,
    /// The encoded request.
    pub body: Bytes,
    /// How it is tried again.
    pub retry: RetryKind,
    /// Instead of the default for the kind of call.
    pub timeout: Option<Duration>,
    /// Payload limits to hold the request to (spec 10.3.1).
    pub payload_limits: Option<PayloadLimits>,
    /// For the ledger: whose call it is.
    pub worker: Option<HostRef>,
}

/// How a failed call is tried again (spec 10.2).
#[derive(Clone, Copy, Debug)]
pub enum RetryKind {
    /// As the client's policy says.
    Default,
    /// A task poll: for ever.
    TaskPoll,
    /// A task poll whose poller wants to see ResourceExhausted, Cancelled and DeadlineExceeded itself (spec 6.3.4).
    ScalingTaskPoll,
    /// Statuses for which this holds are passed on at once.
    Unless(fn(&GrpcStatus) -> bool),
    /// Once.
    Never,
}

/// Sizes above which a request is not sent, in bytes; 0: no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadLimits {
    /// For payloads.
    pub blob: usize,
    /// For memos.
    pub memo: usize,
}

/// Why a call failed for good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status}")]
pub struct ServiceError {
    /// The status, the server's or made up here.
    pub status: GrpcStatus,
    /// What is special about it.
    pub kind: ServiceErrorKind,
}

/// What is special about a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceErrorKind {
    /// Nothing.
    Plain,
    /// Passed on without having been tried again, by the caller's wish.
    ShortCircuited,
    /// The message is too large for gRPC (spec 10.2.4).
    MessageTooLarge,
    /// A payload is over the limit: nothing was sent (spec 10.3.1).
    PayloadsTooLarge(String),
    /// The pages of a completion are over the namespace's limit: nothing was sent (spec 1.8.13).
    RequestTooLarge,
}

impl From<GrpcStatus> for ServiceError {
    fn from(status: GrpcStatus) -> Self {
        Self { status, kind: ServiceErrorKind::Plain }
    }
}

/// The worker's own client: its connection, which can be replaced, and what it puts into every request.
pub struct WorkerClient {
    connection: RefCell<Connection>,
    namespace: String,
    identity_override: Option<String>,
    versioning: Versioning,
    instance_key: String,
    worker: HostRef,
    payload_limits: RefCell<Option<PayloadLimits>>,
    patience: Patience,
}

/// What differs from call to call.
#[derive(Clone, Debug)]
pub struct CallOptions {
    /// How it is tried again.
    pub retry: RetryKind,
    /// Instead of the default.
    pub timeout: Option<Duration>,
}

impl Default for CallOptions {
    fn default() -> Self {
        Self { retry: RetryKind::Default, timeout: None }
    }
}

impl WorkerClient {
    /// A client over this connection.
    pub fn new(
        connection: Connection,
        config: &Config,
        worker: HostRef,
        instance_key: String,
        patience: Patience,
    ) -> Self {
        Self {
            connection: RefCell::new(connection),
            namespace: config.namespace.clone(),
            identity_override: config.identity_override.clone(),
            versioning: config.versioning.clone(),
            instance_key,
            worker,
            payload_limits: RefCell::new(None),
            patience,
        }
    }

    /// Make a call and decode its answer.
    pub async fn call<Answer: Message + Default>(
        &self,
        rpc: &'static str,
        request: impl Message,
        options: CallOptions,
    ) -> Result<Answer, ServiceError> {
        let answer = self.call_raw(rpc, request, options).await?;
        Answer::decode(&answer[..]).map_err(|error| undecodable(rpc, &error))
    }

    /// Make a call; the answer's bytes are the caller's to cut up.
    pub async fn call_raw(
        &self,
        rpc: &'static str,
        request: impl Message,
        options: CallOptions,
    ) -> Result<Bytes, ServiceError> {
        self.call_encoded(rpc, request.encode_to_vec().into(), options).await
    }

    /// Make a call whose request is encoded already.
    pub async fn call_encoded(
        &self,
        rpc: &'static str,
        body: Bytes,
        options: CallOptions,
    ) -> Result<Bytes, ServiceError> {
        let call = Call {
            rpc,
            body,
            retry: options.retry,
            timeout: options.timeout,
            payload_limits: *self.payload_limits.borrow(),
            worker: Some(self.worker),
        };
        let call = self.connection().service().call(call);
        if matches!(options.retry, RetryKind::TaskPoll | RetryKind::ScalingTaskPoll) {
            // Shutdown ends these by itself.
            return call.await;
        }
        self.patience.call(call).await.unwrap_or_else(|| Err(given_up(rpc)))
    }

    /// The connection in use now.
    pub fn connection(&self) -> Connection {
        self.connection.borrow().clone()
    }

    /// Use another connection from the next call on.
    pub fn replace_connection(&self, connection: Connection) {
        *self.connection.borrow_mut() = connection;
    }

    /// Hold requests to these limits from now on.
    pub fn set_payload_limits(&self, limits: PayloadLimits) {
        *self.payload_limits.borrow_mut() = Some(limits);
    }

    /// The limits that requests are held to, if any.
    pub fn payload_limits(&self) -> Option<PayloadLimits> {
        *self.payload_limits.borrow()
    }

    /// The worker's namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The worker's identity.
    pub fn identity(&self) -> String {
        self.identity_override.clone().unwrap_or_else(|| self.connection().service().identity())
    }

    /// The worker's key, a UUID (spec 0.4).
    pub fn instance_key(&self) -> &str {
        &self.instance_key
    }
}

/// A status of the server's that does not decode counts as one of its internal errors.
pub(crate) fn undecodable(rpc: &str, error: &impl ToString) -> ServiceError {
    GrpcStatus::new(code::INTERNAL, format!("the answer to {rpc} does not decode: {}", error.to_string())).into()
}

/// The call was not answered in the time that shutdown leaves it (ADR 17).
pub(crate) fn given_up(rpc: &str) -> ServiceError {
    let text = format!("{rpc} was given up: the worker is shut down, and its server has not answered in time");
    GrpcStatus { transport: true, ..GrpcStatus::new(code::DEADLINE_EXCEEDED, text) }.into()
}

/// Log an error of the service with its status.
pub fn warn_of(host: &Host, target: &str, message: &str, error: &ServiceError) {
    host.warn(target, message, &[("error", crate::error::status_text(&error.status).into())]);
}
