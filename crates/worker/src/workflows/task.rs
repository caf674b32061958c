//! Polled workflow tasks: are they whole, and what is in them (spec 1.2.2).

use corewasm_engine::history::{SplitPoll, TaskHistory};
use prost::Message;
use temporalio_protos::temporal::api::common::v1::{WorkflowExecution, WorkflowType};
use temporalio_protos::temporal::api::query::v1::WorkflowQuery;
use temporalio_protos::temporal::api::update::v1::Request;

/// A task that has everything that a task must have.
#[derive(Clone, Debug)]
pub(super) struct ValidTask {
    pub(super) token: bytes::Bytes,
    pub(super) attempt: u32,
    pub(super) workflow_id: String,
    pub(super) run_id: String,
    pub(super) workflow_type: String,
    pub(super) poll: SplitPoll,
}

/// What is wrong with a task.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the workflow task has no {0}")]
pub(super) struct InvalidTask(&'static str);

impl ValidTask {
    /// Check what a poll, or the answer to a completion, brought.
    pub(super) fn new(poll: SplitPoll) -> Result<Self, InvalidTask> {
        let (execution, workflow_type) = Self::check(&poll)?;
        Ok(Self {
            token: poll.response.task_token.clone().into(),
            attempt: u32::try_from(poll.response.attempt).unwrap_or(0),
            workflow_id: execution.workflow_id.clone(),
            run_id: execution.run_id.clone(),
            workflow_type: workflow_type.name.clone(),
            poll,
        })
    }

    /// Whether the task is whole. Gives what need not be set in any message, but is in this one.
    pub(super) fn check(poll: &SplitPoll) -> Result<(&WorkflowExecution, &WorkflowType), InvalidTask> {
        let response = &poll.response;
        if response.task_token.is_empty() {
            return Err(InvalidTask("task token"));
        }
        if response.workflow_execution_task_queue.is_none() {
            return Err(InvalidTask("task queue"));
        }
        if response.history.is_none() {
            return Err(InvalidTask("history"));
        }
        let execution = response.workflow_execution.as_ref().ok_or(InvalidTask("workflow execution"))?;
        let workflow_type = response.workflow_type.as_ref().ok_or(InvalidTask("workflow type"))?;
        if !response.messages.iter().all(|message| message.body.as_ref().is_some_and(is_update_request)) {
            return Err(InvalidTask("valid update request in one of its messages"));
        }
        Ok((execution, workflow_type))
    }

    /// What a paginator needs of it.
    pub(super) fn take_history(&mut self) -> TaskHistory {
        let response = &mut self.poll.response;
        TaskHistory {
            workflow_id: self.workflow_id.clone(),
            run_id: self.run_id.clone(),
            previous_started_event_id: response.previous_started_event_id,
            started_event_id: response.started_event_id,
            events: std::mem::take(&mut self.poll.events),
            next_page_token: std::mem::take(&mut response.next_page_token),
            has_query: response.query.is_some() || !response.queries.is_empty(),
        }
    }

    /// New-style queries in the order of their ids.
    pub(super) fn take_queries(&mut self) -> Vec<(String, WorkflowQuery)> {
        let mut queries: Vec<_> = std::mem::take(&mut self.poll.response.queries).into_iter().collect();
        queries.sort_by(|(one, _), (other, _)| one.cmp(other));
        queries
    }
}

fn is_update_request(body: &prost_types::Any) -> bool {
    Request::decode(body.value.as_slice()).is_ok_and(|request| request.input.is_some() && request.meta.is_some())
}
