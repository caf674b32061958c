//! The service of one run: its history, and what is open in the world outside.

use corewasm_engine::output::TaskCompletion;
use corewasm_testkit::{HistoryBuilder, history::json};
use serde_json::Value;
use temporalio_protos::temporal::api::enums::v1::{
    CancelExternalWorkflowExecutionFailedCause, SignalExternalWorkflowExecutionFailedCause,
    StartChildWorkflowExecutionFailedCause, TimeoutType,
};
use temporalio_protos::temporal::api::history::v1::history_event::Attributes;

use crate::support::recorder::record;

/// Something that goes on outside; the first number is the id of the event that began it.
#[derive(Clone, Debug)]
enum Outside {
    Timer(i64),
    Activity { scheduled: i64, started: i64, seq: u32, cancel_requested: bool },
    Child { initiated: i64, started: i64 },
    Signal(i64),
    Cancel(i64),
    Nexus { scheduled: i64, seq: u32, started: bool, cancel_requested: i64 },
}

#[derive(Clone, Debug)]
pub struct Service {
    pub history: HistoryBuilder,
    open: Vec<Outside>,
    signals: usize,
}

impl Service {
    pub fn new() -> Self {
        Self { history: HistoryBuilder::new(), open: vec![], signals: 0 }
    }

    /// A WorkflowTaskCompleted event and those of its commands; what they begin is open from now on.
    pub fn record(&mut self, completion: &TaskCompletion) {
        let before = self.history.events().len();
        record(&mut self.history, completion);
        for at in before..self.history.events().len() {
            let event = self.history.events()[at].clone();
            self.begin(event.event_id, event.attributes.expect("recorded events have attributes"));
        }
    }

    fn begin(&mut self, id: i64, attributes: Attributes) {
        let begun = match attributes {
            Attributes::TimerStartedEventAttributes(_) => Outside::Timer(id),
            Attributes::ActivityTaskScheduledEventAttributes(activity) => {
                let seq = number(&activity.activity_id);
                Outside::Activity { scheduled: id, started: 0, seq, cancel_requested: false }
            }
            Attributes::StartChildWorkflowExecutionInitiatedEventAttributes(_) => {
                Outside::Child { initiated: id, started: 0 }
            }
            Attributes::SignalExternalWorkflowExecutionInitiatedEventAttributes(_) => Outside::Signal(id),
            Attributes::RequestCancelExternalWorkflowExecutionInitiatedEventAttributes(_) => Outside::Cancel(id),
            Attributes::NexusOperationScheduledEventAttributes(nexus) => {
                Outside::Nexus { scheduled: id, seq: number(&nexus.operation), started: false, cancel_requested: 0 }
            }
            other => return self.note_cancel(id, other),
        };
        self.open.push(begun);
    }

    fn note_cancel(&mut self, id: i64, attributes: Attributes) {
        match attributes {
            Attributes::TimerCanceledEventAttributes(timer) => {
                self.open.retain(|one| !matches!(one, Outside::Timer(started) if *started == timer.started_event_id));
            }
            Attributes::ActivityTaskCancelRequestedEventAttributes(cancel) => {
                for one in &mut self.open {
                    if let Outside::Activity { scheduled, cancel_requested, .. } = one {
                        *cancel_requested |= *scheduled == cancel.scheduled_event_id;
                    }
                }
            }
            Attributes::NexusOperationCancelRequestedEventAttributes(cancel) => {
                for one in &mut self.open {
                    if let Outside::Nexus { scheduled, cancel_requested, .. } = one
                        && *scheduled == cancel.scheduled_event_id
                    {
                        *cancel_requested = id;
                    }
                }
            }
            _ => {}
        }
    }

    /// Something happens that the workflow hears of; `how` says what. `is_abandoned`: lang does not listen to this one.
    pub fn happens(&mut self, how: usize, is_abandoned: impl Fn(u32) -> bool) {
        let (what, how) = (how % 8, how / 8);
        match what {
            0 => self.signal(),
            1 => drop(self.history.cancel_requested("no longer needed")),
            2 => drop(self.history.options_updated()),
            _ if self.open.is_empty() => self.signal(),
            _ => self.progress(how, is_abandoned),
        }
    }

    pub fn signal(&mut self) {
        self.signals += 1;
        self.history.signaled(&self.signals.to_string());
    }

    fn progress(&mut self, how: usize, is_abandoned: impl Fn(u32) -> bool) {
        let at = how % self.open.len();
        let how = how / self.open.len();
        let one = self.open.remove(at);
        let next = match one {
            Outside::Timer(started) => {
                self.history.timer_fired(started);
                None
            }
            Outside::Activity { scheduled, started, seq, cancel_requested } => {
                let how = if is_abandoned(seq) { how % 2 } else { how };
                self.activity(scheduled, started, seq, cancel_requested, how)
            }
            Outside::Child { initiated, started } => self.child(initiated, started, how),
            Outside::Signal(initiated) => {
                let cause = SignalExternalWorkflowExecutionFailedCause::ExternalWorkflowExecutionNotFound;
                let history = &mut self.history;
                let _ = if how.is_multiple_of(2) {
                    history.external_signaled(initiated)
                } else {
                    history.signal_external_failed(initiated, cause)
                };
                None
            }
            Outside::Cancel(initiated) => {
                let cause = CancelExternalWorkflowExecutionFailedCause::ExternalWorkflowExecutionNotFound;
                let history = &mut self.history;
                let _ = if how.is_multiple_of(2) {
                    history.external_cancel_requested(initiated)
                } else {
                    history.cancel_external_failed(initiated, cause)
                };
                None
            }
            Outside::Nexus { scheduled, seq, started, cancel_requested } => {
                if is_abandoned(seq) {
                    Some(one)
                } else {
                    self.nexus(scheduled, seq, started, cancel_requested, how)
                }
            }
        };
        self.open.extend(next);
    }

    fn activity(
        &mut self,
        scheduled: i64,
        started: i64,
        seq: u32,
        cancel_requested: bool,
        how: usize,
    ) -> Option<Outside> {
        let history = &mut self.history;
        if started == 0 {
            if how % 4 < 3 {
                let started = history.activity_started(scheduled);
                return Some(Outside::Activity { scheduled, started, seq, cancel_requested });
            }
            let _ = if cancel_requested {
                history.activity_canceled(scheduled, 0)
            } else {
                history.activity_timed_out(scheduled, 0, TimeoutType::ScheduleToStart)
            };
            return None;
        }
        let _ = match how % 6 {
            0..=2 => history.activity_completed(scheduled, started, json(&Value::from(seq))),
            3 => history.activity_failed(scheduled, started, "broken"),
            4 if cancel_requested => history.activity_canceled(scheduled, started),
            _ => history.activity_timed_out(scheduled, started, TimeoutType::StartToClose),
        };
        None
    }

    fn child(&mut self, initiated: i64, started: i64, how: usize) -> Option<Outside> {
        let history = &mut self.history;
        if started == 0 {
            if how % 4 < 3 {
                let started = history.child_started(initiated);
                return Some(Outside::Child { initiated, started });
            }
            history.child_start_failed(initiated, StartChildWorkflowExecutionFailedCause::WorkflowAlreadyExists);
            return None;
        }
        let _ = match how % 5 {
            0 => history.child_completed(initiated, started, json(&Value::Null)),
            1 => history.child_failed(initiated, started, "broken"),
            2 => history.child_canceled(initiated, started),
            3 => history.child_timed_out(initiated, started),
            _ => history.child_terminated(initiated, started),
        };
        None
    }

    fn nexus(&mut self, scheduled: i64, seq: u32, started: bool, cancel_requested: i64, how: usize) -> Option<Outside> {
        let history = &mut self.history;
        if started && cancel_requested > 0 && !how.is_multiple_of(3) {
            let _ = if how % 3 == 1 {
                history.nexus_cancel_request_completed(scheduled, cancel_requested)
            } else {
                history.nexus_cancel_request_failed(scheduled, cancel_requested)
            };
            return Some(Outside::Nexus { scheduled, seq, started, cancel_requested: -1 });
        }
        if !started && how.is_multiple_of(2) {
            history.nexus_started(scheduled, "token");
            return Some(Outside::Nexus { scheduled, seq, started: true, cancel_requested });
        }
        let _ = match how / 6 % 4 {
            0 => history.nexus_completed(scheduled, json(&Value::from(seq))),
            1 => history.nexus_failed(scheduled, "broken"),
            2 if cancel_requested != 0 => history.nexus_canceled(scheduled),
            _ => history.nexus_timed_out(scheduled),
        };
        None
    }
}

fn number(text: &str) -> u32 {
    text.parse().expect("lang names by number")
}
