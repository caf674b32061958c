//! Queries (spec 1.15).

use temporalio_protos::coresdk::workflow_activation::WorkflowActivation;
use temporalio_protos::coresdk::workflow_activation::workflow_activation_job::Variant;

use super::Run;
use super::outstanding::{OutstandingActivation, OutstandingTask};

impl Run {
    pub(super) fn has_pending_queries(&self) -> bool {
        self.task.as_ref().is_some_and(|task| !task.pending_queries.is_empty())
    }

    /// All queries of the task, together, on an activation that has nothing else (spec 1.15.2).
    pub(super) fn with_queries(&mut self, mut activation: WorkflowActivation) -> WorkflowActivation {
        let queries = self.task.iter_mut().flat_map(|task| task.pending_queries.drain(..));
        activation.jobs.extend(queries.map(|query| Variant::QueryWorkflow(query).into()));
        activation
    }

    /// The task in hand is a legacy query, whether or not lang has it already.
    pub(super) fn works_on_legacy_query(&self) -> bool {
        let is_pending = self.task.as_ref().is_some_and(OutstandingTask::has_pending_legacy_query);
        is_pending || self.activation == Some(OutstandingActivation::LegacyQuery)
    }
}
