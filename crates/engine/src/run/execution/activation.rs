//! Making an activation of the jobs that wait (spec 1.7).

use temporalio_protos::coresdk::workflow_activation::WorkflowActivation;

use super::Execution;
use super::deployment::computed_version;
use crate::error::Result;

impl Execution {
    /// The next activation; applies the next sequence first if no jobs wait and it is at hand. It may come out without
    /// jobs.
    pub(in crate::run) fn next_activation(&mut self) -> Result<WorkflowActivation> {
        if self.jobs.is_empty() && self.can_apply_next_task() {
            self.apply_next_task()?;
        }
        let activation = self.take_activation();
        self.local_activities.activation_given(!activation.jobs.is_empty());
        Ok(activation)
    }

    /// An activation of the jobs that wait, in lang's order. Without any it is good for queries, which are always
    /// answered as if replaying (spec 1.7.1).
    pub(in crate::run) fn take_activation(&mut self) -> WorkflowActivation {
        let jobs = self.jobs.take_ordered();
        let is_replaying = self.progress.replaying || jobs.is_empty();
        if !jobs.is_empty() {
            self.local_activities.count_activation();
        }
        if !is_replaying {
            self.deployment_version = computed_version(&self.setup);
        }
        WorkflowActivation {
            run_id: self.identity.run_id.clone(),
            timestamp: self.clock.current(),
            is_replaying,
            history_length: u32::try_from(self.progress.last_event_id).unwrap_or(u32::MAX),
            jobs,
            available_internal_flags: self.flags.lang_flags(),
            history_size_bytes: self.facts.history_size_bytes,
            continue_as_new_suggested: self.facts.continue_as_new_suggested,
            deployment_version_for_current_task: self.deployment_version.clone(),
            last_sdk_version: self.flags.recorded_sdk_version().to_owned(),
            suggest_continue_as_new_reasons: self.facts.continue_as_new_reasons.clone(),
            target_worker_deployment_version_changed: self.facts.target_version_changed,
        }
    }
}
