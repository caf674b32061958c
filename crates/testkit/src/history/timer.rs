//! Timers.

use prost_types::Duration;
use temporalio_protos::temporal::api::history::v1::history_event::Attributes;
use temporalio_protos::temporal::api::history::v1::{
    TimerCanceledEventAttributes, TimerFiredEventAttributes, TimerStartedEventAttributes,
};

use super::HistoryBuilder;

impl HistoryBuilder {
    /// TimerStarted, of one second.
    pub fn timer_started(&mut self, timer_id: &str) -> i64 {
        self.add(TimerStartedEventAttributes {
            timer_id: timer_id.to_owned(),
            start_to_fire_timeout: Some(Duration { seconds: 1, nanos: 0 }),
            workflow_task_completed_event_id: self.completed_id(),
        })
    }

    /// TimerFired.
    ///
    /// # Panics
    /// If `started_event_id` is not that of a TimerStarted event.
    pub fn timer_fired(&mut self, started_event_id: i64) -> i64 {
        self.add(TimerFiredEventAttributes { timer_id: self.timer_id(started_event_id), started_event_id })
    }

    /// TimerCanceled.
    ///
    /// # Panics
    /// If `started_event_id` is not that of a TimerStarted event.
    pub fn timer_canceled(&mut self, started_event_id: i64) -> i64 {
        self.add(TimerCanceledEventAttributes {
            timer_id: self.timer_id(started_event_id),
            started_event_id,
            workflow_task_completed_event_id: self.completed_id(),
            ..Default::default()
        })
    }

    fn timer_id(&self, started_event_id: i64) -> String {
        match self.attributes(started_event_id) {
            Attributes::TimerStartedEventAttributes(attributes) => attributes.timer_id.clone(),
            _ => panic!("event {started_event_id} is no TimerStarted event"),
        }
    }
}
