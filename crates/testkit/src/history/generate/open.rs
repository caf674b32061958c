//! What was begun and not ended in a random history.

use serde_json::Value;

use crate::history::{HistoryBuilder, json};

/// One thing that can go on; the number is the id of the event that began it.
#[derive(Clone, Copy, Debug)]
enum Thing {
    Timer(i64),
    Activity(i64),
    StartedActivity { scheduled: i64, started: i64 },
    Child(i64),
    StartedChild { initiated: i64, started: i64 },
    Nexus(i64),
    StartedNexus(i64),
    Signal(i64),
    Cancel(i64),
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Open(Vec<Thing>);

impl Open {
    pub(super) fn timer(&mut self, started: i64) {
        self.0.push(Thing::Timer(started));
    }

    pub(super) fn activity(&mut self, scheduled: i64) {
        self.0.push(Thing::Activity(scheduled));
    }

    pub(super) fn child(&mut self, initiated: i64) {
        self.0.push(Thing::Child(initiated));
    }

    pub(super) fn nexus(&mut self, scheduled: i64) {
        self.0.push(Thing::Nexus(scheduled));
    }

    pub(super) fn signal(&mut self, initiated: i64) {
        self.0.push(Thing::Signal(initiated));
    }

    pub(super) fn cancel(&mut self, initiated: i64) {
        self.0.push(Thing::Cancel(initiated));
    }

    /// One thing goes on. Even numbers let what has started succeed, odd ones let it fail.
    pub(super) fn progress(&mut self, which: usize, history: &mut HistoryBuilder) {
        if self.0.is_empty() {
            return;
        }
        let thing = self.0.remove(which % self.0.len());
        self.0.extend(next(thing, which.is_multiple_of(2), history));
    }

    pub(super) fn cancel_timer(&mut self, which: usize, history: &mut HistoryBuilder) {
        let timers: Vec<_> = (0..self.0.len()).filter(|i| matches!(self.0[*i], Thing::Timer(_))).collect();
        if timers.is_empty() {
            return;
        }
        if let Thing::Timer(started) = self.0.remove(timers[which % timers.len()]) {
            history.timer_canceled(started);
        }
    }
}

fn next(thing: Thing, succeed: bool, history: &mut HistoryBuilder) -> Option<Thing> {
    match thing {
        Thing::Activity(scheduled) => {
            Some(Thing::StartedActivity { scheduled, started: history.activity_started(scheduled) })
        }
        Thing::Child(initiated) => Some(Thing::StartedChild { initiated, started: history.child_started(initiated) }),
        Thing::Nexus(scheduled) => {
            history.nexus_started(scheduled, "token");
            Some(Thing::StartedNexus(scheduled))
        }
        ended => {
            end(ended, succeed, history);
            None
        }
    }
}

fn end(thing: Thing, succeed: bool, history: &mut HistoryBuilder) -> i64 {
    let null = json(&Value::Null);
    match thing {
        Thing::Timer(started) => history.timer_fired(started),
        Thing::StartedActivity { scheduled, started } if succeed => {
            history.activity_completed(scheduled, started, null)
        }
        Thing::StartedActivity { scheduled, started } => history.activity_failed(scheduled, started, "broken"),
        Thing::StartedChild { initiated, started } if succeed => history.child_completed(initiated, started, null),
        Thing::StartedChild { initiated, started } => history.child_failed(initiated, started, "broken"),
        Thing::StartedNexus(scheduled) if succeed => history.nexus_completed(scheduled, null),
        Thing::StartedNexus(scheduled) => history.nexus_failed(scheduled, "broken"),
        Thing::Signal(initiated) => history.external_signaled(initiated),
        Thing::Cancel(initiated) => history.external_cancel_requested(initiated),
        Thing::Activity(_) | Thing::Child(_) | Thing::Nexus(_) => unreachable!("these start before they end"),
    }
}
