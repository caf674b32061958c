//! Eager workflow start (spec 10.9): a start may bring its first task along, if a worker of the same connection has a
//! slot for it.

use std::rc::Rc;

use bytes::Bytes;
use corewasm_host::{GrpcResponse, Host};
use futures::future::LocalBoxFuture;
use prost::Message;
use serde_json::json;
use temporalio_protos::temporal::api::{
    deployment::v1::WorkerDeploymentOptions, workflowservice::v1::StartWorkflowExecutionRequest,
};

use crate::wire;

const LOG_TARGET: &str = "temporalio_client::grpc";

/// The workers of a connection, as far as starting workflows eagerly goes.
pub trait EagerStarter {
    /// A slot of some worker of this namespace and task queue, if one is free.
    fn reserve(&self, namespace: String, task_queue: String) -> LocalBoxFuture<'static, Option<EagerReservation>>;
}

/// A slot that is kept for the task of a start.
pub struct EagerReservation {
    /// How the worker is versioned, told to the server.
    pub deployment_options: Option<WorkerDeploymentOptions>,
    /// The slot itself.
    pub slot: Box<dyn EagerSlot>,
}

/// Dropping it gives the slot back.
pub trait EagerSlot {
    /// Hands the worker its task, an encoded PollWorkflowTaskQueueResponse. The error says why it was not taken.
    fn schedule(self: Box<Self>, task: Bytes) -> Result<(), String>;
}

/// The request with its eager flag kept if a slot was found, and cleared if not.
pub(crate) async fn prepare(
    starter: Option<Rc<dyn EagerStarter>>,
    mut request: StartWorkflowExecutionRequest,
) -> (Bytes, Option<Box<dyn EagerSlot>>) {
    let task_queue = request.task_queue.as_ref().map(|queue| queue.name.clone()).unwrap_or_default();
    let reservation = match starter {
        Some(starter) => starter.reserve(request.namespace.clone(), task_queue).await,
        None => None,
    };
    request.request_eager_execution = reservation.is_some();
    let slot = reservation.map(|reservation| {
        if reservation.deployment_options.is_some() {
            request.eager_worker_deployment_options = reservation.deployment_options;
        }
        reservation.slot
    });
    (request.encode_to_vec().into(), slot)
}

/// The decoded request if it asks for an eager start.
pub(crate) fn asks_for_eager_start(body: &Bytes) -> Option<StartWorkflowExecutionRequest> {
    StartWorkflowExecutionRequest::decode(&body[..]).ok().filter(|request| request.request_eager_execution)
}

/// Hands the task in the response to the worker whose slot was kept. Without one, the slot is given back.
pub(crate) fn deliver(host: &Host, response: &GrpcResponse, slot: Box<dyn EagerSlot>) {
    const EAGER_WORKFLOW_TASK: u32 = 2;
    let Some(task) = wire::bytes(&response.body, EAGER_WORKFLOW_TASK) else { return };
    if let Err(details) = slot.schedule(response.body.slice_ref(task)) {
        // The server gives the task to another poll after its timeout.
        host.warn(LOG_TARGET, "Eager workflow task rejected by worker.", &[("details", json!(details))]);
    }
}
