//! Undoing a speculative workflow task that the service has dropped (spec 1.12).

use super::Execution;

impl Execution {
    /// The task whose WorkflowTaskStarted event is `started_event_id` counts as the last one again.
    ///
    /// The dropped task's scheduled and started events were the last ones handled. Command events that came with it
    /// belong to the task before and stay.
    pub(in crate::run) fn forget_speculative_task(&mut self, started_event_id: i64) {
        self.progress.started_event_id = started_event_id;
        self.progress.last_event_id -= 2;
        self.machines.forget_events_after(self.progress.last_event_id);
    }
}
