//! Commands on their way to the service (spec 1.6.1, 1.6.2).
//!
//! A command stays in the queue, and is listed in every completion, until its event shows that the service has it.

use std::collections::VecDeque;
use std::mem;

use temporalio_protos::temporal::api::command::v1::{Command, CommandAttributesExt};

use super::machine_store::{MachineKey, MachineStore};
use crate::machines::{Machine, NewCommand};

/// A command and the machine that it belongs to.
#[derive(Clone, Debug)]
pub(super) struct QueuedCommand {
    pub(super) command: Command,
    pub(super) machine: MachineKey,
}

/// Both lists of commands.
#[derive(Debug, Default)]
pub(super) struct CommandQueue {
    /// Their machines do not know yet that they are going out.
    unprepared: VecDeque<QueuedCommand>,
    /// In the order in which their events must come.
    outgoing: VecDeque<QueuedCommand>,
    /// Something was cancelled since the outgoing commands were last looked through.
    cancelled: bool,
}

impl CommandQueue {
    pub(super) fn push(&mut self, command: NewCommand, machine: MachineKey) {
        self.unprepared.push_back(QueuedCommand { command: into_command(command), machine });
    }

    pub(super) fn pop_unprepared(&mut self) -> Option<QueuedCommand> {
        self.unprepared.pop_front()
    }

    pub(super) fn push_outgoing(&mut self, command: QueuedCommand) {
        self.outgoing.push_back(command);
    }

    pub(super) fn pop_outgoing(&mut self) -> Option<QueuedCommand> {
        self.outgoing.pop_front()
    }

    /// The machine whose command is next.
    pub(super) fn next_machine(&self) -> Option<MachineKey> {
        self.outgoing.front().map(|queued| queued.machine)
    }

    /// A machine was told to cancel: its commands may have to vanish.
    pub(super) fn note_cancel(&mut self) {
        self.cancelled = true;
    }

    /// Drops what was cancelled before the service saw it.
    pub(super) fn drop_withdrawn(&mut self, machines: &MachineStore) {
        if mem::take(&mut self.cancelled) {
            self.outgoing.retain(|queued| !machines.get(queued.machine).was_cancelled_before_sent());
        }
    }

    /// The commands that a completion must carry.
    pub(super) fn unfinished(&self, machines: &MachineStore) -> impl Iterator<Item = &Command> {
        self.outgoing.iter().filter(|queued| !machines.get(queued.machine).is_final()).map(|queued| &queued.command)
    }
}

fn into_command(NewCommand { attributes, annotations }: NewCommand) -> Command {
    Command {
        command_type: attributes.as_type() as i32,
        user_metadata: annotations.user_metadata,
        event_group_markers: annotations.event_group_markers,
        attributes: Some(attributes),
    }
}
