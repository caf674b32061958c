//! What the run does next: the one place where all inputs end.

use temporalio_protos::coresdk::workflow_activation::WorkflowActivation;

use super::Run;
use super::outstanding::OutstandingActivation;
use crate::error::{Result, RunError};
use crate::output::RunOutput;

/// What is to be done next.
#[derive(Debug)]
pub(super) enum Step {
    Nothing,
    /// Lang has jobs to do.
    Activate(WorkflowActivation),
    /// Lang has queries to answer; the activation is still without them.
    AskQueries(WorkflowActivation),
    /// Core completes the task itself.
    Autocomplete,
    /// Core fails the task itself, though the run is sound.
    AutoFail(RunError),
}

impl Run {
    /// Looks for something to do. Without a task, or while an activation is outstanding, there is nothing.
    pub(super) fn next_step(&mut self) -> Result<Step> {
        if self.activation.is_some() || self.task.is_none() {
            return Ok(Step::Nothing);
        }
        if !self.broken && self.execution.has_pending_jobs() {
            return self.execution.next_activation().map(Step::Activate);
        }
        if self.wait.is_some() && !self.execution.has_outstanding_local_activities() {
            self.stop_waiting();
            return Ok(Step::Autocomplete);
        }
        if self.broken {
            return Ok(Step::Nothing);
        }
        if self.has_pending_queries() {
            return Ok(Step::AskQueries(self.execution.take_activation()));
        }
        let heartbeat_is_due = self.wait.as_ref().is_some_and(|wait| wait.is_due);
        Ok(if heartbeat_is_due { Step::Autocomplete } else { Step::Nothing })
    }

    /// Does what an input has led to, or what else is due. Answers whether an activation went out.
    pub(super) fn proceed(&mut self, step: Result<Step>) -> bool {
        match step.and_then(|step| self.or_next_step(step)) {
            Ok(step) => self.take_step(step),
            Err(error) => self.break_with(error),
        }
    }

    /// The run is beyond repair. Core fails the task; an activation that lang holds stays outstanding.
    fn break_with(&mut self, error: RunError) -> bool {
        self.broken = true;
        self.emit(RunOutput::AutoFail(error));
        true
    }

    fn or_next_step(&mut self, step: Step) -> Result<Step> {
        match step {
            Step::Nothing if self.has_deliverable_jobs() => self.next_step(),
            step => Ok(step),
        }
    }

    fn take_step(&mut self, step: Step) -> bool {
        match step {
            Step::Nothing => self.evict_or_unbuffer(),
            Step::Activate(activation) => self.activate(activation),
            Step::AskQueries(activation) => {
                let activation = self.with_queries(activation);
                self.activate(activation)
            }
            Step::Autocomplete => self.give_out(OutstandingActivation::Autocomplete, RunOutput::Autocomplete),
            Step::AutoFail(error) => self.give_out(OutstandingActivation::Autocomplete, RunOutput::AutoFail(error)),
        }
    }

    /// Gives an activation to lang.
    pub(super) fn activate(&mut self, activation: WorkflowActivation) -> bool {
        self.give_out(OutstandingActivation::of(&activation), RunOutput::Activation(activation))
    }

    fn give_out(&mut self, kind: OutstandingActivation, output: RunOutput) -> bool {
        let earlier = self.activation.replace(kind);
        assert!(
            earlier.is_none(),
            "an activation goes out only when none is outstanding: every step begins with that check"
        );
        self.emit(output);
        true
    }

    fn evict_or_unbuffer(&mut self) -> bool {
        if self.eviction.is_some() {
            return self.evict_if_free();
        }
        if self.has_pending_work(false, true) {
            return false;
        }
        match self.buffer.pop() {
            Some(task) => self.start_task(task),
            None => false,
        }
    }
}
