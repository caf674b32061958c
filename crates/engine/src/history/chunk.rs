//! Finds where logical workflow tasks end (spec 1.4).
//!
//! What a WorkflowTaskStarted event means is told by the two events after it. While those have not arrived the search
//! waits at the event and goes on from there, so that pages cut a history as they like: the ends found are the same,
//! and no event is looked at again for each page.

use std::collections::VecDeque;

use temporalio_protos::temporal::api::enums::v1::EventType;

use super::Event;

/// A search that goes on as events arrive. Positions count from the front of the queue.
#[derive(Clone, Debug, Default)]
pub(super) struct Chunker {
    cursor: usize,
    /// Id of the last event of the sequence before. Ids that are no greater, which only a history out of order has, say
    /// nothing.
    from: i64,
    saw_command: bool,
    saw_command_or_started: bool,
    /// Id and position of each WorkflowTaskStarted of the sequence that was not skipped.
    started: Vec<(i64, usize)>,
}

/// What a WorkflowTaskStarted event means.
enum Verdict {
    /// The sequence ends at this position.
    End(usize),
    /// Its task led nowhere: not even a candidate for an update's place (spec 1.4.3). Likewise any other event.
    Skip,
    /// The sequence goes on.
    GoOn,
    /// The events after it must be seen first.
    Wait,
}

impl Chunker {
    /// Position of the last event of the next sequence. `None` until more events arrive, or for good if `ended` says
    /// that `events` reach to the end of history.
    pub(super) fn next_end(&mut self, events: &VecDeque<Event>, ended: bool) -> Option<usize> {
        while let Some(event) = events.get(self.cursor) {
            if event.id() > self.from {
                match self.look_at(event, events, ended) {
                    Verdict::End(position) => return Some(self.end_at(position, events)),
                    Verdict::Wait => return None,
                    Verdict::Skip => {}
                    Verdict::GoOn => self.started.push((event.id(), self.cursor)),
                }
            }
            self.cursor += 1;
        }
        None
    }

    fn look_at(&mut self, event: &Event, events: &VecDeque<Event>, ended: bool) -> Verdict {
        self.note(event);
        if event.is_final_execution_event() {
            return Verdict::End(self.cursor);
        }
        if event.event_type() == EventType::WorkflowTaskStarted { self.judge(events, ended) } else { Verdict::Skip }
    }

    /// The first `count` events have left the queue; they belong to sequences that were found.
    pub(super) fn forget(&mut self, count: usize) {
        self.cursor = self.cursor.saturating_sub(count);
        for (_, position) in &mut self.started {
            *position = position.saturating_sub(count);
        }
    }

    fn note(&mut self, event: &Event) {
        self.saw_command |= event.is_command_event();
        self.saw_command_or_started |= self.saw_command || event.event_type() == EventType::WorkflowExecutionStarted;
    }

    /// Spec 1.4.3 to 1.4.6, of the WorkflowTaskStarted event at the cursor.
    fn judge(&self, events: &VecDeque<Event>, ended: bool) -> Verdict {
        match events.get(self.cursor + 1).map(Event::event_type) {
            None if ended => self.end_if_anything_happened(),
            None => Verdict::Wait,
            Some(
                EventType::WorkflowTaskFailed
                | EventType::WorkflowTaskTimedOut
                | EventType::WorkflowExecutionTimedOut
                | EventType::WorkflowExecutionTerminated
                | EventType::WorkflowExecutionCanceled,
            ) => Verdict::Skip,
            Some(EventType::WorkflowTaskCompleted) => self.judge_completed(events.get(self.cursor + 2), ended),
            Some(_) => self.end_if_anything_happened(),
        }
    }

    fn judge_completed(&self, after: Option<&Event>, ended: bool) -> Verdict {
        let Some(after) = after else {
            return if ended { self.end_if_anything_happened() } else { Verdict::Wait };
        };
        match after.event_type() {
            // A heartbeat: the task was completed only to get another one.
            EventType::WorkflowTaskScheduled if !self.saw_command => Verdict::GoOn,
            EventType::WorkflowExecutionUpdateAccepted => Verdict::End(self.place_of_update(after)),
            _ => Verdict::End(self.cursor),
        }
    }

    fn end_if_anything_happened(&self) -> Verdict {
        if self.saw_command_or_started { Verdict::End(self.cursor) } else { Verdict::GoOn }
    }

    /// The task that first carried the update's request (spec 1.4.5). Only a signal's handler can run before an
    /// update's validator, and a signal would have ended the earlier sequence: no other command event needs this.
    fn place_of_update(&self, accepted: &Event) -> usize {
        let sequencing_id = accepted.accepted_request_sequencing_event_id();
        let earlier = self.started.iter().rev().find(|(id, _)| *id < sequencing_id);
        earlier.map_or(self.cursor, |(_, position)| *position)
    }

    fn end_at(&mut self, position: usize, events: &VecDeque<Event>) -> usize {
        let from = events.get(position).map_or(self.from, Event::id);
        *self = Self { cursor: position + 1, from, ..Self::default() };
        position
    }
}
