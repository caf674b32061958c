//! The calls about Nexus tasks, in the worker's name.

use std::rc::Rc;

use futures::future::LocalBoxFuture;
use temporalio_protos::temporal::api::enums::v1::TaskQueueKind;
use temporalio_protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_protos::temporal::api::workflowservice::v1::{
    PollNexusTaskQueueRequest, PollNexusTaskQueueResponse, RespondNexusTaskCompletedRequest,
    RespondNexusTaskCompletedResponse, RespondNexusTaskFailedRequest, RespondNexusTaskFailedResponse,
};

use super::reply::Answer;
use crate::context::WorkerContext;
use crate::pollers::PollOptions;
use crate::service::{CallOptions, ServiceError, WorkerClient};

/// One poll for Nexus tasks.
pub(super) fn poll(
    context: &Rc<WorkerContext>,
    options: PollOptions,
) -> LocalBoxFuture<'static, Result<PollNexusTaskQueueResponse, ServiceError>> {
    let context = context.clone();
    Box::pin(async move {
        let options = CallOptions { retry: options.retry, timeout: options.timeout };
        context.client.call("PollNexusTaskQueue", poll_request(&context), options).await
    })
}

fn poll_request(context: &WorkerContext) -> PollNexusTaskQueueRequest {
    let client = &context.client;
    let name = context.config.task_queue.clone();
    #[allow(deprecated, reason = "older servers read the version capabilities")]
    PollNexusTaskQueueRequest {
        namespace: client.namespace().to_owned(),
        task_queue: Some(TaskQueue { name, kind: TaskQueueKind::Normal.into(), ..Default::default() }),
        identity: client.identity(),
        worker_version_capabilities: client.version_capabilities(),
        deployment_options: client.deployment_options(),
        worker_instance_key: client.instance_key().to_owned(),
        ..Default::default()
    }
}

/// Tells the service how a task ended.
pub(super) async fn answer(client: &WorkerClient, task_token: Vec<u8>, answer: Answer) -> Result<(), ServiceError> {
    match answer {
        Answer::Completed(response) => {
            let request = RespondNexusTaskCompletedRequest {
                namespace: client.namespace().to_owned(),
                identity: client.identity(),
                task_token,
                response: Some(*response),
                ..Default::default()
            };
            let options = CallOptions::default();
            client.call::<RespondNexusTaskCompletedResponse>("RespondNexusTaskCompleted", request, options).await?;
        }
        failed => fail(client, task_token, failed).await?,
    }
    Ok(())
}

#[allow(deprecated, reason = "older servers read the error")]
async fn fail(client: &WorkerClient, task_token: Vec<u8>, answer: Answer) -> Result<(), ServiceError> {
    let (error, failure) = match answer {
        Answer::LegacyError(error) => (Some(*error), None),
        Answer::Failure(failure) => (None, Some(*failure)),
        Answer::Completed(_) => (None, None),
    };
    let request = RespondNexusTaskFailedRequest {
        namespace: client.namespace().to_owned(),
        identity: client.identity(),
        task_token,
        error,
        failure,
        ..Default::default()
    };
    let options = CallOptions::default();
    client.call::<RespondNexusTaskFailedResponse>("RespondNexusTaskFailed", request, options).await.map(drop)
}
