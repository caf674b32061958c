//! Builds histories event by event, as the service would record them.
//!
//! ```
//! use corewasm_testkit::HistoryBuilder;
//!
//! let mut history = HistoryBuilder::new();
//! history.workflow_task();
//! let timer = history.timer_started("1");
//! history.timer_fired(timer);
//! history.workflow_task_pending();
//! assert_eq!(history.whole().started_event_id, 8);
//! ```
//!
//! Every method that adds events returns the id of the event that others refer to. Ids count from 1; each event
//! happens one second after the one before. What a test does not care about has a sensible default and can be changed
//! with [`HistoryBuilder::edit`].

mod activity;
mod child;
mod execution;
mod external;
pub mod generate;
mod marker;
mod nexus;
mod timer;
mod update;
mod value;
mod view;
mod workflow_task;

use std::time::Duration;

use prost_types::Timestamp;
use temporalio_protos::temporal::api::enums::v1::EventType;
use temporalio_protos::temporal::api::history::v1::history_event::Attributes;
use temporalio_protos::temporal::api::history::v1::{History, HistoryEvent};

pub use execution::{NAMESPACE, RUN_ID, TASK_QUEUE, WORKFLOW_ID, WORKFLOW_TYPE};
pub use marker::LocalActivityMarker;
pub use value::{failure, json};
pub use view::TaskView;

/// 2024-01-01T00:00:00Z, when every history starts.
const START_SECONDS: i64 = 1_704_067_200;
const IDENTITY: &str = "testkit";

/// A history that grows at its end.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryBuilder {
    events: Vec<HistoryEvent>,
    time: Timestamp,
}

impl HistoryBuilder {
    /// A history of one event: WorkflowExecutionStarted.
    pub fn new() -> Self {
        let mut history = Self::empty();
        history.execution_started();
        history
    }

    /// A history without events.
    pub const fn empty() -> Self {
        Self { events: Vec::new(), time: Timestamp { seconds: START_SECONDS, nanos: 0 } }
    }

    /// A history that goes on after these events.
    pub fn of_events(events: Vec<HistoryEvent>) -> Self {
        let time = events.last().and_then(|e| e.event_time);
        Self { time: time.map_or(Self::empty().time, one_second_after), events }
    }

    /// Adds an event with these attributes; its type follows from them.
    pub fn add(&mut self, attributes: impl Into<Attributes>) -> i64 {
        let attributes = attributes.into();
        self.add_event(HistoryEvent {
            event_type: attributes.event_type() as i32,
            attributes: Some(attributes),
            ..Default::default()
        })
    }

    /// Adds an event of any type, without attributes.
    pub fn add_bare(&mut self, event_type: EventType) -> i64 {
        self.add_event(HistoryEvent { event_type: event_type as i32, ..Default::default() })
    }

    /// Adds an event of a type and with attributes that no worker knows, which the service lets workers ignore or not.
    pub fn add_unknown(&mut self, worker_may_ignore: bool) -> i64 {
        self.add_event(HistoryEvent { event_type: 9_999, worker_may_ignore, ..Default::default() })
    }

    /// Changes the event with this id.
    ///
    /// # Panics
    /// If there is no such event.
    pub fn edit(&mut self, id: i64, change: impl FnOnce(&mut HistoryEvent)) -> &mut Self {
        change(&mut self.events[index(id)]);
        self
    }

    /// The next event happens that much later than it would.
    pub fn advance(&mut self, by: Duration) -> &mut Self {
        self.time.seconds += by.as_secs() as i64;
        self.time.nanos += by.subsec_nanos() as i32;
        if self.time.nanos >= 1_000_000_000 {
            self.time.nanos -= 1_000_000_000;
            self.time.seconds += 1;
        }
        self
    }

    /// The events so far.
    pub fn events(&self) -> &[HistoryEvent] {
        &self.events
    }

    /// The event with this id.
    ///
    /// # Panics
    /// If there is no such event.
    pub fn event(&self, id: i64) -> &HistoryEvent {
        &self.events[index(id)]
    }

    /// Id of the last event, 0 if there is none.
    pub fn last_id(&self) -> i64 {
        self.events.len() as i64
    }

    /// Time of the event with this id.
    ///
    /// # Panics
    /// If there is no such event.
    pub fn time_of(&self, id: i64) -> Timestamp {
        self.event(id).event_time.expect("add_event sets the time")
    }

    /// All events.
    pub fn history(&self) -> History {
        History { events: self.events.clone() }
    }

    fn add_event(&mut self, event: HistoryEvent) -> i64 {
        let event_id = self.last_id() + 1;
        self.events.push(HistoryEvent { event_id, event_time: Some(self.time), ..event });
        self.time = one_second_after(self.time);
        event_id
    }

    /// Id of the last event of this type, 0 if there is none.
    fn last_of(&self, event_type: EventType) -> i64 {
        self.events.iter().rev().find(|e| e.event_type() == event_type).map_or(0, |e| e.event_id)
    }

    /// Id of the WorkflowTaskCompleted event whose commands are being recorded.
    fn completed_id(&self) -> i64 {
        self.last_of(EventType::WorkflowTaskCompleted)
    }

    fn attributes(&self, id: i64) -> &Attributes {
        self.event(id).attributes.as_ref().expect("the event referred to was added with attributes")
    }
}

impl Default for HistoryBuilder {
    fn default() -> Self {
        Self::new()
    }
}

fn index(id: i64) -> usize {
    usize::try_from(id - 1).expect("event ids count from 1")
}

const fn one_second_after(time: Timestamp) -> Timestamp {
    Timestamp { seconds: time.seconds + 1, nanos: time.nanos }
}
