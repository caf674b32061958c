//! What the run is busy with: the workflow task, and the activation that lang or Core has in hand.

use bytes::Bytes;
use temporalio_protos::coresdk::workflow_activation::workflow_activation_job::Variant;
use temporalio_protos::coresdk::workflow_activation::{QueryWorkflow, WorkflowActivation, WorkflowActivationJob};

use super::completion::LEGACY_QUERY_ID;
use crate::time::Instant;

/// The workflow task that the run works on.
#[derive(Debug)]
pub(super) struct OutstandingTask {
    pub(super) token: Bytes,
    pub(super) attempt: u32,
    pub(super) started: Instant,
    /// Not yet given to lang.
    pub(super) pending_queries: Vec<QueryWorkflow>,
}

/// An activation that was given out and not completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OutstandingActivation {
    /// Lang runs the workflow, or answers queries of the new kind.
    Normal,
    /// Lang answers a legacy query.
    LegacyQuery,
    /// Lang is to let go of the run.
    Eviction,
    /// Core completes or fails it itself.
    Autocomplete,
}

impl OutstandingTask {
    pub(super) fn has_pending_legacy_query(&self) -> bool {
        self.pending_queries.iter().any(|query| query.query_id == LEGACY_QUERY_ID)
    }
}

impl OutstandingActivation {
    /// What kind an activation for lang is.
    pub(super) fn of(activation: &WorkflowActivation) -> Self {
        match activation.jobs.as_slice() {
            [WorkflowActivationJob { variant: Some(Variant::RemoveFromCache(_)) }] => Self::Eviction,
            [WorkflowActivationJob { variant: Some(Variant::QueryWorkflow(query)) }]
                if query.query_id == LEGACY_QUERY_ID =>
            {
                Self::LegacyQuery
            }
            _ => Self::Normal,
        }
    }
}
