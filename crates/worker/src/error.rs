//! What a worker answers when it can not do what it is asked. The texts are native Core's: users match on them.

use corewasm_host::GrpcStatus;
use corewasm_host::envelope::CallError;

/// Everything that a call on a worker can end with instead of its value.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum WorkerError {
    /// The configuration contradicts itself or is out of range (spec 0.6).
    #[error("Invalid worker config: {0}")]
    InvalidConfig(String),
    /// The connection has a worker already that would take the same tasks (spec 9.2.1), or no identity (spec 0.4).
    #[error("Failed creating worker\n\nCaused by:\n    {0}")]
    Creation(String),
    /// The other client can not take this worker.
    #[error("Failed replacing client: {0}")]
    ReplaceClient(String),
    /// DescribeNamespace failed (spec 9.1.1).
    #[error(
        "Worker validation failed: Namespace {namespace} was not found or otherwise could not be described: {status}"
    )]
    Validation {
        /// The worker's namespace.
        namespace: String,
        /// What the service answered.
        status: String,
    },
    /// The poll ended: no more tasks of this kind come (spec 0.3).
    #[error("the worker is shut down")]
    Shutdown,
    /// Polling failed for good (spec 0.3).
    #[error("Poll failure: Unhandled grpc error when polling: {0}")]
    Poll(String),
    /// The completion is not one that this Core can take.
    #[error("Completion failure\n\nCaused by:\n    {0}")]
    Completion(String),
    /// Bytes that are not the message they should be.
    #[error("Invalid proto: {0}")]
    InvalidProto(String),
    /// The pusher was closed, or its worker is gone.
    #[error("Replay worker is no longer accepting new histories")]
    PusherClosed,
    /// A history that can not be replayed; the text says what is wrong with it.
    #[error("Failed pushing history: {0}")]
    InvalidHistory(String),
}

impl WorkerError {
    /// A [`Self::Poll`] of this status.
    pub fn poll(status: &GrpcStatus) -> Self {
        Self::Poll(status_text(status))
    }
}

/// A status as native Core prints it in its errors.
pub fn status_text(status: &GrpcStatus) -> String {
    format!("Status {{ code: {}, message: {:?}, source: None }}", code_name(status.code), status.message)
}

/// The same with all that native Core prints of it: an answer of the server has headers, at least one.
pub fn full_status_text(status: &GrpcStatus) -> String {
    let code = code_name(status.code);
    let message = shown(!status.message.is_empty(), || format!(", message: {:?}", status.message));
    let details = shown(!status.details.is_empty(), || format!(", details: {:?}", status.details));
    let metadata = shown(!status.transport, || format!(", metadata: MetadataMap {{ headers: {} }}", headers(status)));
    format!("Status {{ code: {code}{message}{details}{metadata}, source: None }}")
}

fn shown(is_shown: bool, text: impl FnOnce() -> String) -> String {
    if is_shown { text() } else { String::new() }
}

fn headers(status: &GrpcStatus) -> String {
    let of_server = status.metadata.data.iter().filter(|(key, _)| *key != "content-type");
    let texts = of_server.map(|(key, value)| format!(", {key:?}: {:?}", String::from_utf8_lossy(value)));
    format!("{{\"content-type\": \"application/grpc\"{}}}", texts.collect::<String>())
}

/// The name of a gRPC status code.
pub const fn code_name(code: u32) -> &'static str {
    match code {
        0 => "Ok",
        1 => "Cancelled",
        3 => "InvalidArgument",
        4 => "DeadlineExceeded",
        5 => "NotFound",
        6 => "AlreadyExists",
        7 => "PermissionDenied",
        8 => "ResourceExhausted",
        9 => "FailedPrecondition",
        10 => "Aborted",
        11 => "OutOfRange",
        12 => "Unimplemented",
        13 => "Internal",
        14 => "Unavailable",
        15 => "DataLoss",
        16 => "Unauthenticated",
        _ => "Unknown",
    }
}

impl From<WorkerError> for CallError {
    fn from(error: WorkerError) -> Self {
        let text = error.to_string();
        match error {
            WorkerError::Shutdown => Self::shutdown(),
            WorkerError::InvalidConfig(_)
            | WorkerError::ReplaceClient(_)
            | WorkerError::InvalidProto(_)
            | WorkerError::InvalidHistory(_) => Self::value(text),
            WorkerError::Creation(_)
            | WorkerError::Validation { .. }
            | WorkerError::Poll(_)
            | WorkerError::Completion(_)
            | WorkerError::PusherClosed => Self::runtime(text),
        }
    }
}
