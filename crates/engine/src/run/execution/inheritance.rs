//! How the run started, as far as it matters later: for its successor (spec 2.7.2) and for heartbeats (spec 1.13.1).

use std::time::Duration;

use temporalio_protos::coresdk::workflow_commands::ContinueAsNewWorkflowExecution;
use temporalio_protos::temporal::api::common::v1::SearchAttributes;
use temporalio_protos::temporal::api::history::v1::WorkflowExecutionStartedEventAttributes;

use crate::machines::continue_as_new::Inherited;

/// What the run was given, and what it made of it.
#[derive(Debug, Default)]
pub(super) struct Inheritance {
    task_timeout: Option<Duration>,
    inherited: Inherited,
}

impl Inheritance {
    /// Takes note of the start.
    pub(super) fn begin(&mut self, started: &WorkflowExecutionStartedEventAttributes) {
        self.task_timeout = started.workflow_task_timeout.and_then(|timeout| timeout.try_into().ok());
        self.inherited = Inherited {
            memo: started.memo.clone(),
            retry_policy: started.retry_policy.clone(),
            search_attributes: started.search_attributes.clone().unwrap_or_default(),
        };
    }

    /// Lang changed search attributes.
    pub(super) fn upsert(&mut self, attributes: Option<&SearchAttributes>) {
        let changed = attributes.into_iter().flat_map(|attributes| attributes.indexed_fields.clone());
        self.inherited.search_attributes.indexed_fields.extend(changed);
    }

    /// Fills in what lang left out.
    pub(super) fn fill_in(&self, command: &mut ContinueAsNewWorkflowExecution) {
        self.inherited.clone().fill(command);
    }

    /// Time-out of a workflow task, if the start said a valid one.
    pub(super) const fn task_timeout(&self) -> Option<Duration> {
        self.task_timeout
    }
}
