//! What was begun and not ended in a random history.

use serde_json::Value;
use temporalio_protos::temporal::api::enums::v1::{
    CancelExternalWorkflowExecutionFailedCause, SignalExternalWorkflowExecutionFailedCause,
    StartChildWorkflowExecutionFailedCause, TimeoutType,
};

use crate::history::{HistoryBuilder, json};

/// One thing that can go on; `begun` is the id of the event that began it.
#[derive(Clone, Copy, Debug)]
struct Thing {
    begun: i64,
    kind: Kind,
    /// Id of the event that says so, 0 if it did not start yet.
    started: i64,
    /// Id of the event that asks for its cancellation, 0 if there is none.
    cancel_requested: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Timer,
    Activity,
    Child,
    Nexus,
    Signal,
    Cancel,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Open(Vec<Thing>);

impl Open {
    pub(super) fn timer(&mut self, started: i64) {
        self.begin(Kind::Timer, started);
    }

    pub(super) fn activity(&mut self, scheduled: i64) {
        self.begin(Kind::Activity, scheduled);
    }

    pub(super) fn child(&mut self, initiated: i64) {
        self.begin(Kind::Child, initiated);
    }

    pub(super) fn nexus(&mut self, scheduled: i64) {
        self.begin(Kind::Nexus, scheduled);
    }

    pub(super) fn signal(&mut self, initiated: i64) {
        self.begin(Kind::Signal, initiated);
    }

    pub(super) fn cancel_external(&mut self, initiated: i64) {
        self.begin(Kind::Cancel, initiated);
    }

    fn begin(&mut self, kind: Kind, begun: i64) {
        self.0.push(Thing { begun, kind, started: 0, cancel_requested: 0 });
    }

    /// One thing goes on; what is left of the number says how.
    pub(super) fn progress(&mut self, which: usize, history: &mut HistoryBuilder) {
        if self.0.is_empty() {
            return;
        }
        let thing = self.0.remove(which % self.0.len());
        self.0.extend(thing.goes_on(which / 7, history));
    }

    /// The workflow cancels one of the things that were begun before the event with this id, each at most once.
    pub(super) fn cancel(&mut self, which: usize, before: i64, history: &mut HistoryBuilder) {
        let can_be = |thing: &Thing| {
            let has_cancel = !matches!(thing.kind, Kind::Signal | Kind::Cancel);
            has_cancel && thing.begun < before && thing.cancel_requested == 0
        };
        let known: Vec<_> = (0..self.0.len()).filter(|at| can_be(&self.0[*at])).collect();
        if known.is_empty() {
            return;
        }
        let at = known[which % known.len()];
        let Thing { begun, kind, .. } = self.0[at];
        self.0[at].cancel_requested = match kind {
            Kind::Activity => history.activity_cancel_requested(begun),
            Kind::Nexus => history.nexus_cancel_requested(begun),
            Kind::Child => history.child_cancel_initiated(begun),
            Kind::Timer | Kind::Signal | Kind::Cancel => history.timer_canceled(begun),
        };
        match kind {
            Kind::Timer => drop(self.0.remove(at)),
            Kind::Child => self.cancel_external(self.0[at].cancel_requested),
            _ => {}
        }
    }
}

impl Thing {
    fn goes_on(mut self, how: usize, history: &mut HistoryBuilder) -> Option<Self> {
        let starts = self.started == 0 && !how.is_multiple_of(4);
        self.started = match self.kind {
            Kind::Activity if starts => history.activity_started(self.begun),
            Kind::Child if starts => history.child_started(self.begun),
            Kind::Nexus if starts => history.nexus_started(self.begun, "token"),
            _ => {
                self.ends(how / 4, history);
                return None;
            }
        };
        Some(self)
    }

    fn ends(self, how: usize, history: &mut HistoryBuilder) -> i64 {
        let succeeds = how.is_multiple_of(2);
        match self.kind {
            Kind::Timer => history.timer_fired(self.begun),
            Kind::Activity => self.activity_ends(how, history),
            Kind::Child => self.child_ends(how, history),
            Kind::Nexus => self.nexus_ends(how, history),
            Kind::Signal if succeeds => history.external_signaled(self.begun),
            Kind::Signal => {
                let cause = SignalExternalWorkflowExecutionFailedCause::ExternalWorkflowExecutionNotFound;
                history.signal_external_failed(self.begun, cause)
            }
            Kind::Cancel if succeeds => history.external_cancel_requested(self.begun),
            Kind::Cancel => {
                let cause = CancelExternalWorkflowExecutionFailedCause::ExternalWorkflowExecutionNotFound;
                history.cancel_external_failed(self.begun, cause)
            }
        }
    }

    fn activity_ends(self, how: usize, history: &mut HistoryBuilder) -> i64 {
        match how % 4 {
            _ if self.cancel_requested > 0 && how.is_multiple_of(2) => {
                history.activity_canceled(self.begun, self.started)
            }
            _ if self.started == 0 => history.activity_timed_out(self.begun, 0, TimeoutType::ScheduleToStart),
            0 | 1 => history.activity_completed(self.begun, self.started, json(&Value::Null)),
            2 => history.activity_failed(self.begun, self.started, "broken"),
            _ => history.activity_timed_out(self.begun, self.started, TimeoutType::StartToClose),
        }
    }

    fn child_ends(self, how: usize, history: &mut HistoryBuilder) -> i64 {
        match how % 5 {
            _ if self.started == 0 => {
                history.child_start_failed(self.begun, StartChildWorkflowExecutionFailedCause::WorkflowAlreadyExists)
            }
            0 => history.child_completed(self.begun, self.started, json(&Value::Null)),
            1 => history.child_failed(self.begun, self.started, "broken"),
            2 => history.child_canceled(self.begun, self.started),
            3 => history.child_timed_out(self.begun, self.started),
            _ => history.child_terminated(self.begun, self.started),
        }
    }

    fn nexus_ends(self, how: usize, history: &mut HistoryBuilder) -> i64 {
        if self.started > 0 && self.cancel_requested > 0 {
            let _ = match how / 4 % 3 {
                0 => history.nexus_cancel_request_completed(self.begun, self.cancel_requested),
                1 => history.nexus_cancel_request_failed(self.begun, self.cancel_requested),
                _ => 0,
            };
        }
        match how % 4 {
            0 => history.nexus_completed(self.begun, json(&Value::Null)),
            1 => history.nexus_failed(self.begun, "broken"),
            2 => history.nexus_canceled(self.begun),
            _ => history.nexus_timed_out(self.begun),
        }
    }
}
