//! Applying one history event (spec 1.5.7 to 1.5.10).

use temporalio_protos::coresdk::workflow_activation::{CancelWorkflow, SignalWorkflow, start_workflow_from_attribs};
use temporalio_protos::temporal::api::enums::v1::EventType;
use temporalio_protos::temporal::api::history::v1::history_event::Attributes;
use temporalio_protos::temporal::api::history::v1::{
    HistoryEvent, WorkflowExecutionCancelRequestedEventAttributes, WorkflowExecutionSignaledEventAttributes,
    WorkflowExecutionStartedEventAttributes,
};

use super::Execution;
use super::machine_store::MachineKey;
use super::random_seed::random_seed;
use crate::error::{Result, RunError};
use crate::machines::workflow_task::WorkflowTaskMachine;
use crate::machines::{EventContext, Machine};
use crate::time::WallTime;

impl Execution {
    /// Applies an event; answers whether the next one is to be skipped. `is_last`: the sequence being applied ends
    /// history.
    pub(super) fn apply_event(
        &mut self,
        event: HistoryEvent,
        next: Option<&HistoryEvent>,
        is_last: bool,
    ) -> Result<bool> {
        if event.is_final_wf_execution_event() {
            self.progress.terminal_event_seen = true;
        }
        if event.is_ignorable() {
            return Ok(false);
        }
        if ends_from_outside(&event) {
            return expect_end_of_history(is_last && next.is_none());
        }
        if event.event_type() == EventType::Unspecified || event.attributes.is_none() {
            return expect_ignorable(&event);
        }
        if event.is_command_event() {
            return self.match_command(event, next, is_last);
        }
        if let Some(Attributes::WorkflowTaskStartedEventAttributes(started)) = &event.attributes {
            self.facts = started.into();
        }
        match event.get_initial_command_event_id() {
            Some(initiating_event_id) => self.apply_to_initiated(event, initiating_event_id, is_last)?,
            None => self.apply_stateless(event, is_last)?,
        }
        Ok(false)
    }

    /// Shows an event to a machine and carries out what the machine asks for.
    pub(super) fn apply_to_machine(&mut self, key: MachineKey, event: HistoryEvent, is_last: bool) -> Result<()> {
        let context = self.event_context(key, &event, is_last);
        let responses = self.machines.get_mut(key).handle_event(event, context)?;
        self.handle_responses(key, responses)
    }

    /// What the machine may know beside the event.
    pub(super) fn event_context(&mut self, key: MachineKey, event: &HistoryEvent, is_last: bool) -> EventContext {
        let wanted = self.machines.get(key).wants_flag(event, is_last);
        EventContext {
            replaying: self.progress.replaying,
            last_task_in_history: is_last,
            determinism_checks: wanted.is_some_and(|wanted| self.flags.try_use(wanted.flag, wanted.should_record)),
        }
    }

    fn apply_to_initiated(&mut self, event: HistoryEvent, initiating_event_id: i64, is_last: bool) -> Result<()> {
        let key = self.machines.find_event(initiating_event_id).ok_or_else(|| {
            RunError::nondeterminism(format!(
                "During event handling, this event had an initial command ID but we could not find a matching \
                 command for it: {event:?}"
            ))
        })?;
        let closes_task = event.is_wft_closed_event();
        self.apply_to_machine(key, event, is_last)?;
        if closes_task {
            self.machines.remove_by_event(initiating_event_id);
        }
        Ok(())
    }

    fn apply_stateless(&mut self, event: HistoryEvent, is_last: bool) -> Result<()> {
        match event.attributes {
            Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) => self.start(started, event.event_time),
            Some(Attributes::WorkflowTaskScheduledEventAttributes(_)) => return self.schedule_task(event, is_last),
            Some(Attributes::WorkflowExecutionSignaledEventAttributes(signal)) => self.signal(signal, event.event_id),
            Some(Attributes::WorkflowExecutionCancelRequestedEventAttributes(request)) => self.request_cancel(request),
            _ => {
                return Err(RunError::fatal(format!(
                    "The event is not a non-stateful event, but we tried to handle it as one: {event}"
                )));
            }
        }
        Ok(())
    }

    fn start(&mut self, started: WorkflowExecutionStartedEventAttributes, time: Option<prost_types::Timestamp>) {
        if let Some(time) = time {
            self.lifetime.started = Some(WallTime::from(&time));
            self.clock.advance(time);
        }
        self.inheritance.begin(&started);
        let seed = random_seed(&started.original_execution_run_id);
        let workflow_id = self.identity.workflow_id.clone();
        self.jobs.push(start_workflow_from_attribs(started, workflow_id, seed, time.unwrap_or_default()));
    }

    fn schedule_task(&mut self, event: HistoryEvent, is_last: bool) -> Result<()> {
        let event_id = event.event_id;
        let key = self.machines.insert(WorkflowTaskMachine::new(self.progress.concluding_event_id));
        self.machines.name_by_event(event_id, key);
        self.apply_to_machine(key, event, is_last)
    }

    fn signal(&mut self, signal: WorkflowExecutionSignaledEventAttributes, event_id: i64) {
        self.jobs.push(SignalWorkflow::from((signal, event_id)));
    }

    fn request_cancel(&mut self, request: WorkflowExecutionCancelRequestedEventAttributes) {
        self.jobs.push(CancelWorkflow::from(request));
    }
}

/// The service, not the workflow, ended the execution (spec 1.5.8).
fn ends_from_outside(event: &HistoryEvent) -> bool {
    matches!(event.event_type(), EventType::WorkflowExecutionTerminated | EventType::WorkflowExecutionTimedOut)
}

fn expect_end_of_history(is_end: bool) -> Result<bool> {
    if is_end {
        return Ok(false);
    }
    Err(RunError::fatal("Machines were fed a history which has an event after workflow execution was terminated!"))
}

fn expect_ignorable(event: &HistoryEvent) -> Result<bool> {
    if event.worker_may_ignore {
        return Ok(false);
    }
    Err(RunError::fatal(format!("Event type is unspecified! This history is invalid. Event detail: {event:?}")))
}
