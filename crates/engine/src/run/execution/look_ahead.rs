//! Looking ahead into the sequence behind the one just applied (spec 1.5.11).
//!
//! What the workflow did in a task is recorded behind it. Patches, local activities and updates must take effect in the
//! task in which they did at first, so their events are looked for before lang runs.

use temporalio_protos::temporal::api::enums::v1::EventType;
use temporalio_protos::temporal::api::history::v1::HistoryEvent;
use temporalio_protos::temporal::api::history::v1::history_event::Attributes;

use super::Execution;
use super::apply_task::decode;
use crate::error::Result;
use crate::history::Event;
use crate::machines::markers::{is_local_activity_marker, patch_marker};

impl Execution {
    /// Patches first, then local activities and updates as they come.
    pub(super) fn look_ahead(&mut self, from: i64) -> Result<()> {
        let ahead = self.history.peek_next_sequence(from).filter(|event| concerns_look_ahead(event));
        let ahead = ahead.map(decode).collect::<Result<Vec<_>>>()?;
        let (patches, others): (Vec<_>, Vec<_>) = ahead.into_iter().partition(|event| patch_marker(event).is_some());
        for marker in patches.iter().filter_map(patch_marker) {
            self.find_patch(marker);
        }
        others.into_iter().try_for_each(|event| self.anticipate(event))
    }

    fn anticipate(&mut self, event: HistoryEvent) -> Result<()> {
        if is_local_activity_marker(&event) {
            return self.anticipate_local_activity(event);
        }
        match event.attributes {
            Some(Attributes::WorkflowExecutionUpdateAcceptedEventAttributes(accepted)) => {
                let request = self.messages.request_of_accepted(accepted)?;
                self.handle_update_request(request)
            }
            _ => Ok(()),
        }
    }
}

fn concerns_look_ahead(event: &Event) -> bool {
    matches!(event.event_type(), EventType::MarkerRecorded | EventType::WorkflowExecutionUpdateAccepted)
}
