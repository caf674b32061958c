//! What a worker calls through: a connection that can be replaced, and the limits that its namespace sets.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use corewasm_host::{GrpcResponse, HostRef};
use prost::Message;

use crate::{CallOptions, Connection, PayloadErrorLimits, Rpc, RpcError, connection::decode};

/// Calls of one worker. Clones share everything, the connection included.
#[derive(Clone)]
pub struct Client(Rc<Shared>);

struct Shared {
    worker: Option<HostRef>,
    connection: RefCell<Connection>,
    payload_error_limits: Cell<PayloadErrorLimits>,
}

impl Client {
    /// Calls over `connection`, for this worker.
    pub fn new(connection: Connection, worker: Option<HostRef>) -> Self {
        let connection = RefCell::new(connection);
        Self(Rc::new(Shared { worker, connection, payload_error_limits: Cell::default() }))
    }

    /// The connection that the next call takes.
    pub fn connection(&self) -> Connection {
        self.0.connection.borrow().clone()
    }

    /// Later calls take this connection; calls in flight finish on the one they began with. Gives the old one.
    pub fn replace_connection(&self, connection: Connection) -> Connection {
        self.0.connection.replace(connection)
    }

    /// From which size on payloads of later calls fail them (spec 9.1.1).
    pub fn set_payload_error_limits(&self, limits: PayloadErrorLimits) {
        self.0.payload_error_limits.set(limits);
    }

    /// Calls a method of the WorkflowService. `options.worker` and `options.payload_error_limits` are this client's.
    pub async fn call<Response: Message + Default>(
        &self,
        method: &str,
        request: &impl Message,
        options: CallOptions,
    ) -> Result<Response, RpcError> {
        decode(&self.call_raw(method, request, options).await?.body)
    }

    /// As [`Self::call`], with the response left encoded.
    pub async fn call_raw(
        &self,
        method: &str,
        request: &impl Message,
        options: CallOptions,
    ) -> Result<GrpcResponse, RpcError> {
        let payload_error_limits = self.0.payload_error_limits.get();
        let options = CallOptions { worker: self.0.worker, payload_error_limits, ..options };
        let connection = self.connection();
        connection.call_raw(Rpc::workflow_service(method), request.encode_to_vec().into(), options).await
    }
}
