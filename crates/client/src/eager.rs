//! Eager workflow start (spec 10.9): a start may bring its first task along, if a worker of the same connection has a
//! slot for it.

use std::rc::Rc;

use bytes::Bytes;
use corewasm_host::{GrpcResponse, Host};
use futures::future::LocalBoxFuture;
use prost::encoding::message;
use serde_json::json;
use temporalio_protos::temporal::api::deployment::v1::WorkerDeploymentOptions;

use crate::wire;

// Fields of StartWorkflowExecutionRequest. It is not decoded: that takes code for all that it holds.
const NAMESPACE: u32 = 1;
const TASK_QUEUE: u32 = 4;
const REQUEST_EAGER_EXECUTION: u32 = 17;
const EAGER_WORKER_DEPLOYMENT_OPTIONS: u32 = 28;

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
    request: &Bytes,
) -> (Bytes, Option<Box<dyn EagerSlot>>) {
    const NAME: u32 = 1;
    let namespace = wire::text(request, NAMESPACE).unwrap_or_default();
    let task_queue = wire::bytes(request, TASK_QUEUE).and_then(|queue| wire::text(queue, NAME)).unwrap_or_default();
    let reservation = match starter {
        Some(starter) => starter.reserve(namespace, task_queue).await,
        None => None,
    };
    match reservation {
        None => (wire::without(request, REQUEST_EAGER_EXECUTION).into(), None),
        Some(EagerReservation { deployment_options: None, slot }) => (request.clone(), Some(slot)),
        Some(EagerReservation { deployment_options: Some(options), slot }) => (tell(request, &options), Some(slot)),
    }
}

/// The request with how the worker is versioned.
fn tell(request: &[u8], options: &WorkerDeploymentOptions) -> Bytes {
    let mut request = wire::without(request, EAGER_WORKER_DEPLOYMENT_OPTIONS);
    message::encode(EAGER_WORKER_DEPLOYMENT_OPTIONS, options, &mut request);
    request.into()
}

/// Whether the request is readable and asks for an eager start.
pub(crate) fn asks_for_eager_start(body: &[u8]) -> bool {
    wire::varint(body, REQUEST_EAGER_EXECUTION).is_some_and(|flag| flag != 0) && wire::check(body).is_ok()
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
