//! Activities.

use temporalio_protos::temporal::api::common::v1::{ActivityType, Payload};
use temporalio_protos::temporal::api::enums::v1::{EventType, RetryState, TimeoutType};
use temporalio_protos::temporal::api::failure::v1::failure::FailureInfo;
use temporalio_protos::temporal::api::failure::v1::{Failure, TimeoutFailureInfo};
use temporalio_protos::temporal::api::history::v1::{
    ActivityTaskCancelRequestedEventAttributes, ActivityTaskCanceledEventAttributes,
    ActivityTaskCompletedEventAttributes, ActivityTaskFailedEventAttributes, ActivityTaskScheduledEventAttributes,
    ActivityTaskStartedEventAttributes, ActivityTaskTimedOutEventAttributes,
};

use super::execution::task_queue;
use super::value::payloads;
use super::{HistoryBuilder, IDENTITY, failure};

impl HistoryBuilder {
    /// ActivityTaskScheduled, of a type named "activity".
    pub fn activity_scheduled(&mut self, activity_id: &str) -> i64 {
        self.activity_scheduled_as(activity_id, "activity")
    }

    /// ActivityTaskScheduled.
    pub fn activity_scheduled_as(&mut self, activity_id: &str, activity_type: &str) -> i64 {
        self.add(ActivityTaskScheduledEventAttributes {
            activity_id: activity_id.to_owned(),
            activity_type: Some(ActivityType { name: activity_type.to_owned() }),
            task_queue: Some(task_queue()),
            workflow_task_completed_event_id: self.completed_id(),
            ..Default::default()
        })
    }

    /// ActivityTaskStarted.
    pub fn activity_started(&mut self, scheduled_event_id: i64) -> i64 {
        self.add(ActivityTaskStartedEventAttributes {
            scheduled_event_id,
            identity: IDENTITY.to_owned(),
            attempt: 1,
            ..Default::default()
        })
    }

    /// ActivityTaskCompleted.
    pub fn activity_completed(&mut self, scheduled_event_id: i64, started_event_id: i64, result: Payload) -> i64 {
        self.add(ActivityTaskCompletedEventAttributes {
            result: Some(payloads(result)),
            scheduled_event_id,
            started_event_id,
            identity: IDENTITY.to_owned(),
            ..Default::default()
        })
    }

    /// ActivityTaskFailed, not to be retried.
    pub fn activity_failed(&mut self, scheduled_event_id: i64, started_event_id: i64, message: &str) -> i64 {
        self.add(ActivityTaskFailedEventAttributes {
            failure: Some(failure(message)),
            scheduled_event_id,
            started_event_id,
            identity: IDENTITY.to_owned(),
            retry_state: RetryState::NonRetryableFailure as i32,
            ..Default::default()
        })
    }

    /// ActivityTaskTimedOut; `started_event_id` is 0 if it never started.
    pub fn activity_timed_out(&mut self, scheduled_event_id: i64, started_event_id: i64, kind: TimeoutType) -> i64 {
        self.add(ActivityTaskTimedOutEventAttributes {
            failure: Some(timed_out(kind)),
            scheduled_event_id,
            started_event_id,
            retry_state: RetryState::Timeout as i32,
        })
    }

    /// ActivityTaskCancelRequested.
    pub fn activity_cancel_requested(&mut self, scheduled_event_id: i64) -> i64 {
        self.add(ActivityTaskCancelRequestedEventAttributes {
            scheduled_event_id,
            workflow_task_completed_event_id: self.completed_id(),
        })
    }

    /// ActivityTaskCanceled; `started_event_id` is 0 if it never started.
    pub fn activity_canceled(&mut self, scheduled_event_id: i64, started_event_id: i64) -> i64 {
        self.add(ActivityTaskCanceledEventAttributes {
            scheduled_event_id,
            started_event_id,
            latest_cancel_requested_event_id: self.last_of(EventType::ActivityTaskCancelRequested),
            identity: IDENTITY.to_owned(),
            ..Default::default()
        })
    }
}

fn timed_out(kind: TimeoutType) -> Failure {
    Failure {
        message: "activity timed out".to_owned(),
        failure_info: Some(FailureInfo::TimeoutFailureInfo(TimeoutFailureInfo {
            timeout_type: kind as i32,
            ..Default::default()
        })),
        ..Default::default()
    }
}
