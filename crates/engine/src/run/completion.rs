//! What lang may answer, and what Core answers in lang's name (spec 1.8.1).

use temporalio_protos::coresdk::workflow_commands::{WorkflowCommand, workflow_command::Variant};
use temporalio_protos::coresdk::workflow_completion::workflow_activation_completion::Status;
use temporalio_protos::coresdk::workflow_completion::{Failure, Success, WorkflowActivationCompletion};
use temporalio_protos::temporal::api::enums::v1::VersioningBehavior;
use temporalio_protos::temporal::api::failure::v1::Failure as ApiFailure;

use crate::error::{MalformedCompletion, RunError};

/// Id of the job and of the answer of a legacy query (spec 1.15.1).
pub const LEGACY_QUERY_ID: &str = "legacy_query";

/// A completion that a run takes.
#[derive(Clone, Debug)]
pub struct ValidCompletion {
    /// Run that it belongs to.
    pub(crate) run_id: String,
    /// Core answers itself, an activation that lang never saw.
    pub(crate) is_autocomplete: bool,
    pub(crate) status: CompletionStatus,
}

/// How lang's turn ended.
#[derive(Clone, Debug)]
pub(crate) enum CompletionStatus {
    /// Lang ran the workflow.
    Succeeded(Succeeded),
    /// Lang could not.
    Failed(Box<Failure>),
}

/// What lang's workflow code wants.
#[derive(Clone, Debug, Default)]
pub(crate) struct Succeeded {
    /// Each has a variant.
    pub(crate) commands: Vec<WorkflowCommand>,
    pub(crate) used_flags: Vec<u32>,
    pub(crate) versioning_behavior: VersioningBehavior,
}

/// Checks a completion of lang's.
///
/// # Errors
/// It has no status, a command without a variant, or a legacy query's answer together with other commands.
pub fn validate_completion(completion: WorkflowActivationCompletion) -> Result<ValidCompletion, MalformedCompletion> {
    let WorkflowActivationCompletion { run_id, status, .. } = completion;
    let status = match status {
        None => Err("Workflow completion had empty status field".to_owned()),
        Some(Status::Failed(failure)) => Ok(CompletionStatus::Failed(Box::new(failure))),
        Some(Status::Successful(success)) => validate_success(success).map(CompletionStatus::Succeeded),
    };
    match status {
        Ok(status) => Ok(ValidCompletion { run_id, is_autocomplete: false, status }),
        Err(reason) => Err(MalformedCompletion { run_id, reason }),
    }
}

impl ValidCompletion {
    /// The answer to [`crate::RunOutput::Autocomplete`].
    pub fn autocomplete(run_id: impl Into<String>) -> Self {
        let status = CompletionStatus::Succeeded(Succeeded::default());
        Self { run_id: run_id.into(), is_autocomplete: true, status }
    }

    /// The answer to [`crate::RunOutput::AutoFail`].
    pub fn auto_fail(run_id: impl Into<String>, error: &RunError) -> Self {
        Self {
            run_id: run_id.into(),
            is_autocomplete: true,
            status: CompletionStatus::Failed(Box::new(failure_of(error))),
        }
    }

    /// Run that it belongs to.
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// Lang had nothing to say: the usual answer to an eviction.
    pub fn is_empty(&self) -> bool {
        matches!(&self.status, CompletionStatus::Succeeded(success) if success.commands.is_empty())
    }
}

/// The failure that a broken run answers with (spec 1.8.9).
pub(crate) fn failure_of(error: &RunError) -> Failure {
    Failure {
        failure: Some(ApiFailure::application_failure(error.to_string(), false)),
        force_cause: error.forced_cause() as i32,
    }
}

fn validate_success(success: Success) -> Result<Succeeded, String> {
    let commands = success.commands;
    if commands.iter().any(|command| command.variant.is_none()) {
        return Err("At least one workflow command in the completion contained an empty variant".to_owned());
    }
    if commands.len() > 1 && commands.iter().any(answers_legacy_query) {
        return Err(format!(
            "Workflow completion had a legacy query response along with other commands. This is not allowed and \
             constitutes an error in the lang SDK. Commands: {commands:?}"
        ));
    }
    let versioning_behavior = VersioningBehavior::try_from(success.versioning_behavior).unwrap_or_default();
    Ok(Succeeded { commands, used_flags: success.used_internal_flags, versioning_behavior })
}

/// The command answers the legacy query.
pub(crate) fn answers_legacy_query(command: &WorkflowCommand) -> bool {
    matches!(&command.variant, Some(Variant::RespondToQuery(answer)) if answer.query_id == LEGACY_QUERY_ID)
}
