//! Tasks that arrive while the run is busy (spec 1.11).

use std::collections::VecDeque;
use std::mem;

use crate::input::PreparedTask;

/// At most one task that brings history; queries around it.
#[derive(Debug, Default)]
pub(super) struct TaskBuffer {
    task: Option<PreparedTask>,
    /// Received before `task`: served first.
    queries: VecDeque<PreparedTask>,
    /// Received behind `task` and tied to it.
    queries_for_task: VecDeque<PreparedTask>,
}

impl TaskBuffer {
    /// Keeps a task; answers those that it makes obsolete.
    pub(super) fn push(&mut self, task: PreparedTask) -> Vec<PreparedTask> {
        if is_query_only(&task) {
            let queue = if self.task.is_none() { &mut self.queries } else { &mut self.queries_for_task };
            queue.push_back(task);
            return vec![];
        }
        let replaced = self.task.replace(task);
        if replaced.is_none() {
            return vec![];
        }
        replaced.into_iter().chain(mem::take(&mut self.queries_for_task)).collect()
    }

    /// The task to serve next.
    pub(super) fn pop(&mut self) -> Option<PreparedTask> {
        if let Some(query) = self.queries.pop_front() {
            return Some(query);
        }
        self.queries_for_task.pop_front().or_else(|| self.task.take())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.task.is_none() && self.queries.is_empty()
    }
}

/// The task only asks; it brings no history (spec 1.3.1).
fn is_query_only(task: &PreparedTask) -> bool {
    task.update.started_event_id() == 0 && task.legacy_query.is_some()
}
