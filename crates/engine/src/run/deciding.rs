//! Whether a completion is told to the service, and what (spec 1.8.4, 1.8.5).

use super::Run;
use super::completing::InFlightCompletion;
use super::next_step::Step;
use crate::input::EvictionRequest;
use crate::output::{RunOutput, TaskCompletion, TaskReport};

impl Run {
    /// Decides a completion whose commands and local activities are taken care of.
    pub(super) fn decide_in_flight(&mut self, completion: InFlightCompletion) {
        if !self.execution.has_outstanding_local_activities() {
            let is_heartbeat = self.completes_heartbeat();
            self.stop_waiting();
            return self.respond(completion, is_heartbeat);
        }
        let Some(timeout) = self.execution.task_timeout() else {
            return self.fail_in_flight(&completion, no_task_timeout());
        };
        if completion.is_heartbeat || !completion.query_results.is_empty() {
            // Reported with a local activity still running: another task must come, or its result would have nowhere to
            // go.
            self.wait_for_next_task(timeout, completion.is_heartbeat);
            return self.respond(completion, true);
        }
        self.wait_for_local_activities(completion.task_started, timeout);
        self.decide(TaskReport::Nothing, completion.is_autocomplete);
        self.proceed(Ok(Step::Nothing));
    }

    /// Tells the service what it must know. `wants_new_task`: another task is needed at once (spec 1.13.2).
    pub(super) fn respond(&mut self, completion: InFlightCompletion, wants_new_task: bool) {
        let is_autocomplete = completion.is_autocomplete;
        let report = self.report_of(completion, wants_new_task);
        self.decide(report, is_autocomplete);
        self.proceed(Ok(Step::Nothing));
    }

    /// The completion's fate is settled.
    pub(super) fn decide(&mut self, report: TaskReport, is_autocomplete: bool) {
        let replaying = self.execution.is_replaying();
        self.emit(RunOutput::CompletionDecided { report, replaying, is_autocomplete });
    }

    /// A worker that caches nothing lets the run go as soon as nothing more can happen on this task (spec 1.10.3). Jobs
    /// that wait are part of it: what they lead to would be lost.
    pub(super) fn evict_if_not_cached(&mut self) {
        let is_decided = self.after_local_activities.is_none();
        if !self.setup.caching && is_decided && !self.waits_for_local_activities() && !self.has_deliverable_jobs() {
            self.request_eviction(EvictionRequest::cache_full());
        }
    }

    fn report_of(&mut self, completion: InFlightCompletion, wants_new_task: bool) -> TaskReport {
        let keeps_output = completion.was_eviction && !self.broken && self.execution.has_output();
        let has_answers = !completion.query_results.is_empty();
        if !has_answers && !self.should_respond(&completion, keeps_output) {
            return TaskReport::Nothing;
        }
        let loses_local_activities = keeps_output && self.execution.has_outstanding_local_activities();
        let owes_resolution = has_answers && self.execution.has_pending_resolution();
        let output = self.execution.take_output();
        TaskReport::Complete(Box::new(TaskCompletion {
            task_token: completion.token,
            commands: output.commands,
            messages: output.messages,
            query_responses: completion.query_results,
            force_create_new_task: wants_new_task || loses_local_activities || owes_resolution,
            sdk_metadata: output.sdk_metadata,
            versioning_behavior: completion.versioning_behavior,
            attempt: self.task.as_ref().map_or(1, |task| task.attempt),
        }))
    }

    /// The service is told once the workflow waits for it alone: nothing is left for lang and history is caught up
    /// with. An eviction only brings home what earlier activations of the task have left (spec 1.9.7).
    fn should_respond(&self, completion: &InFlightCompletion, keeps_output: bool) -> bool {
        let plays_back_for_query = completion.had_pending_queries && completion.query_results.is_empty();
        let catches_up = self.execution.is_replaying() && !completion.is_forced_failure;
        let is_bare_eviction = completion.was_eviction && !keeps_output;
        !(self.execution.has_pending_jobs()
            || catches_up
            || plays_back_for_query
            || is_bare_eviction
            || self.execution.terminal_event_seen())
    }
}

fn no_task_timeout() -> crate::error::RunError {
    crate::error::RunError::fatal("Workflow's start attribs were missing a well formed task timeout")
}
