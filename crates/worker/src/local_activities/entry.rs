//! One local activity on its way through the executor.

use std::time::Duration;

use corewasm_engine::output::LocalActivityExecution;
use corewasm_engine::time::{Instant, Now};

use super::retry_policy::ResolvedRetryPolicy;
use crate::activities::durations;
use crate::activities::observation::ActivityLabels;

const DEFAULT_LOCAL_RETRY_THRESHOLD: Duration = Duration::from_secs(60);

/// Identity of a local activity (spec 4.1.2). Ordered by run, so that those of one run lie together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LocalActivityId {
    pub(super) run_id: String,
    pub(super) seq: u32,
}

/// Where an activity is. `P` is the slot permit.
///
/// | stage      | entered by                           | left by                                                   |
/// |------------|--------------------------------------|-----------------------------------------------------------|
/// | Queued     | request; end of a back-off           | dispatch, cancel, schedule-to-start or -close time-out    |
/// | Dispatched | a permit and lang's poll             | completion, start-to-close or schedule-to-close time-out  |
/// | BackingOff | failure with a delay to be slept here | its end, cancel, schedule-to-close time-out              |
#[derive(Debug)]
pub(super) enum Stage<P> {
    Queued { since: Instant },
    Dispatched { since: Instant, cancel: CancelDelivery, _permit: P },
    BackingOff,
}

/// How far a cancellation got on its way to lang.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CancelDelivery {
    NotRequested,
    Queued,
    Delivered,
}

#[derive(Debug)]
pub(super) struct Entry<P> {
    pub(super) execution: LocalActivityExecution,
    pub(super) retry_policy: ResolvedRetryPolicy,
    pub(super) stage: Stage<P>,
    /// Number in the token of the current attempt, or of the next one.
    pub(super) token: u32,
    /// Current or next attempt, from 1.
    pub(super) attempt: u32,
    /// When the request came.
    pub(super) requested: Now,
    /// When the whole activity runs out of time, through all attempts.
    pub(super) close_at: Option<Instant>,
    /// The workflow task in which the request came is over.
    pub(super) first_task_ended: bool,
    /// Attempts that ended within the current workflow task.
    pub(super) attempts_in_task: u32,
}

impl<P> Entry<P> {
    pub(super) fn new(execution: LocalActivityExecution, token: u32, now: Now) -> Self {
        let policy = execution.schedule.retry_policy.clone().unwrap_or_default();
        Self {
            retry_policy: ResolvedRetryPolicy::resolve(&policy),
            stage: Stage::Queued { since: now.monotonic },
            token,
            attempt: execution.schedule.attempt.max(1),
            requested: now,
            close_at: close_at(&execution, now),
            first_task_ended: false,
            attempts_in_task: 0,
            execution,
        }
    }

    pub(super) fn id(&self) -> LocalActivityId {
        LocalActivityId { run_id: self.execution.run_id.clone(), seq: self.execution.schedule.seq }
    }

    pub(super) fn labels(&self) -> ActivityLabels {
        ActivityLabels {
            activity_type: self.execution.schedule.activity_type.clone(),
            workflow_type: self.execution.workflow_type.clone(),
        }
    }

    pub(super) fn start_to_close(&self) -> Option<Duration> {
        self.execution.schedule.start_to_close_timeout.as_ref().and_then(durations::from_proto)
    }

    pub(super) fn schedule_to_start(&self) -> Option<Duration> {
        self.execution.schedule.schedule_to_start_timeout.as_ref().and_then(durations::from_proto)
    }

    pub(super) fn local_retry_threshold(&self) -> Duration {
        let given = self.execution.schedule.local_retry_threshold.as_ref().and_then(durations::from_proto);
        given.unwrap_or(DEFAULT_LOCAL_RETRY_THRESHOLD)
    }

    /// Since dispatch; since the request if lang holds no attempt.
    pub(super) fn runtime(&self, now: Now) -> Duration {
        match self.stage {
            Stage::Dispatched { since, .. } => now.monotonic.since(since),
            Stage::Queued { .. } | Stage::BackingOff => now.monotonic.since(self.requested.monotonic),
        }
    }

    /// A cancellation is on its way to lang or there already.
    pub(super) fn cancel_requested(&self) -> bool {
        matches!(&self.stage, Stage::Dispatched { cancel, .. } if *cancel != CancelDelivery::NotRequested)
    }

    pub(super) fn has_undelivered_cancel(&self) -> bool {
        matches!(&self.stage, Stage::Dispatched { cancel: CancelDelivery::Queued, .. })
    }
}

/// How long an activity may still take when it is requested: the limit less what passed since it was first scheduled
/// (spec 4.2.1).
fn close_at(execution: &LocalActivityExecution, now: Now) -> Option<Instant> {
    let schedule = &execution.schedule;
    let limit = schedule.schedule_to_close_timeout.as_ref().and_then(durations::from_proto)?;
    let first_scheduled = schedule.original_schedule_time.as_ref().map_or(now.wall, Into::into);
    Some(now.monotonic.plus(limit.saturating_sub(now.wall.since(first_scheduled))))
}
