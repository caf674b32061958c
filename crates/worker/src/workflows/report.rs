//! The request that completes a workflow task, and what is wrong when it is too large (spec 1.8.5, 1.8.9).

use bytes::Bytes;
use corewasm_engine::TaskFailure;
use corewasm_engine::output::{TaskCompletion, TaskFailureKind};
use temporalio_protos::temporal::api::command::v1::Command;
use temporalio_protos::temporal::api::command::v1::command::Attributes;
use temporalio_protos::temporal::api::common::v1::MeteringMetadata;
use temporalio_protos::temporal::api::enums::v1::{
    ApplicationErrorCategory, TaskQueueKind, VersioningBehavior, WorkflowTaskFailedCause,
};
use temporalio_protos::temporal::api::failure::v1::failure::FailureInfo;
use temporalio_protos::temporal::api::failure::v1::{ApplicationFailureInfo, Failure};
use temporalio_protos::temporal::api::taskqueue::v1::{StickyExecutionAttributes, TaskQueue};
use temporalio_protos::temporal::api::workflowservice::v1::RespondWorkflowTaskCompletedRequest;
use temporalio_protos::temporal::api::workflowservice::v1::respond_workflow_task_completed_request::Capabilities;

use super::Workflows;
use super::query::query_answer;
use crate::config::Versioning;
use crate::metrics::WorkflowEnd;
use crate::service::{ServiceError, ServiceErrorKind};

impl Workflows {
    /// The whole request, not yet cut into pages.
    #[expect(deprecated, reason = "older servers read these fields")]
    pub(super) fn completion_request(
        &self,
        completion: TaskCompletion,
        run_id: &str,
    ) -> RespondWorkflowTaskCompletedRequest {
        let client = &self.context.client;
        let attempts =
            self.neighbours.local_activities.as_ref().map_or(0, |executor| executor.nonfirst_attempts(run_id));
        RespondWorkflowTaskCompletedRequest {
            task_token: completion.task_token.to_vec(),
            commands: completion.commands,
            identity: client.identity(),
            sticky_attributes: self.sticky_attributes(),
            // A task that comes with the answer is always partial: of no use without a cache.
            return_new_workflow_task: self.sticky_queue.is_some(),
            force_create_new_workflow_task: completion.force_create_new_task,
            binary_checksum: client.binary_checksum(),
            query_results: completion.query_responses.into_iter().map(query_answer).collect(),
            namespace: client.namespace().to_owned(),
            worker_version_stamp: client.version_stamp(),
            messages: completion.messages,
            sdk_metadata: Some(completion.sdk_metadata),
            metering_metadata: Some(MeteringMetadata { nonfirst_local_activity_execution_attempts: attempts }),
            capabilities: Some(Capabilities { discard_speculative_workflow_task_with_events: true }),
            versioning_behavior: self.versioning_behavior(completion.versioning_behavior).into(),
            deployment_options: client.deployment_options(),
            worker_instance_key: client.instance_key().to_owned(),
            worker_control_task_queue: client.worker_control_task_queue(),
            ..Default::default()
        }
    }

    fn sticky_attributes(&self) -> Option<StickyExecutionAttributes> {
        let name = self.sticky_queue.clone()?;
        let normal_name = self.context.config.task_queue.clone();
        let timeout = self.context.config.sticky_schedule_to_start_timeout;
        Some(StickyExecutionAttributes {
            worker_task_queue: Some(TaskQueue { name, kind: TaskQueueKind::Sticky.into(), normal_name }),
            schedule_to_start_timeout: Some(prost_types::Duration {
                seconds: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
                nanos: timeout.subsec_nanos() as i32,
            }),
        })
    }

    /// Lang's, or the worker's if lang says none (spec 8.4).
    fn versioning_behavior(&self, of_lang: VersioningBehavior) -> VersioningBehavior {
        match &self.context.config.versioning {
            Versioning::Deployment { default_behavior: Some(default), .. }
                if of_lang == VersioningBehavior::Unspecified =>
            {
                *default
            }
            _ => of_lang,
        }
    }
}

/// How these commands end the workflow, for the metric; benign failures count as none (spec 1.8.6).
pub(super) fn ending_of(commands: &[Command]) -> Option<WorkflowEnd> {
    commands.iter().find_map(|command| match command.attributes.as_ref()? {
        Attributes::CompleteWorkflowExecutionCommandAttributes(_) => Some(WorkflowEnd::Completed),
        Attributes::FailWorkflowExecutionCommandAttributes(failed) => {
            (!failed.failure.as_ref().is_some_and(is_benign)).then_some(WorkflowEnd::Failed)
        }
        Attributes::CancelWorkflowExecutionCommandAttributes(_) => Some(WorkflowEnd::Canceled),
        Attributes::ContinueAsNewWorkflowExecutionCommandAttributes(_) => Some(WorkflowEnd::ContinuedAsNew),
        _ => None,
    })
}

fn is_benign(failure: &Failure) -> bool {
    matches!(&failure.failure_info, Some(FailureInfo::ApplicationFailureInfo(info))
        if info.category == i32::from(ApplicationErrorCategory::Benign))
}

/// The failure with which a task fails whose completion was too large to send (spec 1.8.8, 1.8.9).
pub(super) fn too_large_failure(error: &ServiceError, task_token: Bytes, attempt: u32) -> Option<TaskFailure> {
    let (cause, failure) = match &error.kind {
        ServiceErrorKind::RequestTooLarge => (WorkflowTaskFailedCause::RequestTooLarge, request_too_large()),
        ServiceErrorKind::MessageTooLarge => (WorkflowTaskFailedCause::GrpcMessageTooLarge, message_too_large()),
        ServiceErrorKind::PayloadsTooLarge(violation) => {
            (WorkflowTaskFailedCause::PayloadsTooLarge, application_failure(violation, "PayloadsTooLarge", false))
        }
        ServiceErrorKind::Plain | ServiceErrorKind::ShortCircuited => return None,
    };
    Some(TaskFailure { task_token, attempt, cause, failure, kind: TaskFailureKind::Task })
}

pub(super) fn message_too_large() -> Failure {
    application_failure("GRPC Message too large", "GrpcMessageTooLarge", true)
}

fn request_too_large() -> Failure {
    application_failure("Workflow task completion exceeds the namespace size limit", "RequestTooLarge", true)
}

fn application_failure(message: &str, kind: &str, non_retryable: bool) -> Failure {
    Failure {
        message: message.to_owned(),
        failure_info: Some(FailureInfo::ApplicationFailureInfo(ApplicationFailureInfo {
            r#type: kind.to_owned(),
            non_retryable,
            ..Default::default()
        })),
        ..Default::default()
    }
}
