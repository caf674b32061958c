//! The calls about activities, in the worker's name.

use futures::future::LocalBoxFuture;
use std::rc::Rc;

use temporalio_protos::temporal::api::common::v1::{Payload, Payloads};
use temporalio_protos::temporal::api::enums::v1::TaskQueueKind;
use temporalio_protos::temporal::api::taskqueue::v1::{TaskQueue, TaskQueueMetadata};
use temporalio_protos::temporal::api::workflowservice::v1::{
    PollActivityTaskQueueRequest, PollActivityTaskQueueResponse, RecordActivityTaskHeartbeatRequest,
    RecordActivityTaskHeartbeatResponse, RespondActivityTaskCanceledRequest, RespondActivityTaskCanceledResponse,
    RespondActivityTaskCompletedRequest, RespondActivityTaskCompletedResponse, RespondActivityTaskFailedRequest,
    RespondActivityTaskFailedResponse,
};

use super::completion::FailedReport;
use crate::context::WorkerContext;
use crate::pollers::PollOptions;
use crate::service::{CallOptions, ServiceError, WorkerClient};

/// One poll for activity tasks.
pub(super) fn poll(
    context: &Rc<WorkerContext>,
    options: PollOptions,
) -> LocalBoxFuture<'static, Result<PollActivityTaskQueueResponse, ServiceError>> {
    let context = context.clone();
    Box::pin(async move {
        let options = CallOptions { retry: options.retry, timeout: options.timeout };
        context.client.call("PollActivityTaskQueue", poll_request(&context), options).await
    })
}

fn poll_request(context: &WorkerContext) -> PollActivityTaskQueueRequest {
    let (client, config) = (&context.client, &context.config);
    let queue = TaskQueue { name: config.task_queue.clone(), kind: TaskQueueKind::Normal.into(), ..Default::default() };
    let metadata = config
        .max_task_queue_activities_per_second
        .map(|limit| TaskQueueMetadata { max_tasks_per_second: Some(limit) });
    #[allow(deprecated, reason = "older servers read the version capabilities")]
    PollActivityTaskQueueRequest {
        namespace: client.namespace().to_owned(),
        task_queue: Some(queue),
        identity: client.identity(),
        task_queue_metadata: metadata,
        worker_version_capabilities: client.version_capabilities(),
        deployment_options: client.deployment_options(),
        worker_instance_key: client.instance_key().to_owned(),
        worker_control_task_queue: client.worker_control_task_queue(),
        ..Default::default()
    }
}

pub(super) async fn record_heartbeat(
    client: &WorkerClient,
    task_token: Vec<u8>,
    details: Vec<Payload>,
) -> Result<RecordActivityTaskHeartbeatResponse, ServiceError> {
    let request = RecordActivityTaskHeartbeatRequest {
        task_token,
        details: (!details.is_empty()).then_some(Payloads { payloads: details }),
        identity: client.identity(),
        namespace: client.namespace().to_owned(),
        ..Default::default()
    };
    client.call("RecordActivityTaskHeartbeat", request, CallOptions::default()).await
}

#[allow(deprecated, reason = "older servers read the version stamp")]
pub(super) async fn complete(
    client: &WorkerClient,
    task_token: Vec<u8>,
    result: Option<Payloads>,
) -> Result<RespondActivityTaskCompletedResponse, ServiceError> {
    let request = RespondActivityTaskCompletedRequest {
        task_token,
        result,
        identity: client.identity(),
        namespace: client.namespace().to_owned(),
        worker_version: client.version_stamp(),
        deployment_options: client.deployment_options(),
        ..Default::default()
    };
    client.call("RespondActivityTaskCompleted", request, CallOptions::default()).await
}

#[allow(deprecated, reason = "older servers read the version stamp")]
pub(super) async fn cancel(
    client: &WorkerClient,
    task_token: Vec<u8>,
    details: Option<Payloads>,
) -> Result<RespondActivityTaskCanceledResponse, ServiceError> {
    let request = RespondActivityTaskCanceledRequest {
        task_token,
        details,
        identity: client.identity(),
        namespace: client.namespace().to_owned(),
        worker_version: client.version_stamp(),
        deployment_options: client.deployment_options(),
        ..Default::default()
    };
    client.call("RespondActivityTaskCanceled", request, CallOptions::default()).await
}

#[allow(deprecated, reason = "older servers read the version stamp")]
pub(super) async fn fail(
    client: &WorkerClient,
    task_token: Vec<u8>,
    report: FailedReport,
) -> Result<RespondActivityTaskFailedResponse, ServiceError> {
    let request = RespondActivityTaskFailedRequest {
        task_token,
        failure: report.failure,
        last_heartbeat_details: report.last_heartbeat_details,
        cause: report.cause as i32,
        identity: client.identity(),
        namespace: client.namespace().to_owned(),
        worker_version: client.version_stamp(),
        deployment_options: client.deployment_options(),
        ..Default::default()
    };
    client.call("RespondActivityTaskFailed", request, CallOptions::default()).await
}
