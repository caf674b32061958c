//! Unary gRPC calls over the host's client.

use std::time::Duration;

use bytes::Bytes;
use futures::channel::oneshot;
use litemap::LiteMap;

use crate::{
    Host, HostRef,
    entries::{self, MetadataEntry},
    envelope::{self, RpcCancel, RpcStart, effect, rpc_result},
};

/// gRPC status codes.
pub mod code {
    #![allow(missing_docs)]
    pub const CANCELLED: u32 = 1;
    pub const UNKNOWN: u32 = 2;
    pub const INVALID_ARGUMENT: u32 = 3;
    pub const DEADLINE_EXCEEDED: u32 = 4;
    pub const NOT_FOUND: u32 = 5;
    pub const ALREADY_EXISTS: u32 = 6;
    pub const PERMISSION_DENIED: u32 = 7;
    pub const RESOURCE_EXHAUSTED: u32 = 8;
    pub const FAILED_PRECONDITION: u32 = 9;
    pub const ABORTED: u32 = 10;
    pub const OUT_OF_RANGE: u32 = 11;
    pub const UNIMPLEMENTED: u32 = 12;
    pub const INTERNAL: u32 = 13;
    pub const UNAVAILABLE: u32 = 14;
    pub const DATA_LOSS: u32 = 15;
    pub const UNAUTHENTICATED: u32 = 16;
}

/// Users may wait longer than a host can count: gRPC libraries add a time-out to the time of day, in nanoseconds of 64
/// bits. What is longer than a hundred years becomes so long.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Metadata by lower-case key. Keys that end in "-bin" have raw bytes, the others ASCII text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// One value for each key.
    pub data: LiteMap<String, Bytes>,
}

impl Metadata {
    /// Sets a key.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<Bytes>) {
        self.data.insert(key.into(), value.into());
    }

    /// Sets a key unless it is set.
    pub fn insert_absent(&mut self, key: &str, value: impl Into<Bytes>) {
        if !self.data.contains_key(key) {
            self.insert(key, value);
        }
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Bytes> {
        self.data.get(key)
    }
}

impl From<Metadata> for Vec<MetadataEntry> {
    fn from(metadata: Metadata) -> Self {
        metadata.data.into_iter().map(MetadataEntry::from).collect()
    }
}

impl From<Vec<MetadataEntry>> for Metadata {
    fn from(entries: Vec<MetadataEntry>) -> Self {
        Self { data: entries::metadata(entries) }
    }
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrpcRequest {
    /// "/package.Service/Method".
    pub uri: String,
    /// The encoded message.
    pub body: Bytes,
    /// Sent as is.
    pub metadata: Metadata,
    /// The call fails with a status of the host's after this time.
    pub timeout: Duration,
    /// Whether the body is sent compressed and a compressed answer is accepted.
    pub gzip: bool,
    /// The worker for which it is made, so that its answer finds that worker after a trap.
    pub worker: Option<HostRef>,
}

/// The answer to a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrpcResponse {
    /// The encoded message.
    pub body: Bytes,
    /// Headers and trailers.
    pub metadata: Metadata,
}

/// Why a call failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("gRPC status {code}: {message}")]
pub struct GrpcStatus {
    /// One of [`code`].
    pub code: u32,
    /// The server's text, or the transport's.
    pub message: String,
    /// grpc-status-details-bin, or empty.
    pub details: Bytes,
    /// Headers and trailers.
    pub metadata: Metadata,
    /// The connection failed: not an answer of the server.
    pub transport: bool,
}

impl GrpcStatus {
    /// A status with a text and nothing else.
    pub fn new(code: u32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), ..Self::default() }
    }
}

impl From<envelope::GrpcStatus> for GrpcStatus {
    fn from(status: envelope::GrpcStatus) -> Self {
        let envelope::GrpcStatus { code, message, details, metadata, transport } = status;
        Self { code, message, details, metadata: metadata.into(), transport }
    }
}

pub(crate) type RpcOutcome = Result<GrpcResponse, GrpcStatus>;

/// Calls that wait for the host.
#[derive(Default)]
pub(crate) struct PendingRpcs {
    waiting: LiteMap<u64, oneshot::Sender<RpcOutcome>>,
    last_id: u64,
}

/// Points to the host's gRPC client.
#[derive(Clone)]
pub struct GrpcClientRef {
    host: Host,
    host_ref: HostRef,
}

impl GrpcClientRef {
    pub(crate) const fn new(host: Host, host_ref: HostRef) -> Self {
        Self { host, host_ref }
    }

    /// The handle of the client.
    pub const fn host_ref(&self) -> HostRef {
        self.host_ref
    }

    /// Makes a unary call, beginning when this is first polled. Dropping the future cancels the call.
    pub async fn grpc_unary(&self, request: GrpcRequest) -> Result<GrpcResponse, GrpcStatus> {
        let (answer, receiver) = oneshot::channel();
        let guard = CancelOnDrop { host: self.host.clone(), rpc: self.host.begin_rpc(answer) };
        let start = rpc_start(guard.rpc, self.host_ref, request);
        self.host.emit(effect::Kind::RpcStart(start));
        receiver.await.unwrap_or_else(|_| Err(GrpcStatus::new(code::CANCELLED, "the call was given up")))
    }
}

fn rpc_start(rpc: u64, client: HostRef, request: GrpcRequest) -> RpcStart {
    RpcStart {
        rpc,
        client: client.raw(),
        uri: request.uri,
        body: request.body,
        metadata: request.metadata.into(),
        timeout_ns: request.timeout.min(LONGEST_TIMEOUT).as_nanos() as u64,
        gzip: request.gzip,
        worker: request.worker.map_or(0, HostRef::raw),
    }
}

struct CancelOnDrop {
    host: Host,
    rpc: u64,
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        let waited = self.host.pending_rpcs().waiting.remove(&self.rpc).is_some();
        if waited {
            self.host.emit(effect::Kind::RpcCancel(RpcCancel { rpc: self.rpc }));
        }
    }
}

impl Host {
    fn begin_rpc(&self, answer: oneshot::Sender<RpcOutcome>) -> u64 {
        let mut pending = self.pending_rpcs();
        pending.last_id += 1;
        let rpc = pending.last_id;
        pending.waiting.insert(rpc, answer);
        rpc
    }

    /// Hands an answer to its caller. An answer that crossed with the cancellation of its call has none and is dropped.
    pub(crate) fn finish_rpc(&self, rpc: u64, outcome: RpcOutcome) {
        let waiting = self.pending_rpcs().waiting.remove(&rpc);
        if let Some(caller) = waiting {
            // It fails only if the caller is being dropped in this moment.
            let _ = caller.send(outcome);
        }
    }
}

/// What an RPC ended with; none if the host's message does not say.
pub(crate) fn outcome(result: Option<rpc_result::Result>) -> Option<RpcOutcome> {
    Some(match result? {
        rpc_result::Result::Response(response) => {
            Ok(GrpcResponse { body: response.body, metadata: response.metadata.into() })
        }
        rpc_result::Result::Status(status) => Err(status.into()),
    })
}
