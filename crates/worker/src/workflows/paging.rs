//! Brings in a task's history until it can be applied (spec 1.3).

use std::cell::Cell;
use std::rc::Rc;

use corewasm_engine::PreparedTask;
use corewasm_engine::history::{
    Extraction, HistoryPage, HistoryUpdate, PageRequest, Paginator, split_history_response,
};
use corewasm_host::{GrpcStatus, code};
use temporalio_protos::temporal::api::common::v1::WorkflowExecution;
use temporalio_protos::temporal::api::workflowservice::v1::GetWorkflowExecutionHistoryRequest;

use super::task::ValidTask;
use crate::context::WorkerContext;
use crate::error::status_text;
use crate::service::CallOptions;
use crate::signal::Signal;

/// Fetches pages, a limited number of histories at a time (spec 1.3.9).
pub(super) struct Pager {
    context: Rc<WorkerContext>,
    gate: Gate,
}

/// Whose turn it is: a run that waits for its next page comes before a task that just arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Urgency {
    RunWaits,
    NewTask,
}

impl Pager {
    pub(super) fn new(context: Rc<WorkerContext>) -> Self {
        let gate = Gate::new(context.config.fetching_concurrency);
        Self { context, gate }
    }

    /// Page a task in. The error is how native Core prints it.
    pub(super) async fn prepare(&self, mut task: ValidTask, is_cached: bool) -> Result<PreparedTask, String> {
        let is_fresh = task.poll.events.first().is_some_and(|event| event.id() <= 1);
        let mut paginator = Paginator::for_task(task.take_history()).map_err(history_text)?;
        if is_fresh && !is_cached {
            paginator = paginator.for_uncached_run();
        }
        let update = self.next_update(&mut paginator, Urgency::NewTask).await?;
        Ok(PreparedTask {
            queries: task.take_queries(),
            task_token: task.token,
            attempt: task.attempt,
            workflow_id: task.workflow_id,
            run_id: task.run_id,
            workflow_type: task.workflow_type,
            legacy_query: task.poll.response.query,
            messages: task.poll.response.messages,
            update,
            paginator,
        })
    }

    /// The task's run is not cached: begin again with the whole history (spec 1.3.7).
    pub(super) async fn refetch(&self, task: PreparedTask) -> Result<PreparedTask, String> {
        let mut paginator = task.paginator.refetch_from_start(task.update);
        let update = self.next_update(&mut paginator, Urgency::RunWaits).await?;
        Ok(PreparedTask { paginator, update, ..task })
    }

    /// The next events of a history.
    pub(super) async fn next_update(
        &self,
        paginator: &mut Paginator,
        urgency: Urgency,
    ) -> Result<HistoryUpdate, String> {
        let mut pass = None;
        loop {
            match paginator.extract_next_update().map_err(history_text)? {
                Extraction::Update(update) => return Ok(update),
                Extraction::NeedPage(request) => {
                    if pass.is_none() {
                        pass = Some(self.gate.enter(urgency).await);
                    }
                    paginator.handle_page(self.fetch(request).await?);
                }
            }
        }
    }

    async fn fetch(&self, page: PageRequest) -> Result<HistoryPage, String> {
        let request = GetWorkflowExecutionHistoryRequest {
            namespace: self.context.client.namespace().to_owned(),
            execution: Some(WorkflowExecution { workflow_id: page.workflow_id, run_id: page.run_id }),
            next_page_token: page.next_page_token,
            ..Default::default()
        };
        let answer = self.context.client.call_raw("GetWorkflowExecutionHistory", request, CallOptions::default()).await;
        let answer = answer.map_err(|error| status_text(&error.status))?;
        split_history_response(&answer).map_err(history_text)
    }
}

/// What is wrong with a history shows as a status with code Unknown (spec 1.3.2, 1.3.6).
fn history_text(error: impl ToString) -> String {
    status_text(&GrpcStatus::new(code::UNKNOWN, error.to_string()))
}

/// So many at a time, the urgent ones first.
struct Gate {
    free: Rc<Cell<usize>>,
    urgent_waiting: Cell<usize>,
    changed: Signal,
}

struct Pass {
    free: Rc<Cell<usize>>,
    changed: Signal,
}

/// Counts a waiting urgent request for as long as it waits.
struct Urgent<'a>(&'a Gate);

impl Gate {
    fn new(places: usize) -> Self {
        Self { free: Rc::new(Cell::new(places)), urgent_waiting: Cell::new(0), changed: Signal::default() }
    }

    async fn enter(&self, urgency: Urgency) -> Pass {
        let is_urgent = urgency == Urgency::RunWaits;
        let _waiting = is_urgent.then(|| Urgent::new(self));
        self.changed
            .until(|| (self.free.get() > 0 && (is_urgent || self.urgent_waiting.get() == 0)).then_some(()))
            .await;
        self.free.set(self.free.get() - 1);
        Pass { free: self.free.clone(), changed: self.changed.clone() }
    }
}

impl<'a> Urgent<'a> {
    fn new(gate: &'a Gate) -> Self {
        gate.urgent_waiting.set(gate.urgent_waiting.get() + 1);
        Self(gate)
    }
}

impl Drop for Urgent<'_> {
    fn drop(&mut self) {
        self.0.urgent_waiting.set(self.0.urgent_waiting.get() - 1);
        self.0.changed.notify();
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.free.set(self.free.get() + 1);
        self.changed.notify();
    }
}
