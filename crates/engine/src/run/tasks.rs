//! Taking up workflow tasks (spec 1.5.1, 1.7.4, 1.11.1).

use bytes::Bytes;
use temporalio_protos::coresdk::workflow_activation::query_to_job;

use super::Run;
use super::completion::LEGACY_QUERY_ID;
use super::next_step::Step;
use super::outstanding::OutstandingTask;
use crate::error::{Result, RunError};
use crate::history::HistoryUpdate;
use crate::input::PreparedTask;
use crate::output::{Observation, RunOutput};

impl Run {
    /// Takes the task up, or keeps it while the run is busy. Answers whether an activation went out.
    pub(super) fn accept_task(&mut self, task: PreparedTask) -> bool {
        let is_busy = self.activation.is_some() || self.eviction.is_some() || self.task.is_some();
        if !is_busy {
            return self.start_task(task);
        }
        for obsolete in self.buffer.push(task) {
            self.emit(RunOutput::TaskDiscarded { task_token: obsolete.task_token });
        }
        false
    }

    /// Works on the task from now on. Answers whether an activation went out.
    pub(super) fn start_task(&mut self, task: PreparedTask) -> bool {
        let step = self.begin(task);
        self.proceed(step)
    }

    fn begin(&mut self, task: PreparedTask) -> Result<Step> {
        let PreparedTask { task_token, attempt, legacy_query, queries, messages, update, paginator, .. } = task;
        if legacy_query.is_some() && !queries.is_empty() {
            return self.refuse_both_kinds_of_queries(task_token);
        }
        let is_expired = legacy_query.is_some() && self.is_expired(&update);
        let legacy_query = legacy_query.map(|query| (LEGACY_QUERY_ID.to_owned(), query));
        let queries = queries.into_iter().chain(legacy_query).map(|(id, query)| query_to_job(id, query));
        let pending_queries = queries.collect();
        self.task = Some(OutstandingTask { token: task_token, attempt, started: self.now.monotonic, pending_queries });
        self.paginator = Some(Box::new(paginator));
        self.interrupt_heartbeat();
        if is_expired {
            return Ok(Step::AutoFail(RunError::fatal("Query expired")));
        }
        self.count_cache_hit(&update);
        self.execution.take_task(update, messages)?;
        let activation = self.execution.next_activation()?;
        Ok(if activation.jobs.is_empty() { self.idle_on_task() } else { Step::Activate(activation) })
    }

    /// No answer fits both. The task is not taken up: nobody is told, and it times out (docs/notes/quirks.md).
    fn refuse_both_kinds_of_queries(&mut self, task_token: Bytes) -> Result<Step> {
        self.emit(RunOutput::TaskDiscarded { task_token });
        Err(RunError::fatal("Server issued both normal and legacy query"))
    }

    /// The query asks for a state that the run has left behind (spec 1.15.3).
    const fn is_expired(&self, update: &HistoryUpdate) -> bool {
        update.started_event_id() == 0 && update.previous_started_event_id() < self.execution.started_event_id()
    }

    fn count_cache_hit(&mut self, update: &HistoryUpdate) {
        if update.is_incremental() {
            self.emit(RunOutput::Observed(Observation::StickyCacheHit));
        }
    }

    /// The task brought nothing for lang (spec 1.7.4, 1.13.3).
    fn idle_on_task(&mut self) -> Step {
        if self.execution.has_outstanding_local_activities() && self.wait.is_some() {
            self.restart_heartbeat();
            return Step::Nothing;
        }
        Step::Autocomplete
    }
}
