//! What the latest WorkflowTaskStarted event said, for the activations that follow it (spec 1.5.9).

use temporalio_protos::temporal::api::history::v1::WorkflowTaskStartedEventAttributes;

/// Facts of the current workflow task.
#[derive(Debug, Default)]
pub(super) struct TaskFacts {
    pub(super) history_size_bytes: u64,
    pub(super) continue_as_new_suggested: bool,
    pub(super) continue_as_new_reasons: Vec<i32>,
    pub(super) target_version_changed: bool,
}

impl From<&WorkflowTaskStartedEventAttributes> for TaskFacts {
    fn from(started: &WorkflowTaskStartedEventAttributes) -> Self {
        Self {
            history_size_bytes: u64::try_from(started.history_size_bytes).unwrap_or_default(),
            continue_as_new_suggested: started.suggest_continue_as_new,
            continue_as_new_reasons: started.suggest_continue_as_new_reasons.clone(),
            target_version_changed: started.target_worker_deployment_version_changed,
        }
    }
}
