//! The one gate that every failure of a workflow task passes (spec 1.8.7).

use std::rc::Rc;

use corewasm_engine::output::TaskFailureKind;
use corewasm_engine::{EvictionRequest, ReportOutcome, TaskFailure};
use temporalio_protos::temporal::api::enums::v1::WorkflowTaskFailedCause;
use temporalio_protos::temporal::api::failure::v1::Failure;
use temporalio_protos::temporal::api::workflowservice::v1::{
    RespondWorkflowTaskFailedRequest, RespondWorkflowTaskFailedResponse,
};

use super::{TARGET, Workflows};
use crate::service::CallOptions;
use crate::slots::SlotPermit;

impl Workflows {
    /// Report a failure, or drop it: only a first attempt is worth telling, the next ones fail in the same way.
    pub(super) async fn report_failure(
        self: &Rc<Self>,
        run_id: &str,
        workflow_type: &str,
        failure: TaskFailure,
    ) -> ReportOutcome {
        self.context.metrics.task_failed(workflow_type, reason_label(failure.cause));
        let fields = [("run_id", run_id.into()), ("failure", failure.failure.message.clone().into())];
        match failure.kind {
            TaskFailureKind::LegacyQuery => {
                self.context.host.warn(TARGET, "Failing legacy query request", &fields);
                self.fail_legacy_query(failure.task_token, failure.cause, failure.failure).await;
            }
            TaskFailureKind::RetryableLegacyQuery => {
                self.context.host.debug(TARGET, "Dropping legacy query with retryable failure", &fields);
                return ReportOutcome::Dropped;
            }
            TaskFailureKind::Task if failure.attempt > 1 => {
                self.context.host.debug(TARGET, "Not reporting workflow task failure on non-first attempt", &fields);
                return ReportOutcome::Dropped;
            }
            TaskFailureKind::Task => {
                self.context.host.warn(TARGET, "Failing workflow task", &fields);
                self.send_failure(run_id, failure).await;
            }
        }
        ReportOutcome::Reported { reset_last_started_to: None }
    }

    /// Fail a task that never reached a run (spec 1.9.10).
    pub(super) fn fail_unstored(
        self: &Rc<Self>,
        run_id: &str,
        workflow_type: String,
        request: EvictionRequest,
        permit: SlotPermit,
    ) {
        let Some(task) = request.fail_task else { return };
        let failure = TaskFailure {
            task_token: task.task_token,
            attempt: task.attempt,
            cause: WorkflowTaskFailedCause::WorkflowWorkerUnhandledFailure,
            failure: Failure::application_failure(request.message, true),
            kind: TaskFailureKind::Task,
        };
        let (workflows, run_id) = (self.clone(), run_id.to_owned());
        self.spawn(async move {
            workflows.report_failure(&run_id, &workflow_type, failure).await;
            drop(permit);
            if let Some(run_gone) = &workflows.neighbours.run_gone {
                run_gone();
            }
        });
    }

    #[expect(deprecated, reason = "older servers read these fields")]
    async fn send_failure(self: &Rc<Self>, run_id: &str, failure: TaskFailure) {
        let client = &self.context.client;
        let request = RespondWorkflowTaskFailedRequest {
            task_token: failure.task_token.to_vec(),
            cause: failure.cause.into(),
            failure: Some(failure.failure),
            identity: client.identity(),
            binary_checksum: client.binary_checksum(),
            namespace: client.namespace().to_owned(),
            worker_version: client.version_stamp(),
            deployment_options: client.deployment_options(),
            ..Default::default()
        };
        let sent = client
            .call::<RespondWorkflowTaskFailedResponse>("RespondWorkflowTaskFailed", request, CallOptions::default())
            .await;
        if let Err(error) = sent {
            self.evict_for(run_id, &error);
        }
    }
}

/// Spec 11.5.
const fn reason_label(cause: WorkflowTaskFailedCause) -> &'static str {
    match cause {
        WorkflowTaskFailedCause::NonDeterministicError => "NonDeterminismError",
        WorkflowTaskFailedCause::GrpcMessageTooLarge => "GrpcMessageTooLarge",
        WorkflowTaskFailedCause::PayloadsTooLarge => "PayloadsTooLarge",
        WorkflowTaskFailedCause::RequestTooLarge => "RequestTooLarge",
        WorkflowTaskFailedCause::ExternalStorageFailure => "ExternalStorageError",
        _ => "WorkflowError",
    }
}
