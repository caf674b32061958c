//! Events ready to be applied, one logical workflow task at a time (spec 1.3.3, 1.4.7).

use std::collections::VecDeque;

use temporalio_protos::temporal::api::enums::v1::EventType;

use super::Event;
use super::chunk::Chunker;

/// One or more complete workflow task sequences. The default stands for "none yet" and is not real.
#[derive(Debug)]
pub struct HistoryUpdate {
    events: VecDeque<Event>,
    /// How many events have left `events`.
    taken: usize,
    /// Where each known sequence ends: count of events, from the first that ever was in the update, up to its end.
    ends: VecDeque<usize>,
    has_last: bool,
    previous_started_event_id: i64,
    started_event_id: i64,
}

/// What comes next.
#[derive(Debug, PartialEq)]
pub enum NextSequence {
    /// The events of the next logical workflow task.
    Sequence(Sequence),
    /// Everything there is has been taken.
    ReplayOver,
    /// The next page must be fetched first (spec 1.3.8).
    NeedsFetch,
}

/// The events of one logical workflow task, to be decoded and applied in order.
#[derive(Debug, PartialEq)]
pub struct Sequence {
    /// The events. Those already applied are to be left out by the taker (id up to the last processed event).
    pub events: Vec<Event>,
    /// Nothing follows: the event with which replay ends is among these (spec 1.5.4).
    pub is_last: bool,
}

impl HistoryUpdate {
    /// All of a task's history that there is: the sequences in `events` and, as the final one, what is left after them.
    pub fn whole(
        events: impl IntoIterator<Item = Event>,
        previous_started_event_id: i64,
        started_event_id: i64,
    ) -> Self {
        let events: VecDeque<_> = events.into_iter().collect();
        let mut chunker = Chunker::default();
        let ends = std::iter::from_fn(|| chunker.next_end(&events, true)).map(|end| end + 1).collect();
        Self { events, taken: 0, ends, has_last: true, previous_started_event_id, started_event_id }
    }

    /// Sequences that were found already; `ends` counts events up to each end.
    pub(super) const fn of_sequences(
        events: VecDeque<Event>,
        ends: VecDeque<usize>,
        has_last: bool,
        previous_started_event_id: i64,
        started_event_id: i64,
    ) -> Self {
        Self { events, taken: 0, ends, has_last, previous_started_event_id, started_event_id }
    }

    /// Takes the next sequence out. Events with an id up to `started_id` are dropped first: the id of the
    /// WorkflowTaskStarted event that was handled last, 0 for a fresh run.
    pub fn take_next_sequence(&mut self, started_id: i64) -> NextSequence {
        if !self.can_take_next_sequence(started_id) {
            return NextSequence::NeedsFetch;
        }
        let skipped = self.position_after(started_id);
        drop(self.take(skipped));
        let Some(length) = self.next_length() else { return NextSequence::ReplayOver };
        let events = self.take(length).collect();
        NextSequence::Sequence(Sequence { events, is_last: self.has_last && self.events.is_empty() })
    }

    /// Further events of the same task, from the next extraction of its paginator. What was not taken yet stays in
    /// front.
    pub fn extend(&mut self, next: Self) {
        let offset = self.taken + self.events.len();
        self.ends.extend(next.ends.into_iter().map(|end| offset + end.saturating_sub(next.taken)));
        self.events.extend(next.events);
        self.has_last = next.has_last;
        self.previous_started_event_id = next.previous_started_event_id;
        self.started_event_id = next.started_event_id;
    }

    /// All events, in order; nothing is left.
    pub fn into_events(self) -> impl Iterator<Item = Event> {
        self.events.into_iter()
    }

    /// [`Self::take_next_sequence`] would not answer `NeedsFetch`. Unless history ends here, the sequence after the
    /// next must be there too, because applying one looks ahead into the other (spec 1.5.11).
    pub fn can_take_next_sequence(&self, started_id: i64) -> bool {
        let taken = self.taken + self.position_after(started_id);
        self.has_last || self.ends.iter().rev().take_while(|end| **end > taken).nth(1).is_some()
    }

    /// The events of the sequence that [`Self::take_next_sequence`] would take, to look ahead; at the end of history an
    /// incomplete one, or none.
    pub fn peek_next_sequence(&self, started_id: i64) -> impl Iterator<Item = &Event> {
        let start = self.position_after(started_id);
        let end = self.next_end(start).unwrap_or(self.events.len());
        self.events.range(start..end)
    }

    /// The next WorkflowTaskCompleted event with an id of at least `from_id` (spec 1.5.2).
    pub fn peek_next_task_completed(&self, from_id: i64) -> Option<&Event> {
        let start = self.position_after(from_id.saturating_sub(1));
        self.events.range(start..).find(|e| e.event_type() == EventType::WorkflowTaskCompleted)
    }

    /// Id of the first event; `None` if there is none.
    pub fn first_event_id(&self) -> Option<i64> {
        self.events.front().map(Event::id)
    }

    /// The task does not bring history from its start (spec 1.3.1). Ask before anything is taken.
    pub fn is_incremental(&self) -> bool {
        self.first_event_id().is_none_or(|id| id > 1)
    }

    /// This is more than a stand-in.
    pub const fn is_real(&self) -> bool {
        self.previous_started_event_id >= 0
    }

    /// The end of history is in here: nothing more is to be fetched.
    pub const fn has_last_task(&self) -> bool {
        self.has_last
    }

    /// Count of the events that were not taken yet.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// No event is left.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// `previous_started_event_id` of the task that the events were received for.
    pub const fn previous_started_event_id(&self) -> i64 {
        self.previous_started_event_id
    }

    /// `started_event_id` of the task that the events were received for.
    pub const fn started_event_id(&self) -> i64 {
        self.started_event_id
    }

    /// Length of the next sequence. A remainder at the end of history counts as one if it has more than one event: a
    /// single event left over carries nothing to apply (spec 1.4.7).
    fn next_length(&self) -> Option<usize> {
        self.next_end(0).or_else(|| (self.events.len() > 1).then_some(self.events.len()))
    }

    /// Position after the end of the first known sequence that reaches beyond `start`.
    fn next_end(&self, start: usize) -> Option<usize> {
        let first = self.ends.partition_point(|end| *end <= self.taken + start);
        self.ends.get(first).map(|end| end - self.taken)
    }

    /// Position of the first event with a greater id: in front, since what was applied has been taken. No bisection,
    /// for which a history out of order would have no order.
    fn position_after(&self, id: i64) -> usize {
        self.events.iter().position(|e| e.id() > id).unwrap_or(self.events.len())
    }

    fn take(&mut self, count: usize) -> impl Iterator<Item = Event> + '_ {
        self.taken += count;
        while self.ends.front().is_some_and(|end| *end <= self.taken) {
            self.ends.pop_front();
        }
        self.events.drain(..count)
    }
}

impl Default for HistoryUpdate {
    fn default() -> Self {
        Self::of_sequences(VecDeque::new(), VecDeque::new(), false, -1, -1)
    }
}
