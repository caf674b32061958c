//! Failing workflow tasks (spec 1.8.7 to 1.8.10).

use temporalio_protos::coresdk::workflow_activation::remove_from_cache::EvictionReason;
use temporalio_protos::coresdk::workflow_commands::workflow_command::Variant;
use temporalio_protos::coresdk::workflow_commands::{FailWorkflowExecution, WorkflowCommand};
use temporalio_protos::coresdk::workflow_completion::Failure;
use temporalio_protos::temporal::api::enums::v1::WorkflowTaskFailedCause;
use temporalio_protos::temporal::api::failure::v1::Failure as ApiFailure;

use super::Run;
use super::completing::InFlightCompletion;
use super::completion::{Succeeded, failure_of};
use crate::error::RunError;
use crate::input::EvictionRequest;
use crate::output::{TaskFailure, TaskFailureKind, TaskReport};

/// How a completion fails.
struct FailedCompletion {
    cause: WorkflowTaskFailedCause,
    eviction: EvictionReason,
    failure: Failure,
    /// Core found the fault.
    is_auto_fail: bool,
    is_autocomplete: bool,
}

impl Run {
    /// Lang could not complete the activation, or Core could not make one.
    pub(super) fn complete_failed(&mut self, failure: Failure, is_autocomplete: bool) {
        let cause = match failure.force_cause() {
            WorkflowTaskFailedCause::Unspecified => WorkflowTaskFailedCause::WorkflowWorkerUnhandledFailure,
            forced => forced,
        };
        let eviction = if is_autocomplete { EvictionReason::Unspecified } else { EvictionReason::LangFail };
        self.fail(FailedCompletion { cause, eviction, failure, is_auto_fail: is_autocomplete, is_autocomplete });
    }

    /// A good completion that the execution can not take.
    pub(super) fn fail_in_flight(&mut self, completion: &InFlightCompletion, error: RunError) {
        self.broken = true;
        self.fail(FailedCompletion {
            cause: error.task_failed_cause(),
            eviction: error.eviction_reason(),
            failure: failure_of(&error),
            is_auto_fail: true,
            is_autocomplete: completion.is_autocomplete,
        });
    }

    /// The page that a completion waits for can not be had: the completion fails and the run goes (spec 1.3.8).
    pub(super) fn fail_fetch(&mut self, reason: &str) {
        let message = format!("Fetching history failed: {reason}");
        let eviction = EvictionReason::PaginationOrHistoryFetch;
        match self.parked.take() {
            Some(completion) => self.fail(FailedCompletion {
                cause: WorkflowTaskFailedCause::WorkflowWorkerUnhandledFailure,
                eviction,
                failure: ApiFailure::application_failure(message, false).into(),
                is_auto_fail: true,
                is_autocomplete: completion.is_autocomplete,
            }),
            None => drop(self.request_eviction(EvictionRequest::because(eviction, message))),
        }
    }

    /// What becomes of a task that could not be stored when lang lets go of the run (spec 1.9.10).
    pub(super) fn report_of_unstored_task(&mut self) -> TaskReport {
        let unstored = self.eviction.as_mut().and_then(|eviction| {
            let task = eviction.fail_task.take()?;
            Some((task, eviction.message.clone()))
        });
        let Some((task, message)) = unstored else { return TaskReport::Nothing };
        TaskReport::Fail(Box::new(TaskFailure {
            task_token: task.task_token,
            attempt: task.attempt,
            cause: WorkflowTaskFailedCause::WorkflowWorkerUnhandledFailure,
            failure: ApiFailure::application_failure(message, true),
            kind: TaskFailureKind::Task,
        }))
    }

    fn fail(&mut self, failed: FailedCompletion) {
        let Some((task_token, attempt)) = self.task.as_ref().map(|task| (task.token.clone(), task.attempt)) else {
            let message = format!("No workflow task for run id {} found when trying to fail activation", self.run_id());
            self.warn(message.clone());
            // Native Core keeps the run, which then can hold a later task for ever.
            if self.broken {
                self.request_eviction(EvictionRequest::because(failed.eviction, message));
            }
            return self.decide(TaskReport::Nothing, failed.is_autocomplete);
        };
        let kind = self.failure_kind(&failed);
        // A broken run that kept its query, as on native Core, would hold the task for ever.
        if kind != TaskFailureKind::RetryableLegacyQuery || self.broken {
            let message = format!("Workflow activation completion failed: {:?}", failed.failure);
            self.request_eviction(EvictionRequest::because(failed.eviction, message));
        }
        if self.fails_workflow_instead(kind, attempt, failed.cause) {
            return self.fail_workflow(failed);
        }
        // A query's answer names only a cause that the failure itself forces.
        let cause = if kind == TaskFailureKind::Task { failed.cause } else { failed.failure.force_cause() };
        let failure = failed.failure.failure.unwrap_or_default();
        let report = TaskFailure { task_token, attempt, cause, failure, kind };
        self.decide(TaskReport::Fail(Box::new(report)), failed.is_autocomplete);
    }

    fn failure_kind(&self, failed: &FailedCompletion) -> TaskFailureKind {
        let is_transient =
            matches!(failed.eviction, EvictionReason::Unspecified | EvictionReason::PaginationOrHistoryFetch);
        match (self.works_on_legacy_query(), failed.is_auto_fail && is_transient) {
            (false, _) => TaskFailureKind::Task,
            (true, true) => TaskFailureKind::RetryableLegacyQuery,
            (true, false) => TaskFailureKind::LegacyQuery,
        }
    }

    /// Only on the first attempt: if that completion did not reach the service, later ones go the normal way (spec
    /// 1.8.10).
    fn fails_workflow_instead(&self, kind: TaskFailureKind, attempt: u32, cause: WorkflowTaskFailedCause) -> bool {
        let setup = &self.setup;
        let is_wanted = setup.nondeterminism_fails_workflow
            || setup.nondeterminism_fails_workflow_types.iter().any(|wanted| wanted == self.workflow_type());
        let is_nondeterminism = cause == WorkflowTaskFailedCause::NonDeterministicError;
        kind == TaskFailureKind::Task && attempt <= 1 && is_nondeterminism && is_wanted
    }

    fn fail_workflow(&mut self, failed: FailedCompletion) {
        self.warn("Failing workflow due to nondeterminism error");
        let variant = Variant::FailWorkflowExecution(FailWorkflowExecution { failure: failed.failure.failure });
        let command = WorkflowCommand { variant: Some(variant), ..WorkflowCommand::default() };
        let success = Succeeded { commands: vec![command], ..Succeeded::default() };
        self.complete_successfully(success, failed.is_autocomplete, true);
    }
}
