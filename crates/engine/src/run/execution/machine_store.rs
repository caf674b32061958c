//! The machines of a run and the three ways to find one: by lang's id, by the event that initiated it, by protocol
//! instance.

use std::collections::BTreeMap;

use litemap::LiteMap;

use crate::error::{Result, RunError};
use crate::machines::any::AnyMachine;

/// Where a machine lies in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MachineKey(usize);

/// Lang's name of a machine: each kind counts its own sequence numbers (spec 2.0.1). The `Debug` form stands in error
/// texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum CommandId {
    Timer(u32),
    Activity(u32),
    LocalActivity(u32),
    ChildWorkflowStart(u32),
    SignalExternal(u32),
    CancelExternal(u32),
    NexusOperation(u32),
}

impl CommandId {
    const KINDS: usize = 7;

    /// Which kind it is, and its number among those.
    const fn kind_and_seq(self) -> (usize, u32) {
        match self {
            Self::Timer(seq) => (0, seq),
            Self::Activity(seq) => (1, seq),
            Self::LocalActivity(seq) => (2, seq),
            Self::ChildWorkflowStart(seq) => (3, seq),
            Self::SignalExternal(seq) => (4, seq),
            Self::CancelExternal(seq) => (5, seq),
            Self::NexusOperation(seq) => (6, seq),
        }
    }
}

/// All machines of a run that can still be asked for.
#[derive(Debug, Default)]
pub(super) struct MachineStore {
    slots: Vec<Option<Stored>>,
    free: Vec<usize>,
    /// One map for each kind of command: lang counts up, so that a new number goes to the end.
    by_id: [LiteMap<u32, MachineKey>; CommandId::KINDS],
    /// A tree: as many as a history has can be open, and they end in any order.
    by_event: BTreeMap<i64, MachineKey>,
    by_protocol_instance: LiteMap<String, MachineKey>,
}

#[derive(Debug)]
struct Stored {
    machine: AnyMachine,
    /// Core made it for itself: its jobs never reach lang (spec 2.0.1).
    core_created: bool,
}

impl MachineStore {
    /// Keeps a machine that lang wants.
    pub(super) fn insert(&mut self, machine: impl Into<AnyMachine>) -> MachineKey {
        self.store(Stored { machine: machine.into(), core_created: false })
    }

    /// Keeps a machine that Core wants for itself.
    pub(super) fn insert_core_created(&mut self, machine: impl Into<AnyMachine>) -> MachineKey {
        self.store(Stored { machine: machine.into(), core_created: true })
    }

    fn store(&mut self, stored: Stored) -> MachineKey {
        if let Some(index) = self.free.pop() {
            self.slots[index] = Some(stored);
            return MachineKey(index);
        }
        self.slots.push(Some(stored));
        MachineKey(self.slots.len() - 1)
    }

    /// Forgets a machine that nothing refers to any more.
    pub(super) fn remove(&mut self, key: MachineKey) {
        if self.slots[key.0].take().is_some() {
            self.free.push(key.0);
        }
    }

    pub(super) fn name_by_id(&mut self, id: CommandId, key: MachineKey) {
        let (kind, seq) = id.kind_and_seq();
        self.by_id[kind].insert(seq, key);
    }

    pub(super) fn name_by_event(&mut self, event_id: i64, key: MachineKey) {
        self.by_event.insert(event_id, key);
    }

    pub(super) fn name_by_protocol_instance(&mut self, instance: String, key: MachineKey) {
        self.by_protocol_instance.insert(instance, key);
    }

    /// Forgets a machine whose initiating event will not be named again.
    pub(super) fn remove_by_event(&mut self, event_id: i64) {
        if let Some(key) = self.by_event.remove(&event_id) {
            self.remove(key);
        }
    }

    /// Forgets the machines of all events behind `event_id` (spec 1.12.1).
    pub(super) fn forget_events_after(&mut self, event_id: i64) {
        for key in self.by_event.split_off(&(event_id + 1)).into_values() {
            self.remove(key);
        }
    }

    /// # Errors
    /// Nondeterminism: lang names a command that it never gave (spec 1.6.3).
    pub(super) fn of_id(&self, id: CommandId) -> Result<MachineKey> {
        self.find_id(id).ok_or_else(|| RunError::nondeterminism(format!("Missing associated machine for {id:?}")))
    }

    pub(super) fn find_id(&self, id: CommandId) -> Option<MachineKey> {
        let (kind, seq) = id.kind_and_seq();
        self.by_id[kind].get(&seq).copied()
    }

    pub(super) fn find_event(&self, event_id: i64) -> Option<MachineKey> {
        self.by_event.get(&event_id).copied()
    }

    /// # Errors
    /// Fatal: lang answers a message that it never got (spec 2.10.3).
    pub(super) fn of_protocol_instance(&self, instance: &str) -> Result<MachineKey> {
        let key = self.by_protocol_instance.get(instance).copied();
        key.ok_or_else(|| RunError::fatal(format!("Missing associated machine for protocol message {instance}")))
    }

    pub(super) fn get(&self, key: MachineKey) -> &AnyMachine {
        &self.stored(key).machine
    }

    pub(super) fn get_mut(&mut self, key: MachineKey) -> &mut AnyMachine {
        &mut self.slots[key.0].as_mut().expect("keys are dropped before their machine is removed").machine
    }

    pub(super) fn is_core_created(&self, key: MachineKey) -> bool {
        self.stored(key).core_created
    }

    fn stored(&self, key: MachineKey) -> &Stored {
        self.slots[key.0].as_ref().expect("keys are dropped before their machine is removed")
    }
}
