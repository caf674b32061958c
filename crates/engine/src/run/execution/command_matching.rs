//! Matching events that mirror commands with the commands themselves (spec 1.6).

use temporalio_protos::temporal::api::history::v1::HistoryEvent;

use super::Execution;
use super::command_queue::QueuedCommand;
use super::patches::PatchVerdict;
use crate::error::{Result, RunError};
use crate::machines::Machine;
use crate::machines::any::AnyMachine;

impl Execution {
    /// Gives the event to the machine whose command is next; answers whether the next event is to be skipped.
    pub(super) fn match_command(
        &mut self,
        event: HistoryEvent,
        next: Option<&HistoryEvent>,
        is_last: bool,
    ) -> Result<bool> {
        let Some(event) = self.apply_resolved_marker(event, is_last)? else { return Ok(false) };
        loop {
            match self.weigh_patch(&event, next)? {
                PatchVerdict::SkipEvent { and_next } => return Ok(and_next),
                PatchVerdict::SkipCommand => drop(self.commands.pop_outgoing()),
                PatchVerdict::Match => {
                    let command = self.commands.pop_outgoing();
                    let command = command
                        .ok_or_else(|| RunError::nondeterminism(format!("No command scheduled for event {event}")))?;
                    if !self.machines.get(command.machine).was_cancelled_before_sent() {
                        self.confirm(&command, event, is_last)?;
                        return Ok(false);
                    }
                }
            }
        }
    }

    /// The service has the command: its machine learns of it, and of later events that name this one (spec 1.6.4).
    fn confirm(&mut self, command: &QueuedCommand, event: HistoryEvent, is_last: bool) -> Result<()> {
        let event_id = event.event_id;
        self.messages.forget_replayed(&command.command);
        self.apply_to_machine(command.machine, event, is_last)?;
        let machine = self.machines.get(command.machine);
        if !machine.is_final() {
            self.machines.name_by_event(event_id, command.machine);
        } else if is_done_with_its_event(machine) {
            self.machines.remove(command.machine);
        }
        Ok(())
    }
}

/// Nothing refers to such a machine once its only command is recorded.
fn is_done_with_its_event(machine: &AnyMachine) -> bool {
    matches!(
        machine,
        AnyMachine::Patch(_) | AnyMachine::UpsertSearchAttributes(_) | AnyMachine::ModifyWorkflowProperties(_)
    )
}
