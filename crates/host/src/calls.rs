//! Calls of the host's users: each is resolved exactly once.

use std::future::Future;

use bytes::Bytes;
use litemap::LiteMap;

use crate::{
    Host, Task,
    envelope::{CallError, CallResolved, call_error, call_resolved, effect},
};

/// How a call ends: its value (empty for "no value"), or an error that the host turns into an exception.
pub type CallResult = Result<Bytes, CallError>;

/// The tasks of calls that can be cancelled.
pub(crate) type RunningCalls = LiteMap<u64, Task>;

impl CallError {
    /// The value that the caller gave is wrong.
    pub fn value(message: impl Into<String>) -> Self {
        Self::of(call_error::Kind::Value, message)
    }

    /// It failed.
    pub fn runtime(message: impl Into<String>) -> Self {
        Self::of(call_error::Kind::Runtime, message)
    }

    /// The worker is shut down for this kind of task.
    pub fn shutdown() -> Self {
        Self::of(call_error::Kind::Shutdown, "")
    }

    /// The caller cancelled; no one waits.
    pub fn cancelled() -> Self {
        Self::of(call_error::Kind::Cancelled, "")
    }

    /// A gRPC status with the bytes of grpc-status-details-bin.
    pub fn rpc(code: u32, message: impl Into<String>, details: Bytes) -> Self {
        Self { rpc_code: code, details, ..Self::of(call_error::Kind::Rpc, message) }
    }

    fn of(kind: call_error::Kind, message: impl Into<String>) -> Self {
        Self { kind: kind.into(), message: message.into(), rpc_code: 0, details: Bytes::new() }
    }
}

impl Host {
    /// Ends a call. Whoever took the call's input calls this once.
    pub fn resolve(&self, call: u64, result: CallResult) {
        self.running_calls().remove(&call);
        let result = match result {
            Ok(value) => call_resolved::Result::Value(value),
            Err(error) => call_resolved::Result::Error(error),
        };
        self.emit(effect::Kind::CallResolved(CallResolved { call, result: Some(result) }));
    }

    /// Runs `future` and resolves `call` with what it gives. If the caller cancels, the future is dropped and the call
    /// resolved as cancelled: use it where dropping loses nothing (RPCs, polls), and [`Host::spawn`] where it would
    /// (completions).
    pub fn spawn_call(&self, call: u64, future: impl Future<Output = CallResult> + 'static) {
        let host = self.clone();
        let task = self.spawn(async move {
            let result = future.await;
            host.resolve(call, result);
        });
        self.running_calls().insert(call, task);
    }

    pub(crate) fn cancel_call(&self, call: u64) {
        let running = self.running_calls().remove(&call);
        if let Some(task) = running {
            task.abort();
            self.resolve(call, Err(CallError::cancelled()));
        }
    }
}
