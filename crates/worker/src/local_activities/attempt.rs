//! The end of an attempt: what it means for its activity (spec 4.3).

use std::num::NonZeroU32;
use std::time::Duration;

use corewasm_engine::input::LocalActivityResult;
use corewasm_engine::time::{Now, WallTime};
use temporalio_protos::coresdk::activity_result::Failure as ActivityFailure;
use temporalio_protos::coresdk::activity_task::ActivityCancelReason;
use temporalio_protos::temporal::api::enums::v1::TimeoutType;

use super::entry::{Entry, LocalActivityId, Stage};
use super::output::LocalActivityObservation;
use super::resolution;
use super::tasks::{Deadline, LocalActivityTasks, QueuedCancel};
use crate::activities::durations;
use crate::activities::observation::{FailureReason, counted_reason};

impl<P> LocalActivityTasks<P> {
    /// An activity ran out of time. If lang holds an attempt of it, lang is told as well (spec 4.2.3).
    pub(super) fn time_out(&mut self, id: &LocalActivityId, kind: TimeoutType, now: Now) {
        let Some(entry) = self.entries.get(id) else { return };
        if matches!(entry.stage, Stage::Dispatched { .. }) {
            self.end_attempt(id, resolution::timed_out(kind), now);
        } else {
            self.resolve_waiting(id, kind, now);
        }
    }

    /// The attempt that lang holds ended: the activity is resolved, or tried again here or by a timer of lang's.
    pub(super) fn end_attempt(&mut self, id: &LocalActivityId, result: LocalActivityResult, now: Now) {
        let Some(entry) = self.remove(id) else { return };
        self.observe_end(&entry, &result, now);
        if matches!(result, LocalActivityResult::TimedOut(_)) {
            // Lang may be executing it still.
            self.cancels.push_back(QueuedCancel { token: entry.token, reason: ActivityCancelReason::TimedOut });
        }
        let delay = retry_delay(&entry, &result);
        if let Some(delay) = delay.filter(|delay| *delay <= entry.local_retry_threshold()) {
            return self.back_off(id, entry, delay, now);
        }
        let mut resolution = resolution::resolved(&entry.execution, result, entry.attempt, entry.runtime(now));
        resolution.backoff = delay.and_then(durations::to_proto);
        self.resolve(resolution, id);
    }

    /// The permit goes back: the next attempt needs a new one.
    fn back_off(&mut self, id: &LocalActivityId, mut entry: Entry<P>, delay: Duration, now: Now) {
        entry.stage = Stage::BackingOff;
        entry.token = self.new_token();
        entry.attempt = entry.attempt.saturating_add(1);
        entry.attempts_in_task += 1;
        self.deadlines.set(Deadline::EndOfBackoff(id.clone()), now.monotonic.plus(delay));
        self.insert(id.clone(), entry);
    }

    fn observe_end(&mut self, entry: &Entry<P>, result: &LocalActivityResult, now: Now) {
        let labels = entry.labels();
        self.observe(LocalActivityObservation::Executed(labels.clone(), entry.runtime(now)));
        let observed = match result {
            LocalActivityResult::Failed(failed) => {
                counted_reason(failed).map(|reason| LocalActivityObservation::Failed(labels, reason))
            }
            LocalActivityResult::TimedOut(_) => Some(LocalActivityObservation::Failed(labels, FailureReason::Timeout)),
            LocalActivityResult::Completed(_) => entry
                .execution
                .schedule
                .original_schedule_time
                .as_ref()
                .map(|first| LocalActivityObservation::Succeeded(labels, now.wall.since(WallTime::from(first)))),
            LocalActivityResult::Cancelled(_) => Some(LocalActivityObservation::Cancelled(labels)),
        };
        if let Some(observed) = observed {
            self.observe(observed);
        }
    }
}

/// A requested cancellation ends the activity with whatever the attempt reported (spec 4.3.1): retrying could strand an
/// eviction that waits for the activity.
fn retry_delay<P>(entry: &Entry<P>, result: &LocalActivityResult) -> Option<Duration> {
    let failed = retryable(result)?;
    if entry.cancel_requested() {
        return None;
    }
    let info = failed.failure.as_ref().and_then(|failure| failure.maybe_application_failure());
    entry.retry_policy.delay_after(NonZeroU32::new(entry.attempt).unwrap_or(NonZeroU32::MIN), info)
}

fn retryable(result: &LocalActivityResult) -> Option<&ActivityFailure> {
    match result {
        LocalActivityResult::Failed(failed) => Some(failed),
        LocalActivityResult::TimedOut(failed)
            if resolution::timeout_kind(failed) == Some(TimeoutType::StartToClose) =>
        {
            Some(failed)
        }
        LocalActivityResult::Completed(_) | LocalActivityResult::TimedOut(_) | LocalActivityResult::Cancelled(_) => {
            None
        }
    }
}
