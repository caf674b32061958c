//! A patch: the marker by which a run remembers that it took the new way (spec 2.8).
//!
//! Lang is told of a recorded patch before the activation that asks for it, so nothing here resolves anything; the
//! machine is there to match the marker event. The matching itself is the run's (spec 2.8.4).

use temporalio_protos::coresdk::workflow_commands::SetPatchMarker;
use temporalio_protos::temporal::api::enums::v1::CommandType;
use temporalio_protos::temporal::api::history::v1::HistoryEvent;

use super::markers::{patch_marker, record_patch};
use super::position::{EventInfo, Position};
use super::table::{Table, transitions};
use super::{Annotations, EventContext, Machine, NewCommand, Response};
use crate::error::{Result, RunError};

#[cfg(test)]
mod tests;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    MarkerCommandCreated,
    MarkerCommandCreatedReplaying,
    Notified,
    MarkerCommandRecorded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Prepared,
    Recorded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Nothing,
    CheckId,
}

static TABLE: Table<State, Input, Action> = transitions! {
    MarkerCommandCreated {
        Prepared => Nothing, Notified;
    }
    MarkerCommandCreatedReplaying {
        Prepared => Nothing, Notified;
    }
    Notified {
        Recorded => CheckId, MarkerCommandRecorded;
    }
};

/// A patch that lang asked for.
#[derive(Clone, Debug)]
pub struct PatchMachine {
    position: Position<State, Input, Action>,
    patch_id: String,
}

impl PatchMachine {
    /// The machine and its RecordMarker command. The upsert that goes with it is made of
    /// [`super::markers::change_version_attributes`].
    ///
    /// # Errors
    /// Fatal if the id can not be encoded.
    pub fn new(patch: SetPatchMarker, replaying: bool, annotations: Annotations) -> Result<(Self, NewCommand)> {
        let attributes = record_patch(&patch.patch_id, patch.deprecated)?;
        let state = if replaying { State::MarkerCommandCreatedReplaying } else { State::MarkerCommandCreated };
        let position = Position::new("PatchMachine", TABLE, state);
        Ok((Self { position, patch_id: patch.patch_id }, NewCommand { attributes, annotations }))
    }

    /// Id of the patch.
    pub fn patch_id(&self) -> &str {
        &self.patch_id
    }
}

impl Machine for PatchMachine {
    fn name(&self) -> &'static str {
        self.position.machine()
    }

    fn handle_command_prepared(&mut self, command: CommandType) -> Result<Vec<Response>> {
        let input = (command == CommandType::RecordMarker).then_some(Input::Prepared);
        self.position.on_command(input, command)?;
        Ok(vec![])
    }

    fn handle_event(&mut self, event: HistoryEvent, _context: EventContext) -> Result<Vec<Response>> {
        let info = EventInfo::of(&event);
        let marker = patch_marker(&event)
            .ok_or_else(|| RunError::nondeterminism(format!("Change machine cannot handle this event: {info}")))?;
        let action = self.position.on_event(Input::Recorded, info)?;
        if action == Action::CheckId && marker.id != self.patch_id {
            let text = format!("Change id {} does not match expected id {}", marker.id, self.patch_id);
            return Err(RunError::nondeterminism(text));
        }
        Ok(vec![])
    }

    fn is_final(&self) -> bool {
        self.position.is_final()
    }
}
