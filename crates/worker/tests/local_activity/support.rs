//! A lang and a run around the executor of local activities, in virtual time.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use corewasm_engine::input::{LocalActivitiesTaken, LocalActivityResult};
use corewasm_engine::output::{LocalActivityExecution, LocalActivityNotice};
use corewasm_engine::time::{Instant, Now, WallTime};
use corewasm_engine::{LocalActivityRequest, LocalActivityResolution};
use corewasm_worker::local_activities::{
    LocalActivityObservation, LocalActivityOutput, LocalActivityTasks, resolution,
};
use temporalio_protos::coresdk::activity_result::activity_execution_result::Status;
use temporalio_protos::coresdk::activity_result::{Cancellation, Failure as ActivityFailure, Success};
use temporalio_protos::coresdk::activity_task::activity_task::Variant;
use temporalio_protos::coresdk::activity_task::{ActivityCancelReason, ActivityTask, Start};
use temporalio_protos::coresdk::workflow_commands::ScheduleLocalActivity;
use temporalio_protos::temporal::api::common::v1::RetryPolicy;
use temporalio_protos::temporal::api::enums::v1::TimeoutType;
use temporalio_protos::temporal::api::failure::v1::failure::FailureInfo;
use temporalio_protos::temporal::api::failure::v1::{ApplicationFailureInfo, Failure};

pub(crate) const RUN: &str = "run-1";

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn proto(duration: Duration) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds: duration.as_secs() as i64, nanos: duration.subsec_nanos() as i32 })
}

/// A permit that counts itself.
#[derive(Debug)]
pub(crate) struct Permit(Rc<Cell<usize>>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

pub(crate) struct Fixture {
    pub(crate) executor: LocalActivityTasks<Permit>,
    pub(crate) now: Now,
    pub(crate) slots: usize,
    used: Rc<Cell<usize>>,
    pub(crate) resolved: Vec<LocalActivityResolution>,
    pub(crate) cancels_delivered: Vec<String>,
    pub(crate) observed: Vec<LocalActivityObservation>,
}

impl Fixture {
    pub(crate) fn new(slots: usize) -> Self {
        Self {
            executor: LocalActivityTasks::new("a-namespace"),
            now: Now { monotonic: Instant::from_nanos(1_000), wall: WallTime::from_nanos(1_700_000_000_000_000_000) },
            slots,
            used: Rc::default(),
            resolved: Vec::new(),
            cancels_delivered: Vec::new(),
            observed: Vec::new(),
        }
    }

    pub(crate) fn used_slots(&self) -> usize {
        self.used.get()
    }

    pub(crate) fn permit(&self) -> Permit {
        self.used.set(self.used.get() + 1);
        Permit(self.used.clone())
    }

    pub(crate) fn request(&mut self, requests: impl IntoIterator<Item = LocalActivityRequest>) -> LocalActivitiesTaken {
        self.request_of(RUN, requests)
    }

    pub(crate) fn request_of(
        &mut self,
        run_id: &str,
        requests: impl IntoIterator<Item = LocalActivityRequest>,
    ) -> LocalActivitiesTaken {
        let taken = self.executor.handle_requests(run_id, requests.into_iter().collect(), self.now);
        self.drain();
        taken
    }

    pub(crate) fn execute(&mut self, schedule: ScheduleLocalActivity) -> Vec<LocalActivityResolution> {
        self.request([execute_in(RUN, schedule)]).resolutions
    }

    pub(crate) fn cancel(&mut self, seq: u32) -> Vec<LocalActivityResolution> {
        self.request([LocalActivityRequest::Cancel { seq }]).resolutions
    }

    pub(crate) fn notice(&mut self, notice: LocalActivityNotice) {
        self.executor.handle_notice(RUN, notice);
        self.drain();
    }

    /// What lang gets when it polls now.
    pub(crate) fn poll(&mut self) -> Option<ActivityTask> {
        let task = self.executor.take_cancel().or_else(|| self.poll_start());
        self.drain();
        task
    }

    fn poll_start(&mut self) -> Option<ActivityTask> {
        if self.used_slots() == self.slots {
            return None;
        }
        let permit = self.permit();
        self.executor.next_start(self.now)?;
        self.executor.take_start(permit, self.now)
    }

    pub(crate) fn expect_start(&mut self) -> (Vec<u8>, Start) {
        let task = self.poll().expect("a start is due");
        match task.variant {
            Some(Variant::Start(start)) => (task.task_token, start),
            other => panic!("expected a start: {other:?}"),
        }
    }

    pub(crate) fn expect_cancel(&mut self) -> (Vec<u8>, ActivityCancelReason) {
        let task = self.poll().expect("a cancel is due");
        match task.variant {
            Some(Variant::Cancel(cancel)) => (task.task_token, cancel.reason()),
            other => panic!("expected a cancel: {other:?}"),
        }
    }

    pub(crate) fn complete(&mut self, token: &[u8], status: Status) {
        let result = resolution::from_completion(status).expect("not an async completion");
        self.executor.handle_completion(token, result, self.now);
        self.drain();
    }

    /// Time passes, deadline by deadline.
    pub(crate) fn advance(&mut self, duration: Duration) {
        let end = self.now.monotonic.plus(duration);
        while let Some(deadline) = self.executor.next_deadline().filter(|deadline| *deadline <= end) {
            self.move_to(deadline.max(self.now.monotonic));
        }
        self.move_to(end);
    }

    fn move_to(&mut self, at: Instant) {
        let passed = at.since(self.now.monotonic);
        self.now = Now { monotonic: at, wall: self.now.wall.plus(passed) };
        self.executor.handle_time(self.now);
        self.drain();
    }

    pub(crate) fn take_resolved(&mut self) -> Vec<LocalActivityResolution> {
        std::mem::take(&mut self.resolved)
    }

    pub(crate) fn expect_resolved(&mut self) -> LocalActivityResolution {
        let mut resolved = self.take_resolved();
        assert_eq!(resolved.len(), 1, "{resolved:?}");
        resolved.remove(0)
    }

    fn drain(&mut self) {
        for output in self.executor.take_outputs() {
            match output {
                LocalActivityOutput::Resolved { resolution, .. } => self.resolved.push(*resolution),
                LocalActivityOutput::CancelDelivered { run_id } => self.cancels_delivered.push(run_id),
                LocalActivityOutput::Observed(observation) => self.observed.push(observation),
            }
        }
    }
}

/// An activity that retries after 1, 2, 4 ... seconds and may take 100 s in all.
pub(crate) fn activity(seq: u32) -> ScheduleLocalActivity {
    ScheduleLocalActivity {
        seq,
        activity_id: format!("id-{seq}"),
        activity_type: "an-activity".to_owned(),
        attempt: 1,
        schedule_to_close_timeout: proto(secs(100)),
        retry_policy: Some(RetryPolicy {
            initial_interval: proto(secs(1)),
            backoff_coefficient: 2.0,
            ..Default::default()
        }),
        ..Default::default()
    }
}

pub(crate) fn execute_in(run_id: &str, schedule: ScheduleLocalActivity) -> LocalActivityRequest {
    LocalActivityRequest::Execute(Box::new(LocalActivityExecution {
        schedule,
        workflow_type: "a-workflow".to_owned(),
        workflow_id: "workflow-id".to_owned(),
        run_id: run_id.to_owned(),
    }))
}

pub(crate) fn success() -> Status {
    Status::Completed(Success { result: Some(Default::default()) })
}

pub(crate) fn failure() -> Status {
    failure_with(ApplicationFailureInfo::default())
}

pub(crate) fn failure_with(info: ApplicationFailureInfo) -> Status {
    Status::Failed(ActivityFailure {
        failure: Some(Failure {
            message: "it broke".to_owned(),
            failure_info: Some(FailureInfo::ApplicationFailureInfo(info)),
            ..Default::default()
        }),
        ..Default::default()
    })
}

pub(crate) fn cancelled() -> Status {
    Status::Cancelled(Cancellation::from_details(None))
}

/// The kind of time-out that a resolution is.
pub(crate) fn timeout_kind(resolution: &LocalActivityResolution) -> Option<TimeoutType> {
    match &resolution.result {
        LocalActivityResult::TimedOut(failed) => resolution::timeout_kind(failed),
        _ => None,
    }
}

pub(crate) fn is_completed(resolution: &LocalActivityResolution) -> bool {
    matches!(resolution.result, LocalActivityResult::Completed(_))
}

pub(crate) fn is_failed(resolution: &LocalActivityResolution) -> bool {
    matches!(resolution.result, LocalActivityResult::Failed(_))
}

pub(crate) fn is_cancelled(resolution: &LocalActivityResolution) -> bool {
    matches!(resolution.result, LocalActivityResult::Cancelled(_))
}
