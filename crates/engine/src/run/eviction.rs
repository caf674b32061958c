//! Letting go of the run (spec 1.9).

use temporalio_protos::coresdk::workflow_activation::remove_from_cache::EvictionReason;
use temporalio_protos::coresdk::workflow_activation::workflow_activation_job::Variant;
use temporalio_protos::coresdk::workflow_activation::{RemoveFromCache, WorkflowActivation};

use super::Run;
use super::local_activities::AfterLocalActivities;
use super::outstanding::OutstandingActivation;
use crate::input::EvictionRequest;
use crate::output::LocalActivityRequest;

impl EvictionRequest {
    /// Somebody else needs the place.
    pub fn cache_full() -> Self {
        Self::because(EvictionReason::CacheFull, "Workflow cache full")
    }

    /// Lang asks for it.
    pub fn by_lang() -> Self {
        Self::because(EvictionReason::LangRequested, "Eviction explicitly requested by lang")
    }

    /// The workflow is over and the service knows (spec 1.9.9).
    pub fn workflow_ended() -> Self {
        Self::because(EvictionReason::WorkflowExecutionEnding, "Workflow completed")
    }

    /// The service would not hear of a task's result (spec 1.8.11).
    pub fn report_refused(reason: EvictionReason) -> Self {
        Self::because(reason, "Error reporting WFT to server")
    }

    /// A replay worker is done with the run (spec 12.4).
    pub fn replayed() -> Self {
        Self::because(EvictionReason::LangRequested, "Always evict workflows after replay")
    }

    /// With this reason and message.
    pub fn because(reason: EvictionReason, message: impl Into<String>) -> Self {
        Self { message: message.into(), reason, fail_task: None }
    }
}

impl Run {
    /// Marks the run. The first request also drops queries that nobody can answer any more; a later one only changes
    /// the reason (spec 1.9.3, 1.9.4). Answers whether an activation went out.
    pub(super) fn request_eviction(&mut self, request: EvictionRequest) -> bool {
        let is_first = self.eviction.is_none() && self.activation != Some(OutstandingActivation::Eviction);
        if is_first && !lets_queries_finish(request.reason) && !self.works_on_legacy_query() {
            self.task.iter_mut().for_each(|task| task.pending_queries.clear());
        }
        self.eviction = Some(request);
        if !is_first {
            return false;
        }
        let step = self.next_step();
        self.proceed(step)
    }

    /// Evicts if the run is free (spec 1.9.2). Local activities are cancelled first, and lang must have heard of it
    /// (spec 1.9.8).
    pub(super) fn evict_if_free(&mut self) -> bool {
        let is_free = self.activation.is_none() && (self.broken || !self.has_deliverable_jobs());
        if !is_free {
            return false;
        }
        self.stop_waiting();
        let cancels =
            if self.execution.has_used_local_activities() { vec![LocalActivityRequest::CancelAll] } else { vec![] };
        self.ask_local_activities(cancels, AfterLocalActivities::Evict);
        true
    }

    pub(super) fn issue_eviction(&mut self) {
        let Some(EvictionRequest { message, reason, .. }) = self.eviction.clone() else { return };
        let job = Variant::RemoveFromCache(RemoveFromCache { message, reason: reason as i32 });
        self.activate(WorkflowActivation {
            run_id: self.run_id().to_owned(),
            history_length: u32::try_from(self.last_event_id()).unwrap_or(u32::MAX),
            jobs: vec![job.into()],
            ..WorkflowActivation::default()
        });
    }
}

/// The run is sound: what it has to say may still be said.
const fn lets_queries_finish(reason: EvictionReason) -> bool {
    matches!(reason, EvictionReason::CacheFull | EvictionReason::WorkflowExecutionEnding)
}
