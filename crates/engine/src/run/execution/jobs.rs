//! Jobs for lang's next activation, and their order in it (spec 1.7.2).

use std::mem;

use temporalio_protos::coresdk::workflow_activation::WorkflowActivationJob;
use temporalio_protos::coresdk::workflow_activation::workflow_activation_job::Variant;

/// Jobs that wait for the next activation.
#[derive(Debug, Default)]
pub(super) struct PendingJobs {
    jobs: Vec<WorkflowActivationJob>,
}

impl PendingJobs {
    /// One more.
    pub(super) fn push(&mut self, job: impl Into<Variant>) {
        self.jobs.push(WorkflowActivationJob { variant: Some(job.into()) });
    }

    /// All, in the order in which lang must carry them out.
    pub(super) fn take_ordered(&mut self) -> Vec<WorkflowActivationJob> {
        let mut jobs = mem::take(&mut self.jobs);
        jobs.sort_by_key(place);
        jobs
    }

    pub(super) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// A local activity's resolution is among them.
    pub(super) fn resolve_local_activity(&self) -> bool {
        self.jobs
            .iter()
            .any(|job| matches!(&job.variant, Some(Variant::ResolveActivity(resolved)) if resolved.is_local))
    }
}

/// Where a job stands; jobs of one place keep the order in which they arose.
fn place(job: &WorkflowActivationJob) -> u8 {
    match &job.variant {
        Some(Variant::InitializeWorkflow(_)) => 0,
        Some(Variant::NotifyHasPatch(_)) => 1,
        Some(Variant::UpdateRandomSeed(_)) => 2,
        Some(Variant::SignalWorkflow(_) | Variant::DoUpdate(_)) => 3,
        Some(Variant::ResolveActivity(resolved)) if resolved.is_local => 5,
        Some(Variant::QueryWorkflow(_)) => 6,
        Some(Variant::RemoveFromCache(_)) => 7,
        _ => 4,
    }
}
