//! An upsert of search attributes, of lang's or of Core's own beside a patch marker (spec 2.9.1, 2.8.3).

use temporalio_protos::VERSION_SEARCH_ATTR_KEY;
use temporalio_protos::temporal::api::command::v1::{UpsertWorkflowSearchAttributesCommandAttributes, command};
use temporalio_protos::temporal::api::common::v1::SearchAttributes;
use temporalio_protos::temporal::api::enums::v1::CommandType;
use temporalio_protos::temporal::api::history::v1::{HistoryEvent, history_event};

use super::position::{EventInfo, Position};
use super::table::{Table, transitions};
use super::{Annotations, EventContext, Machine, NewCommand, Response};
use crate::error::{Result, RunError};

#[cfg(test)]
mod tests;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Created,
    CommandIssued,
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Prepared,
    Upserted,
}

static TABLE: Table<State, Input, ()> = transitions! {
    Created {
        Prepared => CommandIssued;
    }
    CommandIssued {
        Upserted => Done;
    }
};

/// An upsert of search attributes. Nothing resolves it.
#[derive(Clone, Debug)]
pub struct UpsertSearchAttributesMachine {
    position: Position<State, Input, ()>,
}

impl UpsertSearchAttributesMachine {
    /// The machine and its command. What lang may not upsert itself, see [`writes_change_version`], is replaced by
    /// nothing before.
    pub fn new(search_attributes: SearchAttributes, annotations: Annotations) -> (Self, NewCommand) {
        let attributes = command::Attributes::UpsertWorkflowSearchAttributesCommandAttributes(
            UpsertWorkflowSearchAttributesCommandAttributes { search_attributes: Some(search_attributes) },
        );
        let position = Position::new("UpsertSearchAttributesMachine", TABLE, State::Created);
        (Self { position }, NewCommand { attributes, annotations })
    }
}

/// Lang upserts the attribute in which Core records patches. With flag 2 usable the command is then sent with empty
/// attributes: workflows that did so once have the command in their histories (spec 2.9.1).
pub fn writes_change_version(search_attributes: &SearchAttributes) -> bool {
    search_attributes.indexed_fields.contains_key(VERSION_SEARCH_ATTR_KEY)
}

impl Machine for UpsertSearchAttributesMachine {
    fn name(&self) -> &'static str {
        self.position.machine()
    }

    fn handle_command_prepared(&mut self, command: CommandType) -> Result<Vec<Response>> {
        let input = (command == CommandType::UpsertWorkflowSearchAttributes).then_some(Input::Prepared);
        self.position.on_command(input, command)?;
        Ok(vec![])
    }

    fn handle_event(&mut self, event: HistoryEvent, _context: EventContext) -> Result<Vec<Response>> {
        let info = EventInfo::of(&event);
        match event.attributes {
            Some(history_event::Attributes::UpsertWorkflowSearchAttributesEventAttributes(_)) => {
                self.position.on_event(Input::Upserted, info)?;
                Ok(vec![])
            }
            _ => Err(RunError::nondeterminism(format!("UpsertWorkflowSearchAttributesMachine does not handle {info}"))),
        }
    }

    fn is_final(&self) -> bool {
        self.position.is_final()
    }
}
