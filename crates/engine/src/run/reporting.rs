//! What comes after a completion was told to the service, or was not (spec 1.8.12, 1.9.9, 1.11.3).

use std::iter;

use bytes::Bytes;
use temporalio_protos::coresdk::workflow_activation::remove_from_cache::EvictionReason;

use super::Run;
use super::outstanding::{OutstandingActivation, OutstandingTask};
use crate::input::{EvictionRequest, PreparedTask, ReportOutcome, ReportResult};
use crate::output::{EvictedRun, LocalActivityNotice, RunOutput, TaskEnded};

/// A task that is over.
struct EndedTask {
    task: OutstandingTask,
    /// Behind the last event that was applied, one of a dropped speculative task included.
    next_event_id: i64,
}

impl Run {
    pub(super) fn take_report_result(&mut self, result: ReportResult) {
        if self.setup.replay_only && !result.replaying {
            self.request_eviction(EvictionRequest::replayed());
        }
        let ended = self.end_task(result.outcome);
        let evicted = self.end_activation(result.is_autocomplete) == Some(OutstandingActivation::Eviction);
        let next_task = self.hand_over(ended, result.outcome, result.next_task.map(|task| *task), evicted);
        if evicted {
            return self.leave(next_task);
        }
        if next_task.is_some_and(|task| self.accept_task(task)) {
            return;
        }
        let step = self.next_step();
        let has_acted = self.proceed(step);
        let was_told = matches!(result.outcome, ReportOutcome::Reported { .. });
        if !has_acted && was_told && self.workflow_is_finished() {
            self.request_eviction(EvictionRequest::workflow_ended());
        }
    }

    /// The task is over, unless nobody was told of it or queries of it wait. A replayed history may end without a task
    /// to answer: then the end of the workflow ends the task too.
    fn end_task(&mut self, outcome: ReportOutcome) -> Option<EndedTask> {
        let goes_on = outcome == ReportOutcome::NotReported && !self.execution.terminal_event_seen();
        if goes_on || self.has_pending_queries() {
            return None;
        }
        let next_event_id = self.last_event_id() + 1;
        if let ReportOutcome::Reported { reset_last_started_to } = outcome {
            if let Some(started_event_id) = reset_last_started_to {
                self.execution.forget_speculative_task(started_event_id);
            }
            self.notify_local_activities(LocalActivityNotice::TaskCompleted);
        }
        self.task.take().map(|task| EndedTask { task, next_event_id })
    }

    /// An outcome of Core's own completion says nothing of an activation that lang holds.
    fn end_activation(&mut self, is_autocomplete: bool) -> Option<OutstandingActivation> {
        let is_meant = !is_autocomplete || self.activation == Some(OutstandingActivation::Autocomplete);
        if is_meant { self.activation.take() } else { None }
    }

    /// Tells of the task's end; its permit goes to the next task, if that is taken up.
    fn hand_over(
        &mut self,
        ended: Option<EndedTask>,
        outcome: ReportOutcome,
        next_task: Option<PreparedTask>,
        evicted: bool,
    ) -> Option<PreparedTask> {
        let has_no_use = ended.is_none() || (evicted && !self.buffer.is_empty());
        let next_task = if has_no_use { self.discard(next_task) } else { next_task };
        if let Some(task) = ended {
            let counts = outcome != ReportOutcome::NotReported;
            self.emit_task_ended(task, counts, next_task.as_ref().map(|task| task.task_token.clone()));
        }
        next_task
    }

    fn discard(&mut self, task: Option<PreparedTask>) -> Option<PreparedTask> {
        if let Some(task) = task {
            self.emit(RunOutput::TaskDiscarded { task_token: task.task_token });
        }
        None
    }

    /// Lang has let go of the run.
    fn leave(&mut self, next_task: Option<PreparedTask>) {
        if let Some(task) = self.task.take() {
            let next_event_id = self.last_event_id() + 1;
            self.emit_task_ended(EndedTask { task, next_event_id }, false, None);
        }
        self.notify_local_activities(LocalActivityNotice::Forget);
        let buffer = &mut self.buffer;
        let buffered = iter::from_fn(|| buffer.pop()).chain(next_task).collect();
        let reason = self.eviction.as_ref().map(|eviction| eviction.reason);
        let workflow_ended = reason == Some(EvictionReason::WorkflowExecutionEnding);
        self.emit(RunOutput::Evicted(Box::new(EvictedRun { buffered, workflow_ended })));
    }

    fn emit_task_ended(&mut self, ended: EndedTask, record_latency: bool, permit_taken_over_by: Option<Bytes>) {
        let EndedTask { task, next_event_id } = ended;
        self.emit(RunOutput::TaskEnded(TaskEnded {
            task_token: task.token,
            permit_taken_over_by,
            started: task.started,
            record_latency,
            attempt: task.attempt,
            next_event_id,
            history_size_bytes: self.execution.history_size_bytes(),
        }));
    }

    fn notify_local_activities(&mut self, notice: LocalActivityNotice) {
        if self.setup.local_activities && self.execution.has_used_local_activities() {
            self.emit(RunOutput::LocalActivityNotice(notice));
        }
    }
}
