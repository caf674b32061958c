//! Patches: which ones history has, and how their markers meet the workflow's commands (spec 2.8).

use litemap::LiteMap;
use temporalio_protos::coresdk::workflow_activation::NotifyHasPatch;
use temporalio_protos::coresdk::workflow_commands::SetPatchMarker;
use temporalio_protos::temporal::api::history::v1::HistoryEvent;

use super::Execution;
use crate::error::{Result, RunError};
use crate::flags::CoreFlag;
use crate::machines::Annotations;
use crate::machines::any::AnyMachine;
use crate::machines::markers::{
    PatchMarker, change_version_attributes, change_version_warning, is_change_version_upsert, patch_marker,
};
use crate::machines::patch::PatchMachine;
use crate::machines::upsert_search_attributes::UpsertSearchAttributesMachine;

/// Patch ids known to the run.
#[derive(Debug, Default)]
pub(super) struct Patches {
    /// Seen in look-ahead or set by lang; true once a command was made.
    known: LiteMap<String, bool>,
}

/// What is to be done with an event and the command it would be matched with (spec 2.8.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PatchVerdict {
    /// They belong together, or patches have no part in it.
    Match,
    /// The workflow has dropped the patch; its marker means nothing. `and_next`: neither does the upsert behind it.
    SkipEvent { and_next: bool },
    /// The workflow has the patch and history has no marker of it: the command means nothing.
    SkipCommand,
}

impl Patches {
    /// Look-ahead found a marker.
    pub(super) fn find(&mut self, patch_id: String) {
        self.known.insert(patch_id, false);
    }

    /// History is known to have the marker, or lang has set the patch.
    pub(super) fn is_known(&self, patch_id: &str) -> bool {
        self.known.contains_key(patch_id)
    }

    /// A second command for the same patch is not made (spec 2.8.1).
    pub(super) fn has_command(&self, patch_id: &str) -> bool {
        self.known.get(patch_id).copied().unwrap_or(false)
    }

    pub(super) fn note_command(&mut self, patch_id: String) {
        self.known.insert(patch_id, true);
    }

    /// Ids with a command, ascending.
    pub(super) fn with_command(&self) -> impl Iterator<Item = &str> {
        self.known.iter().filter(|(_, has_command)| **has_command).map(|(patch_id, _)| patch_id.as_str())
    }
}

impl Execution {
    /// History has a marker ahead: lang is told before it runs (spec 2.8.5).
    pub(super) fn find_patch(&mut self, marker: PatchMarker) {
        self.patches.find(marker.id.clone());
        self.jobs.push(NotifyHasPatch { patch_id: marker.id });
    }

    /// Lang asks for a patch (spec 2.8.1). The search attribute that tells of it is written unless it is being replayed
    /// and history does not have the patch (spec 2.8.3).
    pub(super) fn set_patch(&mut self, patch: SetPatchMarker, annotations: Annotations) -> Result<()> {
        let patch_id = patch.patch_id.clone();
        if self.patches.has_command(&patch_id) {
            return Ok(());
        }
        let replaying = self.progress.replaying;
        let was_written = !replaying || self.patches.is_known(&patch_id);
        let may_write = self.flags.try_use(CoreFlag::UpsertSearchAttributeOnPatch as u32, !replaying);
        self.add(None, PatchMachine::new(patch, replaying, annotations.clone())?);
        self.patches.note_command(patch_id.clone());
        if was_written && may_write { self.upsert_change_version(&patch_id, annotations) } else { Ok(()) }
    }

    fn upsert_change_version(&mut self, patch_id: &str, annotations: Annotations) -> Result<()> {
        match change_version_attributes(self.patches.with_command())? {
            Some(attributes) => drop(self.add(None, UpsertSearchAttributesMachine::new(attributes, annotations))),
            None => self.warn(change_version_warning(patch_id)),
        }
        Ok(())
    }

    /// Weighs an event against the next command (spec 2.8.4).
    pub(super) fn weigh_patch(&self, event: &HistoryEvent, next: Option<&HistoryEvent>) -> Result<PatchVerdict> {
        let machine = match self.commands.next_machine().map(|key| self.machines.get(key)) {
            Some(AnyMachine::Patch(machine)) => Some(machine),
            _ => None,
        };
        match (patch_marker(event), machine) {
            (None, None) => Ok(PatchVerdict::Match),
            (None, Some(_)) => Ok(PatchVerdict::SkipCommand),
            (Some(marker), Some(machine)) if !marker.deprecated || machine.patch_id() == marker.id => {
                Ok(PatchVerdict::Match)
            }
            (Some(marker), _) if marker.deprecated => {
                Ok(PatchVerdict::SkipEvent { and_next: next.is_some_and(is_change_version_upsert) })
            }
            (Some(marker), _) => Err(RunError::nondeterminism(format!(
                "Non-deprecated patch marker encountered for change {}, but there is no corresponding change command!",
                marker.id
            ))),
        }
    }
}
