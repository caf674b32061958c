//! What of a history a worker gets to see: with a workflow task, page by page, encoded.

use prost::Message;
use temporalio_protos::temporal::api::common::v1::WorkflowType;
use temporalio_protos::temporal::api::enums::v1::EventType;
use temporalio_protos::temporal::api::history::v1::{History, HistoryEvent};
use temporalio_protos::temporal::api::workflowservice::v1::{
    GetWorkflowExecutionHistoryResponse, PollWorkflowTaskQueueResponse,
};

use super::HistoryBuilder;
use super::execution::{WORKFLOW_TYPE, execution, task_queue};

/// The events that come with a workflow task, and the ids that say where the worker is.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskView {
    /// The events.
    pub events: Vec<HistoryEvent>,
    /// `previous_started_event_id` of the task.
    pub previous_started_event_id: i64,
    /// `started_event_id` of the task.
    pub started_event_id: i64,
}

impl HistoryBuilder {
    /// The task of the whole history. If that ends with a WorkflowTaskStarted event the task is live, else everything
    /// is a replay: the task before is the same one (spec 12.2).
    pub fn whole(&self) -> TaskView {
        let started = self.concluded_tasks();
        let last = started.last().copied().unwrap_or(0);
        let is_live = last == self.last_id() && last > 0;
        let before = started.iter().rev().nth(1).copied().unwrap_or(0);
        TaskView {
            events: self.events.clone(),
            previous_started_event_id: if is_live { before } else { last },
            started_event_id: last,
        }
    }

    /// How many workflow tasks there are, not counting failed and timed-out ones.
    pub fn task_count(&self) -> usize {
        self.concluded_tasks().len()
    }

    /// The `number`th workflow task, from 1, not counting failed and timed-out ones, with all history before it.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn up_to_task(&self, number: usize) -> TaskView {
        let started = self.concluded_tasks();
        let started_event_id = started[number - 1];
        TaskView {
            events: self.events[..=super::index(started_event_id)].to_vec(),
            previous_started_event_id: if number > 1 { started[number - 2] } else { 0 },
            started_event_id,
        }
    }

    /// The `number`th workflow task as a sticky queue gives it: only what happened since the task before.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn only_task(&self, number: usize) -> TaskView {
        let mut task = self.up_to_task(number);
        let completed = task.events.iter().rposition(|e| e.event_type() == EventType::WorkflowTaskCompleted);
        task.events.drain(..completed.unwrap_or(0));
        task
    }

    /// The encoded `History` of all events.
    pub fn history_bytes(&self) -> Vec<u8> {
        self.history().encode_to_vec()
    }

    /// The events cut into pages of these sizes, the last size again and again. A size of 0 gives one empty page.
    ///
    /// # Panics
    /// If the last size is 0 or there is none.
    pub fn pages(&self, sizes: &[usize]) -> Vec<History> {
        let last = *sizes.last().expect("a page size is needed");
        assert!(last > 0, "empty pages for ever would never end");
        let mut rest = self.events.as_slice();
        let mut pages = Vec::new();
        let mut sizes = sizes.iter().copied().chain(std::iter::repeat(last));
        while !rest.is_empty() {
            let (page, after) = rest.split_at(sizes.next().unwrap_or(last).min(rest.len()));
            pages.push(History { events: page.to_vec() });
            rest = after;
        }
        pages
    }

    /// Ids of the WorkflowTaskStarted events whose task was completed, or is the last thing that happened.
    fn concluded_tasks(&self) -> Vec<i64> {
        let followed = self.events.iter().zip(self.events.iter().skip(1).map(Some).chain([None]));
        let tasks = followed.filter(|(e, _)| e.event_type() == EventType::WorkflowTaskStarted);
        let concluded =
            tasks.filter(|(_, next)| next.is_none_or(|n| n.event_type() == EventType::WorkflowTaskCompleted));
        concluded.map(|(e, _)| e.event_id).collect()
    }
}

impl TaskView {
    /// The response to a poll that brings this task, with a token of its own.
    pub fn poll_response(&self) -> PollWorkflowTaskQueueResponse {
        PollWorkflowTaskQueueResponse {
            task_token: format!("token-{}", self.started_event_id).into_bytes(),
            workflow_execution: Some(execution()),
            workflow_type: Some(WorkflowType { name: WORKFLOW_TYPE.to_owned() }),
            previous_started_event_id: self.previous_started_event_id,
            started_event_id: self.started_event_id,
            attempt: 1,
            history: Some(History { events: self.events.clone() }),
            workflow_execution_task_queue: Some(task_queue()),
            ..Default::default()
        }
    }

    /// The response to a history request that brings these events and this token.
    pub fn history_response(&self, next_page_token: &[u8]) -> GetWorkflowExecutionHistoryResponse {
        GetWorkflowExecutionHistoryResponse {
            history: Some(History { events: self.events.clone() }),
            next_page_token: next_page_token.to_vec(),
            ..Default::default()
        }
    }
}
