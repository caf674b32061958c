//! Workflow time (spec 1.5.12): moved by events and by local activities, never back.

use prost_types::Timestamp;

/// Workflow time, if it is known yet.
#[derive(Debug, Default)]
pub(super) struct Clock {
    current: Option<Timestamp>,
}

impl Clock {
    /// Moves forward to `time`; an earlier one is ignored.
    pub(super) fn advance(&mut self, time: Timestamp) {
        if self.current.is_none_or(|current| key(&current) < key(&time)) {
            self.current = Some(time);
        }
    }

    pub(super) const fn current(&self) -> Option<Timestamp> {
        self.current
    }
}

const fn key(time: &Timestamp) -> (i64, i32) {
    (time.seconds, time.nanos)
}
