//! Keeping a workflow task alive while local activities run (spec 1.13).

use std::time::Duration;

use super::Run;
use super::next_step::Step;
use super::outstanding::OutstandingActivation;
use crate::output::RunOutput;
use crate::time::Instant;

/// The deadline lies at this part of the task's time-out.
const HEARTBEAT_FRACTION: f32 = 0.8;

/// The task is kept open for local activities.
#[derive(Debug)]
pub(super) struct LocalActivityWait {
    pub(super) task_timeout: Duration,
    /// The deadline passed; the task is reported as soon as no activation is in the way.
    pub(super) is_due: bool,
}

impl Run {
    pub(super) fn take_heartbeat_timeout(&mut self) {
        let Some(wait) = &mut self.wait else { return };
        wait.is_due = true;
        let step = if self.activation.is_none() && !self.broken { Step::Autocomplete } else { Step::Nothing };
        self.proceed(Ok(step));
    }

    /// Nothing is reported now; the timer runs from the start of the task.
    pub(super) fn wait_for_local_activities(&mut self, task_started: Instant, task_timeout: Duration) {
        self.wait = Some(LocalActivityWait { task_timeout, is_due: false });
        self.start_heartbeat_timer(task_started, task_timeout);
    }

    /// The task is reported with local activities running. `is_due` stays set until the next task comes: if jobs keep
    /// this completion from being reported, the heartbeat is still owed.
    pub(super) fn wait_for_next_task(&mut self, task_timeout: Duration, is_due: bool) {
        self.wait = Some(LocalActivityWait { task_timeout, is_due });
        self.emit(RunOutput::HeartbeatTimer(None));
    }

    /// All local activities are done, or nobody cares for them any more.
    pub(super) fn stop_waiting(&mut self) {
        if self.wait.take().is_some() {
            self.emit(RunOutput::HeartbeatTimer(None));
        }
    }

    /// A new task has its own deadline (spec 1.13.3).
    pub(super) fn interrupt_heartbeat(&mut self) {
        if let Some(wait) = &mut self.wait {
            wait.is_due = false;
            self.emit(RunOutput::HeartbeatTimer(None));
        }
    }

    /// The new task brought nothing: it too is kept open.
    pub(super) fn restart_heartbeat(&mut self) {
        if let (Some(wait), Some(task)) = (&self.wait, &self.task) {
            self.start_heartbeat_timer(task.started, wait.task_timeout);
        }
    }

    /// Core completes the task because the deadline passed.
    pub(super) fn completes_heartbeat(&self) -> bool {
        self.activation == Some(OutstandingActivation::Autocomplete) && self.wait.is_some()
    }

    fn start_heartbeat_timer(&mut self, task_started: Instant, task_timeout: Duration) {
        let deadline = task_started.plus(task_timeout.mul_f32(HEARTBEAT_FRACTION));
        self.emit(RunOutput::HeartbeatTimer(Some(deadline)));
    }
}
