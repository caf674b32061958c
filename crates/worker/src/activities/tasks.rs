//! The activities that lang executes: what is known of each, when it is cancelled, what it may say. No clock and no
//! I/O.

use std::collections::VecDeque;
use std::time::Duration;

use corewasm_engine::time::{Instant, Now, WallTime};
use litemap::LiteMap;
use temporalio_protos::coresdk::activity_task::activity_task::Variant;
use temporalio_protos::coresdk::activity_task::{
    ActivityCancelReason, ActivityCancellationDetails, ActivityTask, Start,
};
use temporalio_protos::temporal::api::common::v1::Payload;
use temporalio_protos::temporal::api::workflowservice::v1::{
    PollActivityTaskQueueResponse, RecordActivityTaskHeartbeatResponse,
};

use super::deadlines::Deadlines;
use super::durations;
use super::heartbeats::{HeartbeatReport, Heartbeats, throttle_interval};
use super::observation::{ActivityLabels, ActivityObservation};

/// What a worker's configuration says of its activities.
#[derive(Clone, Copy, Debug)]
pub struct ActivitySettings {
    /// Time between heartbeats of an activity without a heartbeat time-out.
    pub default_heartbeat_throttle_interval: Duration,
    /// Longest time between two heartbeats.
    pub max_heartbeat_throttle_interval: Duration,
    /// Added to time-outs that are tracked here, so that the service notices them first (spec 3.2.1).
    pub local_timeout_buffer: Duration,
    /// Activities are cancelled this long after shutdown began; never if absent (spec 3.6.3).
    pub graceful_shutdown_period: Option<Duration>,
}

/// A heartbeat came for an activity that is not known: it ended, or never began here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Heartbeat has been sent for activity that either completed or never started on this worker.")]
pub struct UnknownActivity;

/// What became of a heartbeat that was sent.
#[derive(Clone, Debug, PartialEq)]
pub enum HeartbeatOutcome {
    /// The service took it.
    Recorded(RecordActivityTaskHeartbeatResponse),
    /// The service knows the activity no more.
    NotFound,
    /// Its details exceed a limit; the activity was failed for that.
    TooLarge,
    /// It did not get through.
    Failed,
}

/// The activities of the service that lang executes (spec 3). `P` is a slot permit; dropping one gives it back.
///
/// After every `handle_*` call take [`Self::take_reports`] and [`Self::take_observations`], and call
/// [`Self::handle_time`] at [`Self::next_deadline`] at the latest. Whenever lang polls, [`Self::take_cancel`] goes
/// before new tasks.
#[derive(Debug)]
pub struct ActivityTasks<P> {
    settings: ActivitySettings,
    in_flight: LiteMap<Vec<u8>, Box<InFlight<P>>>,
    heartbeats: Heartbeats,
    cancels: VecDeque<PendingCancel>,
    deadlines: Deadlines<Deadline>,
    /// The graceful period is over: what starts now is cancelled at once.
    grace_is_over: bool,
    reports: Vec<HeartbeatReport>,
    observations: Vec<ActivityObservation>,
}

/// An activity that lang executes, or whose completion is on its way to the service.
#[derive(Debug)]
pub struct InFlight<P> {
    /// Its labels.
    pub labels: ActivityLabels,
    /// When it was first scheduled.
    pub scheduled: Option<WallTime>,
    /// The reason with which lang was told to cancel it.
    pub issued_cancel: Option<ActivityCancelReason>,
    /// The service is known to have forgotten it: nothing need be reported.
    pub known_not_found: bool,
    /// What lang last recorded, sent or not. Empty details are not the same as none (spec 3.5.4).
    pub last_heartbeat: Option<Vec<Payload>>,
    /// Its slot. It goes back when the completion is through.
    pub permit: P,
    started: Instant,
    heartbeat_timeout: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Deadline {
    EndOfGrace,
    Heartbeat(Vec<u8>),
    StartToClose(Vec<u8>),
}

#[derive(Debug)]
struct PendingCancel {
    task_token: Vec<u8>,
    reason: ActivityCancelReason,
    details: ActivityCancellationDetails,
}

impl<P> ActivityTasks<P> {
    /// No activities.
    pub fn new(settings: ActivitySettings) -> Self {
        Self {
            settings,
            in_flight: LiteMap::new(),
            heartbeats: Heartbeats::default(),
            cancels: VecDeque::new(),
            deadlines: Deadlines::default(),
            grace_is_over: false,
            reports: Vec::new(),
            observations: Vec::new(),
        }
    }

    /// A task that came from the service, on its way to lang. `is_eager`: with the answer to a workflow task.
    pub fn handle_start(
        &mut self,
        response: PollActivityTaskQueueResponse,
        permit: P,
        is_eager: bool,
        now: Now,
    ) -> ActivityTask {
        let names_both_types = response.activity_type.is_some() && response.workflow_type.is_some();
        let waited = response.sched_to_start();
        let task = ActivityTask::start_from_poll_resp(response);
        let Some(Variant::Start(start)) = &task.variant else { return task };
        let labels = labels_of(start);
        if names_both_types {
            self.observations.push(ActivityObservation::Received { labels, eager: is_eager });
        }
        self.observations.extend(waited.map(ActivityObservation::ScheduleToStart));
        self.track(&task.task_token, start, permit, now);
        task
    }

    /// Takes over an activity that lang got from an earlier instance of this module. Its time-outs begin anew.
    pub fn handle_adopted(&mut self, task: &ActivityTask, permit: P, now: Now) {
        if let Some(Variant::Start(start)) = &task.variant {
            self.track(&task.task_token, start, permit, now);
        }
    }

    /// Lang recorded a heartbeat.
    pub fn handle_heartbeat(
        &mut self,
        task_token: &[u8],
        details: Vec<Payload>,
        now: Now,
    ) -> Result<(), UnknownActivity> {
        let activity = self.in_flight.get_mut(task_token).ok_or(UnknownActivity)?;
        activity.last_heartbeat = Some(details.clone());
        let interval = throttle_interval(
            activity.heartbeat_timeout,
            self.settings.default_heartbeat_throttle_interval,
            self.settings.max_heartbeat_throttle_interval,
        );
        self.reports.extend(self.heartbeats.handle_recorded(task_token, details, interval, now.monotonic));
        Ok(())
    }

    /// A heartbeat that [`Self::take_reports`] gave was sent (spec 3.4.4).
    pub fn handle_report_outcome(&mut self, task_token: &[u8], outcome: &HeartbeatOutcome, now: Now) {
        match outcome {
            HeartbeatOutcome::Recorded(response) => self.follow_response(task_token, response),
            HeartbeatOutcome::NotFound => self.cancel(task_token, ActivityCancelReason::NotFound),
            HeartbeatOutcome::TooLarge => self.cancel(task_token, ActivityCancelReason::Cancelled),
            HeartbeatOutcome::Failed => {}
        }
        self.heartbeats.handle_sent(task_token);
        let heartbeat = Deadline::Heartbeat(task_token.to_vec());
        if let Some(timeout) = self.in_flight.get(task_token).and_then(|activity| activity.heartbeat_timeout)
            && self.deadlines.clear(&heartbeat)
        {
            self.deadlines.set(heartbeat, now.monotonic.plus(timeout).plus(self.settings.local_timeout_buffer));
        }
        self.reports.extend(self.heartbeats.handle_time(now.monotonic));
    }

    /// The service wants the activity cancelled (spec 3.6.2). Returns whether it is known here.
    pub fn handle_cancel_request(&mut self, task_token: &[u8]) -> bool {
        let known = self.in_flight.contains_key(task_token);
        if known {
            self.cancel(task_token, ActivityCancelReason::Cancelled);
        }
        known
    }

    /// Shutdown begins: the graceful period, if there is one.
    pub fn handle_shutdown(&mut self, now: Now) {
        if let Some(period) = self.settings.graceful_shutdown_period {
            self.deadlines.set(Deadline::EndOfGrace, now.monotonic.plus(period));
        }
    }

    /// Does whatever is due.
    pub fn handle_time(&mut self, now: Now) {
        while let Some(deadline) = self.deadlines.take_due(now.monotonic) {
            match deadline {
                Deadline::EndOfGrace => self.end_grace(),
                Deadline::Heartbeat(task_token) | Deadline::StartToClose(task_token) => self.time_out(task_token),
            }
        }
        self.reports.extend(self.heartbeats.handle_time(now.monotonic));
    }

    /// Lang completed the activity: it is tracked no more. `None`: it is not known. Details of a heartbeat that was
    /// never sent come with it.
    pub fn handle_completion(&mut self, task_token: &[u8], now: Now) -> Option<(InFlight<P>, Option<Vec<Payload>>)> {
        let activity = *self.in_flight.remove(task_token)?;
        self.deadlines.clear(&Deadline::Heartbeat(task_token.to_vec()));
        self.deadlines.clear(&Deadline::StartToClose(task_token.to_vec()));
        let took = now.monotonic.since(activity.started);
        self.observations.push(ActivityObservation::Executed(activity.labels.clone(), took));
        Some((activity, self.heartbeats.handle_ended(task_token)))
    }

    /// The next cancel task for lang: at most one for each activity, and none for one that has ended (spec 3.4.5).
    pub fn take_cancel(&mut self) -> Option<ActivityTask> {
        while let Some(cancel) = self.cancels.pop_front() {
            let Some(activity) = self.in_flight.get_mut(&cancel.task_token) else { continue };
            if activity.issued_cancel.is_some() {
                continue;
            }
            activity.issued_cancel = Some(cancel.reason);
            activity.known_not_found |= cancel.details.is_not_found;
            return Some(ActivityTask::cancel_from_ids(cancel.task_token, cancel.reason, cancel.details));
        }
        None
    }

    /// Heartbeats to send now.
    pub fn take_reports(&mut self) -> Vec<HeartbeatReport> {
        std::mem::take(&mut self.reports)
    }

    /// What happened, for metrics.
    pub fn take_observations(&mut self) -> Vec<ActivityObservation> {
        std::mem::take(&mut self.observations)
    }

    /// When [`Self::handle_time`] has something to do.
    pub fn next_deadline(&self) -> Option<Instant> {
        let grace_matters = !self.is_idle();
        let own = self.deadlines.next().filter(|_| grace_matters);
        [own, self.heartbeats.next_deadline()].into_iter().flatten().min()
    }

    /// A heartbeat of this activity's is under way.
    pub fn is_reporting(&self, task_token: &[u8]) -> bool {
        self.heartbeats.is_reporting(task_token)
    }

    /// Lang executes this activity.
    pub fn is_tracked(&self, task_token: &[u8]) -> bool {
        self.in_flight.contains_key(task_token)
    }

    /// Lang executes nothing.
    pub fn is_idle(&self) -> bool {
        self.in_flight.is_empty()
    }

    fn track(&mut self, task_token: &[u8], start: &Start, permit: P, now: Now) {
        let heartbeat_timeout = durations::from_proto_nonzero(start.heartbeat_timeout.as_ref());
        let start_to_close = durations::from_proto_nonzero(start.start_to_close_timeout.as_ref());
        let activity = InFlight {
            labels: labels_of(start),
            scheduled: start.scheduled_time.as_ref().map(WallTime::from),
            issued_cancel: None,
            known_not_found: false,
            last_heartbeat: None,
            permit,
            started: now.monotonic,
            heartbeat_timeout,
        };
        self.in_flight.insert(task_token.to_vec(), Box::new(activity));
        if self.grace_is_over {
            self.cancel(task_token, ActivityCancelReason::WorkerShutdown);
            return;
        }
        let deadlines = [
            (heartbeat_timeout, Deadline::Heartbeat(task_token.to_vec())),
            (start_to_close, Deadline::StartToClose(task_token.to_vec())),
        ];
        for (timeout, deadline) in deadlines {
            if let Some(timeout) = timeout {
                self.deadlines.set(deadline, now.monotonic.plus(timeout).plus(self.settings.local_timeout_buffer));
            }
        }
    }

    fn follow_response(&mut self, task_token: &[u8], response: &RecordActivityTaskHeartbeatResponse) {
        let reason = if response.cancel_requested {
            ActivityCancelReason::Cancelled
        } else if response.activity_reset {
            ActivityCancelReason::Reset
        } else if response.activity_paused {
            ActivityCancelReason::Paused
        } else {
            return;
        };
        let details = ActivityCancellationDetails {
            is_cancelled: response.cancel_requested,
            is_reset: response.activity_reset,
            is_paused: response.activity_paused,
            ..Default::default()
        };
        self.cancels.push_back(PendingCancel { task_token: task_token.to_vec(), reason, details });
    }

    /// The service has given the activity up by now, whatever lang will say of it.
    fn time_out(&mut self, task_token: Vec<u8>) {
        self.deadlines.clear(&Deadline::Heartbeat(task_token.clone()));
        self.deadlines.clear(&Deadline::StartToClose(task_token.clone()));
        let details = ActivityCancellationDetails { is_timed_out: true, is_not_found: true, ..Default::default() };
        self.cancels.push_back(PendingCancel { task_token, reason: ActivityCancelReason::TimedOut, details });
    }

    fn end_grace(&mut self) {
        self.grace_is_over = true;
        let all: Vec<_> = self.in_flight.keys().cloned().collect();
        for task_token in all {
            self.cancel(&task_token, ActivityCancelReason::WorkerShutdown);
        }
    }

    fn cancel(&mut self, task_token: &[u8], reason: ActivityCancelReason) {
        let details = ActivityTask::primary_reason_to_cancellation_details(reason);
        self.cancels.push_back(PendingCancel { task_token: task_token.to_vec(), reason, details });
    }
}

fn labels_of(start: &Start) -> ActivityLabels {
    ActivityLabels { activity_type: start.activity_type.clone(), workflow_type: start.workflow_type.clone() }
}
